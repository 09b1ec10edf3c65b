"""The traps of a second node group: each fires alone, by its name and with its fix, and a plain group has none."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.model import NodeGroup, Workload
from fleetkeeper.core.pods import PodTemplate, Requirement
from fleetkeeper.core.rotation.blue_green_traps import (
    NODE_GROUP,
    Ground,
    RoleUsers,
    Scaling,
    pass_role,
    pinned_to,
    traps,
)
from fleetkeeper.core.rotation.clone import MADE_BY, REPLACES, asked_of, clone_name
from tests.contract.observed import NOON, node_group

ZONES = {"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b", "subnet-c": "eu-west-1c"}
EKS_TAGS = ("eks:cluster-name", "kubernetes.io/cluster/shop", "k8s.io/cluster-autoscaler/enabled")
ZONAL = node_group(name="web-a", subnets=("subnet-a",))


def web(**other: Any) -> NodeGroup:
    return node_group(name="web", **other)


def ground(group: NodeGroup | None = None, **other: Any) -> Ground:
    plain = Ground(group or web(), "web-2", cluster="shop", zones=ZONES, scaling=Scaling(tags=EKS_TAGS))
    return replace(plain, **other)


def test_a_plain_group_has_no_trap() -> None:
    assert traps(ground()) == ()
    assert traps(ground(scaling=None)) == ()


@pytest.mark.parametrize(
    ("where", "name", "fix"),
    [
        pytest.param(
            ground(web(tags={"terraform": "true"})), "kept as code", "let Terraform update", id="the group's own tags"
        ),
        pytest.param(
            ground(cluster_tags={"alpha.eksctl.io/cluster-name": "shop"}),
            "kept as code",
            "let eksctl update",
            id="the cluster's tags",
        ),
        pytest.param(
            ground(pinned=("shop/Deployment/db",)), "named by workloads", "a label of your own", id="a selector"
        ),
        pytest.param(
            ground(scaling=Scaling(tags=(*EKS_TAGS, "backup"))),
            "tags of the Auto Scaling group",
            "tag the node group instead",
            id="a tag that EKS does not copy",
        ),
        pytest.param(
            ground(scaling=Scaling(target_groups=("arn:aws:elasticloadbalancing:x:1:targetgroup/front/1",))),
            "target groups",
            "Load Balancer Controller",
            id="a target group",
        ),
        pytest.param(ground(scaling=Scaling(scheduled=("night",))), "scheduled actions", "delete them", id="schedules"),
        pytest.param(ground(scaling=Scaling(warm_pool=True)), "warm pool", "update it in place", id="a warm pool"),
        pytest.param(
            ground(ZONAL, others=(replace(ZONAL, name="web-b", subnets=("subnet-b",)),)),
            "one group per zone",
            "one after the other",
            id="one group per zone",
        ),
        pytest.param(ground(web(capacity_type="SPOT")), "Spot capacity", "MINIMAL", id="Spot"),
        pytest.param(
            ground(web(capacity_type="CAPACITY_BLOCK"), spare=True), "reserved capacity", "MINIMAL", id="a reservation"
        ),
        pytest.param(ground(web(instance_types=("p5.48xlarge",))), "scarce machines", "MINIMAL", id="GPUs"),
        pytest.param(
            ground(web(launch_template="lt-1:3"), ami_type="BOTTLEROCKET_x86_64"),
            "user data for another image",
            "by hand",
            id="another image with user data",
        ),
    ],
)
def test_a_trap_is_named_with_what_to_do_instead(where: Ground, name: str, fix: str) -> None:
    (found,) = traps(where)
    assert found.name == name
    assert fix in found.fix
    assert str(found).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(ground(web(capacity_type="SPOT"), spare=True), id="Spot of which there is enough"),
        pytest.param(ground(web(instance_types=("p5.48xlarge",)), spare=True), id="GPUs of which there are enough"),
        pytest.param(ground(web(instance_types=("m7g.large", "c7i.large"))), id="families that only begin alike"),
        pytest.param(ground(web(launch_template="lt-1:3"), ami_type=web().ami_type), id="the same kind of image"),
        pytest.param(ground(ami_type="BOTTLEROCKET_x86_64"), id="another image without a launch template"),
        pytest.param(ground(ZONAL, others=(web(),)), id="a group of a zone beside one of all"),
        pytest.param(
            ground(ZONAL, others=(replace(ZONAL, name="gpu", labels={"gpu": "1"}, subnets=("subnet-b",)),)),
            id="groups of one zone each that are not alike",
        ),
    ],
)
def test_what_only_looks_like_a_trap_is_none(where: Ground) -> None:
    assert traps(where) == ()


def test_all_traps_of_a_group_are_told_at_once() -> None:
    found = traps(ground(web(capacity_type="SPOT", tags={"terraform": "true"}), scaling=Scaling(warm_pool=True)))
    assert [each.name for each in found] == ["kept as code", "warm pool", "Spot capacity"]


def test_a_role_that_may_not_be_passed_on_is_a_trap_by_its_name() -> None:
    found = pass_role("arn:aws:iam::1:role/nodes", "denied")
    assert found.name == "iam:PassRole"
    assert "allow iam:PassRole on arn:aws:iam::1:role/nodes" in found.fix


# ---- who names the group


def load(*terms: Requirement, preferred: bool = False) -> Workload:
    template = PodTemplate(preferred_terms=terms) if preferred else PodTemplate(node_terms=terms)
    return Workload("Deployment", "shop", "db", "u", ("db:1",), 1, template=template)


@pytest.mark.parametrize(
    ("term", "is_pinned"),
    [
        pytest.param(Requirement(NODE_GROUP, "In", ("web",)), True, id="only the old group"),
        pytest.param(Requirement(NODE_GROUP, "NotIn", ("web",)), True, id="any but the old group"),
        pytest.param(Requirement(NODE_GROUP, "In", ("web", "web-2")), False, id="both"),
        pytest.param(Requirement(NODE_GROUP, "Exists"), False, id="any managed node"),
        pytest.param(Requirement("disk", "In", ("nvme",)), False, id="another label"),
    ],
)
@pytest.mark.parametrize("preferred", [False, True], ids=["required", "preferred"])
def test_a_workload_is_pinned_where_the_two_groups_are_not_alike_to_it(
    term: Requirement, is_pinned: bool, preferred: bool
) -> None:
    assert bool(pinned_to("web", "web-2", [load(term, preferred=preferred)])) is is_pinned


def test_a_workload_without_a_template_is_not_pinned() -> None:
    assert pinned_to("web", "web-2", [replace(load(), template=None)]) == ()


# ---- who else uses the role of a group that is to be deleted

ROLE = "arn:aws:iam::1:role/nodes"


@pytest.mark.parametrize(
    ("users", "named"),
    [
        pytest.param(RoleUsers({"web": ROLE, "web-2": ROLE}), (), id="the clone alone"),
        pytest.param(RoleUsers({"web": ROLE, "db": "arn:aws:iam::1:role/db"}), (), id="a group with another role"),
        pytest.param(RoleUsers({"web": ROLE, "db": ROLE}), ("node group db",), id="another group"),
        pytest.param(RoleUsers({"web": ROLE}, {"default": "nodes"}), ("EC2NodeClass default",), id="Karpenter's nodes"),
        pytest.param(
            RoleUsers({"web": ROLE}, {}, ("ip-10-1",)),
            ("node ip-10-1, whose role is not known",),
            id="self-managed nodes",
        ),
    ],
)
def test_a_role_that_serves_other_nodes_is_told(users: RoleUsers, named: tuple[str, ...]) -> None:
    assert users.beside("web", "web-2") == named


# ---- the clone

DOCUMENT: Mapping[str, Any] = {
    "nodegroupName": "web",
    "version": "1.34",
    "releaseVersion": "1.34.2-20260802",
    "scalingConfig": {"minSize": 1, "maxSize": 9, "desiredSize": 3},
    "subnets": ["subnet-a"],
    "nodeRole": ROLE,
    "labels": {"team": "shop"},
    "taints": [],
    "capacityType": "ON_DEMAND",
    "updateConfig": {"maxUnavailable": 1},
    "amiType": "AL2023_x86_64_STANDARD",
    "diskSize": 20,
    "instanceTypes": ["m6i.large"],
    "tags": {"cost": "shop", "aws:cloudformation:stack-name": "x", "eks:cluster-name": "shop", REPLACES: "old"},
}


def test_a_clone_is_like_its_group_as_large_as_that_is_now_and_has_no_minor_or_release_of_its_own() -> None:
    assert asked_of(DOCUMENT, "web-2", 5, "run-1") == {
        "nodegroupName": "web-2",
        "scalingConfig": {"minSize": 1, "maxSize": 9, "desiredSize": 5},
        "subnets": ["subnet-a"],
        "nodeRole": ROLE,
        "labels": {"team": "shop"},
        "capacityType": "ON_DEMAND",
        "updateConfig": {"maxUnavailable": 1},
        "amiType": "AL2023_x86_64_STANDARD",
        "diskSize": 20,
        "instanceTypes": ["m6i.large"],
        "tags": {"cost": "shop", REPLACES: "web", MADE_BY: "run-1"},
    }


def test_what_a_launch_template_says_is_not_said_twice() -> None:
    template = {"id": "lt-1", "name": "web", "version": "3"}
    asked = asked_of({**DOCUMENT, "launchTemplate": template, "amiType": "CUSTOM"}, "web-2", 12, "run-1")
    assert asked["launchTemplate"] == {"id": "lt-1", "version": "3"}
    assert "diskSize" not in asked
    assert "amiType" not in asked
    assert asked["scalingConfig"]["maxSize"] == 12


@pytest.mark.parametrize(
    ("group", "taken", "name"),
    [
        ("web", (), "web-261120"),
        ("web", ("web-261120",), "web-261120-2"),
        ("web-260101", (), "web-261120"),
        ("w" * 63, (), "w" * 56 + "-261120"),
    ],
)
def test_a_clone_has_a_fresh_name_that_eks_takes(group: str, taken: tuple[str, ...], name: str) -> None:
    found = clone_name(group, NOON, {group, *taken})
    assert found == name
    assert len(found) <= 63
