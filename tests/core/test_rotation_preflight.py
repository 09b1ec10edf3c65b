"""The page of a rotation names what no drain moves, and which rotations may only be done directly."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.adapters.library_playbooks import read_playbooks
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.candidates import Candidate
from fleetkeeper.core.changing_via import ChangeVia, Component, DirectRule, ProposalRule
from fleetkeeper.core.expanding.rotation import OPT_IN
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.playbook import GateSpec, StageSpec, When
from fleetkeeper.core.pods import Labels, PodTemplate
from fleetkeeper.core.rotation.clone import REPLACES
from fleetkeeper.core.rotation.preflight import immovable
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.traits import BLUE_GREEN, GROUP_DELETION
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.steps import all_steps
from tests.core.fleets import gap
from tests.core.plans import plan
from tests.core.rotations import aged, fleet, old_group, rotate
from tests.core.upgrades import SHIPPED, climber


def load(name: str = "web", kind: str = "Deployment", **other: Any) -> model.Workload:
    usual = model.Workload(
        kind, "shop", name, f"u-{name}", ("web:1",), 3, {"team": "team-shop"}, PodTemplate(labels={"app": name})
    )
    return replace(usual, **other)


def budget(name: str = "web", app: str = "web", **other: Any) -> observed.Budget:
    usual = observed.Budget(
        "shop", name, selector=Labels({"app": app}), maximum_unavailable="0", expected=3, desired=3, healthy=3
    )
    return replace(usual, **other)


def seen(values: dict[str, Any] | None = None, loads: tuple[model.Workload, ...] = (load(),)) -> Snapshot:
    return fleet(values={parts.WORKLOADS: loads, **(values or {})})


@pytest.mark.parametrize(
    ("snap", "said"),
    [
        pytest.param(
            seen({parts.BUDGETS: (budget(),)}),
            "never moved: Deployment shop/web of team-shop: PDB shop/web (maxUnavailable 0) lets none of 3 pods go",
            id="a budget that never allows one",
        ),
        pytest.param(
            seen({parts.BUDGETS: (budget(reason="SyncFailed", message="no scale"),)}),
            "PDB shop/web cannot be counted (no scale), and lets none go",
            id="a budget that cannot be counted",
        ),
        pytest.param(
            seen({parts.BUDGETS: tuple(budget(n, maximum_unavailable="1", allowed=1) for n in ("a", "b"))}),
            "never moved: Deployment shop/web of team-shop: PDBs a and b both take it",
            id="two budgets",
        ),
        pytest.param(
            seen({parts.PODS: model.Pods(1, (load("tool", "Pod"),))}),
            "never moved: shop/tool of team-shop: no controller would make them again",
            id="a pod without a controller",
        ),
        pytest.param(
            seen({parts.VOLUMES: (observed.PersistentVolume("pv-1", "local", claim="shop/data", nodes=("a",)),)}),
            "never moved: pods with claim shop/data: the data lies on their own node",
            id="a local volume",
        ),
        pytest.param(
            fleet(gaps={parts.BUDGETS: gap()}),
            "pods that never move are not known: budgets could not be seen",
            id="budgets that were not seen",
        ),
    ],
)
def test_what_never_moves_is_told_by_name(snap: Snapshot, said: str) -> None:
    assert any(said in each for each in immovable(snap))


@pytest.mark.parametrize(
    "snap",
    [
        pytest.param(seen(), id="no budget"),
        pytest.param(seen({parts.BUDGETS: (budget(maximum_unavailable="1", allowed=1),)}), id="a budget that allows"),
        pytest.param(seen({parts.BUDGETS: (budget(),)}, (load(kind="DaemonSet"),)), id="a budget of a DaemonSet"),
        pytest.param(seen({parts.BUDGETS: (budget(),)}, (load(kind="Job"),)), id="a budget of Jobs, which end"),
    ],
)
def test_nothing_is_told_where_everything_moves(snap: Snapshot) -> None:
    assert not list(immovable(snap))


def planned(candidate: Candidate, **other: Any) -> Plan:
    gate = GateSpec("second-group", "approval", When.BEFORE, only=BLUE_GREEN)
    playbook = replace(rotate(groups=("db",)), stages=(StageSpec("all", gates=(gate,)),))
    return plan(candidate, playbook=playbook, compat=SHIPPED, **other)


def page(snap: Snapshot, **other: Any) -> str:
    return " ".join(plan_page(planned(climber(snap), **other)).split())


def test_the_page_has_the_reasons_the_never_moved_and_what_is_left() -> None:
    text = page(seen({parts.BUDGETS: (budget(),)}))
    assert "update-nodegroup web 1.34: node group web: image of 2026-08-02 is 110 days old, 60 is the most" in text
    assert "! never moved: Deployment shop/web of team-shop: PDB shop/web (maxUnavailable 0)" in text
    assert "reserves 20 of subnet:subnet-a, 20 of subnet:subnet-b" in text


@pytest.mark.parametrize(
    ("smoke", "said"),
    [
        ("", "! no smoke test is configured: new nodes are taken for good when they are Ready ([engine.smoke])"),
        ("smoke:1 in namespace ops", "must pass the smoke test smoke:1 in namespace ops"),
    ],
)
def test_the_page_says_whether_new_nodes_are_tried_first(smoke: str, said: str) -> None:
    snap = fleet(nodes=(aged(1, group="db"),), groups=(old_group("db"),))
    assert said in page(snap, smoke=smoke)


def test_where_eks_moves_the_pods_nothing_is_said_of_a_smoke_test() -> None:
    assert "smoke test" not in page(fleet()).partition("What can go wrong")[0]


# ---- who may change node groups


@pytest.mark.parametrize("groups", [(), ("web",)], ids=["a newer image", "a second group"])
@pytest.mark.parametrize(
    "policy",
    [
        ChangeVia(),
        ChangeVia((DirectRule(components=(Component.ADDONS,)),)),
        ChangeVia(proposals=(ProposalRule(hook="versions"),)),
    ],
    ids=["nothing is allowed", "only addons are", "it would be proposed"],
)
def test_what_nobody_can_propose_leaves_the_cluster_out(groups: tuple[str, ...], policy: ChangeVia) -> None:
    gate = GateSpec("second-group", "approval", When.BEFORE, only=BLUE_GREEN)
    playbook = replace(rotate(groups=groups), stages=(StageSpec("all", gates=(gate,)),))
    (left,) = plan(climber(fleet()), playbook=playbook, compat=SHIPPED, change_via=policy).header.left
    assert "node group web may not be changed directly, and nothing of its" in left.reason
    assert 'components = ["node-groups"]' in left.reason


# ---- the playbook that is shipped


def test_the_shipped_playbook_plans_steps_that_their_code_takes() -> None:
    """Every strategy at once, behind the gates that it has for what needs an approval of its own."""
    nodes = (
        aged(1),
        aged(2, kind=model.ComputeKind.SELF_MANAGED, group="batch"),
        aged(3, kind=model.ComputeKind.KARPENTER, group="spot"),
        aged(4, group="db"),
        aged(5, "20261110", group="was-261101"),
    )
    groups = (
        old_group(),
        old_group("db", tags=dict([OPT_IN.split("=")])),
        old_group("was", desired=0),
        old_group("was-261101", "20261110", tags={REPLACES: "was"}),
    )
    shipped = read_playbooks((), all_steps(), all_gates())["rotate-nodes"]
    (member,) = plan(climber(fleet(nodes, groups)), playbook=shipped, compat=SHIPPED).members
    assert [(each.kind, each.name) for each in member.steps] == [
        ("preflight", "preflight"),
        ("update-nodegroup", "managed-web"),
        ("surge-nodes", "surge-batch"),
        ("drift-nodes", "karpenter"),
        ("blue-green", "blue-green-db"),
        ("delete-node-group", "retire-was"),
        ("postflight", "postflight"),
    ]
    assert member.traits == (BLUE_GREEN, GROUP_DELETION)
    for each in member.steps:
        assert all_steps()[each.kind].of(each.params)
