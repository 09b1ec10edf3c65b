"""UpdateClusterConfig, TagResource and UntagResource through boto3."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.world import SimSubnet
from tests.sim.eks_writes import Driven, driven, refused
from tests.sim.worlds import a_world, served


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        made.world.subnets["subnet-0d"] = SimSubnet("subnet-0d", 250)
        yield made


CHANGES: dict[str, tuple[dict[str, Any], str, str, Any]] = {
    "the upgrade policy": (
        {"upgradePolicy": {"supportType": "EXTENDED"}},
        "UpgradePolicyUpdate",
        "upgradePolicy",
        {"supportType": "EXTENDED"},
    ),
    "logging": (
        {"logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]}},
        "LoggingUpdate",
        "logging",
        {
            "clusterLogging": [
                {"types": ["api", "audit"], "enabled": True},
                {"types": ["authenticator", "controllerManager", "scheduler"], "enabled": False},
            ]
        },
    ),
}


@pytest.mark.parametrize("case", CHANGES, ids=list(CHANGES))
def test_a_configuration_changes_after_a_while(run: Driven, case: str) -> None:
    arguments, kind, member, value = CHANGES[case]
    update = run.eks.update_cluster_config(name="shop", **arguments)["update"]
    assert (update["type"], run.status()[0]) == (kind, "UPDATING")
    assert run.eks.describe_cluster(name="shop")["cluster"][member] != value
    run.later(seconds=45)
    assert run.eks.describe_cluster(name="shop")["cluster"][member] == value
    assert (run.update(update["id"])["status"], run.status()[0]) == ("Successful", "ACTIVE")
    refused("InvalidParameterException", run.eks.update_cluster_config, name="shop", **arguments)


def test_subnets_change(run: Driven) -> None:
    run.eks.update_cluster_config(name="shop", resourcesVpcConfig={"subnetIds": ["subnet-0a", "subnet-0d"]})
    run.later(seconds=45)
    seen = run.eks.describe_cluster(name="shop")["cluster"]["resourcesVpcConfig"]["subnetIds"]
    assert seen == ["subnet-0a", "subnet-0d"]


def test_logging_can_be_turned_off_again(run: Driven) -> None:
    run.cluster.audit_logs = True
    off = {"clusterLogging": [{"types": ["audit"], "enabled": False}]}
    run.eks.update_cluster_config(name="shop", logging=off)
    run.later(seconds=45)
    assert run.cluster.audit_logs is False


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"upgradePolicy": {"supportType": "EXTENDED"}, "logging": {"clusterLogging": []}},
        {"upgradePolicy": {"supportType": "STANDARD"}},
        {"resourcesVpcConfig": {"subnetIds": ["subnet-0a"]}},
        {"resourcesVpcConfig": {"subnetIds": ["subnet-0a", "subnet-9"]}},
        {"resourcesVpcConfig": {"subnetIds": ["subnet-0a", "subnet-0b", "subnet-0c"]}},
    ],
    ids=["nothing", "two at once", "no change", "one subnet", "an unknown subnet", "the same subnets"],
)
def test_a_configuration_is_refused(run: Driven, arguments: dict[str, Any]) -> None:
    refused("InvalidParameterException", run.eks.update_cluster_config, name="shop", **arguments)
    assert run.status() == ("ACTIVE", "1.34")


def test_one_update_of_a_cluster_at_a_time(run: Driven) -> None:
    change = {"name": "shop", "upgradePolicy": {"supportType": "EXTENDED"}}
    run.eks.update_cluster_config(**change, clientRequestToken="t-1")
    run.eks.update_cluster_config(**change, clientRequestToken="t-1")
    refused("ResourceInUseException", run.eks.update_cluster_config, **change)
    refused("ResourceInUseException", run.eks.update_cluster_version, name="shop", version="1.35")


def test_what_is_not_simulated_is_loud() -> None:
    with served(a_world()) as aws:
        with pytest.raises(ClientError, match="UpdateClusterConfig of deletionProtection is not simulated"):
            aws.client("eks").update_cluster_config(name="shop", deletionProtection=True)
        assert len(aws.server.violations) == 1


@pytest.mark.parametrize("kind", ["cluster", "nodegroup", "addon"])
def test_tags_come_and_go(run: Driven, kind: str) -> None:
    eks = run.eks
    arns = {
        "cluster": run.cluster.arn,
        "nodegroup": run.group()["nodegroupArn"],
        "addon": eks.describe_addon(clusterName="shop", addonName="coredns")["addon"]["addonArn"],
    }
    before = eks.list_tags_for_resource(resourceArn=arns[kind])["tags"]
    eks.tag_resource(resourceArn=arns[kind], tags={"new": "1", "more": "2"})
    assert eks.list_tags_for_resource(resourceArn=arns[kind])["tags"] == {**before, "new": "1", "more": "2"}
    eks.untag_resource(resourceArn=arns[kind], tagKeys=["new", "more"])
    assert eks.list_tags_for_resource(resourceArn=arns[kind])["tags"] == before


def test_tags_have_limits(run: Driven) -> None:
    tag = run.eks.tag_resource
    refused("NotFoundException", tag, resourceArn=run.cluster.arn + "x", tags={"a": "b"})
    refused("BadRequestException", tag, resourceArn=run.cluster.arn, tags={"aws:a": "b"})
    refused("BadRequestException", tag, resourceArn=run.cluster.arn, tags={f"t{n}": "" for n in range(50)})
