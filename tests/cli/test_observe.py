"""`fleetkeeper observe`: what it says where, and how it ends."""

import json
import signal
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.sim.process import SimProcess
from tests.cli.programs import Program, of_fleet, run, slow
from tests.sqlite import migrated
from tests.waiting import wait_until


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return migrated(tmp_path / "fleet.db").url


def test_what_was_observed_is_data_and_the_rest_goes_to_stderr(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    environ = of_fleet(tmp_path, fleet, sqlite)
    told = run(["observe", "-l", "name=shop"], environ, tmp_path)
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr.startswith("Observed 1 cluster in ")
    data = run(["observe", "-o", "json"], environ, tmp_path)
    assert (data.returncode, data.stderr) == (0, "")
    assert json.loads(data.stdout) == {
        "schema_version": 1,
        "kind": "observation",
        "items": [{"clusters": 3, "incomplete": 0, "not_listed": {}, "stopped": False}],
    }


def test_a_cluster_that_cannot_be_read_is_told_and_is_exit_code_7(
    tmp_path: Path, fleet: SimProcess, sqlite: str
) -> None:
    fleet.control("POST", "/faults", {"add": [{"side": "kube", "kind": "forbid", "cluster": "tools"}]})
    try:
        done = run(["observe"], of_fleet(tmp_path, fleet, sqlite), tmp_path)
    finally:
        fleet.control("POST", "/faults", {"clear": True})
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr.splitlines()[1:] == ["1 have parts that were not seen: fleetkeeper get clusters"]


def test_an_account_that_cannot_be_listed_is_told_and_is_exit_code_7(
    tmp_path: Path, fleet: SimProcess, sqlite: str
) -> None:
    environ = of_fleet(tmp_path, fleet, sqlite) | {"SHOP_EXTERNAL_ID": "wrong"}
    done = run(["observe"], environ, tmp_path)
    assert done.returncode == 7
    assert "Not listed: 444455556666/eu-west-1: " in done.stderr


def test_ctrl_c_keeps_what_was_read(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    store = SqlStore(StoreSettings(sqlite))
    with (
        slow(fleet, side="kube", cluster="tools"),
        Program(["observe"], of_fleet(tmp_path, fleet, sqlite), tmp_path) as program,
    ):
        wait_until(lambda: len(store.clusters(only=())) == 2, "two clusters are stored while the third hangs")
        program.tell(signal.SIGINT)
        assert program.ended() == 130
    assert program.lines[0] == "Stopping: what is read by now is stored. Ctrl-C again ends at once.\n"
    assert not any("Traceback" in line for line in program.lines)
    found = {c.name: c for c in store.clusters()}
    store.close()
    assert found["payments"].value(parts.NODES)
    assert found["shop"].value(parts.NODES)


def test_ctrl_c_twice_does_not_wait(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    before = fleet.control("GET", "/state")["aws_requests"]
    with (
        slow(fleet, side="aws", operation="ListClusters"),
        Program(["observe"], of_fleet(tmp_path, fleet, sqlite), tmp_path) as program,
    ):
        wait_until(lambda: fleet.control("GET", "/state")["aws_requests"] > before, "it waits for an answer")
        program.tell(signal.SIGINT)
        program.await_that(lambda: any(line.startswith("Stopping") for line in program.lines), "Stopping")
        program.tell(signal.SIGINT)
        assert program.ended() == 130
