"""CreateNodegroup, DeleteNodegroup and UpdateNodegroupConfig through boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.controllers.pods import is_ready
from fleetkeeper.sim.world import SimSubnet
from tests.sim.eks_writes import NODE_REMOVAL, Driven, deploy, driven, join_nodes, put_bare_pod, put_budget, refused
from tests.sim.worlds import CUSTOM_AMI, PROD, REGION, a_world, served

GROUP: dict[str, Any] = {
    "clusterName": "shop",
    "nodegroupName": "blue",
    "subnets": ["subnet-0a", "subnet-0b"],
    "nodeRole": f"arn:aws:iam::{PROD}:role/shop-node",
}
MAIN = {"clusterName": "shop", "nodegroupName": "main"}


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        yield made


def states(run: Driven) -> list[str]:
    """Of the instances of main."""
    groups = run.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
    group = next(each for each in groups if each["AutoScalingGroupName"].startswith("eks-main-"))
    return [each["LifecycleState"] for each in group["Instances"]]


def test_a_new_group_becomes_active_with_its_nodes(run: Driven) -> None:
    size = {"minSize": 1, "maxSize": 4, "desiredSize": 3}
    made = run.eks.create_nodegroup(**GROUP, scalingConfig=size, labels={"colour": "blue"}, tags={"a": "b"})
    assert (made["nodegroup"]["status"], made["nodegroup"]["version"]) == ("CREATING", "1.34")
    assert run.nodes() == {}
    run.later(seconds=99)
    assert (len(run.nodes()), run.group("blue")["status"]) == (3, "CREATING")
    run.later(seconds=11)
    group = run.group("blue")
    assert (group["status"], group["scalingConfig"], group["tags"]) == ("ACTIVE", size, {"a": "b"})
    assert (group["nodeRole"], group["diskSize"]) == (GROUP["nodeRole"], 20)
    assert [node["metadata"]["labels"]["colour"] for node in run.nodes().values()] == ["blue"] * 3
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in run.nodes().values()}
    assert zones == {f"{REGION}{letter}" for letter in "abc"}


def test_one_token_is_one_group(run: Driven) -> None:
    run.eks.create_nodegroup(**GROUP, clientRequestToken="t-1")
    again = run.eks.create_nodegroup(**GROUP, clientRequestToken="t-1")
    assert again["nodegroup"]["nodegroupName"] == "blue"
    refused("ResourceInUseException", run.eks.create_nodegroup, **GROUP)


def test_a_group_whose_nodes_never_join_fails(run: Driven) -> None:
    run.world.eks.failing_nodes.add(run.cluster.key)
    run.eks.create_nodegroup(**GROUP)
    run.later(minutes=16)
    group = run.group("blue")
    assert (group["status"], group["health"]["issues"][0]["code"]) == ("CREATE_FAILED", "NodeCreationFailure")


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "the minor before": ({"version": "1.33"}, "InvalidParameterException"),
    "the minor after": ({"version": "1.35"}, "InvalidParameterException"),
    "an image that is no longer made": ({"amiType": "AL2_x86_64"}, "InvalidParameterException"),
    "a group that exists": ({"nodegroupName": "main"}, "ResourceInUseException"),
    "a cluster that is not there": ({"clusterName": "gone"}, "InvalidParameterException"),
    "a subnet that is not there": ({"subnets": ["subnet-9"]}, "InvalidParameterException"),
    "sizes that do not fit": (
        {"scalingConfig": {"minSize": 3, "maxSize": 2, "desiredSize": 2}},
        "InvalidParameterException",
    ),
    "a version beside a custom image": (
        {"version": "1.34", "launchTemplate": {"id": "lt-0123456789abcdef0"}},
        "InvalidParameterException",
    ),
}


@pytest.mark.parametrize("case", REFUSALS, ids=list(REFUSALS))
def test_a_new_group_is_refused(run: Driven, case: str) -> None:
    arguments, code = REFUSALS[case]
    refused(code, run.eks.create_nodegroup, **{**GROUP, **arguments})
    assert run.eks.list_nodegroups(clusterName="shop")["nodegroups"] == ["custom", "main"]


def test_a_custom_image_is_exempt_from_the_minor(run: Driven) -> None:
    made = run.eks.create_nodegroup(**GROUP, launchTemplate={"id": "lt-0123456789abcdef0", "version": "3"})
    group = made["nodegroup"]
    assert (group["amiType"], group["releaseVersion"], group.get("version")) == ("CUSTOM", CUSTOM_AMI, None)


def test_groups_have_a_quota(run: Driven) -> None:
    run.world.quotas[PROD, REGION, "L-6D54EA21"] = 2
    refused("ResourceLimitExceededException", run.eks.create_nodegroup, **GROUP)


def test_a_cluster_that_updates_takes_no_group(run: Driven) -> None:
    run.upgrade()
    refused("InvalidRequestException", run.eks.create_nodegroup, **GROUP)


def test_a_deleted_group_goes_with_its_nodes(run: Driven) -> None:
    join_nodes(run)
    assert run.eks.delete_nodegroup(**MAIN)["nodegroup"]["status"] == "DELETING"
    assert run.group()["status"] == "DELETING"
    run.later(minutes=2)
    assert run.nodes() == {}
    refused("ResourceNotFoundException", run.eks.describe_nodegroup, **MAIN)
    refused("ResourceNotFoundException", run.eks.delete_nodegroup, **MAIN)


def test_what_is_not_drained_in_five_minutes_is_terminated(run: Driven) -> None:
    node = min(join_nodes(run))
    put_bare_pod(run, node)
    put_budget(run, minAvailable=1)
    run.eks.delete_nodegroup(**MAIN)
    run.later(minutes=4, seconds=59)
    assert set(run.nodes()) == {node}
    assert states(run) == ["Terminating:Wait"]
    run.later(seconds=1)
    assert states(run) == ["Terminating"]
    run.later(seconds=NODE_REMOVAL)
    assert run.nodes() == {}
    run.later(minutes=1)
    assert run.inside.pods() == []


def test_the_end_of_a_group_kills_what_a_budget_held_and_its_workload_makes_another(run: Driven) -> None:
    """Why fleetkeeper deletes only groups without instances: a budget counts for five minutes, and no longer."""
    join_nodes(run)
    deploy(run)
    put_budget(run, minAvailable=1)
    (held,) = run.inside.pods()
    join_nodes(run, "custom")
    run.eks.delete_nodegroup(**MAIN)
    run.later(minutes=4, seconds=59)
    assert [pod["metadata"]["uid"] for pod in run.inside.pods()] == [held["metadata"]["uid"]]
    run.later(minutes=5)
    (other,) = run.inside.pods()
    assert other["metadata"]["uid"] != held["metadata"]["uid"]
    assert is_ready(other)
    assert run.nodes()[other["spec"]["nodeName"]]["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] == "custom"


def test_a_group_in_deletion_cannot_be_updated(run: Driven) -> None:
    join_nodes(run)
    run.eks.delete_nodegroup(**MAIN)
    refused("ResourceInUseException", run.eks.update_nodegroup_version, **MAIN)


def test_labels_and_taints_reach_the_nodes(run: Driven) -> None:
    join_nodes(run)
    taint = {"key": "dedicated", "value": "shop", "effect": "NO_SCHEDULE"}
    update = run.eks.update_nodegroup_config(
        **MAIN,
        labels={"addOrUpdateLabels": {"new": "1"}, "removeLabels": ["team"]},
        taints={"addOrUpdateTaints": [{"key": "old", "effect": "PREFER_NO_SCHEDULE"}], "removeTaints": [taint]},
    )["update"]
    assert (update["type"], run.group()["status"]) == ("ConfigUpdate", "UPDATING")
    assert {"type": "LabelsToAdd", "value": '{"new": "1"}'} in update["params"]
    run.later(seconds=45)
    group = run.group()
    assert (group["labels"], group["taints"]) == ({"new": "1"}, [{"key": "old", "effect": "PREFER_NO_SCHEDULE"}])
    for node in run.nodes().values():
        assert node["metadata"]["labels"]["new"] == "1"
        assert node["spec"]["taints"] == [{"key": "old", "effect": "PreferNoSchedule"}]
    assert run.update(update["id"], nodegroupName="main")["status"] == "Successful"


def test_a_new_size_brings_and_takes_nodes(run: Driven) -> None:
    join_nodes(run)
    run.eks.update_nodegroup_config(**MAIN, scalingConfig={"desiredSize": 4})
    run.later(minutes=3)
    assert len(run.nodes()) == 4
    run.eks.update_nodegroup_config(**MAIN, scalingConfig={"minSize": 1, "desiredSize": 1})
    run.later(minutes=3)
    assert len(run.nodes()) == 1


def test_an_update_configuration_is_kept(run: Driven) -> None:
    config = {"maxUnavailablePercentage": 30, "updateStrategy": "MINIMAL"}
    run.eks.update_nodegroup_config(**MAIN, updateConfig=config)
    run.later(minutes=1)
    assert run.group()["updateConfig"] == config


@pytest.mark.parametrize("arguments", [{"nodeRepairConfig": {"enabled": True}}, {"warmPoolConfig": {"enabled": True}}])
def test_what_is_not_simulated_is_loud(arguments: dict[str, Any]) -> None:
    with served(a_world()) as aws:
        with pytest.raises(ClientError, match="is not simulated"):
            aws.client("eks").update_nodegroup_config(**MAIN, **arguments)
        assert len(aws.server.violations) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"scalingConfig": {"desiredSize": 6}},
        {"scalingConfig": {"minSize": 6}},
        {"scalingConfig": {"minSize": 3}},
        {"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}},
        {"updateConfig": {"maxUnavailable": 101}},
        {},
    ],
    ids=["over the maximum", "minimum over maximum", "under the minimum", "both", "over a hundred", "nothing"],
)
def test_a_configuration_is_refused(run: Driven, arguments: dict[str, Any]) -> None:
    refused("InvalidParameterException", run.eks.update_nodegroup_config, **MAIN, **arguments)


def test_a_subnet_of_the_world_is_one_of_the_cluster_s_vpc(run: Driven) -> None:
    run.world.subnets["subnet-9"] = SimSubnet("subnet-9", 100)
    assert run.eks.create_nodegroup(**{**GROUP, "subnets": ["subnet-9"]})["nodegroup"]["subnets"] == ["subnet-9"]
