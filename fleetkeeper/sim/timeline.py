"""What happens later: due actions in their order, run in virtual time by `advance` or in scaled time by a `Driver`."""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType

from fleetkeeper.sim.world import World

Action = Callable[[], None]
LONGEST_WAIT = 5.0  # seconds of the wall between two looks of the driver; a machine may sleep


@dataclass(slots=True, eq=False)
class Due:
    """An action and its time."""

    at: datetime
    action: Action
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Timeline:
    """Due actions of one world, and its time, which never goes back. Hold the world's lock for every call.

    While an action runs, now() is the time that it was due at: a chain of delays is as long as its parts, however late
    the driver wakes. In virtual time nothing happens, and no time passes, but in `advance`.
    """

    def __init__(self, world: World, *, virtual: bool) -> None:
        self.world = world
        self.virtual = virtual
        self._latest = world.epoch if virtual else world.now()
        self._running = False
        self._waiting: list[tuple[datetime, int, Due]] = []  # of two at one time the first asked for is first
        self._count = 0
        self._woken: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        if not self.virtual and not self._running:
            self._latest = max(self._latest, self.world.now())
        return self._latest

    def at(self, when: datetime, action: Action) -> Due:
        """Run an action at that time, or as soon as possible when it is past."""
        self._count += 1
        due = Due(when, action)
        heapq.heappush(self._waiting, (when, self._count, due))
        if self._waiting[0][2] is due:
            self._woken()
        return due

    def after(self, seconds: float, action: Action) -> Due:
        return self.at(self.now() + timedelta(seconds=seconds), action)

    def next_due(self) -> datetime | None:
        """The time of the first action that waits, None when nothing does."""
        while self._waiting and self._waiting[0][2].cancelled:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def advance(self, by: timedelta | float = 0.0, *, until: datetime | None = None) -> None:
        """Run what is due within a time (seconds, or a timedelta) or until a moment, in virtual time."""
        if not self.virtual:
            raise ValueError("a served world's time passes by itself")
        end = until or self.now() + (by if isinstance(by, timedelta) else timedelta(seconds=by))
        self.run_due(end)
        self._latest = max(self._latest, end)

    def settle(self, limit: timedelta = timedelta(hours=1), quiet: timedelta = timedelta(minutes=1)) -> datetime:
        """Advance until nothing is due within `quiet` (for events that are just a time away), at most by `limit`.

        Answers the time of the last action; TimeoutError when the world does not come to rest.
        What comes again by itself within `quiet` (an autoscaler's period) never lets a world rest: advance it instead.
        """
        end, last = self.now() + limit, self.now()
        while (due := self.next_due()) is not None and due <= last + quiet:
            if due > end:
                raise TimeoutError(f"not at rest after {limit}")
            self.advance(until=max(due, self.now()))
            last = self.now()
        return last

    def run_due(self, until: datetime) -> int:
        """Run every action that is due until then, in order; answers how many ran."""
        ran = 0
        while (due := self.next_due()) is not None and due <= until:
            action = heapq.heappop(self._waiting)[2].action
            self._latest = max(self._latest, due)
            self._running = True
            try:
                action()
            finally:
                self._running = False
            ran += 1
        return ran

    def on_earlier(self, woken: Callable[[], None]) -> None:
        """Call when an action becomes the first one that is due."""
        self._woken = woken


class Driver:
    """Runs a timeline by the scaled wall time of its world, in a thread, until closed. One per served world."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._world = timeline.world
        self._changed = threading.Condition(self._world.lock)
        self._stopping = False
        self.failure: BaseException | None = None
        with self._changed:
            timeline.on_earlier(self._changed.notify_all)
        self._thread = threading.Thread(target=self._run, name="sim-timeline", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; raises what an action raised, for then the world stood still."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        try:
            with self._changed:
                while not self._stopping:
                    self._timeline.run_due(self._world.now())
                    self._changed.wait(self._pause())
        except BaseException as error:
            self.failure = error

    def _pause(self) -> float:
        """Seconds of the wall until something is due."""
        due = self._timeline.next_due()
        if due is None:
            return LONGEST_WAIT
        simulated = (due - self._world.now()).total_seconds()
        return min(LONGEST_WAIT, max(0.0, simulated / self._world.scale))
