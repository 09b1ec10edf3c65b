"""What the engine asks of chats: posts, edits, and who people are. One adapter for each Via.

Nothing here waits or retries: what may be tried again, and when, stands in the outbox.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleetkeeper.core.messages.message import Message, View
from fleetkeeper.core.notices.values import Via
from fleetkeeper.core.owners import Contact
from fleetkeeper.errors import FleetkeeperError


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is: of Slack the channel (of a direct message D…) and its ts; of PagerDuty the dedup key."""

    channel: str
    ts: str
    url: str = ""


class Throttled(FleetkeeperError):
    """It was refused for now, and is surely not out. seconds: when to come again.

    is_alone: it was no post (but a look-up, an edit), which has limits of its own: it holds nobody else back.
    """

    def __init__(self, seconds: float, detail: str, is_alone: bool = False) -> None:
        self.seconds, self.detail, self.is_alone = seconds, detail, is_alone
        super().__init__(f"{detail}; again in {seconds:g} s")


class Doubtful(FleetkeeperError):
    """It may be out: the connection broke, or the time was up, after it was sent."""


class Undeliverable(FleetkeeperError):
    """It will never go out like this: an archived channel, a person who left, a token that was revoked.

    code is Slack's word. everywhere: nothing at all will go out until somebody mends it (the token, the app). gone:
    nobody is at the address, so what comes next has to go elsewhere.
    """

    def __init__(self, code: str, detail: str, everywhere: bool = False, gone: bool = False) -> None:
        self.code, self.detail, self.everywhere, self.gone = code, detail, everywhere, gone
        super().__init__(f"{code}: {detail}" if detail else code)


class Gone(FleetkeeperError):
    """The message that was to be edited is not there, or can be edited no longer: post anew, once."""


class Chat(Protocol):
    """One way out. Raises Throttled, Doubtful, Undeliverable, Gone, or Unreachable (surely not out)."""

    @property
    def via(self) -> Via: ...

    def post(self, address: str, message: Message, thread: Posted | None, id: str) -> Posted:
        """Post once. address: a channel's id or a person's Slack id; id: the notice's, which goes along (metadata)."""
        ...

    def edit(self, posted: Posted, message: Message, id: str) -> None:
        """Change it in place; harmless to repeat."""
        ...

    def find(
        self, address: str, thread: Posted | None, since: datetime, ids: Sequence[str]
    ) -> Mapping[str, Posted] | None:
        """Which of these notices are out; None where nobody can look (no right to read the history)."""
        ...


class People(Protocol):
    """Who people are in the chat; each answer is kept in the database."""

    def contact(self, key: str) -> Contact:
        """By e-mail address or user id (U…). Raises Throttled or Unreachable; unknown is a value.

        What became of a channel is learnt by posting into it: to ask takes scopes that nothing else needs.
        """
        ...


class Views(Protocol):
    """What only a person who clicks sees."""

    def open(self, trigger: str, view: View) -> None: ...

    def home(self, user: str, view: View) -> None: ...

    def whisper(self, channel: str, user: str, message: Message) -> None:
        """Seen by that user alone."""
        ...
