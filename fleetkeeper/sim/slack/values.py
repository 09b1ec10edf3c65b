"""What a simulated workspace is made of: tokens, people, channels, messages, views."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

NOTICE_EVENT = "fleetkeeper_notice"
"""The event type of the metadata that a notice goes out with; `notice_id` stands in its payload."""


class ApiError(Exception):
    """A refusal, as Slack words it. said goes into the body beside ok and error."""

    def __init__(self, code: str, **said: Any) -> None:
        self.code, self.said = code, said
        super().__init__(code)


class TokenState(StrEnum):
    """What has become of a token; each but LIVE is the error that every call with it gets."""

    LIVE = "live"
    REVOKED = "token_revoked"
    EXPIRED = "token_expired"
    INACTIVE = "account_inactive"
    REPLACED = "invalid_auth"


@dataclass(slots=True)
class Token:
    """xoxb- is the bot's, xapp- the app's (Socket Mode only)."""

    text: str = field(repr=False)
    scopes: frozenset[str]
    state: TokenState = TokenState.LIVE

    @property
    def is_app_level(self) -> bool:
        return self.text.startswith("xapp-")


@dataclass(slots=True)
class Person:
    """tz: an IANA name. team: another workspace's id, of who comes through a shared channel. quiet: with Do Not Disturb
    on, from when until when it is next (seconds since 1970)."""

    id: str
    name: str
    email: str = ""
    real_name: str = ""
    tz: str = "Etc/UTC"
    deleted: bool = False
    is_bot: bool = False
    team: str = ""
    is_confirmed: bool = True  # the address
    quiet: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """What a message said before it was changed."""

    text: str
    blocks: tuple[Json, ...]
    at: str


@dataclass(slots=True)
class Sent:
    """A message. user: who wrote it; app: by our app. thread_ts: "" for one that is no reply. editions: what it said
    before, oldest first.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Json, ...] = ()
    metadata: Json | None = None
    thread_ts: str = ""
    app: bool = True
    unfurl: Mapping[str, bool] = field(default_factory=dict)
    editions: list[Edition] = field(default_factory=list)
    deleted: bool = False

    @property
    def notice_id(self) -> str:
        """Of the metadata; "" where it carries none."""
        payload = (self.metadata or {}).get("event_payload") or {}
        return str(payload.get("notice_id", ""))


@dataclass(frozen=True, slots=True)
class Whisper:
    """What one person alone sees. via: chat.postEphemeral, response_url, or ack (the answer to a slash command)."""

    channel: str
    user: str
    text: str
    blocks: tuple[Json, ...]
    via: str


class Kind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    IM = "im"


HISTORY_SCOPE = {Kind.PUBLIC: "channels:history", Kind.PRIVATE: "groups:history", Kind.IM: "im:history"}
READ_SCOPE = {Kind.PUBLIC: "channels:read", Kind.PRIVATE: "groups:read", Kind.IM: "im:read"}


@dataclass(slots=True)
class Channel:
    """user: of a direct message, with whom. messages: by ts, in the order in which they were posted."""

    id: str
    name: str
    kind: Kind = Kind.PUBLIC
    archived: bool = False
    members: set[str] = field(default_factory=set)
    user: str = ""
    messages: dict[str, Sent] = field(default_factory=dict)


class ViewState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(slots=True)
class Shown:
    """A modal or a home tab that somebody sees or saw. view: as Slack keeps it. editions: what it was before."""

    id: str
    user: str
    view: Json
    hash: str
    state: ViewState = ViewState.OPEN
    editions: list[Json] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return str(self.view["type"])

    @property
    def callback(self) -> str:
        return str(self.view.get("callback_id", ""))


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the Web API. at: seconds of the timer. error: "" for ok, else Slack's code, or the fault."""

    method: str
    at: float
    channel: str
    error: str
