"""Plans of upgrades and rollbacks: who is in them, behind which gates, what they reserve, and what they mend."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core import observed, parts
from fleetkeeper.core.candidates import Back
from fleetkeeper.core.expanding.mending import MENDABLE
from fleetkeeper.core.finding import CLUSTER, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import GateSpec, Playbook, StageSpec, When
from fleetkeeper.core.traits import AUTO_MODE
from fleetkeeper.core.versions import Minor
from tests.contract.observed import NOON
from tests.core.plans import CANARY, addon, plan
from tests.core.upgrades import (
    M34,
    M36,
    ROLLBACK,
    SHIPPED,
    UPGRADE,
    climber,
    group,
    member_node,
    returner,
    small,
)

AUTO = GateSpec("nodes-at-once", "approval", When.BEFORE, only=AUTO_MODE)
WITH_GATE = replace(UPGRADE, stages=(UPGRADE.stages[0], replace(UPGRADE.stages[1], gates=(AUTO,))))


def planned(*candidates: object, playbook: Playbook = UPGRADE) -> Plan:
    return plan(*candidates, playbook=playbook, compat=SHIPPED)  # type: ignore[arg-type]


def reason(made: Plan) -> str:
    (left,) = made.header.left
    assert made.members == ()
    return left.reason


# ---- traits and their gates


def test_who_has_a_trait_is_left_out_where_its_stage_has_no_gate_for_it() -> None:
    made = planned(climber(small(plane={"auto_mode": True})))
    assert reason(made) == (
        "EKS Auto Mode rolls all its nodes at once when the control plane has moved, and cannot be held: stage rest has"
        " no gate of its own for that (only = 'auto-mode')"
    )


def test_a_gate_for_a_trait_stands_where_a_member_has_it() -> None:
    made = planned(climber(small(plane={"auto_mode": True})), playbook=WITH_GATE)
    assert [each.traits for each in made.members] == [(AUTO_MODE,)]
    assert [gate.name for gate in made.header.stages[1].gates] == ["nodes-at-once"]


def test_a_gate_for_a_trait_that_no_member_of_its_stage_has_is_dropped() -> None:
    stages = tuple(replace(each, gates=(AUTO,)) for each in UPGRADE.stages)
    found = (climber(small("auto", plane={"auto_mode": True})), climber(small("plain", placement=CANARY)))
    made = planned(*found, playbook=replace(UPGRADE, stages=stages))
    assert [[gate.name for gate in each.gates] for each in made.header.stages] == [[], ["nodes-at-once"]]


# ---- what the plan mends


def blocker(code: str, subject: Subject = CLUSTER, minor: Minor | None = M34) -> Finding:
    return Finding(code, Severity.BLOCKER, subject, f"{code} is in the way", "mend it", blocks=True, minor=minor)


OLD_COREDNS = small(addons=(addon("coredns", "v1.11.4-eksbuild.1"),))
OLD_KUBELETS = small(groups=(group(version="1.32"),), nodes=(member_node(1, "1.32"),))
COREDNS = Subject("Addon", "coredns")
WEB = Subject("NodeGroup", "web")


@pytest.mark.parametrize(
    ("found", "target", "snap"),
    [
        pytest.param(blocker("FK202", COREDNS), "1.34", OLD_COREDNS, id="an addon that a step before the hop moves"),
        pytest.param(
            blocker("FK105", Subject("Insight", "EKS add-on version compatibility")),
            "1.34",
            OLD_COREDNS,
            id="EKS's insight about the same",
        ),
        pytest.param(blocker("FK107", WEB, M36), "1.36", OLD_KUBELETS, id="kubelets that roll before a later hop"),
        pytest.param(
            blocker("FK105", Subject("Insight", "Kubelet version skew"), M36),
            "1.36",
            OLD_KUBELETS,
            id="EKS's insight about those",
        ),
        pytest.param(
            blocker("FK109", Subject("Addon", "kube-proxy")),
            "1.34",
            small(addons=(addon("kube-proxy", "v1.30.1-eksbuild.1"),)),
            id="kube-proxy that a step before the hop moves",
        ),
    ],
)
def test_what_the_plan_mends_does_not_hold_its_cluster(found: Finding, target: str, snap: object) -> None:
    made = planned(climber(snap, target, held="it is blocked: x", holding=(found,)))  # type: ignore[arg-type]
    (member,) = made.members
    assert member.mends == (found.fingerprint,)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(blocker("FK301"), "it is blocked: FK301 FK301 is in the way", id="what no step mends"),
        pytest.param(
            blocker("FK202", Subject("Addon", "vpc-cni")),
            "it is blocked: FK202 FK202 is in the way",
            id="an addon that no step moves",
        ),
        pytest.param(
            blocker("FK107", Subject("NodeGroup", "gone")),
            "it is blocked: FK107 FK107 is in the way",
            id="a pool unknown",
        ),
        pytest.param(
            blocker("FK105", Subject("Insight", "Deprecated APIs removed in Kubernetes v1.34")),
            "it is blocked: FK105 FK105 is in the way",
            id="another insight of EKS",
        ),
        pytest.param(
            blocker("FK107", WEB, Minor(1, 37)),
            "it is blocked: FK107 FK107 is in the way",
            id="what breaks past the target",
        ),
    ],
)
def test_what_the_plan_does_not_mend_holds_its_cluster(found: Finding, told: str) -> None:
    snap = small(addons=(addon("coredns", "v1.11.4-eksbuild.1"),))
    assert reason(planned(climber(snap, held="it is blocked: x", holding=(found,)))) == told


def test_an_insight_that_no_step_mends_is_told_beside_what_else_holds() -> None:
    found = (blocker("FK105", Subject("Insight", "Deprecated APIs removed in Kubernetes v1.34")), blocker("FK303"))
    made = planned(climber(OLD_COREDNS, held="it is blocked: x", holding=found))
    assert reason(made) == "it is blocked: FK105 FK105 is in the way; FK303 FK303 is in the way"


def test_of_several_findings_one_that_is_not_mended_holds() -> None:
    found = (blocker("FK202", COREDNS), blocker("FK301"))
    made = planned(climber(OLD_COREDNS, held="it is blocked: x", holding=found))
    assert reason(made) == "it is blocked: FK301 FK301 is in the way"
    assert "FK301" not in MENDABLE


# ---- what is reserved


def test_two_members_that_fit_alone_and_not_together_name_the_same_subnet() -> None:
    places = observed.ClusterPrerequisites(subnets=(observed.Subnet("subnet-1", "a", 7),))
    found = [climber(small(name, values={parts.PREREQUISITES: places})) for name in ("a", "b")]
    needs = [each.needs for each in planned(*found).members]
    assert [[(need.resource, need.amount, need.capacity) for need in each] for each in needs] == [
        [("subnet:subnet-1", 5, 7)]
    ] * 2


# ---- seven days


def soaking(length: str) -> Playbook:
    gates = (GateSpec("soak", "soak", When.AFTER, {"for": length}),)
    return replace(UPGRADE, stages=(StageSpec("all", gates=gates),))


@pytest.mark.parametrize(
    ("length", "told"),
    [
        pytest.param("3d", "", id="three days leave time for a way back"),
        pytest.param(
            "6d", "what follows its control plane takes up to 6d6h45m: 17h15m are left of the 7d", id="a note"
        ),
    ],
)
def test_what_follows_the_control_plane_ends_well_before_the_way_back_does(length: str, told: str) -> None:
    (member,) = planned(climber(small()), playbook=soaking(length)).members
    assert any(told in note for note in member.notes) if told else member.notes == ()


def test_who_would_lose_the_way_back_while_it_soaks_is_left_out() -> None:
    assert "EKS takes it back for 7d only" in reason(planned(climber(small()), playbook=soaking("7d")))


def test_several_hops_say_that_only_the_last_can_be_rolled_back() -> None:
    (member,) = planned(climber(small(), "1.35")).members
    assert "only the last hop can be rolled back, 1.35 to 1.34: EKS takes no control plane back further" in member.notes
    assert member.hops == ("1.34", "1.35")


# ---- back

UNTIL = NOON + timedelta(days=2, hours=3)
OPEN = Back(Minor(1, 33), UNTIL)
AHEAD = small(version="1.34", addons=(addon("coredns", "v1.13.2-eksbuild.1"), addon("vpc-cni", "v1.20.4-eksbuild.1")))


def test_a_cluster_whose_way_back_is_open_goes_back_whatever_its_next_minor_waits_for() -> None:
    (member,) = planned(returner(AHEAD, OPEN), playbook=ROLLBACK).members
    assert member.hops == ("1.33",)
    assert member.notes == (
        "EKS takes it back until 2026-11-22 15:00 UTC, 2d3h from now",
        "these addons go with 1.33 as they are, and stay: vpc-cni v1.20.4-eksbuild.1",
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(Back(closed="it was made at 1.34"), "there is no way back: it was made at 1.34", id="closed"),
        pytest.param(
            replace(OPEN, first=("1.33 is in extended support: aws eks ...",)),
            "before it can go back to 1.33: 1.33 is in extended support: aws eks ...",
            id="open after something that must be done first",
        ),
    ],
)
def test_who_cannot_go_back_is_left_out_with_the_reason(found: Back, told: str) -> None:
    assert reason(planned(returner(AHEAD, found), playbook=ROLLBACK)) == told


def test_pods_of_fargate_keep_a_cluster_from_going_back() -> None:
    snap = small(version="1.34", addons=(), nodes=(member_node(1, "1.34", ComputeKind.FARGATE, "batch"),), groups=())
    assert reason(planned(returner(snap, OPEN), playbook=ROLLBACK)).startswith(
        "before it goes back to 1.33: Fargate profile batch is at 1.34, newer than 1.33: delete these pods first"
    )
