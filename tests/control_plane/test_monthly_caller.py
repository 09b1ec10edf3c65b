"""A caller that runs once a month, on a real API server whose own memory of it is short: fixed has to be proven."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsSettings, KubeCluster, KubernetesSettings, StoreSettings
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Subject
from fleetkeeper.core.lifecycle import AFTER_RUN, State
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.observe import Choice, Progress
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.ports import Ports
from fleetkeeper.keeper import Keeper
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.adapters.kube import kubeconfigs
from tests.control_plane.readers import PATHS, create, cron_job
from tests.control_plane.test_api_evidence import GROUP, PRESENT, REMOVED, write_as
from tests.control_plane.test_reader import deprecated_calls
from tests.engine.fakes import TurnedClock, placed
from tests.engine.memory_runs import planning
from tests.waiting import wait_until

JOB = "legacy-report"
CIDR = f"/apis/{GROUP}/{PRESENT}/servicecidrs/reports"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watched:
    """A real API server, and a Keeper that knows it by a kubeconfig and has the test's clock."""

    plane: ControlPlane
    keeper: Keeper
    clock: TurnedClock

    def look(self, at: datetime | None = None) -> tuple[State, Verdict]:
        """Observe and assess; the state of the one finding about the job, and the cluster's verdict."""
        self.clock.at = at or datetime.now(UTC)
        outcome = self.keeper.observe(Selector(), Progress())
        assert outcome.clusters == 1
        (report,) = self.keeper.assess(Selector())
        ((_, entry),) = (
            (subject, entry)
            for subject, entry in self.keeper.findings(Selector(), resolved=True)
            if entry.finding.subject == Subject("CronJob", JOB, "default") and entry.finding.code == "FK301"
        )
        return entry.state, report.verdict

    def remembers(self) -> bool:
        """Whether the API server's metric still has the call."""
        return any('resource="servicecidrs"' in line for line in deprecated_calls(self.plane))


@pytest.fixture
def watched(plane_minor: str, tmp_path: Path) -> Iterator[Watched]:
    options = Options(controllers=False, scheduler=False, kwok=False, runtime_config="api/all=true")
    settings = StoreSettings(f"sqlite:///{tmp_path}/fleet.db")
    schema.upgrade(settings)
    store = SqlStore(settings)
    try:
        with ControlPlane(plane_minor, options) as plane:
            yield keeping(plane, store, tmp_path)
    finally:
        store.close()


def keeping(plane: ControlPlane, store: SqlStore, folder: Path) -> Watched:
    cancel, clock, compat = threading.Event(), TurnedClock(), read_compat()
    path = kubeconfigs.write(folder, plane.server, plane.ca_pem, token=plane.admin_token)
    clouds = EksClouds(AwsSettings(), clock, cancel)
    clusters = KubernetesSettings((KubeCluster("edge", kubeconfig=str(path)),))
    kubes = KubeAccess(clusters, clouds.token, SystemClock(), WallPace(cancel))
    ports = Ports(clouds, kubes, store, clock, cancel)
    reader = ClusterReader(ports, placed, compat, helm_secrets=False, audit_logs=False)
    assessor = Assessor(store, clock, compat, HOUR, (TargetRule(minor=REMOVED),))
    return Watched(plane, Keeper(ports, reader, compat, Choice(), HOUR, 2, assessor, *planning(assessor)), clock)


def run_of(now: datetime) -> datetime:
    """The job's next run: some 17 to 20 days ahead, on a day that every month has."""
    ahead = now + timedelta(days=20)
    return ahead.replace(day=min(ahead.day, 28), hour=2, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("keeps", [True, False], ids=["it leaves what it wrote", "it takes away what it wrote"])
def test_a_monthly_caller_is_fixed_only_after_its_next_run(watched: Watched, keeps: bool) -> None:
    plane, begun = watched.plane, datetime.now(UTC)
    run = run_of(begun)
    job = cron_job(JOB)
    job["spec"] |= {"schedule": f"0 2 {run.day} * *", "suspend": True}
    create(plane, "CronJob", "default", job)
    write_as(plane, f"{JOB}/v1 (linux/amd64)", "reports")
    wait_until(watched.remembers, "the metric tells of the call")
    assert watched.look() == (State.OPEN, Verdict.BLOCKED)

    if not keeps:
        assert plane.request("DELETE", CIDR).ok
        assert plane.request("GET", CIDR).status == 404
    plane.switch(plane.version.rpartition(".")[0])
    assert not watched.remembers()
    assert watched.look() == (State.OPEN, Verdict.BLOCKED)

    patch = {"spec": {"jobTemplate": {"spec": {"template": {"spec": CHANGED}}}}}
    path = f"{PATHS['CronJob'].format('default')}/{JOB}"
    assert plane.request("PATCH", path, patch, content_type="application/strategic-merge-patch+json").ok
    assert watched.look()[0] is State.UNCONFIRMED

    assert watched.look(begun + timedelta(days=8))[0] is State.UNCONFIRMED
    assert watched.look(run + HOUR)[0] is State.UNCONFIRMED
    assert watched.look(run + AFTER_RUN - HOUR)[0] is State.UNCONFIRMED
    assert watched.look(run + AFTER_RUN + HOUR)[0] is State.RESOLVED


CHANGED = {"containers": [{"name": "c0", "image": "registry.example/nightly:8"}]}
