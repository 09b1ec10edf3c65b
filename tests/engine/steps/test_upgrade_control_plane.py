"""upgrade-control-plane on a simulated EKS: what it decides of each state, and that crashes leave one update."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from fleetkeeper.core.finding import Severity
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from fleetkeeper.core.way_back import promised
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.eks_state import EksTiming
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimIssue
from tests.engine.steps.moving import (
    Change,
    aged,
    fresh,
    insight,
    moves,
    someone_moves,
    status,
    up,
    upgraded,
)
from tests.engine.steps.walking import Place, Walk, told
from tests.sim.worlds import NOW, PROD

EXECUTOR = f"arn:aws:iam::{PROD}:role/fleetkeeper-executor"


@pytest.fixture
def place() -> Place:
    made = Place()
    fresh(made)
    return made


def unchanged(_: Place) -> None:
    """A healthy cluster with fresh insights."""


def waived(until: date, code: str = "FK105") -> Change:
    def change(place: Place) -> None:
        insight("ERROR", "1.35")(place)
        place.world = replace(place.world, decisions=Decisions((Waiver("known", "ada", until, code=code),)))

    return change


def reweighed(place: Place) -> None:
    insight("ERROR", "1.35")(place)
    place.world = replace(place.world, decisions=Decisions(severities={"FK105": Severity.WARNING}))


def elsewhere(place: Place) -> None:
    upgraded(place)
    upgraded(place, "1.36")


def by_hand(place: Place) -> None:
    place.cluster.version = "1.35"


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(
            unchanged, Act, "upgrade the control plane of shop from 1.34 to 1.35", id="a healthy one is upgraded"
        ),
        pytest.param(
            lambda p: someone_moves(p, "1.35"),
            Wait,
            f"already changing: VersionUpdate to 1.35 since 09:00 UTC by {EXECUTOR}",
            id="an update of somebody else is waited for",
        ),
        pytest.param(status("UPDATING"), Wait, "EKS says UPDATING", id="an update that is not listed is waited for"),
        pytest.param(status("DELETING"), Failed, "being deleted", id="one that is deleted fails"),
        pytest.param(status("FAILED"), Blocked, "FAILED, not ACTIVE", id="one that failed blocks"),
        pytest.param(
            upgraded,
            Done,
            rf"already at 1.35: adopted, update \S+ of 2026-11-20 09:00 UTC, by {EXECUTOR}",
            id="one that is there is adopted, with who brought it there",
        ),
        pytest.param(by_hand, Done, "adopted; EKS lists no update", id="one that is there for no reason is adopted"),
        pytest.param(
            elsewhere, Failed, "at 1.36, the plan goes from 1.34 to 1.35.*plan anew", id="one that went on fails"
        ),
        pytest.param(lambda p: p.living.world.clusters.clear(), Failed, "is gone", id="one that is gone fails"),
        pytest.param(
            insight("ERROR", "1.35"),
            Blocked,
            "Cluster health issues: EKS says ERROR for 1.35: why so.*describe-insight.*waive FK105 [0-9a-f]{16}",
            id="an insight in ERROR blocks by name",
        ),
        pytest.param(insight("ERROR", "1.34"), Act, "", id="one of a minor that is past does not"),
        pytest.param(insight("ERROR", "1.35", "MISCONFIGURATION"), Act, "", id="one of another category does not"),
        pytest.param(insight("WARNING", "1.35"), Act, "", id="a warning does not"),
        pytest.param(waived(date(2027, 1, 1)), Act, "", id="one that is waived does not"),
        pytest.param(
            waived(date(2026, 11, 1)), Blocked, "waiver of ada ended 2026-11-01", id="one whose waiver has ended does"
        ),
        pytest.param(waived(date(2027, 1, 1), "FK104"), Blocked, "why so", id="one with another's waiver does"),
        pytest.param(reweighed, Act, "", id="one that the operator calls a warning does not"),
        pytest.param(
            insight("UNKNOWN", "1.35"), Blocked, "cannot judge shop.*why so.*never ready", id="an unknown one blocks"
        ),
        pytest.param(aged(3), Blocked, "3d old.*never ready.*start-insights-refresh", id="old ones block"),
        pytest.param(
            lambda p: p.cluster.insights.clear(),
            Blocked,
            "no upgrade readiness insights.*start-insights-refresh",
            id="none at all block",
        ),
    ],
)
def test_of_what_it_sees(place: Place, change: Callable[[Place], object], kind: type[Verdict], says: str) -> None:
    change(place)
    before = moves(place)
    verdict = up(place).look()
    assert isinstance(verdict, kind), verdict
    assert re.search(says, told(verdict)), verdict
    assert moves(place) == before


def test_another_cluster_of_its_name_is_not_touched(place: Place) -> None:
    run = up(place)
    place.cluster.created_at = NOW
    failed = run.look()
    assert isinstance(failed, Failed)
    assert "another cluster now" in failed.why
    assert failed.final


def test_a_waiver_does_not_make_the_unknown_known(place: Place) -> None:
    waived(date(2027, 1, 1))(place)
    insight("UNKNOWN", "1.35")(place)
    assert isinstance(up(place).look(), Blocked)


def test_it_ends_active_at_its_minor_and_remembers_when(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "is in progress for 0s; EKS says UPDATING" in waits.why
    place.later(minutes=9)
    done = run.tick()
    assert isinstance(done, Done)
    assert done.keep is not None
    assert (place.cluster.version, moves(place)) == ("1.35", ["VersionUpdate Successful"])
    way = promised(done.keep)
    assert way is not None
    assert (way.to, way.until) == (Minor(1, 34), NOW + timedelta(minutes=9, days=7))


def test_it_is_not_over_before_eks_calls_the_cluster_active(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    place.later(minutes=9)
    place.cluster.status = "UPDATING"
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "successful, and EKS still says UPDATING" in waits.why
    place.cluster.status, place.cluster.version = "ACTIVE", "1.34"
    assert "still shows 1.34" in told(run.tick())
    place.cluster.version = "1.35"
    assert isinstance(run.tick(), Done)


def test_a_status_that_lags_behind_changes_nothing(place: Place) -> None:
    place.living.world.eks.timing = replace(EksTiming(), status_lag=timedelta(minutes=1))
    run = up(place)
    run.ticks(3)
    place.later(minutes=9)
    assert isinstance(run.tick(), Done)


@pytest.mark.parametrize("minutes", [0, 10], ids=["while it still runs", "after it has ended"])
@pytest.mark.parametrize(
    "ticks_before", [0, 1, 2], ids=["before anything", "after the intent is stored", "after the act is stored"]
)
def test_a_crash_leaves_one_update(place: Place, ticks_before: int, minutes: int) -> None:
    run = up(place)
    if ticks_before:
        run.ticks(ticks_before)
    place.later(minutes=minutes)
    run.ticks(3)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert moves(place) == ["VersionUpdate Successful"]


@pytest.mark.parametrize("minutes", [0, 10], ids=["while it still runs", "after it has ended"])
def test_a_crash_before_the_act_is_stored_finds_the_update_again(place: Place, minutes: int) -> None:
    run = up(place)
    run.forgets = True
    run.ticks(2)
    assert (len(moves(place)), "update" in run.memory) == (1, False)
    place.later(minutes=minutes)
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert moves(place) == ["VersionUpdate Successful"]


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_leaves_one_update(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation="UpdateClusterVersion", count=2)]
    run = up(place)
    run.ticks(6)
    place.later(minutes=10)
    assert isinstance(run.ticks(2), Done)
    assert moves(place) == ["VersionUpdate Successful"]


def test_another_update_that_is_quicker_is_taken_for_the_effect_that_it_has(place: Place) -> None:
    """Between our look and our act somebody else began the same: EKS refuses ours as in use, and the end is one."""
    run = up(place)
    run.tick()
    someone_moves(place, "1.35")
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert moves(place) == ["VersionUpdate Successful"]


@pytest.mark.parametrize(
    ("issue", "says", "do"),
    [
        pytest.param("Ec2SubnetNotFound", "SubnetNotFound", "update-cluster-config --name shop", id="a lost subnet"),
        pytest.param("KmsKeyDisabled", "OperationNotPermitted", "KMS key", id="a disabled key"),
        pytest.param("", "Unknown", "admission webhooks", id="API servers that stay unhealthy"),
    ],
)
def test_an_update_that_fails_says_why_and_what_to_do_and_may_be_retried(
    place: Place, issue: str, says: str, do: str
) -> None:
    world = place.living.world
    if issue:
        place.cluster.issues = [SimIssue(issue, "gone")]
    else:
        world.eks.failing_control_planes.add(place.cluster.key)
    run = up(place)
    run.ticks(2)
    place.later(minutes=10)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert says in failed.why
    assert "the cluster is at 1.34" in failed.why
    assert do in failed.fix
    assert not failed.final

    run.retry()
    place.cluster.issues = []
    world.eks.failing_control_planes.clear()
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert moves(place) == ["VersionUpdate Failed", "VersionUpdate Successful"]


def group_behind(place: Place) -> None:
    place.cluster.node_groups["main"].version = "1.31"


def red_for_eks_alone(place: Place) -> None:
    waived(date(2027, 1, 1))(place)
    place.living.world.eks.insights_block_upgrade = True


@pytest.mark.parametrize(
    ("change", "says", "do"),
    [
        pytest.param(
            group_behind, "InvalidRequestException: Nodegroups .main.", "roll the node groups", id="a group behind"
        ),
        pytest.param(red_for_eks_alone, "InvalidStateException", "never forces", id="insights that only we waived"),
    ],
)
def test_a_refusal_fails_in_eks_own_words_and_says_what_to_do(place: Place, change: Change, says: str, do: str) -> None:
    change(place)
    run = up(place)
    run.ticks(2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert re.search(says, failed.why)
    assert do in failed.fix
    assert moves(place) == []


def test_a_minor_that_eks_does_not_offer_is_refused_for_good(place: Place) -> None:
    place.cluster.version = "1.36"
    run = place.walk("upgrade-control-plane", **{"from": "1.36", "to": "1.37"})
    insight("PASSING", "1.37")(place)
    run.ticks(2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "unsupported Kubernetes version" in failed.why
    assert failed.fix.startswith("plan anew")


def test_a_rollback_that_somebody_began_after_it_ends_it(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    place.later(minutes=10)
    fresh(place)
    someone_moves(place, "1.34")
    place.later(minutes=10)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert re.search(r"somebody else began VersionRollback \S+ to 1.34 since", failed.why)
    assert failed.final


# ---- an abort


def aborted(run: Walk) -> Verdict:
    moment = replace(run.moment, following=True)
    return run.step.decide(run.step.look(run.place.world, run.subject, moment), moment)


def test_an_abort_follows_it_to_its_end_and_says_until_when_it_can_be_taken_back(place: Place) -> None:
    run = up(place)
    assert not run.step.cancellable
    run.ticks(2)
    assert isinstance(aborted(run), Wait)
    assert isinstance(run.undo(), Wait)
    place.later(minutes=10)
    assert isinstance(aborted(run), Done)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert "shop stays at 1.35" in undone.note
    assert (
        "`fleetkeeper plan rollback -l name=shop` plans the way back to 1.34, open until 27 Nov 09:00 UTC"
        in undone.note
    )


def test_an_abort_of_one_that_failed_says_that_nothing_of_it_is_there(place: Place) -> None:
    place.living.world.eks.failing_control_planes.add(place.cluster.key)
    run = up(place)
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(aborted(run), Failed)
    assert run.undo() == Undone("shop is at 1.34: nothing of the upgrade to 1.35 is there")


@pytest.mark.parametrize(
    "change",
    [unchanged, insight("ERROR", "1.35"), lambda p: someone_moves(p, "1.35", "earlier")],
    ids=["nothing in the way", "an insight in the way", "somebody else at work"],
)
def test_an_abort_before_the_act_waits_for_nothing(place: Place, change: Callable[[Place], object]) -> None:
    change(place)
    place.later(minutes=3)
    assert isinstance(aborted(up(place)), Skip)


def test_an_abort_of_a_cluster_that_is_gone_ends(place: Place) -> None:
    run = up(place)
    run.ticks(2)
    place.living.world.clusters.clear()
    assert run.undo() == Undone("the cluster is gone")


def test_a_cluster_that_only_a_kubeconfig_knows_is_not_for_eks(place: Place) -> None:
    run = up(place)
    run.subject = place.subject(scope=None)
    failed = run.look()
    assert isinstance(failed, Failed)
    assert failed.final


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({"to": "1.35"}, "from", "is missing", id="no from"),
        pytest.param({"from": "1.34", "to": "1.36"}, "to", "must be 1.35", id="a minor that is skipped"),
        pytest.param({"from": "1.34", "to": "1.33"}, "to", "must be 1.35", id="a way back"),
        pytest.param({"from": "1.34.2", "to": "1.35"}, "from", "must be a minor such as 1.34", id="a patch"),
        pytest.param({"from": "new", "to": "1.35"}, "from", "not a Kubernetes version", id="no version at all"),
        pytest.param({"from": "1.34", "to": "1.35", "force": True}, "force", "unknown parameter", id="force"),
    ],
)
def test_it_refuses_parameters(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("upgrade-control-plane", **params)
    assert says in refused.value.wrong[name]
