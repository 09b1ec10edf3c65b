"""Two `fleetkeeper serve` on one PostgreSQL: one is killed while it works on a run, and the other ends it."""

import json
import signal
from pathlib import Path

import psycopg

from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import Program, slow
from tests.cli.running import begun, observed, planned, status
from tests.postgres import Postgres
from tests.waiting import wait_until


def test_a_run_whose_replica_is_killed_in_mid_act_is_ended_by_the_other(
    command: Command, scaled: SimProcess, postgres: Postgres, tmp_path: Path
) -> None:
    store = postgres.migrated()
    environ = observed(scaled, tmp_path, store) | {"FLEETKEEPER_APPROVALS__SIGNING_KEY": "k" * 64}
    before = _updates(scaled)
    with Program(["serve"], environ, tmp_path) as one, Program(["serve"], environ, tmp_path) as other:
        for replica in (one, other):
            replica.await_event("engine_runs")
        plan = planned(command, environ, selector="name=payments")
        id = begun(command, environ, plan, 5)
        with slow(scaled, side="aws", operation="UpdateAddon"):
            command("run", "approve", plan, "--as", "bob", environ=environ)
            command("run", "approve", id, "--gate", "all/go-ahead", "--as", "bob", environ=environ)
            wait_until(lambda: bool(_acting(store)), "a replica waits for EKS's answer")
            holder = int(_acting(store).split(":")[1])
            killed, survivor = (one, other) if one.process.pid == holder else (other, one)
            assert killed.process.pid == holder
            killed.tell(signal.SIGKILL)
            assert killed.ended() == -signal.SIGKILL
        assert status(command, environ, id)["state"] == "running"
        assert "RUNNING" in command("get", "runs", environ=environ).stdout.upper()
        _end_leases(store)
        watched = command("run", "watch", id, "--timeout", "60s", environ=environ)
        assert watched.exit_code == 0, watched.output
        found = status(command, environ, id)
        log = command("run", "log", id, environ=environ).stdout
        listed = json.loads(command("get", "runs", "-o", "json", environ=environ).stdout)["items"]
        survivor.tell(signal.SIGTERM)
        assert survivor.ended() == 0
    assert (found["state"], found["tasks"][0]["state"]) == ("succeeded", "succeeded")
    assert [(each["id"], each["state"]) for each in listed] == [(id, "succeeded")]
    assert log.count("intent: update coredns") == 1
    assert log.splitlines()[-1].endswith("the run succeeded: 1 member")
    assert _updates(scaled) - before in (1, 2)  # the killed one's may have arrived: EKS takes the token for one
    postgres.drop(store)


def _updates(fleet: SimProcess) -> int:
    return int(fleet.control("GET", "/state")["aws_operations"].get("eks:UpdateAddon", 0))


def _acting(store: str) -> str:
    """Whose lease a member is under that was decided on and not done; "" when there is none."""
    intended = b"""
        SELECT lease_owner FROM run_task JOIN run_step ON run_step.run_id = run_task.run_id AND task = run_task.idx
        WHERE role = 'member' AND run_step.state = 'intended' AND lease_owner IS NOT NULL
    """
    with psycopg.connect(store) as connection:
        rows = connection.execute(intended).fetchall()
    return str(rows[0][0]) if rows else ""


def _end_leases(store: str) -> None:
    """As a minute without a renewal does."""
    with psycopg.connect(store) as connection:
        connection.execute(
            "UPDATE run_task SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL"
        )
