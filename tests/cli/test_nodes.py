"""`fleetkeeper nodes drain` as it is typed, with an engine that `serve` runs."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import Program
from tests.cli.running import observed, status


@pytest.fixture(scope="module")
def idle(scaled: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an observed fleet on whose database no engine works."""
    return observed(scaled, tmp_path_factory.mktemp("idle"))


@pytest.fixture(scope="module")
def busy(scaled: SimProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an observed fleet on whose database an engine works."""
    home = tmp_path_factory.mktemp("busy")
    environ = observed(scaled, home)
    with Program(["serve"], environ, home) as program:
        program.await_event("engine_runs")
        yield environ
        program.tell(signal.SIGTERM)
        assert program.ended() == 0


def nodes(environ: dict[str, str], cluster: str) -> list[str]:
    """The names of a cluster's nodes, as they are stored."""
    with closing(SqlStore(StoreSettings(f"sqlite:///{environ['HOME']}/fleet.db"))) as store:
        found = next(each for each in store.clusters(only={parts.NODES}) if each.name == cluster)
        return sorted(each.name for each in found.value(parts.NODES) or ())


def test_a_drain_is_shown_approved_by_another_carried_out_and_watched(command: Command, busy: dict[str, str]) -> None:
    name = nodes(busy, "payments")[0]
    asked = ("nodes", "drain", "payments", name, "--reason", "a noisy disk", "--yes", "--timeout", "1s")
    begun = command(*asked, environ=busy)
    assert begun.exit_code == 5, begun.output
    run = begun.stdout.splitlines()[0]
    assert f"Drain 1 node of payments ({name}): a noisy disk" in " ".join(begun.stderr.split())
    plan = run.rpartition("-")[0]
    assert f"fleetkeeper run approve {plan}" in begun.stderr
    assert command("run", "approve", plan, "--as", "bob", environ=busy).exit_code == 0
    watched = command("run", "watch", run, "--timeout", "120s", environ=busy)
    assert watched.exit_code == 0, watched.output
    assert "1 node emptied, and left cordoned" in watched.stdout
    assert status(command, busy, run)["state"] == "succeeded"


def test_it_is_not_begun_where_nobody_can_be_asked(command: Command, idle: dict[str, str]) -> None:
    name = nodes(idle, "payments")[0]
    answer = command("nodes", "drain", "payments", name, environ=idle)
    assert answer.exit_code == 2
    assert "needs --yes where nobody can be asked" in answer.stderr
    assert json.loads(command("get", "runs", "-o", "json", environ=idle).stdout)["items"] == []


def test_a_cluster_that_is_not_there_is_told_with_one_that_is_near(command: Command, idle: dict[str, str]) -> None:
    answer = command("nodes", "drain", "payment", "a", "--yes", environ=idle)
    assert answer.exit_code == 2
    assert answer.stderr == "fleetkeeper: there is no cluster payment: did you mean payments?\n"


def test_a_node_that_is_not_there_is_told_with_those_that_are(command: Command, idle: dict[str, str]) -> None:
    there = nodes(idle, "payments")
    answer = command("nodes", "drain", "payments", "nothing-like-it", "--yes", environ=idle)
    assert answer.exit_code == 2
    assert answer.stderr.startswith("fleetkeeper: payments has no node nothing-like-it: there is ")
    assert there[0] in answer.stderr


def test_a_number_that_is_none_is_told_before_a_plan_is_made(command: Command, idle: dict[str, str]) -> None:
    name = nodes(idle, "payments")[0]
    answer = command("nodes", "drain", "payments", name, "--parallel", "many", "--yes", environ=idle)
    assert answer.exit_code == 2
    assert "neither a count such as 5 nor a percentage" in answer.stderr
    assert json.loads(command("get", "plans", "-o", "json", environ=idle).stdout)["items"] == []
