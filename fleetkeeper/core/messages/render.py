"""The message of a notice: one kind, one file. What goes to a chat without blocks is the same as text."""

from collections.abc import Callable, Mapping

from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.decision import answer, decision
from fleetkeeper.core.messages.digest import digest
from fleetkeeper.core.messages.direct import direct
from fleetkeeper.core.messages.escalation import escalation
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.page import page
from fleetkeeper.core.messages.parts import superseded
from fleetkeeper.core.messages.plain import plain, unmarked
from fleetkeeper.core.messages.reminder import reminder
from fleetkeeper.core.messages.wave import news, root
from fleetkeeper.core.notices.values import Notice, NoticeKind, Via

_KINDS: Mapping[NoticeKind, Callable[[Notice, Context], Message]] = {
    NoticeKind.DIGEST: digest,
    NoticeKind.REMINDER: reminder,
    NoticeKind.DIRECT: direct,
    NoticeKind.ESCALATION: escalation,
    NoticeKind.PAGE: page,
    NoticeKind.DECISION: decision,
    NoticeKind.ANSWER: answer,
    NoticeKind.WAVE: root,
    NoticeKind.NEWS: news,
}


def render(notice: Notice, context: Context) -> Message:
    """Pure: an edit in place is the same call with what is known by then."""
    newer = context.newer.get(notice.id)
    found = superseded(newer) if newer else _KINDS[notice.kind](notice, context)
    if notice.recipient.via is Via.SLACK:
        return found
    if notice.kind is NoticeKind.PAGE:
        return Message(unmarked(found.text).replace("`", ""))
    return Message(plain(found, buttons=False).rstrip("\n"))
