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


def serve(ctx: typer.Context) -> None:
    """Observe on the configured schedule and carry out runs, until told to stop; health and metrics over HTTP.

    Replicas share one PostgreSQL: each slot of the schedule is observed by exactly one, and each member of a run is
    worked on by one at a time. On SQLite a second one is refused. SIGTERM or Ctrl-C ends it in order (exit code 6 when
    calls do not end in time), a second one at once.
    """
    from fleetkeeper import wiring

    settings = context.settings(ctx)
    context.settle()
    told = threading.Event()
    level = "debug" if ctx.obj.verbose else settings.log.level
    with (
        listening(told.set),
        wiring.engine_lock(settings),
        wiring.keeper(settings, level, rests=True) as keeper,
        wiring.engine(settings, keeper) as executor,
    ):
        if late := _serve(keeper, executor, settings, told):
            # Its threads still wait for an answer; the interpreter, too, would wait for them, past all patience.
            say(late)
            sys.stderr.flush()
            os._exit(Exit.TIMEOUT)


_OBSERVATION = "An observation did not end in time; what it read until now is stored."
_ENGINE = "Calls of the engine did not end in time; the next engine looks at what became of them, a minute from now."


def _serve(keeper: "Keeper", executor: "Executor | None", settings: "Settings", told: threading.Event) -> str:
    """Serve until told to stop; what did not end in time then, "" when everything did."""
    from fleetkeeper.clock import ENVIRONMENT, clock_of
    from fleetkeeper.daemon import Daemon, EngineThread
    from fleetkeeper.metrics import HealthServer, Metrics, Readiness

    clock, metrics, ports = clock_of(os.environ.get(ENVIRONMENT, "")), Metrics(), keeper.ports
    daemon = Daemon(keeper, settings, metrics, lambda until: clock.wait(until, ports.cancel))
    engine = EngineThread(executor, metrics, ports.cancel) if executor else None
    readiness = Readiness(ports.store.check_schema)
    health = HealthServer(
        settings.serve.listen,
        metrics,
        readiness,
        lambda: daemon.is_alive() and (engine is None or engine.is_alive()),
    )
    daemon.start()
    if engine:
        engine.start()
    health.start()
    told.wait()
    patience = settings.serve.shutdown_seconds
    until = time.monotonic() + patience
    late = "" if daemon.stop(patience) else _OBSERVATION
    if engine and not engine.ended(max(0.0, until - time.monotonic())):
        late = late or _ENGINE
    health.stop()
    return late
