"""Plans of a stored fleet: who goes, who is left out and why, the order, the limits, and what each one gets."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.amount import Amount
from fleetkeeper.core.candidates import Candidate, Standing
from fleetkeeper.core.plan import Member, Plan, Range
from fleetkeeper.core.plan_file import contradiction
from fleetkeeper.core.planning import NO_GROUP, OWN_STAGE, make_plan
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, StageSpec, StepSpec, When
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON, PLACEMENT, control_plane
from tests.core.fleets import LAB, gap
from tests.core.plans import CANARY, PLAYBOOK, addon, candidate, order, plan, release, rules

UNMAPPED = replace(PLACEMENT, ring="", mapped=False)
ONE_STAGE = replace(PLAYBOOK, stages=(StageSpec("all"),))
LOOK = replace(PLAYBOOK, changes=Changes.NOTHING, steps=(StepSpec("preflight", "preflight"),))
MINOR = replace(PLAYBOOK, changes=Changes.MINOR, steps=(StepSpec("preflight", "preflight"),))


def reason(made: Plan) -> str:
    (left,) = made.header.left
    assert made.members == ()
    return left.reason


# ---- left out


RUNNING = observed.EksUpdate("u-9", "VersionUpdate", "InProgress", NOON, Minor(1, 35))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(
            candidate(never=(parts.CONTROL_PLANE,)), "it was never seen (forbidden: no)", id="a cluster never seen"
        ),
        pytest.param(
            candidate(gaps={parts.CONTROL_PLANE: gap(GapReason.TIMEOUT, "slow")}),
            "its control plane could not be seen (timeout: slow)",
            id="a control plane that could not be seen now",
        ),
        pytest.param(
            candidate(age=90),
            "its control plane could not be seen (not read: last seen 2026-11-20 10:30 UTC)",
            id="what is stored is too old",
        ),
        pytest.param(
            candidate(gaps={parts.UPDATES: gap()}),
            "its updates could not be seen (forbidden: no)",
            id="updates that could not be listed",
        ),
        pytest.param(
            candidate(values={parts.UPDATES: (RUNNING,)}),
            "an update is in progress: VersionUpdate to 1.35 (u-9)",
            id="an update in progress",
        ),
        pytest.param(
            candidate(values={parts.CONTROL_PLANE: control_plane(status="FAILED")}),
            "its control plane is FAILED, not ACTIVE",
            id="a control plane that is not active",
        ),
        pytest.param(
            candidate(standing=Standing("it is blocked: FK104 KMS key gone")),
            "it is blocked: FK104 KMS key gone",
            id="readiness",
        ),
        pytest.param(
            candidate("shop", addon(version="v1.13.2-eksbuild.1")),
            "nothing to do: EKS has no newer version of coredns for 1.34",
            id="addons that are the newest already",
        ),
        pytest.param(
            candidate("shop", addon(status="UPDATING")), "its addon coredns is UPDATING", id="an addon that is busy"
        ),
        pytest.param(
            candidate(gaps={parts.MANAGED_ADDONS: gap()}),
            "its managed addons could not be seen (forbidden: no)",
            id="addons that could not be seen",
        ),
        pytest.param(
            candidate(releases=(release("coredns", "v1.14.0-eksbuild.1", Minor(1, 35)),)),
            "EKS was not asked yet which addon versions go with its minor",
            id="addon versions that nobody asked for",
        ),
        pytest.param(candidate(scope=None), "it is no EKS cluster, so it has no EKS addons", id="no EKS cluster"),
        pytest.param(
            candidate(placement=UNMAPPED), "none", id="guard: an unmapped cluster goes where a later stage takes it"
        ),
    ],
)
def test_a_cluster_is_left_out_with_the_reason(found: Candidate, told: str) -> None:
    if told == "none":
        assert len(plan(found).members) == 1
    else:
        assert reason(plan(found)) == told


def test_a_cluster_that_no_stage_takes_is_named() -> None:
    only = replace(PLAYBOOK, stages=(StageSpec("canary", "ring=canary"),))
    assert reason(plan(playbook=only)) == "no stage of the playbook takes it"


def test_what_changes_nothing_goes_wherever_a_cluster_was_seen() -> None:
    broken = candidate(values={parts.UPDATES: (RUNNING,)}, gaps={parts.MANAGED_ADDONS: gap()})
    made = plan(broken, candidate("never", never=(parts.CONTROL_PLANE,)), playbook=LOOK)
    assert [each.name for each in made.members] == ["shop"]
    assert [each.name for each in made.header.left] == ["never"]
    assert made.members[0].facts == {}


def test_a_cluster_at_its_target_minor_has_nothing_to_do() -> None:
    assert reason(plan(playbook=MINOR)) == "nothing to do: it is at 1.34, where its policy wants it"


# ---- stages


def test_members_go_to_the_first_stage_that_takes_them() -> None:
    made = plan(candidate("b"), candidate("a"), candidate("c", placement=CANARY))
    assert [(each.name, each.stage, each.idx) for each in made.members] == [("c", 0, 0), ("a", 1, 1), ("b", 1, 2)]


def test_an_unmapped_cluster_is_never_in_the_canary_stage() -> None:
    by_name = replace(PLAYBOOK, stages=(StageSpec("canary", "name=shop*"), StageSpec("rest")))
    made = plan(candidate("shop-1"), candidate("shop-2", placement=UNMAPPED), playbook=by_name)
    assert [(each.name, each.stage) for each in made.members] == [("shop-1", 0), ("shop-2", 1)]
    assert made.members[1].notes == ("nothing maps it, so it counts as production",)
    narrow = replace(PLAYBOOK, stages=(StageSpec("canary", "name=shop*"), StageSpec("rest", "ring=late")))
    assert "only the first stage, the canary, takes it" in reason(
        plan(candidate("shop-2", placement=UNMAPPED), playbook=narrow)
    )


def test_the_cluster_that_fleetkeeper_runs_in_goes_alone_and_last() -> None:
    made = plan(candidate("a", own=True), candidate("b"), candidate("c"))
    last = made.header.stages[-1]
    assert [each.name for each in made.members] == ["b", "c", "a"]
    assert (last.name, last.max_concurrency, len(made.header.stages)) == (OWN_STAGE, 1, 3)
    assert [gate.name for gate in last.gates] == ["go-ahead"]
    assert made.members[-1].stage == 2


def test_a_stage_without_members_keeps_its_place_and_asks_for_nothing() -> None:
    canary = plan().header.stages[0]
    assert (canary.name, canary.gates, canary.windows) == ("canary", (), ())


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        pytest.param((), ["a", "b", "c", "d"], id="by name"),
        pytest.param(("version",), ["b", "d", "a", "c"], id="by version, 1.9 before 1.10"),
        pytest.param(("-version",), ["c", "a", "b", "d"], id="reversed, those alike by name"),
        pytest.param(("tag:team", "-version"), ["a", "d", "c", "b"], id="by two; who lacks the attribute is last"),
    ],
)
def test_the_order_within_a_stage(attributes: tuple[str, ...], names: list[str]) -> None:
    def made(name: str, version: str, team: str) -> Candidate:
        tags = {"team": team} if team else {}
        plane = control_plane(version, name=name, tags=tags)
        return candidate(name, values={parts.CONTROL_PLANE: plane})

    clusters = (made("a", "1.10", "blue"), made("b", "1.9", ""), made("c", "1.11", "red"), made("d", "1.9", "blue"))
    ordered = replace(LOOK, stages=(StageSpec("all", order=attributes),))
    assert [each.name for each in plan(*clusters, playbook=ordered).members] == names


def test_limits_become_numbers() -> None:
    spec = StageSpec(
        "all",
        group_by="region",
        max_concurrency=Amount(50, percent=True),
        group_concurrency=Amount(34, percent=True),
        max_failures=Amount(10, percent=True),
        on_failure=OnFailure.CONTINUE,
    )
    clusters = (*(candidate(f"a{n}") for n in range(6)), candidate("b", scope=LAB))
    (stage,) = plan(*clusters, playbook=replace(LOOK, stages=(spec,))).header.stages
    assert (stage.max_concurrency, stage.max_failures, stage.on_failure) == (3, 1, OnFailure.CONTINUE)
    assert stage.group_concurrency == {"eu-west-1": 2, "us-east-1": 1}


def test_who_lacks_the_attribute_of_the_groups_is_a_group_too() -> None:
    grouped = replace(LOOK, stages=(StageSpec("all", group_by="tag:team"),))
    assert plan(playbook=grouped).members[0].group == NO_GROUP
    assert plan(playbook=LOOK).members[0].group == ""


def test_what_the_approver_should_know_is_a_note() -> None:
    changed = observed.Customised("coredns", "Deployment", "kube-system", "coredns", "spec.replicas", "kubectl-edit")
    made = plan(
        candidate(
            "shop",
            addon(status="DEGRADED"),
            values={parts.CUSTOMISED: (changed,)},
            standing=Standing(waived=("waived until 2026-12-01 by bo: FK104 x",)),
        )
    )
    assert made.members[0].notes == (
        "waived until 2026-12-01 by bo: FK104 x",
        "coredns is DEGRADED now",
        "coredns: 1 field of it changed by kubectl-edit in the cluster",
    )


# ---- durations, money, the header


def test_durations_come_from_ones_own_runs_where_there_are_five() -> None:
    minutes = [timedelta(minutes=n) for n in (4, 2, 3, 1, 90)]
    member = plan(measured={"update-addon": minutes, "preflight": [timedelta(minutes=1)] * 5}).members[0]
    assert member.expected == Range(timedelta(minutes=4), timedelta(minutes=91), calibrated=True)
    guessed = plan(measured={"update-addon": minutes[:4]}).members[0]
    assert guessed.expected is not None
    assert not guessed.expected.calibrated


def test_a_run_takes_its_waves_and_its_soaks() -> None:
    measured = {kind: [timedelta(minutes=10)] * 5 for kind in ("update-addon", "preflight")}
    clusters = (candidate("c", placement=CANARY), *(candidate(f"r{n}") for n in range(5)))
    stages = (PLAYBOOK.stages[0], replace(PLAYBOOK.stages[1], max_concurrency=Amount(2)))
    made = plan(*clusters, playbook=replace(PLAYBOOK, stages=stages), measured=measured)
    whole = timedelta(minutes=20) + timedelta(hours=2) + 3 * timedelta(minutes=20)
    assert made.header.expected == Range(whole, whole, calibrated=True)


def test_groups_go_side_by_side_each_within_its_own_limit() -> None:
    measured = {"preflight": [timedelta(minutes=10)] * 5}
    gates = (GateSpec("soak", "soak", When.AFTER, {"for": "1h"}, each_group=True),)
    spec = StageSpec("all", group_by="region", max_concurrency=Amount(9), group_concurrency=Amount(1), gates=gates)
    clusters = (*(candidate(f"a{n}") for n in range(4)), candidate("b", scope=LAB))
    made = plan(*clusters, playbook=replace(LOOK, stages=(spec,)), measured=measured)
    whole = timedelta(minutes=40) + timedelta(hours=1)
    assert made.header.expected == Range(whole, whole, calibrated=True)


@pytest.mark.parametrize(
    ("version", "saved"),
    [
        pytest.param("1.33", 365.0, id="a minor in extended support"),
        pytest.param("1.34", 0.0, id="a minor in standard support"),
    ],
)
def test_what_an_upgrade_saves(version: str, saved: float) -> None:
    standing = Standing(hops=("1.35",), deadline=datetime(2026, 12, 2, tzinfo=UTC))
    (member,) = plan(candidate(version=version, standing=standing), playbook=MINOR).members
    assert (member.saved_per_month, member.hops) == (saved, ("1.35",))
    assert member.deadline == datetime(2026, 12, 2, tzinfo=UTC)


def test_the_header_says_what_was_asked_for() -> None:
    header = plan(service_limits={"*": 1}).header
    assert (header.created_by, header.created_at, header.expires_at) == ("ana", NOON, NOON + timedelta(days=7))
    assert (header.playbook, header.playbook_digest, header.service_limits) == ("addons-only", "0" * 64, {"*": 1})
    assert header.id.startswith("addons-only-")


def test_a_plan_does_not_depend_on_the_order_in_which_clusters_are_read() -> None:
    clusters = [candidate(name) for name in ("a", "b", "c")]
    assert make_plan(order(), clusters, rules()) == make_plan(order(), clusters[::-1], rules())


# ---- the digest


def _other(value: Any) -> Any:
    """Another value of the same kind."""
    others: tuple[tuple[type, Callable[[Any], Any]], ...] = (
        (bool, lambda v: not v),
        (int, lambda v: v + 1),
        (float, lambda v: v + 1.0),
        (Changes, lambda _: Changes.NODES),
        (str, lambda v: v + "x"),
        (datetime, lambda v: v + timedelta(seconds=1)),
        (Range, lambda v: replace(v, p95=v.p95 + timedelta(seconds=1))),
        (model.Scope, lambda v: replace(v, region="x")),
        (model.ClusterId, lambda v: replace(v, arn="x")),
        (tuple, lambda v: v[1:] if v else ("x",)),
        (dict, lambda v: v | {"x": 1}),
    )
    return NOON if value is None else next(make(value) for kind, make in others if isinstance(value, kind))


@pytest.mark.parametrize("name", [each.name for each in fields(Member)])
def test_the_digest_covers_every_field_of_a_member(name: str) -> None:
    made = plan()
    (member,) = made.members
    changed = replace(made, members=(replace(member, **{name: _other(getattr(member, name))}),))
    assert contradiction(made) == ""
    assert contradiction(changed).endswith("is not what the header's digest is of")


@pytest.mark.parametrize("name", [each.name for each in fields(plan().header)])
def test_the_digest_covers_every_field_of_the_header(name: str) -> None:
    made = plan()
    header = replace(made.header, **{name: _other(getattr(made.header, name))})
    assert contradiction(replace(made, header=header)) == "its header is not what its digest is of"
