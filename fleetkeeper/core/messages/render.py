"""The message of a notice: one kind, one file."""

from collections.abc import Callable, Mapping

from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.digest import digest
from fleetkeeper.core.messages.direct import direct
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.reminder import reminder
from fleetkeeper.core.notices.values import Notice, NoticeKind

_KINDS: Mapping[NoticeKind, Callable[[Notice, Context], Message]] = {
    NoticeKind.DIGEST: digest,
    NoticeKind.REMINDER: reminder,
    NoticeKind.DIRECT: direct,
}


def render(notice: Notice, context: Context) -> Message:
    """Pure: an edit in place is the same call with what is known by then."""
    return _KINDS[notice.kind](notice, context)
