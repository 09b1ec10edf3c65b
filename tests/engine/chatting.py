"""A chat that keeps what it was given, and answers as it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Via
from fleetkeeper.engine.chat import Gone, Posted
from fleetkeeper.engine.notice_ports import Doing, Outgoing

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class StillClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Out:
    """A message that is out."""

    id: str
    channel: str
    ts: str
    text: str
    thread: str = ""


@dataclass
class FakeChat:
    """A healthy chat. before, after: raised in turn by the next calls, before or after they had their effect; None
    lets one pass. finding: raised by the next look. looks: whether anybody may look.
    """

    via: Via = Via.SLACK
    before: list[Exception | None] = field(default_factory=list)
    after: list[Exception | None] = field(default_factory=list)
    finding: list[Exception] = field(default_factory=list)
    looks: bool = True
    out: dict[str, Out] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def post(self, address: str, message: Message, thread: Posted | None, id: str) -> Posted:
        _raise(self.before)
        if thread and thread.ts in self.gone:
            raise Gone("thread_not_found")
        ts = str(len(self.out) + 1)
        self.out[ts] = Out(id, address, ts, message.text, thread.ts if thread else "")
        _raise(self.after)
        return Posted(address, ts)

    def edit(self, posted: Posted, message: Message, id: str) -> None:
        _raise(self.before)
        if posted.ts not in self.out:
            raise Gone("message_not_found")
        old = self.out[posted.ts]
        self.out[posted.ts] = Out(id, old.channel, old.ts, message.text, old.thread)
        _raise(self.after)

    def find(
        self, address: str, thread: Posted | None, since: datetime, ids: Sequence[str]
    ) -> Mapping[str, Posted] | None:
        _raise(self.finding)
        if not self.looks:
            return None
        return {each.id: Posted(each.channel, each.ts) for each in self.out.values() if each.id in ids}

    def texts(self) -> list[str]:
        return [each.text for each in self.out.values()]


def _raise(errors: list[Exception | None] | list[Exception]) -> None:
    error = errors.pop(0) if errors else None
    if error is not None:
        raise error


def outgoing(
    *,
    doing: Doing = Doing.POST,
    thread: Posted | None = None,
    posted: Posted | None = None,
    attempts: int = 1,
    look: bool = False,
    since: datetime | None = None,
) -> Outgoing:
    """A row of notice n1 to channel C1."""
    key = "n1" if doing is Doing.POST else "n1/edit"
    message = Message("hello" if doing is Doing.POST else "hello again")
    return Outgoing(key, "n1", doing, Via.SLACK, "C1", message, thread, posted, attempts, 7, look, since)
