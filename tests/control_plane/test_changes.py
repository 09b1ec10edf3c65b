"""On a real API server, a tick by what changed sees what a fresh read sees, and a filled etcd can be kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.limits import Limits
from fleetkeeper.adapters.kube.memory import Memory, Room
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.readers import PATHS, connected, create

ALONE = Options(controllers=False, scheduler=False, kwok=False)
SMALL = Limits(page_items=10)
COUNT = 25
MADE: dict[str, Callable[[str], readers.Object]] = {
    "Deployment": lambda name: readers.templated(name, replicas=0),
    "Pod": readers.pod,
    "Job": readers.job,
}


def look(plane: ControlPlane, namespace: str, memory: Memory) -> tuple[object, ...]:
    """What is read of one namespace; objects of others come and go as earlier tests are cleaned up."""
    with connected(plane, limits=SMALL) as reader:
        kube = KubeReader(reader)
        kube.remember(memory)
        running = (*kube.workloads(), *kube.pods().ownerless)
        named = tuple(each for each in kube.namespaces() if each.name == namespace)
        return kube.nodes(), tuple(each for each in running if each.namespace == namespace), named, kube.crds()


@pytest.mark.parametrize("kind", MADE)
def test_what_changed_is_seen_and_the_rest_is_known(control_plane: ControlPlane, namespace: str, kind: str) -> None:
    made = MADE[kind]
    for number in range(COUNT):
        create(control_plane, kind, namespace, made(f"one-{number:02}"))
    memory = Memory(Room())
    look(control_plane, namespace, memory)
    path = PATHS[kind].format(namespace)
    control_plane.request("DELETE", f"{path}/one-03", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
    control_plane.request("DELETE", f"{path}/one-04", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
    create(control_plane, kind, namespace, made("one-04"))
    create(control_plane, kind, namespace, made("one-99"))
    label = {"metadata": {"labels": {"team": "shop"}}}
    control_plane.request("PATCH", f"{path}/one-05", label, content_type="application/merge-patch+json")

    for _ in range(2):
        assert look(control_plane, namespace, memory) == look(control_plane, namespace, Memory(Room(0)))


def test_a_plane_starts_on_the_objects_that_another_one_packed(plane_minor: str, tmp_path: Path) -> None:
    archive = tmp_path / "cache" / "etcd.tar.gz"
    with ControlPlane(plane_minor, ALONE) as plane:
        stored = create(plane, "ConfigMap", "default", {"metadata": {"name": "kept"}, "data": {"a": "b"}})
        plane.pack_etcd(archive)
    with ControlPlane(plane_minor, Options(False, False, False, etcd_archive=archive)) as plane:
        found = plane.request("GET", f"{PATHS['ConfigMap'].format('default')}/kept").json()
        create(plane, "ConfigMap", "default", {"metadata": {"name": "later"}})

    assert found["metadata"]["uid"] == stored["metadata"]["uid"]
    assert [path.name for path in archive.parent.iterdir()] == ["etcd.tar.gz"]
