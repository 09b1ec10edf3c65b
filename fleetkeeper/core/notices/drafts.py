"""What each recipient is to be told, before budgets: everything for one address in one message, over all teams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleetkeeper.core.notices.judging import Judged, judge
from fleetkeeper.core.notices.routing import Route
from fleetkeeper.core.notices.values import Audience, NoticeKind, Recipient
from fleetkeeper.core.notices.view import Known, View

_RANK = tuple(Audience)


@dataclass(frozen=True, slots=True)
class Draft:
    """told: the news. kind and thread: as budgets leave them. why_then: why it is not now, or not at its own time."""

    kind: NoticeKind
    recipient: Recipient
    told: tuple[Judged, ...]
    at: datetime
    thread: str = ""
    why_then: str = ""

    @property
    def route(self) -> Route:
        return self.told[0].route

    @property
    def is_urgent(self) -> bool:
        return any(each.is_urgent for each in self.told)

    @property
    def is_repeat(self) -> bool:
        """Nothing happened but time: it goes in a thread."""
        return all(each.news.is_repeat and each.rung.thread for each in self.told)

    @property
    def deadline(self) -> datetime:
        return min(each.deadline for each in self.told)


def part_of(draft: Draft, told: Sequence[Judged]) -> Draft:
    """Some of a draft, for the owners that these are of."""
    return replace(draft, told=tuple(told), recipient=_recipient(told))


@dataclass(slots=True)
class Judgement:
    """A whole fleet judged. told: by recipient and kind of message (pages: and owner). listed: what stands in digests,
    by recipient."""

    told: dict[tuple[str, NoticeKind, str], list[Judged]] = field(default_factory=dict)
    listed: dict[str, list[Known]] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        route = judged.route
        owner = judged.owner if route.kind is NoticeKind.PAGE else ""
        self.told.setdefault((route.recipient.key, route.kind, owner), []).append(judged)


def drafts_of(view: View, judgement: Judgement) -> list[Draft]:
    return [draft for key, told in judgement.told.items() if (draft := _draft(view, key[1], told))]


def _draft(view: View, kind: NoticeKind, told: Sequence[Judged]) -> Draft | None:
    """All of them at the time of the earliest, as they are then."""
    at = min(each.at for each in told)
    chosen = list(told) if all(each.at == at for each in told) else list(_as_of(view, told, at))
    once = {each.item.key: each for each in sorted(chosen, key=lambda each: _RANK.index(each.audience), reverse=True)}
    if not once:
        return None
    some = tuple(sorted(once.values(), key=lambda each: (each.deadline, each.item.key)))
    return Draft(kind, _recipient(some), some, at)


def _as_of(view: View, told: Iterable[Judged], at: datetime) -> Iterable[Judged]:
    for each in told:
        if each.at == at:
            yield each
            continue
        judged = judge(view, each.known, each.audience, at)
        if isinstance(judged, Judged):
            yield judged


def _recipient(told: Sequence[Judged]) -> Recipient:
    """One person who leads two teams is one recipient of both."""
    first = min((each.route.recipient for each in told), key=lambda each: _RANK.index(each.audience))
    return replace(first, owners=tuple(sorted({each.owner for each in told})))
