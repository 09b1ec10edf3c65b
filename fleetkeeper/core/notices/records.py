"""What is remembered of what was told: one record per item, changed only together with the notice that tells it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from fleetkeeper.core.notices.drafts import Draft
from fleetkeeper.core.notices.hours import day_text
from fleetkeeper.core.notices.judging import Judged, rung_at
from fleetkeeper.core.notices.ladder import UNTIMED
from fleetkeeper.core.notices.suppress import Quiet, is_flap
from fleetkeeper.core.notices.values import Audience, Entry, ItemKey, Notice, Told
from fleetkeeper.core.notices.view import Known, View

_WEEK = timedelta(days=7)


def records(view: View, told: Iterable[tuple[Draft, Notice]], quiet: Mapping[ItemKey, Quiet]) -> tuple[Told, ...]:
    """The records that change. quiet: why items are quiet that only stand in a digest as well."""
    changed = {each.key: each for each in _by_themselves(view)}
    for draft, notice in told:
        judged = {each.item.key: each for each in draft.told}
        for entry in notice.entries:
            before = changed.get(entry.item) or view.items[entry.item].record
            base = _base(view, notice, entry, before)
            after = _after(view, notice, entry, base, judged.get(entry.item))
            if entry.item not in judged and _is_held(quiet.get(entry.item)) and base is before:
                continue
            changed[entry.item] = after
    return tuple(changed[key] for key in sorted(changed))


def _by_themselves(view: View) -> Iterable[Told]:
    """What was mended, what flapped within the grace, what was put off: no notice says so, the old ones are edited."""
    for known in view.items.values():
        told, item = known.record, known.item
        if told is None:
            continue
        if item.is_over:
            if told.mended is None:
                yield replace(told, mended=item.tracked.since)
            continue
        after = replace(told, mended=None, opened=item.tracked.times) if is_flap(view, known) else told
        after = _put_off(view, known, after) if known.is_put_off else after
        if after is not told:
            yield after


def _put_off(view: View, known: Known, told: Told) -> Told:
    """With a later deadline the ladder begins anew, where that is no matter of days. The next window of a plan that
    nobody started is no new beginning: who was told before the last one hears nothing new before this one."""
    deadline = known.deadline
    if deadline is None or told.announced is None:
        return told
    after = replace(told, announced=deadline)
    is_little = deadline - told.announced < _WEEK and view.now - told.last < _WEEK
    if known.is_tentative or is_little:
        return after
    route = view.routes.to(known.owner, Audience.CHANNEL)
    rung = rung_at(view, deadline, view.now, route.zone) if route else None
    return replace(after, rung=max(told.rung, rung.days if rung else UNTIMED))


def _is_held(quiet: Quiet | None) -> bool:
    return quiet is not None and quiet.keeps


def _after(view: View, notice: Notice, entry: Entry, base: Told, judged: Judged | None) -> Told:
    """judged is None for what stands there as well: it was seen, and nothing about it was said."""
    if judged is None:
        return replace(base, last=view.now, notice=notice.id)
    levels = _levels(base, notice)
    if judged.audience is not Audience.CHANNEL:
        return replace(base, levels=levels, announced=base.announced or judged.deadline)
    return replace(
        base,
        rung=min(entry.rung, base.rung) if judged.known.is_tentative else entry.rung,
        last=view.now,
        times=base.times + 1,
        opened=judged.item.tracked.times,
        announced=judged.deadline,
        notice=notice.id,
        mended=None,
        levels=levels,
    )


def _base(view: View, notice: Notice, entry: Entry, before: Told | None) -> Told:
    """The record so far; another owner, or one whom no message reached, was told nothing yet."""
    if before is not None and before.owner == entry.owner and not view.memory.is_lost(before.notice):
        return before
    item = view.items[entry.item].item
    return Told(
        key=item.key,
        owner=entry.owner,
        rung=UNTIMED,
        first=before.first if before else view.now,
        last=view.now,
        times=before.times if before else 0,
        opened=item.tracked.times,
        announced=None,
        notice=notice.id,
        code=item.tracked.finding.code,
        levels=before.levels if before else (),
    )


def _levels(told: Told, notice: Notice) -> tuple[str, ...]:
    """Each audience once, with the day on which it was first told."""
    audience = notice.recipient.audience
    if any(level.startswith(audience.value) for level in told.levels):
        return told.levels
    name = audience.value if audience is not Audience.FLEET else "fleet on-call"
    return (*told.levels, f"{name} on {day_text(notice.day, notice.day)} {notice.day.year}")
