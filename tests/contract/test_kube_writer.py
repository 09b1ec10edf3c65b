"""The KubeWriter port on the simulator, over HTTP with an EKS token of the executor's role, and in the world itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.adapters.kube.writers import LiveWriters
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, AwsSettings, KubernetesSettings, Secret
from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.engine.writers import KubeWriter, ObjectRef, Writers
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.objects.gitops import definition
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster
from tests.adapters.eks.conftest import _alone
from tests.contract.kube_writer_cases import CASES, NAMESPACE, backup, body, furniture
from tests.contract.writer_sides import SIDES
from tests.waiting import wait_until

__all__ = ["_alone"]


@dataclass(frozen=True, slots=True)
class KubeSide:
    writers: Writers
    simulator: Simulator
    cluster: SimCluster

    @property
    def id(self) -> ClusterId:
        return ClusterId(self.cluster.arn, self.cluster.created_at)

    @property
    def scope(self) -> Scope:
        return Scope(self.cluster.account, self.cluster.region)

    @contextmanager
    def kube(self) -> Iterator[KubeWriter]:
        found = self.writers.kube(self.scope, self.cluster.name, self.id)
        try:
            yield found
        finally:
            found.close()


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KubeSide]:
    world = build(scenario_file.load(scenario_file.find("three")))
    cluster = world.clusters["shop"]
    with Simulator(world) as simulator:
        objects = simulator.living.of(cluster).objects
        with world.lock:
            node = next(name for _, name in cluster.objects["/nodes"])
            for resource, made in furniture(node):
                for owner in made["metadata"].get("ownerReferences", ()):
                    above = objects.get(f"batch/{owner['kind'].lower()}s", NAMESPACE, owner["name"])
                    owner["uid"] = above["metadata"]["uid"] if above else ""
                group, _, rest = resource.rpartition("/v1/") if "/v1/" in resource else ("", "", resource[3:])
                objects.create(f"{group}/{rest}", made)
            for crd in map(definition, RESOURCES):
                objects.create("apiextensions.k8s.io/customresourcedefinitions", crd)
        if request.param == "in the world":
            yield KubeSide(WorldWriters(simulator.living), simulator, cluster)
            return
        account = world.accounts[cluster.account]
        secret = Secret(account.external_id) if account.external_id else None
        aws = AwsSettings(
            regions=(cluster.region,),
            accounts=(AwsAccount(account.id, external_id=secret),),
            endpoint_url=simulator.aws_url,
            requests_per_second=100_000,
        )
        clouds = EksWriters(aws, Sessions(aws, Event()))
        kubernetes = KubernetesSettings(timeout_seconds=20)
        yield KubeSide(LiveWriters(kubernetes, clouds, SystemClock(), WallPace(Event())), simulator, cluster)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.replace("_", " "))
def test_with_the_executors_rights(side: KubeSide, case: Callable[[KubeWriter], None]) -> None:
    with side.kube() as kube:
        case(kube)


def test_an_answer_that_is_lost_after_the_effect_is_unreachable_and_the_object_is_there(side: KubeSide) -> None:
    ref = backup("lost")
    with side.kube() as kube:
        side.simulator.world.faults = [Fault("kube", "drop-after", verb="create", count=1)]
        with pytest.raises(ReadError) as lost:
            kube.create(ref, body(ref))
        assert lost.value.reason is GapReason.UNREACHABLE
        assert kube.read(ref) is not None


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(Fault("kube", "throttle", operation="/pods/eviction"), Outcome.BUSY, id="a full queue"),
        pytest.param(Fault("kube", "error", operation="/pods/eviction"), Outcome.BUSY, id="trouble of its own"),
        pytest.param(Fault("kube", "error", operation="/pods/eviction", status=504), Outcome.BUSY, id="a timeout"),
        pytest.param(Fault("kube", "forbid", operation="/pods/eviction"), Outcome.REFUSED, id="a right that is gone"),
    ],
)
def test_an_eviction_that_fails_for_another_reason(side: KubeSide, fault: Fault, outcome: Outcome) -> None:
    with side.kube() as kube:
        pod = settled(kube)
        side.simulator.world.faults = [fault]
        assert kube.evict(pod).outcome is outcome
        side.simulator.world.faults = []
        assert [each.leaving_since for each in kube.pods() if each.uid == pod.uid] == [None]


def settled(kube: KubeWriter) -> LivePod:
    """A pod that stays where it is while nobody evicts it."""
    return next(each for each in kube.pods() if each.kind == "Deployment" and each.ready)


def test_an_eviction_whose_answer_is_lost_has_happened(side: KubeSide) -> None:
    with side.kube() as kube:
        pod = settled(kube)
        side.simulator.world.faults = [Fault("kube", "drop-after", operation="/pods/eviction", count=1)]
        with pytest.raises(ReadError):
            kube.evict(pod)
        assert not [each for each in kube.pods() if each.uid == pod.uid and each.leaving_since is None]
        assert kube.evict(pod).outcome in (Outcome.ACCEPTED, Outcome.GONE)


@pytest.mark.parametrize("read", ["nodes", "pods", "volumes", "budgets"])
def test_a_read_that_meets_a_fault_fails_and_the_next_one_does_not(side: KubeSide, read: str) -> None:
    with side.kube() as kube:
        side.simulator.world.faults = [Fault("kube", "error", verb="list", status=503, count=1)]
        with pytest.raises(ReadError) as failed:
            getattr(kube, read)()
        assert failed.value.reason is GapReason.SERVER_ERROR
        assert getattr(kube, read)()


def test_both_writers_read_one_world_alike(side: KubeSide) -> None:
    within = WorldWriters(side.simulator.living).kube(side.scope, side.cluster.name, side.id)
    with side.kube() as kube:
        for _ in range(2):
            wait_until(lambda: seen_by(kube) == seen_by(within), "nothing moves between the two reads")
            kube.evict(settled(kube))


def seen_by(kube: KubeWriter) -> tuple[object, ...]:
    return kube.nodes(), kube.pods(), kube.volumes(), kube.budgets()


def test_what_was_remembered_of_a_pod_is_forgotten_as_soon_as_it_changes(side: KubeSide) -> None:
    with side.kube() as kube:
        pod = settled(kube)
        objects = side.simulator.living.of(side.cluster).objects
        with side.simulator.world.lock:
            obj = objects.get("/pods", pod.namespace, pod.name)
            assert obj is not None
            objects.update("/pods", {**obj, "metadata": {**obj["metadata"], "labels": {"app": "new"}}})
            made_by = obj["metadata"]["ownerReferences"][0]["name"]
            above = objects.get("apps/replicasets", pod.namespace, made_by)
            assert above is not None
            alone = {key: each for key, each in above["metadata"].items() if key != "ownerReferences"}
            objects.update("apps/replicasets", {**above, "metadata": alone})
        after = {each.place: each for each in kube.pods()}
        assert after[pod.place].labels == {"app": "new"}
        assert after[pod.place].controller == f"ReplicaSet/{made_by}", "its top has changed, and so it is told"


def test_a_cluster_that_was_made_anew_under_its_name_is_not_touched(side: KubeSide) -> None:
    before = replace(side.id, created_at=side.id.created_at - timedelta(days=1))
    with pytest.raises(ReadError, match="another cluster now") as refused:
        side.writers.kube(side.scope, side.cluster.name, before)
    assert refused.value.reason is GapReason.WRONG_ENDPOINT


def test_a_cluster_that_nobody_configured_has_no_writer(side: KubeSide) -> None:
    with pytest.raises(ReadError):
        side.writers.kube(None, "edge", ClusterId("kubeconfig:1", side.id.created_at))


def test_the_executor_acts_by_a_role_of_its_own(side: KubeSide) -> None:
    readers = side.cluster.access
    reader = next(role for role, groups in readers.items() if "fleetkeeper:readers" in groups)
    executor = next(role for role, groups in readers.items() if "fleetkeeper:executors" in groups)
    assert reader != executor
    ref = ObjectRef("velero.io", "v1", "backups", NAMESPACE, "by-the-executor")
    with side.kube() as kube:
        assert kube.create(ref, body(ref))
