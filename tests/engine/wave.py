"""One member with three addons in a simulated EKS, an engine over a SQLite database, and the world's own clock."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetkeeper.config import StoreSettings
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Command, Hold, Task, Verb
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.sim.world import SimAddon
from tests.engine.rig import SCOPE, WORKER, Engine, Nobody, begin, engine, migrated, settle
from tests.engine.steps.walking import Place
from tests.sim.worlds import a_cluster

BEFORE = {
    "coredns": "v1.13.2-eksbuild.19",
    "vpc-cni": "v1.22.4-eksbuild.2",
    "aws-ebs-csi-driver": "v1.58.0-eksbuild.1",
}
"""The versions of the three, all of them served on 1.34."""


@dataclass
class Wave:
    folder: Path
    place: Place = field(init=False)
    made: Engine = field(init=False)
    settings: StoreSettings = field(init=False)
    engines: int = 0
    frozen: bool = False

    def __post_init__(self) -> None:
        cluster = a_cluster("shop-0", SCOPE.account, SCOPE.region)
        cluster.addons["aws-ebs-csi-driver"] = SimAddon("aws-ebs-csi-driver", BEFORE["aws-ebs-csi-driver"])
        cluster.addons["coredns"].configuration = '{"replicaCount": 3}'
        self.place = Place(cluster)
        self.settings = migrated(self.folder)
        self.restart()

    def restart(self) -> None:
        """Another engine on the same database, as after a kill -9: what the first one had in hand is lost."""
        if self.engines:
            self.made.runs.close()
        self.engines += 1
        world = self.place.world
        ports: dict[str, Any] = {"store": world.store, "writers": world.writers, "silences": world.silences}
        worker = replace(WORKER, name=f"engine-{self.engines}", threads=2)
        clock, pace = self.place.world.clock, Pace(timedelta(seconds=15))
        self.made = engine(
            self.settings, Nobody(), clock, pace=pace, worker=worker, kinds=all_steps(), holding=self._hold, **ports
        )

    def _hold(self, *_: object) -> Hold | None:
        return Hold(Cause.FREEZE, "everything is frozen") if self.frozen else None

    def begin(self, *steps: StepSpec) -> None:
        begin(self.made.runs, self.now, steps=steps)

    def close(self) -> None:
        self.made.runs.close()

    @property
    def now(self) -> datetime:
        return self.place.now

    def later(self, minutes: float = 20, crashes: bool = False) -> None:
        until = self.now + timedelta(minutes=minutes)
        while self.now < until:
            if crashes:
                self.restart()
            settle(self.made)
            self.place.later(seconds=20)

    def say(self, verb: Verb, target: str = "") -> None:
        self.made.runs.add_command(Command(f"{verb}{self.now}", "run-1", verb, target, "cy", "local", self.now))

    @property
    def stored(self) -> StoredRun:
        return self.made.runs.run("run-1") or pytest.fail("no run")

    @property
    def task(self) -> Task:
        return self.stored.tasks[0]

    @property
    def versions(self) -> dict[str, str]:
        return {name: addon.version for name, addon in self.place.cluster.addons.items()}

    @property
    def updates(self) -> list[str]:
        """Every update that EKS was brought to begin, in its order."""
        return [f"{each.addon} {dict(each.params)['AddonVersion']}" for each in self.place.cluster.eks.updates.values()]

    def conflict(self, *fields: str) -> None:
        """Fields of the last addon that somebody changed: an update with NONE fails on them."""
        self.place.cluster.addons["aws-ebs-csi-driver"].conflicts = list(fields)
