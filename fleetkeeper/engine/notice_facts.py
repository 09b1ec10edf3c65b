"""What chats beside Slack tell of a notice: its facts as they are stored, for others' programs to read."""

from collections.abc import Callable
from dataclasses import dataclass

from fleetkeeper.core.notices.values import Notice, NoticeKind
from fleetkeeper.engine.notice_ports import Notices

_MOST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """is_over: everything that it tells of is mended."""

    notice: Notice
    is_over: bool

    def as_fields(self) -> dict[str, object]:
        """For JSON; at most 100 items, and how many there are."""
        notice = self.notice
        return {
            "kind": notice.kind.value,
            "audience": notice.recipient.audience.value,
            "owners": list(notice.recipient.owners),
            "day": notice.day.isoformat(),
            "why": notice.why,
            "following": notice.following,
            "subject": notice.subject,
            "done": self.is_over,
            "items_in_all": len(notice.entries),
            "items": [
                {
                    "cluster": each.item.cluster,
                    "fingerprint": each.item.fingerprint,
                    "owner": each.owner,
                    "days": each.rung,
                    "news": each.news,
                }
                for each in notice.entries[:_MOST_ITEMS]
            ],
        }


FactsOf = Callable[[str], Facts | None]


def facts_of(notices: Notices) -> FactsOf:
    """By a notice's id; None of one that is not stored."""

    def facts(id: str) -> Facts | None:
        record = notices.record(id)
        return Facts(record.notice, _is_over(notices, record.notice)) if record else None

    return facts


def _is_over(notices: Notices, notice: Notice) -> bool:
    """A page is not of one day: what it was about is asked for when it is edited, which is seldom."""
    if notice.kind is not NoticeKind.PAGE or not notice.entries:
        return False
    told = notices.told()
    return all((known := told.get(each.item)) is not None and known.mended is not None for each in notice.entries)
