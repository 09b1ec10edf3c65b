"""A served fleet: what EKS does is seen on the API server of the same cluster."""

from datetime import timedelta

from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster
from tests.sim.fleet_of_three import eks_of, simulator
from tests.sim.kube_wire import get
from tests.sim.worlds import a_world, served

__all__ = ["simulator"]


def an_upgradable(simulator: Simulator) -> SimCluster:
    clusters = simulator.world.clusters.values()
    return next(each for each in clusters if each.node_groups and each.version < "1.36" and each.status == "ACTIVE")


def test_the_api_server_and_its_gauges_follow_the_upgrade(simulator: Simulator) -> None:
    cluster = an_upgradable(simulator)
    cluster.deprecated_calls.clear()
    eks = eks_of(simulator, cluster)
    get(cluster, "/api/v1/endpoints", "test")
    gauge = b'apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints"'
    assert gauge in get(cluster, "/metrics", "test").body
    before = cluster.version
    after = f"1.{int(before[2:]) + 1}"
    eks.update_cluster_version(name=cluster.name, version=after)
    assert f'"v{before}.'.encode() in get(cluster, "/version", "test").body
    simulator.advance(timedelta(minutes=8, seconds=1))
    assert f'"v{after}.'.encode() in get(cluster, "/version", "test").body
    assert gauge not in get(cluster, "/metrics", "test").body


def test_a_group_of_a_scenario_rolls_with_its_pods_and_daemons(simulator: Simulator) -> None:
    cluster = an_upgradable(simulator)
    eks = eks_of(simulator, cluster)
    group = next(each for each in cluster.node_groups.values() if each.ami_type != "CUSTOM")
    cluster.objects["policy/poddisruptionbudgets"] = {}
    nodes, pods = len(cluster.objects["/nodes"]), len(cluster.objects["/pods"])
    update = eks.update_nodegroup_version(clusterName=cluster.name, nodegroupName=group.name)["update"]
    simulator.advance(timedelta(hours=4))
    subject = {"name": cluster.name, "nodegroupName": group.name, "updateId": update["id"]}
    assert eks.describe_update(**subject)["update"]["status"] == "Successful"
    assert (len(cluster.objects["/nodes"]), len(cluster.objects["/pods"])) == (nodes, pods)
    joined = {node["spec"]["providerID"].rpartition("/")[2] for node in cluster.objects["/nodes"].values()}
    assert set(group.instances) <= joined


def test_a_world_that_nobody_drives_catches_up_before_it_answers() -> None:
    world = a_world()
    world.scale = 0.0
    with served(world) as aws:
        eks = aws.client("eks")
        eks.update_cluster_version(name="shop", version="1.35")
        assert eks.describe_cluster(name="shop")["cluster"]["status"] == "UPDATING"
        world.epoch += timedelta(minutes=8)
        seen = eks.describe_cluster(name="shop")["cluster"]
        assert (seen["status"], seen["version"]) == ("ACTIVE", "1.35")
