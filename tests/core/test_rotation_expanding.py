"""Which nodes a rotation takes: by the age of their image or by their minor, by which strategy, and why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.expanding.fold import Walk
from fleetkeeper.core.expanding.kinds import TEMPLATES
from fleetkeeper.core.expanding.needs import needs_of
from fleetkeeper.core.expanding.rotation import OPT_IN
from fleetkeeper.core.model import AutoScalingGroup, ComputeKind
from fleetkeeper.core.playbook import GateSpec, StageSpec, StepSpec, When
from fleetkeeper.core.rotation.clone import REPLACES
from fleetkeeper.core.traits import BLUE_GREEN, GROUP_DELETION
from fleetkeeper.errors import ParamError
from tests.contract.observed import NOON
from tests.core.fleets import gap
from tests.core.plans import plan
from tests.core.rotations import NEW_DAY, OLD_DAY, aged, fleet, kinds, old_group, rotate, rotated
from tests.core.upgrades import SHIPPED, climber

ASKED = dict([OPT_IN.split("=")])


def step(way: Walk, kind: str) -> StepSpec:
    (found,) = [each for each in way.steps if each.kind == kind]
    return found


# ---- by age


def test_a_managed_group_with_an_old_image_goes_to_the_newest_of_its_minor() -> None:
    found = step(rotated(fleet()), "update-nodegroup")
    assert found.name == "update-nodegroup-web"
    assert found.params == {"group": "web", "to": "1.34", "leaves": f"1.34.2-{OLD_DAY}"}
    assert found.why == "node group web: image of 2026-08-02 is 110 days old, 60 is the most"


def test_the_facts_are_what_a_start_looks_at_again() -> None:
    assert rotated(fleet()).facts == {"node group web": "1.34", "image of node group web": f"1.34.2-{OLD_DAY}"}


def test_a_young_image_is_left_and_the_plan_says_so() -> None:
    way = rotated(fleet(nodes=(aged(1, NEW_DAY),), groups=(old_group(day=NEW_DAY),)))
    assert not kinds(way)
    assert "node group web: image of 2026-11-10 is 10 days old, which is young enough" in way.idle


@pytest.mark.parametrize(("most", "due"), [("200d", False), ("110d", True), ("109d", True), ("2640h", True)])
def test_how_old_is_too_old_is_the_playbooks(most: str, due: bool) -> None:
    """It is noon: an image of 110 days ago is 110 days and a half old."""
    steps = (StepSpec("managed", "update-nodegroup", {"max_age": most}),)
    way = rotated(fleet(), replace(rotate(), steps=steps))
    assert bool(way.steps) is due
    assert all("max_age" not in each.params for each in way.steps)


def test_the_oldest_node_of_a_mixed_group_decides() -> None:
    way = rotated(fleet(nodes=(aged(1, NEW_DAY), aged(2, OLD_DAY)), groups=(old_group(day=NEW_DAY),)))
    assert "image of 2026-08-02 is 110 days old" in step(way, "update-nodegroup").why


def test_an_image_without_a_date_is_at_least_as_old_as_its_oldest_node() -> None:
    born = NOON - timedelta(days=90)
    way = rotated(fleet(nodes=(aged(1, "", created_at=born),), groups=(old_group(day=""),)))
    why = step(way, "update-nodegroup").why
    assert why == ("node group web: a node of 2026-08-22, so that its image is at least 90 days old, 60 is the most")


def test_an_image_of_unknown_age_on_young_nodes_is_left_and_nothing_is_guessed() -> None:
    way = rotated(fleet(nodes=(aged(1, "", created_at=NOON - timedelta(days=9)),), groups=(old_group(day=""),)))
    assert "node group web: nothing tells how old its image is; its nodes are 9 days old" in way.idle


# ---- by minor


def test_a_group_behind_the_control_plane_goes_to_its_minor_whatever_its_age() -> None:
    snap = fleet(nodes=(aged(1, NEW_DAY, version="1.33"),), groups=(old_group(day=NEW_DAY, version="1.33"),))
    found = step(rotated(snap), "update-nodegroup")
    assert found.params == {"group": "web", "to": "1.34"}
    assert found.why == "node group web is at 1.33, and the control plane at 1.34"


def test_a_group_with_images_of_its_owners_is_told_and_left() -> None:
    custom = old_group(version="1.34", ami_type="CUSTOM")
    way = rotated(fleet(groups=(replace(custom, version=None, release_version="ami-1"),)))
    assert not kinds(way)
    assert "its images are its owner's: put a newer one into its launch template" in way.idle


# ---- the other kinds


def test_an_auto_scaling_group_surges_and_its_step_keeps_the_playbooks_parameters() -> None:
    nodes = (aged(1, kind=ComputeKind.SELF_MANAGED, group="batch"),)
    steps = (StepSpec("surge", "surge-nodes", {"max_age": "60d", "parallel": "2"}),)
    way = rotated(fleet(nodes=nodes), replace(rotate(), steps=steps))
    found = step(way, "surge-nodes")
    assert found.params == {"group": "batch", "parallel": "2"}
    assert found.why == "Auto Scaling group batch: image of 2026-08-02 is 110 days old, 60 is the most"


def test_a_group_is_asked_for_by_its_own_name_and_not_by_what_a_label_calls_it() -> None:
    """eksctl labels its nodes with a short name, by which Auto Scaling knows no group."""
    nodes = (aged(1, kind=ComputeKind.SELF_MANAGED, group="batch", provider_id="aws:///eu-west-1a/i-0a"),)
    scaling = (AutoScalingGroup("eksctl-shop-nodegroup-batch-NodeGroup-1X", "shop", 1, ("i-0a",)),)
    found = step(rotated(fleet(nodes=nodes, scaling=scaling)), "surge-nodes")
    assert found.params["group"] == "eksctl-shop-nodegroup-batch-NodeGroup-1X"


@pytest.mark.parametrize(("days", "is_left"), [(90, True), (20, False)])
def test_a_group_that_would_launch_an_old_image_again_is_told_and_left(days: int, is_left: bool) -> None:
    nodes = (aged(1, kind=ComputeKind.SELF_MANAGED, group="batch"),)
    template = observed.LaunchTemplate("lt-1", "batch", 3, 3, 3, "batch", "ami-1")
    image = observed.GroupImage("batch", "ami-1", created_at=NOON - timedelta(days=days))
    way = rotated(fleet(nodes=nodes, templates=(template,), images=(image,)))
    said = "its launch template launches that very image: put a newer one into it"
    assert any(said in each for each in way.notes) is is_left
    assert ("surge-nodes-batch" in kinds(way)) is not is_left


def test_a_bottlerocket_group_is_as_old_as_ec2_says_its_image_is() -> None:
    groups = (old_group(day="", ami_type="BOTTLEROCKET_x86_64"),)
    image = observed.GroupImage(
        "web", name="bottlerocket-aws-k8s-1.34-*-v1.26.1-943d9a41", created_at=NOON - timedelta(days=70)
    )
    nodes = (aged(1, "", created_at=NOON - timedelta(days=3)),)
    why = step(rotated(fleet(nodes, groups, images=(image,))), "update-nodegroup").why
    assert why == "node group web: image of 2026-09-11 is 70 days old, 60 is the most"


def test_nodes_of_no_known_group_are_told_and_left() -> None:
    way = rotated(fleet(nodes=(aged(1, kind=ComputeKind.SELF_MANAGED, group=""),)))
    assert any("which Auto Scaling group made them is not known" in each for each in way.notes)


def test_nodepools_go_in_one_step_with_a_reason_each() -> None:
    nodes = tuple(aged(n, kind=ComputeKind.KARPENTER, group=name) for n, name in enumerate(("spot", "general"), 1))
    found = step(rotated(fleet(nodes=nodes)), "drift-nodes")
    assert found.params == {"pools": ("general", "spot")}
    assert "NodePool general: image of 2026-08-02" in found.why
    assert "NodePool spot: image of 2026-08-02" in found.why


def test_the_strategies_come_in_the_order_of_trust() -> None:
    nodes = (
        aged(1),
        aged(2, kind=ComputeKind.SELF_MANAGED, group="batch"),
        aged(3, kind=ComputeKind.KARPENTER, group="spot"),
        aged(4, group="db"),
    )
    groups = (old_group(), old_group("db", tags=ASKED))
    assert [each.kind for each in rotated(fleet(nodes, groups)).steps] == [
        "preflight",
        "update-nodegroup",
        "surge-nodes",
        "drift-nodes",
        "blue-green",
        "postflight",
    ]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ComputeKind.AUTO_MODE, "Auto Mode replaces its nodes itself"),
        (ComputeKind.FARGATE, "AWS renews nodes of Fargate with their pods"),
        (ComputeKind.HYBRID, "hybrid nodes are their owner's to renew"),
        (ComputeKind.UNKNOWN, "nothing touches them"),
    ],
)
def test_what_no_strategy_renews_is_told(kind: ComputeKind, said: str) -> None:
    way = rotated(fleet(nodes=(aged(1), aged(2, kind=kind, group="other"))))
    assert kinds(way) == ["update-nodegroup-web"]
    assert any(said in each for each in way.notes)


@pytest.mark.parametrize("part", [parts.NODES, parts.NODE_GROUPS, parts.WORKLOADS, parts.PREREQUISITES])
def test_what_was_not_seen_leaves_the_cluster_out(part: str) -> None:
    way = rotated(fleet(gaps={part: gap()}))
    assert "could not be seen" in way.obstacle


# ---- who opts in


@pytest.mark.parametrize(
    ("tags", "params"),
    [
        pytest.param(ASKED, {}, id="by the usual tag"),
        pytest.param({"team": "db"}, {"tag": "team=db"}, id="by a tag of one's own"),
        pytest.param({}, {"groups": ("we*",)}, id="by its name"),
    ],
)
def test_a_group_that_opts_in_gets_a_second_group_and_no_update_in_place(tags: Any, params: Any) -> None:
    way = rotated(fleet(groups=(old_group(tags=tags),)), rotate(**params))
    found = step(way, "blue-green")
    assert kinds(way) == ["blue-green-web"]
    assert found.params == {"group": "web", "clone": "web-261120"}
    assert way.traits == (BLUE_GREEN,)


def test_the_tag_means_nothing_where_the_playbook_has_no_such_step() -> None:
    playbook = replace(rotate(), steps=(StepSpec("managed", "update-nodegroup"),))
    assert kinds(rotated(fleet(groups=(old_group(tags=ASKED),)), playbook)) == ["managed-web"]


def test_a_trap_leaves_the_group_and_says_what_to_do() -> None:
    way = rotated(fleet(groups=(old_group(tags={**ASKED, "terraform": "true"}),)))
    assert not kinds(way)
    assert "a second group beside it is refused: kept as code: Terraform (tag terraform=true) keeps web" in way.idle


def test_a_group_that_has_its_clone_already_gets_no_other() -> None:
    groups = (old_group(tags=ASKED), old_group("web-261119", NEW_DAY, tags={REPLACES: "web"}))
    way = rotated(fleet(nodes=(aged(1), aged(2, NEW_DAY, group="web-261119")), groups=groups))
    assert not kinds(way)
    assert "node group web has a clone already" in way.idle


def test_a_replaced_group_without_nodes_is_deleted_by_a_step_with_a_gate_of_its_own() -> None:
    groups = (old_group(desired=0), old_group("web-261119", NEW_DAY, tags={REPLACES: "web"}))
    way = rotated(fleet(nodes=(aged(2, NEW_DAY, group="web-261119"),), groups=groups))
    found = step(way, "delete-node-group")
    assert found.params == {"group": "web", "clone": "web-261119"}
    assert way.traits == (GROUP_DELETION,)


@pytest.mark.parametrize("trait", [BLUE_GREEN, GROUP_DELETION])
def test_without_a_gate_of_its_own_the_cluster_is_left_out(trait: str) -> None:
    groups: tuple[model.NodeGroup, ...] = (old_group(tags=ASKED),)
    if trait == GROUP_DELETION:
        groups = (old_group(desired=0), old_group("web-261119", NEW_DAY, tags={REPLACES: "web"}))
    nodes = (aged(1),) if trait == BLUE_GREEN else (aged(2, NEW_DAY, group="web-261119"),)
    asked = climber(fleet(nodes, groups), "1.34")
    (left,) = plan(asked, playbook=rotate(), compat=SHIPPED).header.left
    assert f"no gate of its own for that (only = {trait!r})" in left.reason
    gate = GateSpec("asked", "approval", When.BEFORE, only=trait)
    made = plan(asked, playbook=replace(rotate(), stages=(StageSpec("all", gates=(gate,)),)), compat=SHIPPED)
    assert [each.traits for each in made.members] == [(trait,)]


# ---- what a plan reserves


@pytest.mark.parametrize("kind", ["update-nodegroup", "blue-green"])
def test_addresses_for_new_nodes_are_reserved(kind: str) -> None:
    found = fleet(groups=(old_group(desired=6),))
    needs = {each.resource: each.amount for each in needs_of(found, [StepSpec("x", kind, {"group": "web"})])}
    zones = 3 if kind == "blue-green" else 2
    assert needs == {"subnet:subnet-a": 10 * zones, "subnet:subnet-b": 10 * zones}


@pytest.mark.parametrize(("parallel", "amount"), [("1", 10), ("2", 10), ("50%", 20), ("3", 20)])
def test_addresses_and_cores_for_a_surge_of_our_own_are_reserved(parallel: str, amount: int) -> None:
    instance = {"provider_id": "aws:///eu-west-1a/i-0a", "instance_type": "m6i.large"}
    nodes = (aged(1, kind=ComputeKind.SELF_MANAGED, group="batch", **instance),)
    scaling = (AutoScalingGroup("batch-1X", "shop", 8, ("i-0a",), subnets=("subnet-a", "subnet-b", "subnet-gone")),)
    quotas = (observed.Quota("ec2", "L-1", "Running On-Demand Standard (A, C, D, M) instances", 100.0, 60.0),)
    found = fleet(nodes=nodes, scaling=scaling, values={parts.QUOTAS: quotas})
    surge = StepSpec("x", "surge-nodes", {"group": "batch-1X", "parallel": parallel})
    needs = {each.resource.partition("/")[0]: each.amount for each in needs_of(found, [surge])}
    cores = 2 * {"1": 1, "2": 2, "50%": 4, "3": 3}[parallel]
    assert needs == {"subnet:subnet-a": amount, "subnet:subnet-b": amount, "quota:123456789012": cores}


# ---- parameters


@pytest.mark.parametrize("kind", ["update-nodegroup", "surge-nodes", "drift-nodes", "blue-green"])
@pytest.mark.parametrize("age", ["soon", "0s", 60])
def test_an_age_that_is_no_duration_is_refused_with_the_playbook(kind: str, age: Any) -> None:
    with pytest.raises(ParamError) as refused:
        TEMPLATES[kind]({"max_age": age})
    assert "max_age" in refused.value.wrong


@pytest.mark.parametrize(
    ("params", "name"),
    [({"groups": "web"}, "groups"), ({"tag": "web"}, "tag"), ({"group": "web"}, "group"), ({"clone": "b"}, "clone")],
)
def test_what_a_playbook_may_not_say_of_a_second_group_is_refused(params: Any, name: str) -> None:
    with pytest.raises(ParamError) as refused:
        TEMPLATES["blue-green"](params)
    assert name in refused.value.wrong
