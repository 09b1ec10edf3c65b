"""Kill -9 at every transition of every step that is stored, one after another: the same end, and one effect of each."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from fleetkeeper.adapters.store import schema
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import StoreSettings
from fleetkeeper.sim.process import SimProcess
from tests.chaos.fleet import wait_until
from tests.chaos.mortal import Life
from tests.cli.programs import surroundings

SCALE = 600.0
SIDE_BY_SIDE = 6
MOST = 200
"""Clusters of the world: one for each case."""

_FLEET = """
[fleet]
name = "transitions"
epoch = 2026-11-20T09:00:00Z
management_account = "100000000001"

[[account]]
id = "111122223333"
name = "shop"
regions = ["eu-west-1"]
tags = {{ environment = "prod" }}
"""
_CLUSTER = """
[[cluster]]
name = "c{number}"
account = "111122223333"
region = "eu-west-1"
version = "1.34"
tags = {{ owner = "team-shop", environment = "prod", ring = "production", service = "shop" }}
addons = {{ vpc-cni = "default", coredns = "v1.12.3-eksbuild.1", kube-proxy = "default" }}
[[cluster.nodes]]
name = "general"
count = 2
[[cluster.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/shop-web:4.2.0"]
replicas = 2
min_available = "1"
"""
_SETTINGS = """
[store]
url = "sqlite:///fleet.db"

[aws]
regions = ["eu-west-1"]
endpoint_url = "{url}"
requests_per_second = 100
names = ["{cluster}"]

[[aws.accounts]]
id = "111122223333"

[observe]
stale_after_minutes = 1440

[approvals]
local = true

[approvals.people]
ann = "operator"
bob = "approver"
"""
_PLAYBOOK = """
name = "wave"
title = "Update EKS addons"
purpose = "Old addons block the next minor."
changes = "addons"

[[steps]]
name = "preflight"
kind = "preflight"

[[steps]]
name = "update"
kind = "update-addon"
params.addon = "*"
params.version = "latest"
timeout = "45m"

[[stages]]
name = "all"
"""


@dataclass(slots=True)
class Yard:
    """A world of equal clusters, a nursery of engines, and a database that is migrated and empty."""

    fleet: SimProcess
    nursery: "subprocess.Popen[str]"
    folder: Path
    clock: str
    lock: Lock = field(default_factory=Lock)
    used: int = 0

    def case(self, dies: str = "", before: bool = False) -> "Case":
        with self.lock:
            self.used += 1
            number = self.used
        home = self.folder / f"case-{number}"
        home.mkdir()
        shutil.copy(self.folder / "empty.db", home / "fleet.db")
        (home / "wave.toml").write_text(_PLAYBOOK, "utf-8")
        config = home / "fleetkeeper.toml"
        config.write_text(_SETTINGS.format(url=self.fleet.aws_url, cluster=f"c{number}"), "utf-8")
        environ = surroundings(
            home,
            FLEETKEEPER_CONFIG=str(config),
            AWS_ACCESS_KEY_ID=str(self.fleet.ready["access_key_id"]),
            AWS_SECRET_ACCESS_KEY=str(self.fleet.ready["secret_access_key"]),
            **{ENVIRONMENT: self.clock},
        )
        return Case(Life(environ, str(home), dies, before), self._bear)

    def _bear(self, life: Life) -> int:
        with self.lock:
            assert self.nursery.stdin is not None
            assert self.nursery.stdout is not None
            self.nursery.stdin.write(json.dumps(asdict(life)) + "\n")
            self.nursery.stdin.flush()
            return int(self.nursery.stdout.readline())


@dataclass(frozen=True, slots=True)
class Case:
    """One run on a cluster of its own, with an engine that dies once, and another that goes on."""

    life: Life
    bear: Any

    def ended(self) -> dict[str, Any]:
        """What the world and the run came to."""
        self._lived(self.life)
        if self.life.dies:
            assert not self._file("end").exists(), f"the engine did not come to {self.life.dies}: {self.journal()}"
            self._lived(Life(self.life.environ, self.life.folder))
        found: dict[str, Any] = json.loads(self._file("end").read_text("utf-8"))
        return found

    def journal(self) -> list[str]:
        return self._file("journal").read_text("utf-8").splitlines() if self._file("journal").exists() else []

    def _file(self, name: str) -> Path:
        return Path(self.life.folder) / name

    def _lived(self, life: Life) -> None:
        pid = self.bear(life)
        wait_until(lambda: not _lives(pid), f"engine {pid} of {life.folder} ends")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def yard(folder: Path) -> Iterator[Yard]:
    scenario = folder / "fleet.toml"
    scenario.write_text(_FLEET.format() + "".join(_CLUSTER.format(number=n + 1) for n in range(MOST)), "utf-8")
    schema.upgrade(StoreSettings(f"sqlite:///{folder}/empty.db"))
    command = [sys.executable, "-m", "tests.chaos.mortal"]
    with (
        SimProcess(scenario, scale=SCALE) as fleet,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery,
    ):
        now = datetime.fromisoformat(fleet.control("GET", "/state")["now"])
        try:
            yield Yard(fleet, nursery, folder, ScaledClock(now, datetime.now(UTC), SCALE).to_text())
        finally:
            assert nursery.stdin is not None
            nursery.stdin.close()
            nursery.wait(30)


def test_an_engine_may_die_at_any_transition_of_any_step(tmp_path: Path) -> None:
    with yard(tmp_path) as made, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        whole = made.case()
        expected = whole.ended()
        assert expected["state"] == "succeeded", expected
        transitions = list(dict.fromkeys(whole.journal()))
        print(transitions, expected)
        cases = [made.case(each, before) for each in transitions for before in (False, True)]
        ends: Sequence[dict[str, Any]] = list(pool.map(Case.ended, cases))
    wrong = {(case.life.dies, case.life.before): end for case, end in zip(cases, ends, strict=True) if end != expected}
    assert not wrong
