"""Which step of the ladder an item is on, by the days left in the recipient's calendar, and when the next begins."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import days_left, midnight
from fleetkeeper.core.notices.values import Rung

UNTIMED = 9999
"""The rung of what only stands in a digest: no deadline, one too far away, or nothing that people must do."""

URGENT_DAYS = 2
"""From so few days on nothing waits for the next day's message."""

_DAILY = 7
_WEEK = 7
"""Overdue items are told daily for a week and weekly after: who did not act on seven will not act on the eighth."""


def rung_of(at: datetime, moment: datetime, zone: ZoneInfo, ladder: Sequence[Rung]) -> Rung | None:
    """The last rung that is reached, None before the first. The one of 0 days begins when the deadline has passed."""
    if moment >= at:
        return min(ladder, key=lambda rung: rung.days, default=None)
    return reached(days_left(at, moment, zone), ladder)


def reached(days: int, ladder: Sequence[Rung]) -> Rung | None:
    """The rung of so many days before a deadline that has not passed."""
    found = None
    for rung in ladder:
        if rung.days > 0 and days <= rung.days and (found is None or rung.days < found.days):
            found = rung
    return found


def begins(rung: Rung, at: datetime, zone: tzinfo) -> datetime:
    """When an item with this deadline comes to a rung."""
    return midnight(at.astimezone(zone).date() - timedelta(days=rung.days), zone) if rung.days > 0 else at


def final_days(ladder: Sequence[Rung]) -> int:
    """Whatever was answered, nothing is quiet from so many days before the deadline on: those of the last rung before
    it, or of an earlier one at which those who said when they will act are told too."""
    last = min((rung.days for rung in ladder if rung.days > 0), default=0)
    return max([last, *(rung.days for rung in ladder if rung.acked)])


def is_final(rung: Rung, ladder: Sequence[Rung]) -> bool:
    return rung.days <= final_days(ladder)


def repeats_after(rung: Rung, days: int) -> int:
    """Days until an item at this rung is told again, 0 for never. days: those left, negative once it is overdue."""
    return max(rung.every, _WEEK) if rung.every and days < -_DAILY else rung.every


def calmed(rung: Rung) -> Rung:
    """The rung of a tentative date: it may come again each week, and is not worth a message a day."""
    return replace(rung, every=max(rung.every, _WEEK)) if rung.every else rung


def following_rungs(rung: Rung | None, ladder: Sequence[Rung]) -> tuple[Rung, ...]:
    """The rungs after this one, the nearest first."""
    return tuple(
        sorted(
            (each for each in ladder if rung is None or each.days < rung.days),
            key=lambda each: each.days,
            reverse=True,
        )
    )
