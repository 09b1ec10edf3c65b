"""A nursery of engines: on a line of JSON it forks a process that runs the real executor, and prints its pid.

An engine so is there in a few milliseconds, as often as a test kills it. Each ends when the nursery does, and that when
its stdin ends.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import structlog

from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import HookSettings, StoreSettings
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Act, Done, Memory, Moment, Undoing, Undone, Verdict, Wait
from fleetkeeper.engine.execute import Executor, Worker
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.holding import Outside
from fleetkeeper.engine.step import Kinds, Subject
from fleetkeeper.engine.task_tick import Pace, Ticker
from fleetkeeper.engine.world import Hooks, World
from tests.engine.rig import KEY, Nobody, NoCalendars, WallClock, everyone, nothing_holds

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True, slots=True)
class Order:
    """Which engine is wanted. lease, poll, room: seconds."""

    name: str
    database: str
    cloud: str
    lease: float = 2.0
    poll: float = 0.1
    room: float = 1.0
    threads: int = 16


@dataclass(frozen=True)
class Operate:
    """Starts one operation of the cloud and waits for its end. takes: seconds; at: which step of the member it is."""

    at: int
    takes: float
    repeatable: bool = True
    cancellable: bool = False

    kind: ClassVar[str] = "operate"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    @classmethod
    def of(cls, params: Params) -> "Operate":
        return cls(int(str(params["at"])), float(str(params["takes"])), bool(params.get("repeatable", True)))

    def look(self, world: World, subject: Subject, moment: Moment) -> str:
        """Without a token nothing of this attempt can be there."""
        return world.hooks.ask("state", {"token": moment.token}).fields["state"] if moment.token else "none"

    def decide(self, seen: str, moment: Moment) -> Verdict:
        match seen:
            case "none":
                return Act(f"start operation {self.at}")
            case "running":
                return Wait("the operation runs")
        return Done("the operation is done")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        name = subject.member.name if subject.member else subject.gate
        run = subject.run.id if subject.run else ""
        wanted = {"member": f"{run}/{name}", "step": self.at, "takes": self.takes}
        world.hooks.call("start", wanted, moment.token)
        return {"token": moment.token}

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        world.hooks.call("undo", {}, moment.token)
        return Undone("taken back")


KINDS: Kinds = {"operate": Operate}


def executor(order: Order, hooks: Hooks | None = None) -> Executor:
    """As `serve` has it, but for the steps and for what nobody here reaches. hooks None: the executor's own."""
    gatekeeper = Gatekeeper(KEY)
    runs = SqlRuns(StoreSettings(order.database), gatekeeper.approves, everyone)
    base = f"{order.cloud}/{order.name}"
    verbs = ("start", "state", "undo")
    hooks = hooks or HttpHooks([HookSettings(verb, f"{base}/{verb}", timeout_seconds=5.0) for verb in verbs])
    nobody: Any = Nobody()
    calendars: Any = NoCalendars()
    world = World(WallClock(), nobody, runs, nobody, hooks, nobody, nobody, calendars, nobody, nobody)
    pace = Pace(timedelta(seconds=order.poll), timedelta(seconds=order.poll), timedelta(seconds=order.room))
    ticker = Ticker(world, KINDS, {}, gatekeeper, pace, nothing_holds)
    outside = Outside(world, {}, timedelta(minutes=1), timedelta(days=1))
    worker = Worker(order.name, "here", "test", timedelta(seconds=order.lease), order.threads)
    return Executor(ticker, outside, lambda: None, worker)


def _bear(order: Order) -> int:
    """Fork an engine; its pid."""
    pid = os.fork()
    if pid:
        return pid
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    code = 1
    try:
        executor(order).run(threading.Event())
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no funeral
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # on stdout stand the pids
    for line in sys.stdin:
        print(_bear(Order(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
