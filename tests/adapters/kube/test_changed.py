"""A tick that reads only what changed sees what a fresh read sees, with the fewest requests; in doubt it reads all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.adapters.kube import memory
from fleetkeeper.adapters.kube.changed import key_of
from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.documents.structs import ObjectMeta
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import KubernetesSettings
from fleetkeeper.core.model import ClusterId, ControlPlane
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.errors import ReadError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube_api import KubeServer, serve_kube, static_tokens
from fleetkeeper.sim.world import SimCluster, World
from tests.adapters.kube.support import TestPace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY, TOKEN = "shop-1", "reader"
ID = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/shop-1", NOW)
PAGE = 4  # objects, so that a few are more than a page
MANY = 30  # more than are read one by one
METADATA = "PartialObjectMetadataList"
RESOURCES = ("/nodes", "apps/deployments", "apps/replicasets", "batch/jobs", "/pods")
DAY = 24 * 3600.0

Object = dict[str, Any]
Seen = tuple[object, ...]


@dataclass
class Cluster:
    """A simulated cluster behind its own API server, and the way to it that remembers."""

    world: World
    server: KubeServer
    pace: TestPace
    access: KubeAccess

    @property
    def objects(self) -> SimCluster:
        return self.world.clusters[KEY]

    def put(self, resource: str, name: str, image: str = "app:1", uid: str = "", **more: Any) -> None:
        namespace = {} if resource == "/nodes" else {"namespace": "team"}
        metadata = {"name": name, "uid": uid or f"uid-{name}", **namespace, **more}
        containers = {"containers": [{"name": "main", "image": image}]}
        spec = containers if resource == "/pods" else {"template": {"spec": containers}}
        status = {"nodeInfo": {"kubeletVersion": image}}
        with self.world.lock:
            self.objects.put(resource, {"metadata": metadata, "spec": spec, "status": status})

    def remove(self, resource: str, name: str) -> None:
        with self.world.lock:
            self.objects.remove(resource, "" if resource == "/nodes" else "team", name)

    def tick(self, id: ClusterId = ID) -> Seen:
        return look(self.opened(id))

    def fresh(self) -> Seen:
        kube = self.opened()
        kube.remember(memory.Memory(memory.Room(0)))
        return look(kube)

    def asked(self, read: Callable[[KubeReader], object]) -> list[str]:
        """The requests of one read, each as `metadata` or `whole` with what it asked for."""
        before, kube = self.server.requests, self.opened()
        try:
            read(kube)
        finally:
            kube.close()
        requests = self.server.access_log(KEY)[before - self.server.requests :]
        return [f"{'metadata' if METADATA in a.accept else 'whole'} {a.path.partition('?')[2]}" for a in requests]

    def kinds(self, read: Callable[[KubeReader], object] = KubeReader.nodes) -> list[str]:
        """The requests of one read, each as `metadata` or `whole`."""
        return [asked.split()[0] for asked in self.asked(read)]

    def opened(self, id: ClusterId = ID) -> KubeReader:
        plane = ControlPlane(KEY, Minor(1, 35), "ACTIVE", self.objects.endpoint, self.objects.ca_pem)
        return self.access.of_eks(cast(Cloud, None), id, plane)


def look(kube: KubeReader) -> Seen:
    try:
        return kube.nodes(), kube.workloads(), kube.pods(), kube.crds()
    finally:
        kube.close()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[World, KubeServer]]:
    """One server for all tests of the module; each begins with a cluster of its own."""
    world = World(NOW, "111122223333")
    world.clusters[KEY] = empty()
    server = serve_kube(world, static_tokens({TOKEN: User("master", ("system:masters",))}))
    yield world, server
    server.close()


@pytest.fixture
def cluster(served: tuple[World, KubeServer]) -> Cluster:
    return begun(*served)


def begun(world: World, server: KubeServer) -> Cluster:
    """An empty cluster at the address of the one before, and nothing remembered."""
    world.faults = []
    with world.lock:
        world.clusters[KEY].objects = {}
    pace = TestPace(step=0.001)
    ends = datetime.now(UTC) + timedelta(hours=1)
    settings = KubernetesSettings(page_size=PAGE)
    return Cluster(world, server, pace, KubeAccess(settings, lambda *_: (TOKEN, ends), SystemClock(), pace))


def empty() -> SimCluster:
    return SimCluster(
        key=KEY,
        name=KEY,
        account="111122223333",
        region="eu-west-1",
        partition="aws",
        version="1.35",
        patch="v1.35.2-eks-a1b2c3d",
        platform_version="eks.1",
        created_at=NOW,
    )


def filled(cluster: Cluster, count: int, resource: str = "/nodes") -> Cluster:
    for number in range(count):
        cluster.put(resource, f"n{number:02}")
    return cluster


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["put", "touch", "remove", "recreate", "own", "tick"]),
        st.sampled_from(RESOURCES),
        st.integers(0, 11),
        st.integers(0, 3),
    ),
    max_size=15,
)


@settings(max_examples=25, deadline=None)
@given(edits=EDITS)
def test_whatever_happens_between_ticks_a_tick_sees_what_a_fresh_read_sees(
    served: tuple[World, KubeServer], edits: list[tuple[str, str, int, int]]
) -> None:
    cluster = begun(*served)
    for resource in RESOURCES:
        filled(cluster, 8, resource)
    cluster.tick()
    for number, (what, resource, nth, image) in enumerate(edits):
        edit(cluster, what, resource, f"n{nth:02}", f"app:{image}", f"another-{number}")
    assert cluster.tick() == cluster.fresh()
    assert cluster.tick() == cluster.fresh()


def edit(cluster: Cluster, what: str, resource: str, name: str, image: str, uid: str) -> None:
    owned = {"ownerReferences": [{"kind": "Deployment", "name": "x", "apiVersion": "apps/v1", "uid": "x"}]}
    if what == "tick":
        cluster.tick()
    elif what == "remove":
        if ("" if resource == "/nodes" else "team", name) in cluster.objects.objects[resource]:
            cluster.remove(resource, name)
    else:
        changed = {"touch": {}, "put": {"image": image}, "recreate": {"uid": uid}, "own": owned}[what]
        cluster.put(resource, name, **cast(Any, changed))


def test_the_first_tick_reads_whole_and_one_after_nothing_changed_only_metadata(cluster: Cluster) -> None:
    filled(cluster, 6)
    assert cluster.kinds() == ["whole", "whole"]
    assert cluster.kinds() == ["metadata", "metadata"]


def test_one_changed_object_costs_one_request_more_and_no_right_to_get_it(cluster: Cluster) -> None:
    filled(cluster, 6).tick()
    cluster.put("/nodes", "n03", "v1.36.0")
    assert cluster.asked(KubeReader.nodes)[2:] == [f"whole limit={PAGE}&fieldSelector=metadata.name%3Dn03"]
    assert [node.kubelet for node in cluster.opened().nodes() if node.name == "n03"] == ["v1.36.0"]


def test_several_changed_nodes_come_in_one_answer_by_the_label_that_has_their_name(cluster: Cluster) -> None:
    filled(cluster, 30).tick()
    for number in range(6):
        cluster.put("/nodes", f"n{number:02}", "v2", labels={"kubernetes.io/hostname": f"n{number:02}"})
    cluster.put("/nodes", "n06", "v2", labels={"kubernetes.io/hostname": "another"})

    names = ",".join(f"n{number:02}" for number in range(7))
    selector = quote(f"kubernetes.io/hostname in ({names})", safe="")
    whole = [each for each in cluster.asked(KubeReader.nodes) if each.startswith("whole")]
    assert whole[0] == f"whole limit={PAGE}&labelSelector={selector}"
    assert [each for each in whole if "fieldSelector" in each] == [
        f"whole limit={PAGE}&fieldSelector=metadata.name%3Dn06"
    ]
    assert cluster.tick() == cluster.fresh()


def test_a_list_of_one_page_is_read_whole_every_time(cluster: Cluster) -> None:
    filled(cluster, PAGE).tick()
    assert cluster.asked(KubeReader.nodes) == [f"whole limit={PAGE}"]


def test_when_most_changed_the_list_is_read_whole_until_it_is_calm_again(cluster: Cluster) -> None:
    pages = -(-MANY // PAGE)
    filled(cluster, MANY).tick()
    filled(cluster, MANY)
    assert cluster.kinds() == ["metadata"] * pages + ["whole"] * pages
    filled(cluster, MANY)
    assert cluster.kinds() == ["whole"] * pages
    assert cluster.kinds() == ["whole"] * pages  # which finds it calm
    assert cluster.kinds() == ["metadata"] * pages
    assert cluster.tick() == cluster.fresh()


def test_pods_without_an_owner_are_read_once(cluster: Cluster) -> None:
    filled(cluster, 6, "/pods").tick()
    assert cluster.kinds(KubeReader.pods) == ["metadata", "metadata"]
    cluster.put("/pods", "n00", "app:2")
    assert cluster.kinds(KubeReader.pods) == ["metadata", "metadata", "whole"]
    assert cluster.tick() == cluster.fresh()


def test_an_etcd_that_was_restored_is_read_whole(cluster: Cluster) -> None:
    filled(cluster, 6)
    backup, at = dict(cluster.objects.objects), cluster.objects.revision
    cluster.put("/nodes", "n03", "lost")
    cluster.put("/nodes", "n04", "lost")
    cluster.tick()
    with cluster.world.lock:
        cluster.objects.objects, cluster.objects.revision = backup, at
    cluster.put("/nodes", "n03", "after")  # the same uid and resourceVersion as the change that was lost
    assert [node.kubelet for node in cluster.opened().nodes()][3] == "after"
    assert cluster.tick() == cluster.fresh()


def test_a_tick_that_fails_half_way_costs_the_next_one_nothing(cluster: Cluster) -> None:
    filled(cluster, 6).tick()
    cluster.put("/nodes", "n03", "v1.36.0")
    cluster.world.faults = [Fault("kube", "forbid", cluster=KEY, operation="/nodes")]
    with pytest.raises(ReadError):
        cluster.opened().nodes()
    cluster.world.faults = []
    assert cluster.kinds() == ["metadata", "metadata", "whole"]


def test_a_list_that_expired_half_way_is_no_base_for_anything(cluster: Cluster) -> None:
    filled(cluster, 6).tick()
    cluster.put("/nodes", "n05", "v1.36.0")
    cluster.world.faults = [Fault("kube", "expire", cluster=KEY, operation="/nodes", rate=0.5)]
    cluster.opened().nodes()
    cluster.world.faults = []
    assert cluster.tick() == cluster.fresh()


@pytest.mark.parametrize(("uid", "version"), [("", "5"), ("uid-1", ""), ("", "")])
def test_an_object_without_uid_or_version_has_no_key(uid: str, version: str) -> None:
    assert key_of(ObjectMeta("n00", uid=uid, resource_version=version)) == ""


def test_once_a_day_everything_is_read_whole(cluster: Cluster) -> None:
    filled(cluster, 6).tick()
    cluster.pace.seconds += DAY / 2
    cluster.put("/nodes", "n03")
    assert "metadata" in cluster.asked(KubeReader.nodes)[0]
    cluster.pace.seconds += DAY / 2 + 60
    assert cluster.kinds() == ["whole", "whole"]


def test_another_cluster_at_the_same_address_begins_with_nothing(cluster: Cluster) -> None:
    filled(cluster, 6).tick()
    kube = cluster.opened(replace(ID, created_at=NOW + timedelta(days=1)))
    assert cluster.kinds(lambda _: kube.nodes()) == ["whole", "whole"]
    kube.close()


def test_what_finds_no_room_is_read_whole(cluster: Cluster) -> None:
    filled(cluster, 6)
    tight = memory.Memory(memory.Room(5))

    def read(kube: KubeReader) -> None:
        kube.remember(tight)
        kube.nodes()

    assert cluster.kinds(read) == ["whole", "whole"]
    assert cluster.kinds(read) == ["whole", "whole"]


def test_the_room_of_a_cluster_that_is_gone_is_free_after_a_day() -> None:
    room = memory.Room(3)
    gone, stays = memory.Memory(room), memory.Memory(room)
    gone.keep("nodes", known(2))
    stays.keep("nodes", known(2))
    assert stays.known("nodes", 0.0) is None
    gone.forget_old(DAY + 1)
    stays.keep("nodes", known(3))
    assert stays.known("nodes", 0.0) is not None


def known(count: int) -> memory.Known:
    return memory.Known({f"uid@{number}": None for number in range(count)}, "1", 0.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "holds"),
    [("5", "5", True), ("5", "6", True), ("5", "4", False), ("", "6", False), ("5", "v6", False), ("5", "", False)],
)
def test_only_a_list_that_is_not_older_can_use_what_is_known(ours: str, theirs: str, holds: bool) -> None:
    assert memory.Known({}, ours, 0.0).may_hold(theirs) is holds
