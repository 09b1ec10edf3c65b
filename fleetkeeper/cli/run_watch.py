"""Follows a run: a live screen at a terminal, a line for each change elsewhere. It only reads."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import Format, say
from fleetkeeper.cli.run_reading import Log, rows, screen, stored
from fleetkeeper.cli.run_tables import NO_ENGINE, WATCH_WIDTH  # now: Ctrl-C in an import later on would be a crash
from fleetkeeper.core.run import OVER, RunState
from fleetkeeper.core.run_page import Seen, run_page
from fleetkeeper.core.run_status import waits_for_approval
from fleetkeeper.core.run_texts import ends_text, event_text, names_of, state_text, why_text
from fleetkeeper.core.run_way_back import end_note
from fleetkeeper.errors import StoreUnavailable, Tampered

if TYPE_CHECKING:
    from fleetkeeper.core.run import Event, Rows
    from fleetkeeper.keeper import Keeper

LOOK = 0.5
"""Seconds between two reads; a read that takes long is followed by a pause four times as long."""

_LAST = 6
"""So many events at the foot of the screen."""


def watched(keeper: "Keeper", id: str, seconds: float | None) -> int:
    """Follow a run to its end, or for so many seconds; the exit code that tells how it ended."""
    run = stored(keeper, id).run.id
    show = _live if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else _lines
    try:
        seen = show(keeper, run, seconds)
    except KeyboardInterrupt:
        say(f"The run goes on. See it again: fleetkeeper run watch {run}; hold it: fleetkeeper run pause {run}")
        return Exit.INTERRUPTED
    say(ends_text(seen.run) if seen.run.state in OVER else f"Run {run} is not over: fleetkeeper run watch {run}")
    if note := end_note(seen.steps, seen.tasks, keeper.ports.clock.now(), seen.taken):
        say(note)
    return _code(seen)


def _code(seen: Seen) -> int:
    if seen.run.state is RunState.SUCCEEDED:
        return Exit.OK
    if seen.run.state in OVER:
        return Exit.PARTIAL
    return Exit.WAITING if waits_for_approval(seen.run, seen.tasks) else Exit.TIMEOUT


def _reads(
    keeper: "Keeper", run: str, seconds: float | None, away: Callable[[str], None]
) -> Iterator[tuple[Seen, bool]]:
    """What is read of a run until it is over or the time is, and whether an engine works on it.

    away is told why the database does not answer, each time; the reads go on when it does.
    """
    log, pause = Log(keeper, run), threading.Event()
    last: tuple[Event, ...] = ()
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    over = False
    while not over:
        begun = time.monotonic()
        try:
            last = (*last, *log.news())[-_LAST:]
            seen = screen(keeper, stored(keeper, run), last)
            idle = seen.run.state not in OVER and not keeper.engines()
        except StoreUnavailable as error:
            away(str(error))
            pause.wait(LOOK)
            continue
        over = seen.run.state in OVER or time.monotonic() >= until
        yield seen, idle
        if not over:
            pause.wait(max(LOOK, 4 * (time.monotonic() - begun)))


# ---- at a terminal


def _live(keeper: "Keeper", run: str, seconds: float | None) -> Seen:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from fleetkeeper.cli.tables import console

    own = console()
    with Live(console=own, auto_refresh=False, vertical_overflow="crop") as live:
        shown: list[Text] = []

        def away(reason: str) -> None:
            note = Text(f"The database does not answer: {reason}. What you see is old.", "bold red")
            live.update(Group(note, *shown), refresh=True)

        for seen, idle in _reads(keeper, run, seconds, away):
            size = shutil.get_terminal_size()  # asked each time: the window may be another size by now
            own.width = min(WATCH_WIDTH, size.columns)
            lines = run_page(seen, keeper.ports.clock.now(), own.width)
            shown = [Text(line.text, line.style) for line in lines]
            notes = [Text(NO_ENGINE, "bold red")] if idle else []
            live.update(Group(*notes, *shown[: max(4, size.lines - 2)]), refresh=True)
    return seen


# ---- elsewhere


def _lines(keeper: "Keeper", run: str, seconds: float | None) -> Seen:
    """Every event, and whenever the run's own state or reason is another."""
    own, told = Log(keeper, run), Told()
    for seen, idle in _reads(keeper, run, seconds, told.away):
        names = names_of(seen.tasks)
        for event in own.news():
            print(event_text(event, names))
        told.state(seen, idle, keeper)
        sys.stdout.flush()
    return seen


class Told:
    """What was said of the run last, so that it is said once."""

    def __init__(self) -> None:
        self._state = ""
        self._idle = False
        self._away = ""

    def away(self, reason: str) -> None:
        if reason != self._away:
            say(f"The database does not answer: {reason}; still trying.")
        self._away = reason

    def state(self, seen: Seen, idle: bool, keeper: "Keeper") -> None:
        if self._away:
            say("The database answers again.")
            self._away = ""
        if idle and not self._idle:
            say(NO_ENGINE)
        self._idle = idle
        run, why = seen.run, seen.run.why
        state = f"{run.state} {why.cause if why else ''} {why.text if why else ''}"
        if state != self._state:
            reason = f": {why_text(why, keeper.ports.clock.now())}" if why else ""
            print(f"{keeper.ports.clock.now():%H:%M:%S} the run {state_text(run.state)}{reason}")
        self._state = state


# ---- the log


def write_log(keeper: "Keeper", id: str, output: Format) -> int:
    from fleetkeeper.cli.output import write

    found = _named(keeper, id)
    events = Log(keeper, found.run.id).news()
    if not output.is_table:
        write("events", events, output, run=found.run.id)
        return Exit.OK
    names = names_of(found.tasks)
    for event in events:
        print(_with_actor(event_text(event, names), event.at.strftime("%Y-%m-%d "), event.actor))
    return Exit.OK


def _named(keeper: "Keeper", id: str) -> "Rows":
    """The run whose log is asked for; a log is shown whatever became of the plan, and then that is said."""
    try:
        stored(keeper, id)
    except Tampered as error:
        say(f"The plan is not what was approved: {error}")
    return rows(keeper, id)


def follow_log(keeper: "Keeper", id: str) -> int:
    """The log as it grows, until the run is over."""
    found = _named(keeper, id)
    log, names, pause = Log(keeper, found.run.id), names_of(found.tasks), threading.Event()
    told = Told()
    over = False
    try:
        while not over:
            try:
                seen = keeper.rows(found.run.id)
                over = seen is None or seen.run.state in OVER
                for event in log.news():
                    print(_with_actor(event_text(event, names), event.at.strftime("%Y-%m-%d "), event.actor))
                sys.stdout.flush()
            except StoreUnavailable as error:
                told.away(str(error))
            if not over:
                pause.wait(LOOK)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK


def _with_actor(text: str, day: str, actor: str) -> str:
    return day + text + ("" if actor == "fleetkeeper" else f" [{actor}]")
