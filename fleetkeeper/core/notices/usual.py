"""How long it usually takes owners here to mend what a check finds: counted, and nothing is said where too few did."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from fleetkeeper.core.notices.values import Item, ItemKey, Told

ENOUGH = 3
"""Cases from which on anything is said."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Usual:
    """Most of so many cases were mended within so many days of being told, the last one rounded up."""

    days: int
    cases: int


@dataclass(frozen=True, slots=True)
class _Case:
    """What one owner was told of one check at one time. took: until all of it was mended, or until now."""

    took: timedelta
    is_over: bool


def usual_times(items: Iterable[Item], told: Mapping[ItemKey, Told], now: datetime) -> Mapping[str, Usual]:
    """By check. What was told together is one case: one change mends forty objects, and is no forty changes."""
    groups: defaultdict[tuple[str, str, datetime], list[datetime | None]] = defaultdict(list)
    for item in items:
        record = told.get(item.key)
        if record is not None and record.announced is not None and not item.is_gone:
            groups[record.code, record.owner, record.first].append(_mended(item) if item.is_over else None)
    cases: defaultdict[str, list[_Case]] = defaultdict(list)
    for (code, _, first), ends in groups.items():
        over = [each for each in ends if each is not None]
        is_over = len(over) == len(ends)
        took = (max(over) if is_over else now) - first
        if took > timedelta():  # what was mended before anybody was told took no telling
            cases[code].append(_Case(took, is_over))
    found = {code: _usual(some) for code, some in cases.items() if code}
    return {code: usual for code, usual in found.items() if usual is not None}


def _mended(item: Item) -> datetime:
    """When the change was seen; that it is proven by a long quiet comes later."""
    return item.tracked.quiet_since or item.tracked.since


def _usual(cases: Sequence[_Case]) -> Usual | None:
    """The shortest time in which most were mended of those that had it: what is open for longer was not."""
    over, every = sorted(each.took for each in cases if each.is_over), sorted(each.took for each in cases)
    if len(over) < ENOUGH:
        return None
    for within in over:
        mended, longer = bisect_right(over, within), len(every) - bisect_right(every, within)
        if mended > longer:
            return Usual(ceil(within / _DAY), mended + longer)
    return None
