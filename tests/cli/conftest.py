"""A simulated fleet that answers over HTTP, a PostgreSQL, and the command line within the test's own process."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from fleetkeeper.adapters.store import schema
from fleetkeeper.cli import app
from fleetkeeper.config import StoreSettings
from fleetkeeper.sim.process import SimProcess
from tests.cli.programs import SCALE, of_fleet, run, surroundings
from tests.postgres import postgres

__all__ = ["postgres"]

Command = Callable[..., Result]


@pytest.fixture(scope="session")
def fleet() -> Iterator[SimProcess]:
    """Three clusters in two accounts; a test that orders faults clears them."""
    with SimProcess("three") as found:
        yield found


@pytest.fixture(scope="session")
def seen(fleet: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a fleet that was observed once, and that no test changes."""
    home = tmp_path_factory.mktemp("seen")
    store = f"sqlite:///{home}/fleet.db"
    schema.upgrade(StoreSettings(store))
    environ = of_fleet(home, fleet, store)
    done = run(["observe"], environ, home)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return environ


@pytest.fixture(scope="module")
def scaled() -> Iterator[SimProcess]:
    """The fleet `three`, a minute in each second; the runs of a module change it."""
    with SimProcess("three", scale=SCALE) as found:
        yield found


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs a command here, in an empty folder, in a given environment."""
    handlers, level = logging.root.handlers[:], logging.root.level
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, environ: dict[str, str] | None = None) -> Result:
        with monkeypatch.context() as patch:
            for name in [n for n in surroundings(tmp_path) if n.startswith("FLEETKEEPER_")]:
                patch.delenv(name)
            whole = surroundings(tmp_path) if environ is None else environ
            return CliRunner().invoke(app, list(arguments), env=whole)

    yield invoke
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
