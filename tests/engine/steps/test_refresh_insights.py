"""refresh-insights on a simulated EKS: it waits for a refresh that began after it was asked for, and no older one."""

from collections.abc import Callable

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Undone, Verdict, Wait
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.eks_state import SimInsightsRefresh
from fleetkeeper.sim.faults import Fault
from tests.engine.steps.moving import cloud, insight, status, up
from tests.engine.steps.walking import Place, Walk, told


@pytest.fixture
def place() -> Place:
    return Place()


def walk(place: Place, **params: str) -> Walk:
    return place.walk("refresh-insights", **params)


def by_someone(place: Place) -> None:
    cloud(place).refresh_insights("shop")


def lately(place: Place) -> None:
    by_someone(place)
    place.later(minutes=5)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda _: None, Act, "refresh EKS's insights of shop", id="none so far"),
        pytest.param(lately, Act, "refresh", id="an old one"),
        pytest.param(by_someone, Wait, "an earlier refresh", id="one under way"),
        pytest.param(status("UPDATING"), Wait, "of ACTIVE clusters", id="a cluster that moves"),
        pytest.param(lambda p: p.living.world.clusters.clear(), Failed, "is gone", id="no cluster"),
    ],
)
def test_of_what_it_sees(place: Place, change: Callable[[Place], None], kind: type[Verdict], says: str) -> None:
    change(place)
    verdict = walk(place).look()
    assert isinstance(verdict, kind), verdict
    assert says in told(verdict)


def test_it_ends_with_fresh_insights_and_tells_what_they_say(place: Place) -> None:
    insight("ERROR", "1.35", name="Odd thing")(place)
    run = walk(place)
    run.ticks(2)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=2)
    done = run.tick()
    assert isinstance(done, Done)
    assert "upgrade readiness: " in done.note
    assert "5 PASSING, 1 ERROR (Odd thing)" in done.note
    assert {each.refreshed_at for each in cloud(place).insights("shop") if each.name == "Kubelet version skew"} == {
        place.now
    }


def test_one_that_began_before_ours_was_asked_for_does_not_count(place: Place) -> None:
    run = walk(place)
    by_someone(place)
    place.later(minutes=1)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=1)
    assert isinstance(run.tick(), Act)
    run.tick()
    began = place.cluster.eks.refresh
    assert began is not None
    assert began.started_at == place.now
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle"])
def test_an_answer_that_is_lost_is_asked_for_again(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation="StartInsightsRefresh", count=1)]
    run = walk(place)
    run.ticks(4)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)


def test_a_crash_before_the_act_is_stored_finds_the_refresh_again(place: Place) -> None:
    run = walk(place)
    run.forgets = True
    run.ticks(2)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)


def test_a_refresh_that_fails_is_told(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.cluster.eks.refresh = SimInsightsRefresh(place.now, "FAILED", place.now)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "could not refresh" in failed.why
    assert not failed.final


def test_the_refresh_is_what_the_upgrade_waits_for(place: Place) -> None:
    assert "unknown is never ready" in told(up(place).look())
    run = walk(place)
    run.ticks(2)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert isinstance(up(place).look(), Act)


def test_a_cluster_that_only_a_kubeconfig_knows_has_no_insights(place: Place) -> None:
    run = walk(place)
    run.subject = place.subject(scope=None)
    failed = run.look()
    assert isinstance(failed, Failed)
    assert failed.final


def test_an_abort_leaves_nothing(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    assert run.undo() == Undone()


def test_it_refuses_a_category_that_eks_does_not_have() -> None:
    with pytest.raises(ParamError, match="did you mean ROLLBACK_READINESS"):
        Place().walk("refresh-insights", category="ROLLBACK_READYNESS")
