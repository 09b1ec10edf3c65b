"""What an upgrade needs of the account, by botocore: roles and keys, launch templates, and the use of quotas."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.world import SimTemplate
from tests.sim.worlds import CUSTOM_AMI, NOW, PROD, REGION, Aws, a_cluster, a_world, strictly_served

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:{REGION}:{PROD}:key/{KEY_ID}"
ROLE = f"arn:aws:iam::{PROD}:role/shop-cluster"
TEMPLATE = "lt-0123456789abcdef0"


@pytest.fixture
def aws() -> Iterator[Aws]:
    shop = a_cluster()
    shop.kms_key = KEY
    with strictly_served(a_world(shop)) as running:
        yield running


def test_the_role_of_a_cluster_is_there(aws: Aws) -> None:
    role = aws.client("iam").get_role(RoleName="shop-cluster")["Role"]

    assert (role["Arn"], role["Path"]) == (ROLE, "/")
    assert aws.client("eks").describe_cluster(name="shop")["cluster"]["roleArn"] == ROLE


@pytest.mark.parametrize("name", ["shop-cluster", "nobody"], ids=["one that was lost", "one that never was"])
def test_a_role_that_is_gone_is_no_such_entity(aws: Aws, name: str) -> None:
    aws.world.lost_roles.add(ROLE)

    with pytest.raises(ClientError, match="NoSuchEntity"):
        aws.client("iam").get_role(RoleName=name)


@pytest.mark.parametrize("name", [KEY, KEY_ID], ids=["by ARN", "by id"])
@pytest.mark.parametrize("state", ["Enabled", "Disabled", "PendingDeletion"])
def test_the_key_of_a_cluster_tells_its_state(aws: Aws, name: str, state: str) -> None:
    aws.world.keys[KEY] = state

    key = aws.client("kms").describe_key(KeyId=name)["KeyMetadata"]

    assert (key["Arn"], key["KeyState"], key["Enabled"]) == (KEY, state, state == "Enabled")
    encryption = aws.client("eks").describe_cluster(name="shop")["cluster"]["encryptionConfig"]
    assert encryption == [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]


def test_a_key_that_was_deleted_is_not_found(aws: Aws) -> None:
    aws.world.keys[KEY] = ""

    with pytest.raises(ClientError, match="NotFoundException"):
        aws.client("kms").describe_key(KeyId=KEY)


def test_roles_and_keys_that_clients_make_are_motos(aws: Aws) -> None:
    kms, iam = aws.client("kms"), aws.client("iam")
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument="{}")

    assert kms.describe_key(KeyId=made)["KeyMetadata"]["KeyState"] == "Enabled"
    assert iam.get_role(RoleName="mine")["Role"]["RoleName"] == "mine"


def test_a_launch_template_has_the_version_in_use_unless_the_world_says_more(aws: Aws) -> None:
    ec2 = aws.client("ec2")

    def numbers() -> tuple[int, int]:
        (found,) = ec2.describe_launch_templates(LaunchTemplateIds=[TEMPLATE])["LaunchTemplates"]
        return found["DefaultVersionNumber"], found["LatestVersionNumber"]

    assert numbers() == (3, 3)
    aws.world.templates[TEMPLATE] = SimTemplate(default=1, latest=5)
    assert numbers() == (1, 5)


def test_launch_templates_are_listed_page_by_page(aws: Aws) -> None:
    pages = aws.client("ec2").get_paginator("describe_launch_templates").paginate(PaginationConfig={"PageSize": 1})

    names = [each["LaunchTemplateName"] for page in pages for each in page["LaunchTemplates"]]
    assert len(names) == 3
    assert {"custom", "shop-legacy"} < set(names)


@pytest.mark.parametrize(
    ("versions", "numbers"),
    [([], [1, 3, 5]), (["3"], [3]), (["$Latest"], [5]), (["$Default", "$Latest"], [1, 5]), (["4"], [])],
    ids=["all", "by number", "the newest", "the default too", "one that is not kept"],
)
def test_versions_of_a_launch_template(aws: Aws, versions: list[str], numbers: list[int]) -> None:
    aws.world.templates[TEMPLATE] = SimTemplate(default=1, latest=5)
    asked: dict[str, Any] = {"Versions": versions} if versions else {}

    found = aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=TEMPLATE, **asked)

    assert [each["VersionNumber"] for each in found["LaunchTemplateVersions"]] == numbers


def test_a_launch_template_that_is_not_there_is_an_error(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.NotFound"):
        aws.client("ec2").describe_launch_template_versions(LaunchTemplateId="lt-0")


def test_the_newest_versions_of_all_launch_templates_with_their_images(aws: Aws) -> None:
    found = aws.client("ec2").describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]

    images = {each["LaunchTemplateName"]: each["LaunchTemplateData"]["ImageId"] for each in found}
    assert (images["custom"], images["shop-legacy"]) == (CUSTOM_AMI, CUSTOM_AMI)


def usage(aws: Aws, kind: str) -> list[float]:
    dimensions = {"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": kind}
    metric = {
        "Namespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    query = {"Id": "q0", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}}
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=NOW - timedelta(hours=1), EndTime=NOW
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def test_the_vcpus_that_run_are_counted_by_the_class_of_their_quota(aws: Aws) -> None:
    assert usage(aws, "Standard/OnDemand") == [8.0]
    assert usage(aws, "Standard/Spot") == []
    aws.world.clusters[f"{PROD}/{REGION}/shop"].node_groups["main"].capacity_type = "SPOT"
    assert (usage(aws, "Standard/OnDemand"), usage(aws, "Standard/Spot")) == ([4.0], [4.0])
