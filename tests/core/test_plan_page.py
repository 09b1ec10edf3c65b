"""The page of a plan: goldens, and that nothing in it can mislead."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.amount import Amount
from fleetkeeper.core.candidates import Back, Standing
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.page_text import WIDTH
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_page, plan_short
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, StageSpec, StepSpec, When, Window
from fleetkeeper.core.traits import AUTO_MODE
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON, PLACEMENT
from tests.core.fleets import LAB, assert_golden, gap
from tests.core.plans import CANARY, PLAYBOOK, addon, candidate, plan, rules
from tests.core.upgrades import ROLLBACK, SHIPPED, UPGRADE, climber, member_node, returner, small

NIGHTS = Window((5, 6), 22 * 60, 4 * 60, "Europe/Berlin")
BACKUP = StepSpec("save", "backup", {}, timedelta(hours=2), 2, timedelta(minutes=10))
DUE = Standing(deadline=datetime(2026, 12, 2, tzinfo=UTC))


def wave() -> Plan:
    """A plan with something of everything."""
    rest = StageSpec(
        "rest",
        group_by="region",
        max_concurrency=Amount(3),
        group_concurrency=Amount(1),
        max_failures=Amount(25, percent=True),
        on_failure=OnFailure.STOP,
        gates=(
            GateSpec("go-ahead", "approval", When.BEFORE),
            GateSpec("health", "metric", When.AFTER, {"query": "up"}, each_group=True, timeout=timedelta(hours=4)),
        ),
        windows=(NIGHTS,),
    )
    playbook = replace(
        PLAYBOOK,
        steps=(PLAYBOOK.steps[0], BACKUP, PLAYBOOK.steps[1]),
        stages=(PLAYBOOK.stages[0], rest),
        freezes=("retail",),
        holds=(GateSpec("pages", "incident", When.BEFORE),),
    )
    return plan(
        candidate("shop-canary", placement=CANARY, standing=DUE),
        candidate(
            "shop-eu",
            addon(),
            addon("vpc-cni", "v1.19.0-eksbuild.1", status="DEGRADED"),
            placement=replace(PLACEMENT, mapped=False, ring=""),
        ),
        candidate("shop-hub", own=True),
        candidate("shop-new", addon(version="v1.13.2-eksbuild.1")),
        candidate("shop-dark", gaps={parts.UPDATES: gap(GapReason.FORBIDDEN, "eks:ListUpdates is not allowed")}),
        playbook=playbook,
        compat=rules(vpc_cni=Rule.ONE_MINOR_AT_A_TIME),
        service_limits={"shop": 1, "*": 2},
    )


def minors() -> Plan:
    standing = Standing(
        waived=("waived until 2026-12-01 by bo: FK401 budget web/web never allows an eviction",),
        hops=("1.34", "1.35"),
        deadline=datetime(2026, 12, 2, tzinfo=UTC),
    )
    playbook = replace(
        PLAYBOOK,
        name="minor",
        title="Upgrade",
        changes=Changes.MINOR,
        steps=(StepSpec("preflight", "preflight"),),
        stages=(StageSpec("all", on_failure=OnFailure.CONTINUE, max_failures=Amount(1)),),
    )
    return plan(candidate("old", version="1.33", standing=standing), candidate("older", scope=LAB), playbook=playbook)


def upgrades() -> Plan:
    """One hop, several hops of two clusters alike and of one that is behind, and who is left out."""
    auto = GateSpec("nodes-at-once", "approval", When.BEFORE, only=AUTO_MODE)
    rest = replace(UPGRADE.stages[1], gates=(*UPGRADE.stages[1].gates, auto))
    behind = (member_node(1, "1.33"), member_node(2, "1.32", ComputeKind.KARPENTER, "spot"))
    return plan(
        climber(small("shop-canary", placement=CANARY)),
        climber(small("shop-eu"), "1.36"),
        climber(small("shop-us"), "1.36"),
        climber(small("shop-old", nodes=behind), "1.36"),
        climber(small("shop-auto", plane={"auto_mode": True})),
        climber(small("shop-dark", gaps={parts.NODES: gap()})),
        playbook=replace(UPGRADE, stages=(UPGRADE.stages[0], rest)),
        compat=SHIPPED,
    )


def ways_back() -> Plan:
    addons = (addon("coredns", "v1.13.2-eksbuild.1"), addon("vpc-cni", "v1.20.4-eksbuild.1"))
    way = Back(Minor(1, 33), NOON + timedelta(days=2, hours=3), history={"coredns": "v1.12.1-eksbuild.1"})
    return plan(
        returner(small("shop", version="1.34", addons=addons), way),
        returner(small("late", version="1.34"), Back(closed="EKS took a rollback to 1.33 until 12 Nov 09:00 UTC")),
        playbook=ROLLBACK,
        compat=SHIPPED,
        of="minor-upgrade-1f3a5c7e-1",
    )


@pytest.mark.parametrize(
    ("name", "made"),
    [
        pytest.param("plan_upgrades.txt", upgrades(), id="upgrades of several kinds, step by step"),
        pytest.param("plan_rollback.txt", ways_back(), id="the way back of what a run upgraded"),
        pytest.param("plan_addons.txt", wave(), id="a wave of addon updates"),
        pytest.param("plan_minor.txt", minors(), id="hops with their savings"),
        pytest.param("plan_empty.txt", plan(candidate(age=600)), id="a plan of nobody"),
    ],
)
def test_the_page(name: str, made: Plan) -> None:
    assert_golden(name, plan_page(made))


def test_the_short_page() -> None:
    assert_golden("plan_short.txt", plan_short(upgrades()))
    assert "nothing to run" in plan_short(plan(candidate(age=600)))


@pytest.mark.parametrize("page", [plan_page, plan_short])
@pytest.mark.parametrize(
    "made", [wave(), minors(), upgrades(), ways_back()], ids=["addons", "minor", "upgrades", "back"]
)
def test_the_page_is_no_wider_than_a_terminal(made: Plan, page: Callable[[Plan], str]) -> None:
    assert max(len(line) for line in page(made).splitlines()) <= WIDTH


def test_clusters_that_are_left_out_for_the_same_reason_stand_together_and_last() -> None:
    page = plan_page(plan(candidate("a", age=99), candidate("b"), candidate("c", age=99), candidate("d", age=600)))
    _, _, left = page.partition("Left out: 3 clusters\n")
    lines = left.partition("\n\n")[0]
    assert lines.index("  d (") < lines.index("  a (")
    assert ", c (" in lines


def test_a_name_from_a_cluster_cannot_write_on_the_page() -> None:
    hostile = candidate("shop\x1b[2J\napprove  fleetkeeper run approve other")
    page = plan_page(plan(hostile))
    assert "\x1b" not in page
    assert "\n  approve  fleetkeeper run approve other" not in page
    assert "shop\\x1b[2J\\x0aapprove" in page


def test_what_changes_nothing_asks_nobody_to_approve() -> None:
    page = plan_page(plan(playbook=replace(PLAYBOOK, changes=Changes.NOTHING, steps=(PLAYBOOK.steps[0],))))
    assert "run approve" not in page
    assert "fleetkeeper run start" in page


def test_every_member_and_every_one_left_out_is_on_it() -> None:
    made = plan(*(candidate(f"c{n:03}") for n in range(150)), *(candidate(f"d{n:03}", age=99) for n in range(50)))
    page = plan_page(made)
    assert all(f" c{n:03} " in page for n in range(150))
    assert all(f" d{n:03} (" in " ".join(page.split()) for n in range(50))


def test_members_with_the_same_steps_are_told_once() -> None:
    page = plan_page(upgrades())
    assert "Steps B: 2 clusters, 1.33 → 1.34 → 1.35 → 1.36 (shop-eu, shop-us)" in page
    assert page.count("1.33 → 1.34 → 1.35 → 1.36, steps B") == 2
    assert page.count("\nSteps ") == 3
