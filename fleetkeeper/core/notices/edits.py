"""Which messages that are out say something that is no longer so: mended, answered, or replaced by a newer one."""

from collections.abc import Iterable

from fleetkeeper.core.notices.memory import LOST
from fleetkeeper.core.notices.values import Notice, NoticeKind, Sent
from fleetkeeper.core.notices.view import View

_ALL_OF = frozenset({NoticeKind.PAGE, NoticeKind.DECISION})
"""Of these each one stands for itself; of the others only the newest is kept true, the older ones were replaced."""


def edits_of(view: View, notices: Iterable[Notice]) -> tuple[str, ...]:
    """Ids of notices whose text changed, each once per change."""
    stale = {sent.notice.id for sent in _standing(view) if _is_stale(view, sent)}
    for notice in notices:
        before = view.memory.newest.get((notice.recipient.key, notice.kind))
        if before is not None and notice.kind not in _ALL_OF and not notice.thread:
            stale.add(before.notice.id)
    return tuple(sorted(stale))


def _standing(view: View) -> Iterable[Sent]:
    yield from (sent for (_, kind), sent in view.memory.newest.items() if kind not in _ALL_OF)
    yield from (sent for sent in view.memory.sent.values() if sent.notice.kind in _ALL_OF and sent.state not in LOST)


def _is_stale(view: View, sent: Sent) -> bool:
    since = sent.edited or sent.stored_at
    known = (view.items.get(entry.item) for entry in sent.notice.entries)
    return any(each is not None and each.event > since for each in known)
