"""The simulated EKS through real clients: every read, its pages and its errors, always as the world stands now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.world import SimIssue
from tests.sim.worlds import CUSTOM_AMI, DEV, PROD, REGION, Aws, a_cluster, a_world, pages, served

READER = f"arn:aws:iam::{PROD}:role/fleetkeeper-reader"


def test_a_change_of_the_world_shows_at_once(aws: Aws) -> None:
    eks = aws.client("eks")
    cluster = next(iter(aws.world.clusters.values()))
    assert eks.describe_cluster(name="shop")["cluster"]["version"] == "1.34"
    cluster.version = "1.35"
    cluster.status = "UPDATING"
    seen = eks.describe_cluster(name="shop")["cluster"]
    assert (seen["version"], seen["status"]) == ("1.35", "UPDATING")


def test_a_cluster_answers_what_fleetkeeper_reads(aws: Aws) -> None:
    cluster = next(iter(aws.world.clusters.values()))
    cluster.endpoint, cluster.audit_logs = "https://localhost:6443/shop", True
    cluster.issues = [SimIssue("KmsKeyNotFound", "the key is gone", ["arn:aws:kms:::key/1"])]
    seen = aws.client("eks").describe_cluster(name="shop")["cluster"]
    assert seen["arn"] == f"arn:aws:eks:{REGION}:{PROD}:cluster/shop"
    assert seen["createdAt"].astimezone(UTC) == cluster.created_at
    assert seen["endpoint"] == "https://localhost:6443/shop"
    assert seen["health"]["issues"][0]["code"] == "KmsKeyNotFound"
    assert seen["logging"]["clusterLogging"][0] == {"types": ["audit"], "enabled": True}
    assert seen["resourcesVpcConfig"]["subnetIds"] == cluster.subnets
    assert seen["upgradePolicy"] == {"supportType": "STANDARD"}


def test_a_cluster_in_creation_has_no_endpoint(aws: Aws) -> None:
    next(iter(aws.world.clusters.values())).status = "CREATING"
    assert "endpoint" not in aws.client("eks").describe_cluster(name="shop")["cluster"]


def test_250_clusters_come_in_three_pages() -> None:
    with served(a_world(*(a_cluster(f"c{number:03d}") for number in range(250)))) as aws:
        eks = aws.client("eks")
        first = eks.list_clusters()
        assert len(first["clusters"]) == 100
        assert len(pages(eks, "list_clusters", "clusters")) == 250
        small = list(eks.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 99}))
        assert [len(page["clusters"]) for page in small] == [99, 99, 52]


def test_pages_stay_right_while_clusters_come_and_go() -> None:
    world = a_world(*(a_cluster(f"c{number}") for number in range(6)))
    with served(world) as aws:
        eks = aws.client("eks")
        first = eks.list_clusters(maxResults=3)
        del world.clusters[a_cluster("c0").key]
        second = eks.list_clusters(maxResults=3, nextToken=first["nextToken"])
        assert first["clusters"] + second["clusters"] == [f"c{number}" for number in range(6)]


def test_a_scope_shows_only_its_own_clusters() -> None:
    with served(a_world(a_cluster("a"), a_cluster("b", DEV), a_cluster("c", PROD, "us-east-1"))) as aws:
        assert aws.client("eks").list_clusters()["clusters"] == ["a"]
        assert aws.client("eks", DEV).list_clusters()["clusters"] == ["b"]
        assert aws.client("eks", PROD, "us-east-1").list_clusters()["clusters"] == ["c"]


@pytest.mark.parametrize(
    ("operation", "arguments", "member"),
    [
        ("describe_cluster", {"name": "gone"}, "clusterName"),
        ("list_addons", {"clusterName": "gone"}, "clusterName"),
        ("describe_addon", {"clusterName": "shop", "addonName": "gone"}, "addonName"),
        ("describe_nodegroup", {"clusterName": "shop", "nodegroupName": "gone"}, "nodegroupName"),
        ("describe_fargate_profile", {"clusterName": "shop", "fargateProfileName": "gone"}, "fargateProfileName"),
        ("describe_insight", {"clusterName": "shop", "id": "gone"}, "clusterName"),
        ("describe_access_entry", {"clusterName": "shop", "principalArn": READER + "-gone"}, "clusterName"),
        ("describe_addon_versions", {"addonName": "gone"}, "addonName"),
    ],
)
def test_what_is_not_there_is_a_404_that_names_it(
    aws: Aws, operation: str, arguments: dict[str, str], member: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("eks"), operation)(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ResourceNotFoundException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer[member] in {"gone", "shop"}


@pytest.mark.parametrize("arguments", [{"maxResults": 101}, {"nextToken": "made-up"}, {"nextToken": "Zm9v"}])
def test_a_bad_page_is_an_invalid_parameter(aws: Aws, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        aws.client("eks").list_clusters(**arguments)


def test_addons_are_listed_and_described(aws: Aws) -> None:
    eks = aws.client("eks")
    cluster = next(iter(aws.world.clusters.values()))
    cluster.addons["coredns"].status = "DEGRADED"
    cluster.addons["coredns"].issues = [SimIssue("InsufficientNumberOfReplicas", "no node fits", ["coredns"])]
    assert pages(eks, "list_addons", "addons", clusterName="shop") == ["coredns", "vpc-cni"]
    seen = eks.describe_addon(clusterName="shop", addonName="coredns")["addon"]
    assert (seen["addonVersion"], seen["status"]) == ("v1.13.2-eksbuild.19", "DEGRADED")
    assert seen["health"]["issues"][0]["resourceIds"] == ["coredns"]


def test_node_groups_are_listed_and_described(aws: Aws) -> None:
    eks = aws.client("eks")
    assert pages(eks, "list_nodegroups", "nodegroups", clusterName="shop") == ["custom", "main"]
    main = eks.describe_nodegroup(clusterName="shop", nodegroupName="main")["nodegroup"]
    custom = eks.describe_nodegroup(clusterName="shop", nodegroupName="custom")["nodegroup"]
    assert main["taints"] == [{"key": "dedicated", "value": "shop", "effect": "NO_SCHEDULE"}]
    assert main["scalingConfig"] == {"minSize": 1, "maxSize": 5, "desiredSize": 2}
    assert main["resources"]["autoScalingGroups"][0]["name"].startswith("eks-main-")
    assert (custom["amiType"], custom["releaseVersion"], custom.get("version")) == ("CUSTOM", CUSTOM_AMI, None)
    assert custom["launchTemplate"] == {"id": "lt-0123456789abcdef0", "name": "custom", "version": "3"}


def test_fargate_profiles_are_listed_and_described(aws: Aws) -> None:
    eks = aws.client("eks")
    assert pages(eks, "list_fargate_profiles", "fargateProfileNames", clusterName="shop") == ["jobs"]
    seen = eks.describe_fargate_profile(clusterName="shop", fargateProfileName="jobs")["fargateProfile"]
    assert seen["selectors"] == [{"namespace": "jobs", "labels": {"fargate": "yes"}}]


@pytest.mark.parametrize(
    ("sieve", "found"),
    [
        ({}, 1),
        ({"categories": ["UPGRADE_READINESS"], "statuses": ["ERROR", "WARNING"]}, 1),
        ({"statuses": ["PASSING"]}, 0),
        ({"kubernetesVersions": ["1.35"]}, 0),
        ({"categories": ["ROLLBACK_READINESS"]}, 0),
    ],
)
def test_insights_are_filtered(aws: Aws, sieve: dict[str, Any], found: int) -> None:
    assert len(pages(aws.client("eks"), "list_insights", "insights", clusterName="shop", filter=sieve)) == found


def test_an_insight_tells_who_calls_the_deprecated_api(aws: Aws) -> None:
    seen = aws.client("eks").describe_insight(clusterName="shop", id="a87900d3")["insight"]
    client = seen["categorySpecificSummary"]["deprecationDetails"][0]["clientStats"][0]
    assert (client["userAgent"], client["numberOfRequestsLast30Days"]) == ("argocd", 7)
    assert isinstance(client["lastRequestTime"], datetime)
    assert seen["categorySpecificSummary"]["addonCompatibilityDetails"][0]["name"] == "coredns"
    assert seen["insightStatus"]["status"] == "ERROR"


def test_access_entries_are_listed_and_described(aws: Aws) -> None:
    eks = aws.client("eks")
    assert pages(eks, "list_access_entries", "accessEntries", clusterName="shop") == [READER]
    seen = eks.describe_access_entry(clusterName="shop", principalArn=READER)["accessEntry"]
    assert seen["kubernetesGroups"] == ["fleetkeeper:readers"]
    assert seen["username"] == f"arn:aws:sts::{PROD}:assumed-role/fleetkeeper-reader/{{{{SessionName}}}}"


def test_a_config_map_cluster_has_no_access_entries(aws: Aws) -> None:
    next(iter(aws.world.clusters.values())).authentication_mode = "CONFIG_MAP"
    with pytest.raises(ClientError, match="InvalidRequestException"):
        aws.client("eks").list_access_entries(clusterName="shop")


def test_tags_are_found_by_arn(aws: Aws) -> None:
    eks = aws.client("eks")
    cluster = eks.describe_cluster(name="shop")["cluster"]["arn"]
    group = eks.describe_nodegroup(clusterName="shop", nodegroupName="main")["nodegroup"]["nodegroupArn"]
    assert eks.list_tags_for_resource(resourceArn=cluster)["tags"] == {"env": "prod"}
    assert eks.list_tags_for_resource(resourceArn=group)["tags"] == {"cost": "shop"}
    for arn in (cluster + "x", group + "x"):
        with pytest.raises(ClientError, match="NotFoundException"):
            eks.list_tags_for_resource(resourceArn=arn)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, ["1.36", "1.35", "1.34", "1.33", "1.32", "1.31"]),
        ({"defaultOnly": True}, ["1.36"]),
        ({"clusterVersions": ["1.34", "1.29"]}, ["1.34", "1.29"]),
        ({"versionStatus": "EXTENDED_SUPPORT"}, ["1.33", "1.32", "1.31"]),
        ({"status": "standard-support"}, ["1.36", "1.35", "1.34"]),
        ({"versionStatus": "UNSUPPORTED"}, ["1.30", "1.29", "1.28", "1.27"]),
        ({"includeAll": True, "PaginationConfig": {"PageSize": 3}}, [f"1.{minor}" for minor in range(36, 26, -1)]),
    ],
    ids=["supported", "default", "named", "extended", "old spelling", "unsupported", "all in pages"],
)
def test_versions_are_filtered(aws: Aws, arguments: dict[str, Any], names: list[str]) -> None:
    found = pages(aws.client("eks"), "describe_cluster_versions", "clusterVersions", **arguments)
    assert [each["clusterVersion"] for each in found] == names


def test_support_follows_the_simulated_clock(aws: Aws) -> None:
    eks = aws.client("eks")
    aws.world.epoch += timedelta(days=14)  # 4 December 2026: past the standard support of 1.34, the end of 1.31
    found = {each["clusterVersion"]: each for each in eks.describe_cluster_versions()["clusterVersions"]}
    assert found["1.34"]["versionStatus"] == "EXTENDED_SUPPORT"
    assert "1.31" not in found
    assert found["1.36"]["defaultVersion"] is True


def test_addon_versions_name_one_default_per_minor(aws: Aws) -> None:
    found = {
        each["addonName"]: each
        for each in pages(aws.client("eks"), "describe_addon_versions", "addons", kubernetesVersion="1.35")
    }
    assert {"vpc-cni", "coredns", "kube-proxy", "aws-ebs-csi-driver", "metrics-server"} <= set(found)
    for addon in found.values():
        compatible = [each["compatibilities"] for each in addon["addonVersions"]]
        assert all([each["clusterVersion"] for each in rows] == ["1.35"] for rows in compatible)
        assert sum(rows[0]["defaultVersion"] for rows in compatible) == 1, addon["addonName"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"addonName": "coredns"}, ["coredns"]),
        ({"types": ["storage"]}, ["aws-ebs-csi-driver", "aws-efs-csi-driver", "snapshot-controller"]),
        ({"owners": ["community"]}, ["cert-manager", "kube-state-metrics", "metrics-server"]),
        ({"kubernetesVersion": "1.99"}, []),
    ],
)
def test_addon_versions_are_filtered(aws: Aws, arguments: dict[str, Any], names: list[str]) -> None:
    eks = aws.client("eks")
    found = pages(eks, "describe_addon_versions", "addons", **arguments, PaginationConfig={"PageSize": 2})
    assert [each["addonName"] for each in found] == names


@pytest.mark.parametrize("minor", ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36"])
def test_the_catalogue_has_one_default_for_every_addon_and_minor(minor: str) -> None:
    for addon in catalog().addons.values():
        defaults = [each.version for each in addon.versions if minor in each.default_of]
        assert len(defaults) == 1, f"{addon.name} on {minor}"
        assert addon.default(minor) in addon.serving(minor)


def test_an_operation_that_is_not_simulated_is_loud() -> None:
    with served(a_world()) as aws:
        with pytest.raises(ClientError, match="DeleteCluster is not simulated"):
            aws.client("eks").delete_cluster(name="shop")
        assert len(aws.server.violations) == 1
