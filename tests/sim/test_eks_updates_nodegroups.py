"""UpdateNodegroupVersion through boto3: the phases of a roll, the fifteen minutes of a node, and what EKS refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from fleetkeeper.sim.controllers.pods import is_ready
from fleetkeeper.sim.world import SimUpdateConfig
from tests.sim.controllers.behaving import DAEMONS
from tests.sim.eks_writes import NODE_REMOVAL, Driven, deploy, driven, join_nodes, put_bare_pod, put_budget, refused

CORDONED = 30 + 90 + 20
"""Seconds from the start of a roll: to set up, to boot, and to see that the new nodes are Ready."""
FIRST_GONE = CORDONED + 60 + NODE_REMOVAL
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


@pytest.fixture
def run() -> Iterator[Driven]:
    """A cluster on 1.35 whose group main has two nodes on 1.34, one per zone."""
    with driven() as made:
        made.cluster.version = "1.35"
        join_nodes(made)
        yield made


def roll(run: Driven, **more: Any) -> str:
    update = run.eks.update_nodegroup_version(clusterName="shop", nodegroupName="main", **more)["update"]
    assert (update["type"], update["status"]) == ("VersionUpdate", "InProgress")
    return str(update["id"])


def seen(run: Driven, name: str) -> Any:
    return run.update(name, nodegroupName="main")


def members(run: Driven) -> int:
    """Instances of the Auto Scaling group that are there and not on their way out."""
    return sum(1 for state in states(run) if not state.startswith("Terminating"))


def states(run: Driven) -> list[str]:
    groups = run.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
    group = next(each for each in groups if each["AutoScalingGroupName"].startswith("eks-main-"))
    return [each["LifecycleState"] for each in group["Instances"]]


def test_a_roll_ends_with_the_same_size_on_the_clusters_minor(run: Driven) -> None:
    name = roll(run)
    assert run.group()["status"] == "UPDATING"
    run.later(hours=1)
    group = run.group()
    assert (seen(run, name)["status"], group["status"], group["version"]) == ("Successful", "ACTIVE", "1.35")
    assert group["releaseVersion"].startswith("1.35.8-")
    assert run.kubelets() == ["v1.35.8-eks-8f2a1c0"] * 2
    assert members(run) == 2


def test_the_phases_follow_each_other(run: Driven) -> None:
    old = set(run.nodes())
    roll(run)
    run.later(seconds=29)
    assert members(run) == 2, "setup changes no instance"
    run.later(seconds=1)
    assert members(run) == 2 + 4, "two zones: scaled up by max(2 x 2, 1)"
    assert run.group()["scalingConfig"]["desiredSize"] == 2
    run.later(seconds=89)
    assert set(run.nodes()) == old, "instances boot"
    run.later(seconds=20)
    assert not any("unschedulable" in node["spec"] for node in run.nodes().values()), "new nodes become Ready"
    run.later(seconds=1)
    for name in old:
        node = run.nodes()[name]
        assert node["spec"]["unschedulable"] is True
        assert node["metadata"]["labels"][EXCLUDED] == "true"
    run.later(seconds=59)
    assert states(run) == ["InService"] * 6, "a minute after the drain"
    run.later(seconds=1)
    assert sorted(states(run)) == ["InService"] * 5 + ["Pending", "Terminating"], "another one in its place"
    run.later(seconds=NODE_REMOVAL)
    assert len(old & set(run.nodes())) == 1, "one node at a time"
    run.later(seconds=60)
    assert not old & set(run.nodes())
    run.later(minutes=10)
    assert members(run) == 2


def test_a_higher_parallelism_takes_nodes_side_by_side(run: Driven) -> None:
    run.cluster.node_groups["main"].update_config = SimUpdateConfig(nodes=2)
    old = set(run.nodes())
    roll(run)
    run.later(seconds=FIRST_GONE)
    assert not old & set(run.nodes())


def test_a_share_of_the_nodes_counts_too(run: Driven) -> None:
    run.cluster.node_groups["main"].update_config = SimUpdateConfig(nodes=0, percent=100)
    old = set(run.nodes())
    roll(run)
    run.later(seconds=FIRST_GONE)
    assert not old & set(run.nodes())


def test_the_minimal_strategy_terminates_before_it_launches(run: Driven) -> None:
    run.cluster.node_groups["main"].update_config = SimUpdateConfig(strategy="MINIMAL")
    roll(run)
    sizes = set()
    for _ in range(60):
        run.later(seconds=10)
        sizes.add((members(run), len(run.nodes())))
    assert max(size for size, _ in sizes) == 2
    assert min(nodes for _, nodes in sizes) == 1
    assert run.kubelets() == ["v1.35.8-eks-8f2a1c0"] * 2


def test_pods_move_within_their_budget(run: Driven) -> None:
    assert set(deploy(run, replicas=4)) == set(run.nodes())
    put_budget(run, maxUnavailable=1)
    name = roll(run)
    lowest = 4
    for _ in range(240):
        run.later(seconds=5)
        staying = [pod for pod in run.inside.pods() if "deletionTimestamp" not in pod["metadata"]]
        lowest = min(lowest, sum(is_ready(pod) for pod in staying))
    assert seen(run, name)["status"] == "Successful"
    assert lowest == 3
    assert run.inside.ready() == 4
    assert set(run.inside.placed()) <= set(run.nodes())


def test_a_blocked_pod_fails_the_roll_after_fifteen_minutes(run: Driven) -> None:
    (node,) = deploy(run)
    (pod,) = run.inside.pods()
    put_budget(run, minAvailable=1)
    name = roll(run)
    run.later(minutes=15)
    assert seen(run, name)["status"] == "InProgress"
    run.later(minutes=8)
    update = seen(run, name)
    assert (update["status"], update["errors"][0]["errorCode"]) == ("Failed", "PodEvictionFailure")
    assert update["errors"][0]["resourceIds"] == [node]
    assert pod["metadata"]["name"] not in update["errors"][0]["errorMessage"], "EKS does not name the pod"
    assert (run.group()["status"], run.group()["version"]) == ("ACTIVE", "1.34")
    assert "unschedulable" not in run.nodes()[node]["spec"]
    run.later(minutes=20)
    assert members(run) == 2


@pytest.mark.parametrize("owned", [True, False], ids=["of a controller", "bare"])
def test_force_takes_the_node_after_the_limit(run: Driven, owned: bool) -> None:
    node = min(run.nodes())
    if owned:
        (node,) = deploy(run)
    else:
        put_bare_pod(run, node)
    put_budget(run, minAvailable=1)
    name = roll(run, force=True)
    run.later(minutes=16)
    assert node in run.nodes()
    run.later(minutes=25)
    assert seen(run, name)["status"] == "Successful"
    assert node not in run.nodes()


def test_two_budgets_of_one_pod_block_it_for_good(run: Driven) -> None:
    assert set(deploy(run, replicas=4)) == set(run.nodes())
    put_budget(run, maxUnavailable=4)
    run.inside.budget("other", selector={}, maxUnavailable=4)
    name = roll(run)
    run.later(minutes=40)
    assert seen(run, name)["errors"][0]["errorCode"] == "PodEvictionFailure"


def test_pods_of_daemon_sets_hold_nothing_up(run: Driven) -> None:
    assert set(deploy(run, "agent", resource=DAEMONS)) == set(run.nodes())
    put_budget(run, "agent", minAvailable="100%")
    name = roll(run)
    run.later(hours=1)
    assert seen(run, name)["status"] == "Successful"


def test_nodes_that_never_join_fail_the_roll(run: Driven) -> None:
    run.world.eks.failing_nodes.add(f"{run.cluster.key}/main")
    old = set(run.nodes())
    name = roll(run)
    run.later(minutes=14)
    assert seen(run, name)["status"] == "InProgress"
    run.later(minutes=2)
    update = seen(run, name)
    assert (update["status"], update["errors"][0]["errorCode"]) == ("Failed", "NodeCreationFailure")
    assert len(update["errors"][0]["resourceIds"]) == 4
    assert set(run.nodes()) == old
    assert not any("unschedulable" in node["spec"] for node in run.nodes().values())
    assert (members(run), run.group()["version"]) == (2, "1.34")


def test_an_autoscaler_at_work_ends_the_scale_down_early(run: Driven) -> None:
    name = roll(run)
    run.later(seconds=140)
    group = run.group()["resources"]["autoScalingGroups"][0]["name"]
    run.asg.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=4)
    run.later(hours=1)
    assert (seen(run, name)["status"], members(run)) == ("Successful", 4)
    assert run.group()["scalingConfig"]["desiredSize"] == 4


def test_a_group_without_nodes_is_done_at_once(run: Driven) -> None:
    main = run.cluster.node_groups["main"]
    main.instances, main.desired, main.minimum = {}, 0, 0
    name = roll(run)
    run.later(seconds=30)
    assert (seen(run, name)["status"], run.group()["version"]) == ("Successful", "1.35")


def test_one_token_is_one_roll(run: Driven) -> None:
    first = roll(run, clientRequestToken="t-1")
    assert roll(run, clientRequestToken="t-1") == first
    arguments = {"clusterName": "shop", "nodegroupName": "main", "force": True, "clientRequestToken": "t-1"}
    refused("InvalidParameterException", run.eks.update_nodegroup_version, **arguments)


def test_a_group_that_rolls_is_in_use(run: Driven) -> None:
    roll(run)
    group = {"clusterName": "shop", "nodegroupName": "main"}
    answer = refused("ResourceInUseException", run.eks.update_nodegroup_version, **group)
    assert (answer["clusterName"], answer["nodegroupName"]) == ("shop", "main")
    refused("ResourceInUseException", run.eks.update_nodegroup_config, **group, scalingConfig={"desiredSize": 3})
    refused("ResourceInUseException", run.eks.delete_nodegroup, **group)


def test_groups_roll_side_by_side(run: Driven) -> None:
    """Two groups of one cluster, each with its own update."""
    template = {"id": "lt-0123456789abcdef0", "version": "4"}
    other = run.eks.update_nodegroup_version(clusterName="shop", nodegroupName="custom", launchTemplate=template)
    name = roll(run)
    run.later(hours=1)
    assert seen(run, name)["status"] == "Successful"
    assert run.update(other["update"]["id"], nodegroupName="custom")["status"] == "Successful"
    assert run.group("custom")["launchTemplate"]["version"] == "4"


REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a group that is not there": ("gone", {}, "ResourceNotFoundException"),
    "newer than the cluster": ("main", {"version": "1.36"}, "InvalidParameterException"),
    "no version": ("main", {"version": "new"}, "InvalidParameterException"),
    "a release of another minor": (
        "main",
        {"version": "1.35", "releaseVersion": "1.34.11-20261102"},
        "InvalidParameterException",
    ),
    "an older minor": ("main", {"version": "1.33"}, "InvalidRequestException"),
    "an older release": ("main", {"version": "1.34", "releaseVersion": "1.34.2-20251010"}, "InvalidRequestException"),
    "a template for a group without one": (
        "main",
        {"launchTemplate": {"id": "lt-1", "version": "2"}},
        "InvalidParameterException",
    ),
    "another template": ("custom", {"launchTemplate": {"id": "lt-1", "version": "2"}}, "InvalidParameterException"),
    "a version for a custom image": ("custom", {"version": "1.35"}, "InvalidParameterException"),
    "nothing for a custom image": ("custom", {}, "InvalidParameterException"),
}


@pytest.mark.parametrize("case", REFUSALS, ids=list(REFUSALS))
def test_a_roll_is_refused(run: Driven, case: str) -> None:
    group, arguments, code = REFUSALS[case]
    refused(code, run.eks.update_nodegroup_version, clusterName="shop", nodegroupName=group, **arguments)
    assert run.eks.list_updates(name="shop", nodegroupName="main")["updateIds"] == []


def test_no_roll_while_the_control_plane_moves(run: Driven) -> None:
    run.upgrade("1.36")
    arguments = {"clusterName": "shop", "nodegroupName": "main"}
    refused("InvalidRequestException", run.eks.update_nodegroup_version, **arguments)


def test_going_back_is_a_switch(run: Driven) -> None:
    run.world.eks.node_groups_roll_back = True
    name = roll(run, version="1.33")
    run.later(hours=1)
    assert (seen(run, name)["status"], run.group()["version"]) == ("Successful", "1.33")


def test_amazon_linux_2_ends_with_1_32(run: Driven) -> None:
    run.cluster.node_groups["main"].ami_type = "AL2_x86_64"
    arguments = {"clusterName": "shop", "nodegroupName": "main"}
    refused("InvalidParameterException", run.eks.update_nodegroup_version, **arguments)


def test_instances_show_the_image_that_they_run(run: Driven) -> None:
    roll(run)
    run.later(seconds=40)
    ec2 = run.aws.client("ec2")
    sieve = [{"Name": "tag:eks:nodegroup-name", "Values": ["main"]}]
    reservations = ec2.describe_instances(Filters=sieve)["Reservations"]
    images = [instance["ImageId"] for each in reservations for instance in each["Instances"]]
    assert len(images) == 6
    assert sorted(images.count(image) for image in set(images)) == [2, 4]
