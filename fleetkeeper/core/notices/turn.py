"""START HERE: everything that is known, and what is to be told now. Decided anew each time, from what is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from fleetkeeper.core.notices.asking import request_notices
from fleetkeeper.core.notices.assembling import notice_of
from fleetkeeper.core.notices.budgets import fitted
from fleetkeeper.core.notices.drafts import Draft, Judgement, drafts_of
from fleetkeeper.core.notices.edits import edits_of
from fleetkeeper.core.notices.judging import Judged, judge
from fleetkeeper.core.notices.records import records
from fleetkeeper.core.notices.suppress import Quiet
from fleetkeeper.core.notices.values import Audience, ItemKey, Notice, Silence, Situation, Turn
from fleetkeeper.core.notices.view import Known, View, view_of

_BEYOND = tuple(audience for audience in Audience if audience is not Audience.CHANNEL)
_WEEKEND = timedelta(days=4)
"""How far the next working hours usually are: so much earlier an item is previewed for people beyond the channel."""

Planned = list[tuple[Draft, Notice]]


@dataclass(slots=True)
class _Judged:
    """The fleet, by whether its owner is told or only previewed; quiet: why items are not told."""

    live: Judgement = field(default_factory=Judgement)
    shadow: Judgement = field(default_factory=Judgement)
    quiet: dict[ItemKey, Quiet] = field(default_factory=dict)


def decide(situation: Situation) -> Turn:
    """Pure: the same situation gives the same turn, and one that heeds what this turn stored gives nothing new."""
    view = view_of(situation)
    judged = _judge_all(view)
    planned = _planned(view, judged.live, fitted(view, drafts_of(view, judged.live)))
    shadow = _planned(view, judged.shadow, drafts_of(view, judged.shadow))
    asked = [each for each in request_notices(view) if each.id not in view.memory.sent]
    now = [(draft, notice) for draft, notice in planned if notice.at <= view.now]
    later = [notice for _, notice in planned if notice.at > view.now]
    notices = [notice for _, notice in now] + [each for each in asked if each.at <= view.now]
    return Turn(
        notices=_ordered(notices),
        told=records(view, now, judged.quiet),
        edits=edits_of(view, notices),
        shadow=_ordered(notice for _, notice in shadow),
        later=_ordered([*later, *(each for each in asked if each.at > view.now)]),
        silences=tuple(_silences(view, judged, now, later)),
        muted=view.muted,
    )


def _judge_all(view: View) -> _Judged:
    found = _Judged()
    horizon = view.now + _WEEKEND + timedelta(days=_beyond_days(view))
    for known in view.items.values():
        if known.item.is_over:
            continue
        side = found.live if view.routes.is_live(known.owner) else found.shadow
        judged = judge(view, known, Audience.CHANNEL)
        if isinstance(judged, Judged):
            side.add(judged)
        else:
            found.quiet[known.item.key] = judged
        if known.item.tracked.finding.code not in view.muted:
            route = view.routes.to(known.owner, Audience.CHANNEL)
            side.listed.setdefault(route.recipient.key if route else "", []).append(known)
        if known.deadline and known.deadline <= horizon:
            _judge_beyond(view, known, side)
    return found


def _judge_beyond(view: View, known: Known, side: Judgement) -> None:
    """The people of the owner, and the fleet's: whoever is told at the rung besides the channel."""
    for audience in _BEYOND:
        judged = judge(view, known, audience)
        if isinstance(judged, Judged):
            side.add(judged)


def _beyond_days(view: View) -> int:
    """The widest rung at which anybody but the channel is told."""
    return max((rung.days for rung in view.situation.policy.ladder if set(rung.to) - {Audience.CHANNEL}), default=0)


def _planned(view: View, judgement: Judgement, drafts: Iterable[Draft]) -> Planned:
    """What is stored already, and could not be delivered today, is tried under a new day's id."""
    found = [(draft, notice_of(view, draft, judgement)) for draft in drafts]
    return [(draft, notice) for draft, notice in found if notice.id not in view.memory.sent]


def _ordered(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    return tuple(sorted(notices, key=lambda each: (not each.is_urgent, each.at, each.recipient.key, each.id)))


def _silences(view: View, judged: _Judged, now: Planned, later: Iterable[Notice]) -> Iterator[Silence]:
    """For every item that counts and is in no notice of this turn."""
    told = {entry.item for _, notice in now for entry in notice.entries}
    waiting: dict[ItemKey, Notice] = {}
    for notice in later:
        for entry in notice.entries:
            if entry.news:
                waiting.setdefault(entry.item, notice)
    for known in view.items.values():
        item, owner = known.item, known.owner
        if item.is_over or item.key in told:
            continue
        quiet = judged.quiet.get(item.key)
        if not view.routes.is_live(owner):
            yield Silence(item.key, owner, f"{owner} is not live: its notices are only previewed")
        elif item.key in waiting:
            notice = waiting[item.key]
            yield Silence(item.key, owner, notice.why_then, notice.at)
        elif quiet:
            yield Silence(item.key, owner, quiet.why, quiet.until)
        else:
            yield Silence(item.key, owner, "what was to tell it today could not be delivered: tried again tomorrow")
