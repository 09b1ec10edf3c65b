"""A world of equal clusters in scaled time, and whole engines, each with one course on a cluster of its own."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from fleetkeeper.adapters.store import schema
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import StoreSettings
from fleetkeeper.sim.process import SimProcess
from tests.alertmanager import Alertmanager, alertmanager
from tests.chaos.courses import FLEET, SETTINGS, Course
from tests.chaos.fleet import wait_until
from tests.chaos.mortal import Life
from tests.cli.programs import surroundings
from tests.endpoint import Answer, Request, endpoint

SCALE = 120.0
"""Simulated seconds in one of the wall's. postflight believes what was seen in the last half hour: 15 seconds of
the wall, and an observation takes one, or several on a machine that has too much to do."""

_MERGES = 1.0
"""Seconds of the wall until somebody merges what was proposed: the engine has to wait for it."""


_LOOKS = 0.2
_KUBELET = "v1.35.8-eks-8f2a1c0"


@dataclass
class Pulls:
    """Where changes of addons are proposed, and who merges them: cluster → the changes asked for, by their key."""

    fleet: SimProcess
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def answer(self, request: Request) -> Answer:
        cluster, body = request.path.strip("/"), request.body
        with self.lock:
            known = self.asked.setdefault(cluster, {})
            key = request.headers["Idempotency-Key"]
            if key not in known:
                known[key] = f"{body['name']} {body['to']}"
                threading.Timer(_MERGES, self._merge, (cluster, {body["name"]: body["to"]})).start()
            return 200, {"number": str(list(known).index(key) + 1)}

    def _merge(self, cluster: str, addons: dict[str, str]) -> None:
        self.fleet.control("POST", "/touch", {"cluster": cluster, "set": {"addons": addons}})


@dataclass(slots=True)
class Yard:
    """The world, a nursery of engines, a database that is migrated and empty, and what is beside the world."""

    fleet: SimProcess
    nursery: "subprocess.Popen[str]"
    folder: Path
    clock: str
    alerts: Alertmanager
    pulls: Pulls
    pulls_url: str
    lock: Lock = field(default_factory=Lock)
    used: dict[str, int] = field(default_factory=dict)

    def case(self, course: Course, *deaths: "Death") -> "Case":
        with self.lock:
            number = self.used[course.name] = self.used.get(course.name, 0) + 1
        cluster, _ = course.cluster(number)
        home = self.folder / cluster
        home.mkdir()
        shutil.copy(self.folder / "empty.db", home / "fleet.db")
        (home / "wave.toml").write_text(course.playbook, "utf-8")
        config = home / "fleetkeeper.toml"
        urls = {"url": self.fleet.aws_url, "alerts": self.alerts.url, "pulls": self.pulls_url}
        config.write_text(SETTINGS.format(cluster=cluster, **urls) + course.settings, "utf-8")
        environ = surroundings(
            home,
            FLEETKEEPER_CONFIG=str(config),
            AWS_ACCESS_KEY_ID=str(self.fleet.ready["access_key_id"]),
            AWS_SECRET_ACCESS_KEY=str(self.fleet.ready["secret_access_key"]),
            **{ENVIRONMENT: self.clock},
        )
        return Case(self, cluster, Life(environ, str(home), moved=course.moved), deaths)

    def bear(self, life: Life) -> int:
        with self.lock:
            assert self.nursery.stdin is not None
            assert self.nursery.stdout is not None
            self.nursery.stdin.write(json.dumps(asdict(life)) + "\n")
            self.nursery.stdin.flush()
            return int(self.nursery.stdout.readline())


@dataclass(frozen=True, slots=True)
class Death:
    """The transition at which an engine ends: right before it is stored, or right after."""

    transition: str
    before: bool = False

    def __str__(self) -> str:
        return f"right {'before' if self.before else 'after'} {self.transition}"


@dataclass(frozen=True, slots=True)
class Case:
    """One run on a cluster of its own: an engine for each death, one after another, and one more that goes on."""

    yard: Yard
    cluster: str
    life: Life
    deaths: tuple[Death, ...] = ()

    def ended(self) -> dict[str, Any]:
        """What the world and the run came to; `short` tells why there is nothing to tell."""
        for death in self.deaths:
            self._lived(replace(self.life, dies=death.transition, before=death.before))
            if self._file("end").exists():
                return {"short": f"no engine came to be killed {death}", "journal": self.journal()}
        self._lived(self.life)
        if not self._file("end").exists():
            return {"short": "the last engine died by itself"}
        found: dict[str, Any] = json.loads(self._file("end").read_text("utf-8"))
        silences = self.yard.alerts.of(self.cluster)
        return found | {
            "silences": [each["status"]["state"] for each in silences],
            "proposals": sorted(self.yard.pulls.asked.get(self.cluster, {}).values()),
        }

    def journal(self) -> list[str]:
        return self._file("journal").read_text("utf-8").splitlines() if self._file("journal").exists() else []

    def _file(self, name: str) -> Path:
        return Path(self.life.folder) / name

    def _lived(self, life: Life) -> None:
        pid = self.yard.bear(life)
        wait_until(lambda: self._over(pid), f"engine {pid} of {life.folder} ends", self.told, _LOOKS)

    def _over(self, pid: int) -> bool:
        self._renew_fargate()
        return not _lives(pid)

    def _renew_fargate(self) -> None:
        """A new pod on Fargate has a new node, which the simulator leaves to somebody: once its workload restarts."""
        if self._file("renewed").exists() or not any("restart-fargate" in each for each in self.journal()):
            return
        asked = self.yard.fleet.control("GET", f"/access-log?cluster={self.cluster}")
        if any(each["method"] == "PATCH" and "/deployments/" in each["path"] for each in asked):
            self._file("renewed").touch()
            self.yard.fleet.control("POST", "/touch", {"cluster": self.cluster, "set": {"kubelet": _KUBELET}})

    def told(self) -> str:
        """How far it came, for whoever reads that it did not end."""
        return f"{self.cluster}, killed {', '.join(map(str, self.deaths)) or 'never'}: {self.journal()}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def yard(folder: Path, courses: Sequence[Course], most: int) -> Iterator[Yard]:
    """most: cases of one course."""
    scenario = folder / "fleet.toml"
    clusters = [course.cluster(number + 1)[1] for course in courses for number in range(most)]
    scenario.write_text(FLEET + "".join(clusters), "utf-8")
    schema.upgrade(StoreSettings(f"sqlite:///{folder}/empty.db"))
    command = [sys.executable, "-m", "tests.chaos.mortal"]
    with (
        SimProcess(scenario, scale=SCALE) as fleet,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery,
    ):
        clock = ScaledClock(datetime.fromisoformat(fleet.control("GET", "/state")["now"]), datetime.now(UTC), SCALE)
        pulls = Pulls(fleet)
        try:
            with alertmanager(clock.now) as alerts, endpoint(pulls.answer) as served:
                yield Yard(fleet, nursery, folder, clock.to_text(), alerts, pulls, served.url)
        finally:
            assert nursery.stdin is not None
            nursery.stdin.close()
            nursery.wait(30)
