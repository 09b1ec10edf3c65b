"""A run whose change is proposed: `serve` sends it once, a person makes it in EKS, and the run goes on by itself."""

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.store import schema
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import AwsAccount, AwsSettings, StoreSettings
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import SCALE, Program, of_fleet, run
from tests.cli.running import PEOPLE, PLAYBOOK, begun, planned, status
from tests.endpoint import Answer, Endpoint, Request, endpoint
from tests.waiting import wait_until

PULL = "https://git.example.com/fleet/pull/9"
DIRECT = '[[engine.direct]]\ncomponents = ["addons"]\n'
PROPOSED = '[[engine.hooks]]\nname = "versions"\nurl = "{url}/changes"\n[[engine.proposals]]\nhook = "versions"\n'
ACCOUNT = Scope("111122223333", "eu-west-1")


@dataclass(frozen=True, slots=True)
class Fleet:
    """A simulated fleet with `serve` at work on it, and where its proposals arrive."""

    sim: SimProcess
    environ: dict[str, str]
    changes: Endpoint


def pulled(_: Request) -> Answer:
    return 201, {"number": 9, "html_url": PULL}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    store = f"sqlite:///{tmp_path}/fleet.db"
    schema.upgrade(StoreSettings(store))
    with SimProcess("three", scale=SCALE) as sim, endpoint(pulled) as changes:
        now = datetime.fromisoformat(sim.control("GET", "/state")["now"])
        clock = ScaledClock(now, datetime.now(UTC), SCALE)
        environ = of_fleet(tmp_path, sim, store, PEOPLE) | {ENVIRONMENT: clock.to_text()}
        config = Path(environ["FLEETKEEPER_CONFIG"])
        text = config.read_text("utf-8")
        assert DIRECT in text
        config.write_text(text.replace(DIRECT, PROPOSED.format(url=changes.url)), "utf-8")
        (tmp_path / "dns.toml").write_text(PLAYBOOK, "utf-8")
        observed = run(["observe"], environ, tmp_path)
        assert observed.returncode == 0, observed.stderr
        with Program(["serve"], environ, tmp_path) as program:
            program.await_event("engine_runs")
            yield Fleet(sim, environ, changes)
            program.tell(signal.SIGTERM)
            assert program.ended() == 0


def update_by_a_person(fleet: Fleet, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What applying the merged change comes to."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, fleet.environ[name])
    aws = AwsSettings(regions=("eu-west-1",), accounts=(AwsAccount(ACCOUNT.account),), endpoint_url=fleet.sim.aws_url)
    EksWriters(aws, Sessions(aws, Event())).of(ACCOUNT).update_addon(
        AddonUpdate("payments", "coredns", version), "of-a-person"
    )


def test_a_change_is_proposed_once_made_by_a_person_and_adopted(
    command: Command, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = fleet.environ
    plan = planned(command, environ, selector="name=payments")
    page = command("plan", "show", plan, environ=environ).stdout
    assert "proposed to hook:versions, and waited for: coredns" in page
    tried = command("plan", "try", plan, "-o", "json", environ=environ).stdout
    assert '\\"change\\": \\"addon\\"' in tried
    assert fleet.changes.requests == []

    id = begun(command, environ, plan, 5)
    assert command("run", "approve", plan, "--as", "bob", environ=environ).exit_code == 0
    waits = command("run", "watch", id, "--timeout", "2s", environ=environ)
    assert waits.exit_code == 5, waits.output
    assert command("run", "approve", id, "--gate", "all/go-ahead", "--as", "bob", environ=environ).exit_code == 0
    wait_until(lambda: f"proposed at {PULL}" in json.dumps(status(command, environ, id)), "it waits at the proposal")
    (asked,) = fleet.changes.requests
    assert (asked.path, asked.body["cluster"], asked.body["name"], asked.body["run"]) == (
        *("/changes", "payments", "coredns"),
        id,
    )
    assert asked.headers["Idempotency-Key"] == asked.body["token"]
    assert "eks:UpdateAddon" not in fleet.sim.control("GET", "/state")["aws_operations"]

    update_by_a_person(fleet, asked.body["to"], monkeypatch)
    watched = command("run", "watch", id, "--timeout", "60s", environ=environ)
    assert watched.exit_code == 0, watched.output
    assert f"coredns is at {asked.body['to']}, by update" in command("run", "log", id, environ=environ).stdout
    assert len(fleet.changes.requests) == 1


def test_without_a_way_the_cluster_is_left_out_with_what_to_configure(command: Command, fleet: Fleet) -> None:
    config = Path(fleet.environ["FLEETKEEPER_CONFIG"])
    config.write_text(config.read_text("utf-8").replace('[[engine.proposals]]\nhook = "versions"\n', ""), "utf-8")
    answer = command("plan", f"{fleet.environ['HOME']}/dns.toml", "-l", "name=payments", environ=fleet.environ)
    assert "coredns may not be changed directly (change_via = propose)" in " ".join(answer.stdout.split())
    assert '[[engine.proposals]] with components = ["addons"]' in " ".join(answer.stdout.split())
