"""A cluster with more of a kind than a page: a tick after nothing changed asks for little, and misses nothing later."""

import os

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import parts
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.world import SimCluster
from tests.engine.live import Live, live, world_of

LARGE = """
[[cluster]]
name = "large"
account = "111122223333"
region = "eu-west-1"
template = ["small"]
"""
NODES = 600


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def put(cluster: SimCluster, number: int, kubelet: str) -> None:
    metadata = {"name": f"n{number:04}", "uid": f"uid-{number}"}
    cluster.put("/nodes", {"metadata": metadata, "spec": {}, "status": {"nodeInfo": {"kubeletVersion": kubelet}}})


def tick(found: Live, key: str) -> list[str]:
    """What a tick asked of the API server: path and query, with `metadata` before what is no more than that."""
    before = found.simulator.kube.requests
    assert found.observe().complete
    asked = found.simulator.kube.access_log(key)[before - found.simulator.kube.requests :]
    return ["metadata " * ("PartialObject" in a.accept) + a.path for a in asked]


def kubelets(found: Live) -> dict[str, str]:
    (row,) = found.rows().values()
    return {node.name: node.kubelet for node in row.value(parts.NODES)}


def test_a_tick_after_nothing_changed_reads_metadata_and_one_after_a_change_that_object(store: SqlStore) -> None:
    world = world_of(LARGE)
    ((key, cluster),) = world.clusters.items()
    for number in range(NODES):
        put(cluster, number, "v1.35.0")
    with live(world, store) as found:
        tick(found, key)
        first = kubelets(found)
        found.clock.turn(15)
        quiet = [path for path in tick(found, key) if "/nodes" in path]
        with world.lock:
            put(cluster, 7, "v1.36.0")
            cluster.remove("/nodes", "", "n0008")
        found.clock.turn(15)
        changed = [path for path in tick(found, key) if "/nodes" in path and not path.startswith("metadata")]

        assert all(path.startswith("metadata") for path in quiet)
        assert changed == ["/api/v1/nodes?limit=500&fieldSelector=metadata.name%3Dn0007"]
        assert kubelets(found) == {name: k for name, k in first.items() if name != "n0008"} | {"n0007": "v1.36.0"}
