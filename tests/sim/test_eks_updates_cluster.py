"""UpdateClusterVersion upwards through boto3: what EKS documents, what it refuses, and what one sees in between."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.sim.eks_state import EksTiming
from fleetkeeper.sim.world import SimDeprecatedCall, SimInsight, SimIssue, SimSubnet
from tests.sim.eks_writes import Driven, driven, refused
from tests.sim.worlds import NOW


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        yield made


def test_an_upgrade_is_seen_in_progress_and_then_done(run: Driven) -> None:
    update = run.eks.update_cluster_version(name="shop", version="1.35")["update"]
    assert (update["type"], update["status"], update["errors"]) == ("VersionUpdate", "InProgress", [])
    assert {each["type"]: each["value"] for each in update["params"]} == {
        "Version": "1.35",
        "PlatformVersion": "eks.15",
    }
    assert run.status() == ("UPDATING", "1.34")
    run.later(minutes=7, seconds=59)
    assert run.status() == ("UPDATING", "1.34")
    run.later(seconds=1)
    assert run.status() == ("ACTIVE", "1.35")
    assert run.update(update["id"])["status"] == "Successful"


def test_patch_platform_version_and_gauges_follow(run: Driven) -> None:
    run.cluster.deprecated_calls = [
        SimDeprecatedCall("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", "1.35"),
        SimDeprecatedCall("", "v1", "endpoints"),
    ]
    restarted: list[str] = []
    run.aws.server.stage.restarted.append(lambda cluster: restarted.append(cluster.patch))
    run.upgrade()
    run.later(minutes=8)
    assert (run.cluster.patch, run.cluster.platform_version) == ("v1.35.8-eks-3cfe0ce", "eks.15")
    assert restarted == ["v1.35.8-eks-3cfe0ce"]
    assert [call.resource for call in run.cluster.deprecated_calls] == ["endpoints"]


def test_the_status_may_lag_behind_the_update(run: Driven) -> None:
    run.world.eks.timing = EksTiming(status_lag=timedelta(seconds=5))
    run.upgrade()
    assert run.status() == ("ACTIVE", "1.34")
    refused("ResourceInUseException", run.eks.update_cluster_version, name="shop", version="1.35")
    run.later(seconds=5)
    assert run.status() == ("UPDATING", "1.34")


def test_one_token_is_one_update(run: Driven) -> None:
    first = run.upgrade(clientRequestToken="t-1")
    assert run.upgrade(clientRequestToken="t-1") == first
    run.later(minutes=9)
    again = run.eks.update_cluster_version(name="shop", version="1.35", clientRequestToken="t-1")["update"]
    assert (again["id"], again["status"]) == (first, "Successful")
    assert run.status() == ("ACTIVE", "1.35")
    assert run.eks.list_updates(name="shop")["updateIds"] == [first]


def test_a_token_of_another_request_is_refused(run: Driven) -> None:
    run.upgrade(clientRequestToken="t-1")
    arguments = {"name": "shop", "version": "1.36", "clientRequestToken": "t-1"}
    refused("InvalidParameterException", run.eks.update_cluster_version, **arguments)


def test_two_updates_at_once_are_one_too_many(run: Driven) -> None:
    run.upgrade()
    answer = refused("ResourceInUseException", run.eks.update_cluster_version, name="shop", version="1.35")
    assert (answer["clusterName"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("shop", 409)
    run.later(minutes=8)
    run.upgrade("1.36")
    assert run.status() == ("UPDATING", "1.35")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.36", "Unsupported Kubernetes minor version update from 1.34 to 1.36"),
        ("1.34", "Unsupported Kubernetes minor version update from 1.34 to 1.34"),
        ("1.32", "Unsupported Kubernetes minor version update from 1.34 to 1.32"),
        ("1.37", "unsupported Kubernetes version"),
        ("1.29", "unsupported Kubernetes version"),
        ("latest", "unsupported Kubernetes version"),
    ],
    ids=["skips a minor", "the same", "two back", "not released", "out of support", "no version"],
)
def test_only_the_next_minor_will_do(run: Driven, version: str, message: str) -> None:
    answer = refused("InvalidParameterException", run.eks.update_cluster_version, name="shop", version=version)
    assert answer["Error"]["Message"] == message
    assert run.status() == ("ACTIVE", "1.34")


def test_a_cluster_that_is_not_there_is_not_found(run: Driven) -> None:
    refused("ResourceNotFoundException", run.eks.update_cluster_version, name="gone", version="1.35")


def test_a_cluster_that_is_not_active_is_refused(run: Driven) -> None:
    run.cluster.status = "FAILED"
    refused("InvalidRequestException", run.eks.update_cluster_version, name="shop", version="1.35")


def test_a_rollback_config_belongs_to_rollbacks(run: Driven) -> None:
    arguments = {"name": "shop", "version": "1.35", "rollbackConfig": {"timeoutMinutes": 600}}
    refused("InvalidParameterException", run.eks.update_cluster_version, **arguments)


def an_error(version: str = "1.35") -> SimInsight:
    return SimInsight("err", "Deprecated APIs removed", "UPGRADE_READINESS", "ERROR", version, "in use")


def test_error_insights_do_not_block_by_default(run: Driven) -> None:
    run.cluster.insights["err"] = an_error()
    run.upgrade()


def test_error_insights_block_where_the_switch_says_so_and_force_overrides(run: Driven) -> None:
    run.world.eks.insights_block_upgrade = True
    run.cluster.insights["err"] = an_error()
    answer = refused("InvalidStateException", run.eks.update_cluster_version, name="shop", version="1.35")
    assert "ListInsights" in answer["Error"]["Message"]
    run.upgrade(force=True)


def test_error_insights_of_a_later_minor_do_not_block(run: Driven) -> None:
    run.world.eks.insights_block_upgrade = True
    run.cluster.insights["err"] = an_error("1.36")
    run.upgrade()


def test_a_node_group_may_lag_three_minors_and_no_more(run: Driven) -> None:
    run.cluster.node_groups["main"].version = "1.32"
    run.upgrade()
    run.later(minutes=8)
    answer = refused("InvalidRequestException", run.eks.update_cluster_version, name="shop", version="1.36")
    assert "Nodegroups [main] must be updated to match cluster version 1.35" in answer["Error"]["Message"]


def test_the_strict_rule_of_the_api_reference_is_a_switch(run: Driven) -> None:
    run.world.eks.node_group_lag = 0
    run.upgrade()
    run.later(minutes=8)
    refused("InvalidRequestException", run.eks.update_cluster_version, name="shop", version="1.36")


def few_addresses(run: Driven) -> None:
    run.world.subnets = {name: SimSubnet(name, 1) for name in run.cluster.subnets}


def an_issue(code: str) -> Callable[[Driven], None]:
    return lambda run: run.cluster.issues.append(SimIssue(code, "gone", ["x"]))


def bad_servers(run: Driven) -> None:
    run.world.eks.failing_control_planes.add(run.cluster.key)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (few_addresses, "InsufficientFreeAddresses"),
        (an_issue("Ec2SubnetNotFound"), "SubnetNotFound"),
        (an_issue("Ec2SecurityGroupNotFound"), "SecurityGroupNotFound"),
        (an_issue("VpcNotFound"), "VpcIdNotFound"),
        (an_issue("IamRoleNotFound"), "OperationNotPermitted"),
        (an_issue("KmsKeyDisabled"), "OperationNotPermitted"),
        (an_issue("AccessDenied"), "AccessDenied"),
        (bad_servers, "Unknown"),
    ],
    ids=["addresses", "subnet", "security group", "vpc", "role", "key", "access", "api servers"],
)
def test_an_upgrade_that_fails_leaves_the_cluster_as_it_was(
    run: Driven, trouble: Callable[[Driven], None], code: str
) -> None:
    trouble(run)
    name = run.upgrade()
    assert run.status() == ("UPDATING", "1.34")
    run.later(minutes=8)
    assert run.status() == ("ACTIVE", "1.34")
    update = run.update(name)
    assert (update["status"], [each["errorCode"] for each in update["errors"]]) == ("Failed", [code])
    run.eks.update_cluster_version(name="shop", version="1.35")


def test_insights_follow_the_minor(run: Driven) -> None:
    run.cluster.insights["old"] = an_error("1.35")
    run.upgrade()
    run.later(minutes=8)
    listed = run.eks.list_insights(clusterName="shop")["insights"]
    found = {(each["category"], each["kubernetesVersion"]) for each in listed}
    assert found == {("UPGRADE_READINESS", "1.36"), ("ROLLBACK_READINESS", "1.34")}


def test_updates_are_listed_in_pages_and_described_by_subject(run: Driven) -> None:
    names = []
    for version in ("1.35", "1.36"):
        names.append(run.upgrade(version))
        run.later(minutes=8)
    pages = list(run.eks.get_paginator("list_updates").paginate(name="shop", PaginationConfig={"PageSize": 1}))
    assert [page["updateIds"] for page in pages] == [names[:1], names[1:]]
    assert run.eks.list_updates(name="shop", nodegroupName="main")["updateIds"] == []
    subject = {"name": "shop", "updateId": names[0], "nodegroupName": "main"}
    refused("ResourceNotFoundException", run.eks.describe_update, **subject)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"name": "gone"}, "ResourceNotFoundException"),
        ({"name": "shop", "nodegroupName": "gone"}, "ResourceNotFoundException"),
        ({"name": "shop", "addonName": "gone"}, "ResourceNotFoundException"),
        ({"name": "shop", "addonName": "coredns", "nodegroupName": "main"}, "InvalidParameterException"),
        ({"name": "shop", "nextToken": "made-up"}, "InvalidParameterException"),
        ({"name": "shop", "maxResults": 101}, "InvalidParameterException"),
    ],
)
def test_a_list_of_updates_is_refused(run: Driven, arguments: dict[str, Any], code: str) -> None:
    refused(code, run.eks.list_updates, **arguments)


def test_an_update_that_is_not_there_is_not_found(run: Driven) -> None:
    refused("ResourceNotFoundException", run.eks.describe_update, name="shop", updateId="gone")


def test_an_upgrade_cannot_be_cancelled(run: Driven) -> None:
    name = run.upgrade()
    refused("InvalidRequestException", run.eks.cancel_update, name="shop", updateId=name)
    run.later(minutes=8)
    refused("InvalidRequestException", run.eks.cancel_update, name="shop", updateId=name)
    refused("ResourceNotFoundException", run.eks.cancel_update, name="shop", updateId="gone")


def test_a_refresh_of_insights_takes_its_time(run: Driven) -> None:
    refused("ResourceNotFoundException", run.eks.describe_insights_refresh, clusterName="shop")
    assert run.eks.start_insights_refresh(clusterName="shop")["status"] == "IN_PROGRESS"
    assert run.eks.describe_insights_refresh(clusterName="shop")["status"] == "IN_PROGRESS"
    run.later(minutes=2)
    seen = run.eks.describe_insights_refresh(clusterName="shop")
    assert (seen["status"], seen["endedAt"] - seen["startedAt"]) == ("COMPLETED", timedelta(minutes=2))
    assert len(run.eks.list_insights(clusterName="shop")["insights"]) == 5
    run.cluster.status = "UPDATING"
    refused("InvalidRequestException", run.eks.start_insights_refresh, clusterName="shop")


def test_a_deprecated_api_stays_red_for_thirty_days(run: Driven) -> None:
    name = "Deprecated APIs removed in Kubernetes v1.35"
    insight = SimInsight("dep", name, "UPGRADE_READINESS", "ERROR", "1.35", "in use")
    stats = {"userAgent": "argocd", "numberOfRequestsLast30Days": 1, "lastRequestTime": NOW - timedelta(days=29)}
    insight.summary = {"deprecationDetails": [{"usage": "/apis/x", "clientStats": [stats]}]}
    run.cluster.insights["dep"] = insight
    seen = []
    for days in (0, 2):
        run.later(days=days)
        run.eks.start_insights_refresh(clusterName="shop")
        run.later(minutes=2)
        seen.append(run.eks.describe_insight(clusterName="shop", id="dep")["insight"]["insightStatus"]["status"])
    assert seen == ["ERROR", "PASSING"]


def test_a_refresh_finds_addons_and_kubelets_that_do_not_fit(run: Driven) -> None:
    run.cluster.addons["vpc-cni"].version = "v1.20.1-eksbuild.3"  # up to 1.33
    run.cluster.node_groups["main"].version = "1.31"
    run.eks.start_insights_refresh(clusterName="shop")
    run.later(minutes=2)
    listed = run.eks.list_insights(clusterName="shop", filter={"statuses": ["ERROR"]})["insights"]
    assert {each["name"] for each in listed} == {"EKS add-on version compatibility", "Kubelet version skew"}


def test_kube_proxy_of_the_present_minor_is_no_error_of_the_next(run: Driven) -> None:
    known = next(each for each in run.cluster.addons.values())
    version = f"v{run.cluster.version}.0-eksbuild.1"
    run.cluster.addons["kube-proxy"] = replace(known, name="kube-proxy", version=version)
    run.eks.start_insights_refresh(clusterName="shop")
    run.later(minutes=2)
    listed = run.eks.list_insights(clusterName="shop", filter={"statuses": ["ERROR"]})["insights"]
    assert [each for each in listed if each["name"] == "EKS add-on version compatibility"] == []
