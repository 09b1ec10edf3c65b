"""`fleetkeeper serve`: the daemon."""

import os
import sys
import threading
from typing import TYPE_CHECKING

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import say
from fleetkeeper.cli.signals import listening

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper


def serve(ctx: typer.Context) -> None:
    """Observe on the configured schedule until told to stop; health and metrics over HTTP.

    Replicas share one PostgreSQL: each slot of the schedule is observed by exactly one. On SQLite a second one is
    refused. SIGTERM or Ctrl-C ends it in order (exit code 6 when reads do not end in time), a second one at once.
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
    ):
        if not _serve(keeper, settings, told):
            # Its threads still wait for an answer; the interpreter, too, would wait for them, past all patience.
            say("An observation did not end in time; what it read until now is stored.")
            sys.stderr.flush()
            os._exit(Exit.TIMEOUT)


def _serve(keeper: "Keeper", settings: "Settings", told: threading.Event) -> bool:
    """Serve until told to stop; False when the observation under way did not end in time."""
    from fleetkeeper.clock import ENVIRONMENT, clock_of
    from fleetkeeper.daemon import Daemon
    from fleetkeeper.metrics import HealthServer, Metrics, Readiness

    clock, metrics, ports = clock_of(os.environ.get(ENVIRONMENT, "")), Metrics(), keeper.ports
    daemon = Daemon(keeper, settings, metrics, lambda until: clock.wait(until, ports.cancel))
    readiness = Readiness(ports.store.check_schema)
    health = HealthServer(settings.serve.listen, metrics, readiness, daemon.is_alive)
    daemon.start()
    health.start()
    told.wait()
    ended = daemon.stop(settings.serve.shutdown_seconds)
    health.stop()
    return ended
