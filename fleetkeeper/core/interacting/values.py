"""A click of a person in the chat, and what is said to it, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetkeeper.core.messages.message import Message, View


class ClickKind(StrEnum):
    BUTTON = "button"
    SUBMIT = "submit"  # of a modal
    SLASH = "slash"
    HOME = "home"  # the app's home was opened


@dataclass(frozen=True, slots=True)
class Click:
    """One thing that one person did. id is the chat's own of it: the same click that comes twice has the same one.

    user: a Slack user id; team: the workspace that they belong to, workspace: the one that it was clicked in ("" where
    Slack does not say). action: an id of messages.message.Do, of a modal its callback; value: the button's, or what the
    modal carries back. trigger: what opens a view, for 3 seconds. fields: what was entered, by block id.
    """

    id: str
    kind: ClickKind
    user: str
    team: str = ""
    workspace: str = ""
    action: str = ""
    value: str = ""
    trigger: str = ""
    channel: str = ""
    ts: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person gets to see. Everything "" or None is nothing: the click was taken, and the chat shows it.

    errors: block id → what is wrong, which keeps a modal open; instead: a view in its place. Both, and text (of a slash
    command), go with the acknowledgement. view is opened by the click's trigger, home is published, whisper is shown in
    the channel to the clicker alone. command: the id of a verb that the engine answers later.
    """

    errors: Mapping[str, str] = field(default_factory=dict)
    instead: View | None = None
    text: str = ""
    view: View | None = None
    home: View | None = None
    whisper: Message | None = None
    channel: str = ""  # of the whisper
    command: str = ""


@dataclass(frozen=True, slots=True)
class Clicker:
    """Who clicked: a Slack user id, and the person by the name that approvals.people has (else an e-mail address)."""

    user: str
    person: str
    email: str
