"""What keeps work from beginning now: freezes, calendars and incidents, and windows that are closed or too short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.plan import Range
from fleetkeeper.core.playbook import Window
from fleetkeeper.core.run import Cause, Freeze, Hold
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.windows import Opening, closing_text, opening_text, openings
from fleetkeeper.errors import UsageError

_PLAYBOOK = "the owner of the playbook"


@dataclass(frozen=True, slots=True)
class Holds:
    """The holds of one stage at one moment, prepared for many members.

    everything: the one that holds all of them. some: those of what a selector accepts. spans: when the windows
    are open, None without windows.
    """

    now: datetime
    everything: Hold | None
    some: tuple[tuple[Selector, Hold], ...]
    spans: tuple[Opening, ...] | None

    @property
    def asks_attributes(self) -> bool:
        return bool(self.some)

    def of(self, attributes: Mapping[str, str], expected: Range | None = None) -> Hold | None:
        """The hold of a member, None when its work may begin."""
        if self.everything:
            return self.everything
        for selector, hold in self.some:
            if selector.accepts(attributes):
                return hold
        return None if self.spans is None else self._window(self.spans, expected)

    def _window(self, spans: tuple[Opening, ...], expected: Range | None) -> Hold | None:
        needed = expected.p95 if expected else None
        fitting = [each for each in spans if needed is None or each.end - max(each.start, self.now) >= needed]
        current = spans[0] if spans and spans[0].start <= self.now else None
        if fitting and fitting[0] is current:
            return None
        if not fitting:
            return Hold(Cause.WINDOW, self._never(expected), owner=_PLAYBOOK)
        opens = opening_text(fitting[0], self.now)
        if expected and current:
            closes = closing_text(current)  # not in how long: such a text would be another, and an event, at each look
            text = f"needs {duration_text(expected.p95)}, the window closes at {closes}, next opens {opens}"
        else:
            text = f"the window is closed, it opens {opens}"
        return Hold(Cause.WINDOW, text, fitting[0].start)

    def _never(self, expected: Range | None) -> str:
        if expected:
            return f"needs {duration_text(expected.p95)}, and no window of its stage is that long"
        return "no window of its stage ever opens"


def holds_of(windows: Sequence[Window], freezes: Sequence[Freeze], outside: Sequence[Hold], now: datetime) -> Holds:
    """Prepare the holds of a stage. A freeze or a window that cannot be read holds everything, and says so."""
    everything: list[Hold] = []
    some: list[tuple[Selector, Hold]] = []
    for hold in (*map(_of_freeze, freezes), *outside):
        if hold.until is not None and hold.until <= now:
            continue
        try:
            selector = Selector.parse(hold.selector)
        except UsageError:
            unread = f"{hold.text} (its selector {hold.selector!r} cannot be read, so it holds everything)"
            everything.append(replace(hold, text=unread, selector=""))
            continue
        if selector.terms:
            some.append((selector, hold))
        else:
            everything.append(hold)
    spans: tuple[Opening, ...] | None = None
    try:
        spans = openings(windows, now) if windows else None
    except (KeyError, ValueError):
        zones = ", ".join(sorted({each.zone for each in windows}))
        everything.append(Hold(Cause.WINDOW, f"a time zone of its window is not known here: {zones}", owner=_PLAYBOOK))
    return Holds(now, everything[0] if everything else None, tuple(some), spans)


def hold_of(
    windows: Sequence[Window],
    freezes: Sequence[Freeze],
    outside: Sequence[Hold],
    attributes: Mapping[str, str],
    now: datetime,
    expected: Range | None = None,
) -> Hold | None:
    """What holds one piece of work that is about to begin; None when it may. expected: how long it takes."""
    return holds_of(windows, freezes, outside, now).of(attributes, expected)


def _of_freeze(freeze: Freeze) -> Hold:
    until = f", until {freeze.until:%d %b %H:%M} UTC" if freeze.until else ""
    text = f"{freeze.actor} froze it: {freeze.reason}{until}"
    return Hold(Cause.FREEZE, text, freeze.until, freeze.actor, freeze.selector, f"fleetkeeper unfreeze {freeze.id}")
