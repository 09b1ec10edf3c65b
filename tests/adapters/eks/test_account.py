"""What an upgrade needs of the account, by boto3 against the simulated AWS: seen, gone, and not to be looked at."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.core import model, observed
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.eks_state import SimUpdate, SimUpdateError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimCluster, SimImage, SimSubnet, SimTemplate
from tests.adapters.eks.support import Patience, asked, bare_cloud, cloud, stub
from tests.sim.worlds import CUSTOM_AMI, NOW, PROD, REGION, Aws, a_cluster, a_node_group, a_world, strictly_served

ROLE = f"arn:aws:iam::{PROD}:role/shop-cluster"
KEY = f"arn:aws:kms:{REGION}:{PROD}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TEMPLATE = "lt-0123456789abcdef0"


@pytest.fixture
def aws() -> Iterator[Aws]:
    shop = a_cluster()
    shop.kms_key = KEY
    with strictly_served(a_world(shop, a_cluster("pay"))) as running:
        yield running


def prerequisites(eks: EksCloud, name: str = "shop") -> observed.ClusterPrerequisites:
    return eks.prerequisites(eks.cluster(name)[1], eks.node_groups(name))


def templates(eks: EksCloud, *known: observed.LaunchTemplate, name: str = "shop") -> dict[str, observed.LaunchTemplate]:
    return {each.group: each for each in eks.launch_templates(name, eks.node_groups(name), known)}


def forbid(aws: Aws, operation: str) -> None:
    aws.world.order(Fault("aws", "forbid", operation=operation))


# Updates


def an_update(number: int, **other: Any) -> SimUpdate:
    usual = {"type": "VersionUpdate", "params": (("Version", "1.34"), ("PlatformVersion", "eks.24"))}
    return SimUpdate(**{"id": f"update-{number}", "number": number, "created_at": NOW, **usual, **other})


def given(shop: SimCluster, *updates: SimUpdate) -> None:
    shop.eks.updates = {each.id: each for each in updates}


def test_a_cluster_without_updates_has_none(eks: EksCloud) -> None:
    assert eks.updates("shop", {}) == ()


def test_updates_with_the_minor_that_they_move_to_and_their_errors(shop: SimCluster, eks: EksCloud) -> None:
    failed = an_update(2, status="Failed", errors=[SimUpdateError("AccessDenied", "no", ("r",))])
    given(shop, an_update(1), failed, an_update(3, type="LoggingUpdate", params=(), status="Successful"))

    assert eks.updates("shop", {}) == (
        observed.EksUpdate("update-1", "VersionUpdate", "InProgress", NOW, Minor(1, 34)),
        observed.EksUpdate("update-2", "VersionUpdate", "Failed", NOW, Minor(1, 34), ("AccessDenied: no",)),
        observed.EksUpdate("update-3", "LoggingUpdate", "Successful", NOW),
    )


def test_updates_of_node_groups_are_not_the_clusters(shop: SimCluster, eks: EksCloud) -> None:
    given(shop, an_update(1, node_group="main"))

    assert eks.updates("shop", {}) == ()


def test_an_update_that_has_ended_is_read_once_and_a_running_one_every_time(
    aws: Aws, shop: SimCluster, eks: EksCloud
) -> None:
    given(shop, *(an_update(n, status="Successful") for n in range(120)), an_update(120))
    known = {each.id: each for each in eks.updates("shop", {})}
    before = asked(aws.server, "eks:DescribeUpdate")
    shop.eks.updates["update-120"].status = "Successful"

    again = eks.updates("shop", known)

    assert (before, asked(aws.server, "eks:DescribeUpdate")) == (121, 122)
    assert len(again) == 121
    assert {each.status for each in again} == {"Successful"}


# Subnets, role, key


def test_the_prerequisites_of_a_healthy_cluster(aws: Aws, eks: EksCloud) -> None:
    aws.world.subnets["subnet-0b"] = SimSubnet("subnet-0b", 3)

    found = prerequisites(eks)

    assert found == observed.ClusterPrerequisites(
        subnets=(
            observed.Subnet("subnet-0a", f"{REGION}a", 4000),
            observed.Subnet("subnet-0b", f"{REGION}b", 3),
            observed.Subnet("subnet-0c", f"{REGION}c", 4000),
        ),
        node_subnets=found.subnets,
        role_arn=ROLE,
        role_exists=True,
        kms_key=KEY,
        kms_state="Enabled",
    )


def test_a_subnet_that_ec2_does_not_know_is_left_out(eks: EksCloud) -> None:
    control_plane = replace(eks.cluster("shop")[1], subnets=("subnet-0a", "subnet-gone"))

    found = eks.prerequisites(control_plane, ())

    assert [each.id for each in found.subnets] == ["subnet-0a"]


def test_the_subnets_of_self_managed_groups_are_those_of_nodes_too(aws: Aws, shop: SimCluster, eks: EksCloud) -> None:
    _, control_plane = eks.cluster("shop")
    (own,) = shop.auto_scaling_groups.values()
    own.subnets = ["subnet-0b", "subnet-gone"]
    assert [each.subnets for each in eks.auto_scaling_groups() if each.name == own.name] == [
        ("subnet-0b", "subnet-gone")
    ]
    assert [each.id for each in eks.prerequisites(control_plane, ()).node_subnets] == ["subnet-0b"]


def test_without_auto_scaling_only_the_subnets_of_managed_groups_are_known(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "DescribeAutoScalingGroups")
    _, control_plane = eks.cluster("shop")
    assert eks.prerequisites(control_plane, ()).node_subnets == ()
    assert len(prerequisites(eks).node_subnets) == 3


def test_subnets_are_listed_once_for_all_clusters(aws: Aws, eks: EksCloud) -> None:
    prerequisites(eks, "shop")
    prerequisites(eks, "pay")

    assert asked(aws.server, "ec2:DescribeSubnets") == 1


def test_subnets_that_cannot_be_listed_are_a_read_error_for_every_cluster(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "DescribeSubnets")

    for name in ("shop", "pay"):
        with pytest.raises(ReadError, match="ec2:DescribeSubnets") as refused:
            prerequisites(eks, name)
        assert refused.value.reason is GapReason.FORBIDDEN
    assert asked(aws.server, "ec2:DescribeSubnets") == 1


def test_a_role_that_is_gone_is_known_to_be_gone(aws: Aws, eks: EksCloud) -> None:
    aws.world.lost_roles.add(ROLE)

    assert prerequisites(eks).role_exists is False


def test_a_role_that_we_may_not_look_at_is_unknown_and_the_rest_is_seen(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "GetRole")

    found = prerequisites(eks)

    assert (found.role_exists, found.kms_state, len(found.subnets)) == (None, "Enabled", 3)


@pytest.mark.parametrize(
    ("in_kms", "state"),
    [("Disabled", "Disabled"), ("PendingDeletion", "PendingDeletion"), ("", "Deleted")],
    ids=["disabled", "about to be deleted", "deleted"],
)
def test_the_state_of_a_key(aws: Aws, eks: EksCloud, in_kms: str, state: str) -> None:
    aws.world.keys[KEY] = in_kms

    assert prerequisites(eks).kms_state == state


def test_a_key_that_we_may_not_look_at_is_unknown(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "DescribeKey")

    found = prerequisites(eks)

    assert (found.kms_key, found.kms_state, found.role_exists) == (KEY, "", True)


def test_a_cluster_without_a_key_asks_nothing_of_kms(aws: Aws, eks: EksCloud) -> None:
    found = prerequisites(eks, "pay")

    assert (found.kms_key, found.kms_state) == ("", "")
    assert asked(aws.server, "kms:DescribeKey") == 0


def test_a_service_that_does_not_answer_is_not_asked_again_for_the_next_cluster(aws: Aws, eks: EksCloud) -> None:
    aws.world.order(Fault("aws", "drop-before", operation="GetRole"))
    assert prerequisites(eks, "shop").role_exists is None
    tried = asked(aws.server, "iam:GetRole")

    assert prerequisites(eks, "pay").role_exists is None
    assert asked(aws.server, "iam:GetRole") == tried > 1


def test_a_look_that_a_stop_cut_off_is_no_answer(aws: Aws) -> None:
    cancel = Patience()
    eks = cloud(aws.server.url, cancel)
    control_plane = eks.cluster("shop")[1]
    prerequisites(eks)
    cancel.set()

    with pytest.raises(ReadError, match="stopped before the request was sent"):
        eks.prerequisites(control_plane, ())


# Launch templates


def test_launch_templates_of_managed_and_self_managed_groups_with_the_images_of_custom_ones(
    aws: Aws, eks: EksCloud
) -> None:
    aws.world.templates[TEMPLATE] = SimTemplate(default=2, latest=5)

    found = templates(eks)

    assert found["custom"] == observed.LaunchTemplate(TEMPLATE, "custom", 3, 2, 5, "custom", CUSTOM_AMI)
    assert (found["shop-legacy"].name, found["shop-legacy"].in_use) == ("shop-legacy", 1)
    assert found["shop-legacy"].image == CUSTOM_AMI
    assert set(found) == {"custom", "shop-legacy"}


def test_a_known_image_of_a_version_is_not_read_again(aws: Aws, eks: EksCloud) -> None:
    first = templates(eks)
    before = asked(aws.server, "ec2:DescribeLaunchTemplateVersions")

    assert templates(eks, *first.values()) == first
    assert asked(aws.server, "ec2:DescribeLaunchTemplateVersions") == before == 2


def test_launch_templates_and_groups_are_listed_once_for_all_clusters(aws: Aws, eks: EksCloud) -> None:
    templates(eks, name="shop")
    templates(eks, name="pay")
    eks.auto_scaling_groups()

    assert asked(aws.server, "ec2:DescribeLaunchTemplates") == 1
    assert asked(aws.server, "autoscaling:DescribeAutoScalingGroups") == 1


def test_without_a_template_of_its_own_a_cluster_asks_for_none(aws: Aws, shop: SimCluster, eks: EksCloud) -> None:
    shop.auto_scaling_groups.clear()
    del shop.node_groups["custom"]

    assert templates(eks) == {}
    assert asked(aws.server, "ec2:DescribeLaunchTemplates") == 0


def test_an_image_that_we_may_not_look_at_is_left_blank(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "DescribeLaunchTemplateVersions")

    assert {each.image for each in templates(eks).values()} == {""}


@pytest.mark.parametrize("operation", ["DescribeLaunchTemplates", "DescribeAutoScalingGroups"])
def test_templates_or_groups_that_cannot_be_listed_are_a_read_error(aws: Aws, eks: EksCloud, operation: str) -> None:
    forbid(aws, operation)

    with pytest.raises(ReadError, match=operation):
        templates(eks)


GROUPS = """<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>
<AutoScalingGroupName>own</AutoScalingGroupName><DesiredCapacity>2</DesiredCapacity>
<MixedInstancesPolicy><LaunchTemplate><LaunchTemplateSpecification><LaunchTemplateId>lt-1</LaunchTemplateId>
<Version>$Latest</Version></LaunchTemplateSpecification></LaunchTemplate></MixedInstancesPolicy>
<Tags><member><Key>kubernetes.io/cluster/shop</Key><Value>owned</Value></member></Tags>
</member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"""
TEMPLATES = """<DescribeLaunchTemplatesResponse><launchTemplates><item><launchTemplateId>lt-1</launchTemplateId>
<launchTemplateName>own</launchTemplateName><defaultVersionNumber>1</defaultVersionNumber>
<latestVersionNumber>7</latestVersionNumber></item></launchTemplates></DescribeLaunchTemplatesResponse>"""
VERSIONS = """<DescribeLaunchTemplateVersionsResponse><launchTemplateVersionSet><item>
<launchTemplateData><imageId>ami-7</imageId></launchTemplateData></item></launchTemplateVersionSet>
</DescribeLaunchTemplateVersionsResponse>"""


def test_a_group_of_mixed_instances_that_follows_the_newest_version() -> None:
    answers = {
        "DescribeAutoScalingGroups": GROUPS,
        "DescribeLaunchTemplates": TEMPLATES,
        "DescribeLaunchTemplateVersions": VERSIONS,
    }
    with stub(lambda call: answers[call.operation]) as server:
        found = bare_cloud(server.url).launch_templates("shop", (), ())

    assert found == (observed.LaunchTemplate("lt-1", "own", 7, 1, 7, "own", "ami-7"),)


# Quotas


def test_quotas_of_running_instances_with_what_is_in_use(aws: Aws, eks: EksCloud) -> None:
    aws.world.quotas[(PROD, REGION, "L-1216C47A")] = 20.0

    found = {each.code: each for each in eks.quotas()}

    name = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
    assert found["L-1216C47A"] == observed.Quota("ec2", "L-1216C47A", name, 20.0, 16.0)
    assert (found["L-34B43A08"].value, found["L-34B43A08"].used) == (640.0, None)
    assert "L-0263D0A3" not in found  # of Elastic IPs
    assert asked(aws.server, "service-quotas:ListServiceQuotas") == 1
    assert asked(aws.server, "cloudwatch:GetMetricData") == 1


def test_quotas_whose_use_we_may_not_look_at_are_told_without_it(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "GetMetricData")

    found = eks.quotas()

    assert len(found) == 4
    assert {each.used for each in found} == {None}


def test_quotas_that_cannot_be_listed_are_a_read_error_that_names_the_right(aws: Aws, eks: EksCloud) -> None:
    forbid(aws, "ListServiceQuotas")

    with pytest.raises(ReadError, match="servicequotas:ListServiceQuotas"):
        eks.quotas()


def test_a_role_and_a_key_are_told_with_the_cluster(eks: EksCloud) -> None:
    control_plane: model.ControlPlane = eks.cluster("shop")[1]

    assert (control_plane.role_arn, control_plane.kms_key) == (ROLE, KEY)
    assert NOW - eks.cluster("shop")[0].created_at == timedelta(days=300)


# Images


def images(eks: EksCloud, *known: observed.GroupImage, name: str = "shop") -> dict[str, observed.GroupImage]:
    groups = eks.node_groups(name)
    found = eks.images(name, groups, eks.launch_templates(name, groups, ()), known)
    return {each.group: each for each in found}


def test_images_are_as_old_as_their_release_says_or_as_ec2_has_them(aws: Aws, shop: SimCluster, eks: EksCloud) -> None:
    aws.world.images[CUSTOM_AMI] = SimImage(CUSTOM_AMI, "golden-7", NOW - timedelta(days=90))
    rocket = a_node_group("rocket")
    rocket.ami_type, rocket.release_version = "BOTTLEROCKET_x86_64", "1.51.0-7d4f3c11"
    shop.node_groups["rocket"] = rocket

    found = images(eks)

    assert found["main"] == observed.GroupImage("main", created_at=datetime(2026, 11, 2, tzinfo=UTC))
    assert found["custom"] == observed.GroupImage("custom", CUSTOM_AMI, created_at=NOW - timedelta(days=90))
    assert found["shop-legacy"].created_at == NOW - timedelta(days=90)
    assert (found["rocket"].name, found["rocket"].created_at) == (
        "bottlerocket-aws-k8s-1.34-*-v1.51.0-7d4f3c11",
        datetime(2026, 10, 1, tzinfo=UTC),
    )


def test_images_are_asked_for_once_and_known_ones_never_again(aws: Aws, eks: EksCloud) -> None:
    first = images(eks)
    assert images(eks, name="pay")["custom"].created_at == first["custom"].created_at
    assert asked(aws.server, "ec2:DescribeImages") == 1
    again = cloud(aws.server.url)

    assert images(again, *first.values()) == first
    assert asked(aws.server, "ec2:DescribeImages") == 1


def test_images_whose_release_tells_their_age_are_not_asked_for(aws: Aws, shop: SimCluster, eks: EksCloud) -> None:
    shop.auto_scaling_groups.clear()
    del shop.node_groups["custom"]

    assert set(images(eks)) == {"main"}
    assert asked(aws.server, "ec2:DescribeImages") == 0


def test_an_image_that_is_gone_or_that_we_may_not_look_at_has_no_age(aws: Aws, eks: EksCloud) -> None:
    groups, gone = eks.node_groups("shop"), observed.LaunchTemplate("lt-1", "old", 1, 1, 1, "old", "ami-0gone")
    (old,) = (each for each in eks.images("shop", groups, (gone,), ()) if each.group == "old")
    assert old == observed.GroupImage("old", "ami-0gone")
    forbid(aws, "DescribeImages")

    found = images(cloud(aws.server.url))

    assert (found["custom"].created_at, found["main"].created_at is None) == (None, False)
