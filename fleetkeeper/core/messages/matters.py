"""What a notice is about, as its reader sees it: things to do, and what of each is open, done or somebody else's."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import short
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.values import Ask, Deadline, Entry, Item, ItemKey, Notice, Phase, Standing


@dataclass(frozen=True, slots=True)
class Matter:
    """One ask of a notice. open: what is to do; mended, waived: what is over; moved: what is another's now.

    news: what is new about it, each once. first: when its owner was first told of it.
    """

    ask: Ask
    open: tuple[Item, ...] = ()
    mended: tuple[Item, ...] = ()
    waived: tuple[Item, ...] = ()
    moved: tuple[Item, ...] = ()
    news: tuple[str, ...] = ()
    first: datetime | None = None

    @property
    def is_over(self) -> bool:
        return not self.open

    @property
    def must(self) -> bool:
        return any(each.must for each in self.ask.items)


@dataclass(frozen=True, slots=True)
class Parted:
    """What a notice is about, by what its reader has to do: asked is theirs to act on, aside is only good to know."""

    every: tuple[Matter, ...]
    asked: tuple[Matter, ...]
    aside: tuple[Matter, ...]
    over: tuple[Matter, ...]


def parted(notice: Notice, context: Context) -> Parted:
    every = matters(notice, context)
    left = [each for each in every if each.open]
    return Parted(
        every,
        asked=tuple(each for each in left if each.must),
        aside=tuple(each for each in left if not each.must),
        over=tuple(each for each in every if each.is_over),
    )


def matters(notice: Notice, context: Context) -> tuple[Matter, ...]:
    """Those that are open first, in the order of asks; what is no longer known is left out."""
    entries = {entry.item: entry for entry in notice.entries if entry.item in context.items}
    told = [_as_told(context.items[key], entry) for key, entry in entries.items()]
    found = [_matter(ask, entries, context) for ask in asks_of(told)]
    return tuple(sorted(found, key=lambda each: (each.is_over, not each.must)))


def matter_of(ask: Ask, context: Context) -> Matter:
    """An ask that stands for itself, in a view."""
    entries = {item.key: Entry(item.key, ask.owner, 0) for item in ask.items}
    return _matter(ask, entries, context)


def standing_of(item: Item, context: Context) -> Standing:
    return context.standings.get(item.key) or Standing(Phase.NOTIFIED, deadline=item.deadline)


def deadline_of(item: Item, context: Context) -> Deadline | None:
    """The one that counts: with an extension, where one was granted."""
    return standing_of(item, context).deadline or item.deadline


def promised(standing: Standing) -> str:
    """`Mon 30 Nov`: the day by which somebody said that it will be fixed; "" where nobody did, or it is over."""
    return short(standing.promised) if standing.phase is Phase.ACKED and standing.promised else ""


def nearest(items: Iterable[Item], context: Context) -> Deadline | None:
    found = (deadline_of(each, context) for each in items)
    return min((each for each in found if each), key=lambda each: each.at, default=None)


def _as_told(item: Item, entry: Entry) -> Item:
    """As its reader was told of it, though it may be another's by now: the ask keeps its name."""
    return item if item.owned.owner == entry.owner else replace(item, owned=replace(item.owned, owner=entry.owner))


def _matter(ask: Ask, entries: dict[ItemKey, Entry], context: Context) -> Matter:
    parts: dict[str, list[Item]] = defaultdict(list)
    for item in ask.items:
        parts[_part(item, entries[item.key], context)].append(item)
    told = (context.told.get(item.key) for item in ask.items)
    return Matter(
        ask,
        **{name: tuple(some) for name, some in parts.items()},
        news=tuple(dict.fromkeys(entries[item.key].news for item in ask.items if entries[item.key].news)),
        first=min((each.first for each in told if each), default=None),
    )


def _part(item: Item, entry: Entry, context: Context) -> str:
    phase = standing_of(item, context).phase
    if phase is Phase.WAIVED:
        return "waived"
    if item.is_over or phase is Phase.FIXED:
        return "mended"
    return "moved" if context.items.get(item.key, item).owned.owner != entry.owner else "open"
