"""`fleetkeeper serve`: the daemon."""

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import say
from fleetkeeper.cli.signals import listening

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.engine.execute import Executor
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.wiring_notices import Outside


def serve(ctx: typer.Context) -> None:
    """Observe on the configured schedule, carry out runs and tell owners, until told to stop.

    Health and metrics are answered over HTTP.

    Replicas share one PostgreSQL: each slot of the schedule is observed by exactly one, and each member of a run is
    worked on by one at a time. On SQLite a second one is refused. SIGTERM or Ctrl-C ends it in order (exit code 6 when
    calls do not end in time), a second one at once.
    """
    from fleetkeeper import wiring, wiring_notices

    settings = context.settings(ctx)
    context.settle()
    told = threading.Event()
    level = "debug" if ctx.obj.verbose else settings.log.level
    with (
        listening(told.set),
        wiring.engine_lock(settings),
        wiring.keeper(settings, level, rests=True) as keeper,
        wiring.engine(settings, keeper) as executor,
        wiring_notices.outside(settings, keeper) as outside,
    ):
        if late := _serve(keeper, executor, outside, settings, told):
            # Its threads still wait for an answer; the interpreter, too, would wait for them, past all patience.
            say(late)
            sys.stderr.flush()
            os._exit(Exit.TIMEOUT)


_OBSERVATION = "An observation did not end in time; what it read until now is stored."
_ENGINE = "Calls of the engine did not end in time; the next engine looks at what became of them, a minute from now."
_NOTICES = "Messages under way did not end in time; who delivers next looks whether they are out."


def _serve(
    keeper: "Keeper", executor: "Executor | None", outside: "Outside", settings: "Settings", told: threading.Event
) -> str:
    """Serve until told to stop; what did not end in time then, "" when everything did."""
    from fleetkeeper.clock import ENVIRONMENT, clock_of
    from fleetkeeper.daemon import Daemon, EngineThread
    from fleetkeeper.daemon_notices import Attendant, attendance, delivery
    from fleetkeeper.metrics import HealthServer, Metrics, Readiness

    clock, metrics, ports = clock_of(os.environ.get(ENVIRONMENT, "")), Metrics(), keeper.ports
    deliverer = outside.deliverer
    wake = deliverer.wake if deliverer else _nothing
    daemon = Daemon(keeper, settings, metrics, lambda until: clock.wait(until, ports.cancel), wake)
    engine = EngineThread(executor, metrics, ports.cancel) if executor else None
    workers = [attendance(Attendant(keeper, outside, metrics, wake), ports.cancel)]
    if deliverer:
        metrics.delivers(deliverer.counts)
        workers.append(delivery(deliverer, ports.cancel))
    threads = [each for each in (engine, *workers) if each is not None]
    health = HealthServer(
        settings.serve.listen,
        metrics,
        Readiness(ports.store.check_schema),
        lambda: daemon.is_alive() and all(each.is_alive() for each in threads),
    )
    daemon.start()
    for thread in (*threads, *outside.listeners):
        thread.start()
    health.start()
    told.wait()
    until = time.monotonic() + settings.serve.shutdown_seconds
    late = "" if daemon.stop(settings.serve.shutdown_seconds) else _OBSERVATION
    for listener in outside.listeners:
        listener.stop()
    for each, what in ((engine, _ENGINE), *((worker, _NOTICES) for worker in workers)):
        if each and not each.ended(max(0.0, until - time.monotonic())):
            late = late or what
    health.stop()
    return late


def _nothing() -> None:
    """Nothing goes out from this process."""
