"""What rotations share: refusals that are remembered, changes that somebody else's stop, and what is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.rotation.seen import Eviction, Outcome, Seen
from fleetkeeper.core.rotation.turn import Change, Held, NodeChange, Progress, Turn
from fleetkeeper.core.verdict import Act, Blocked, Moment, Wait
from fleetkeeper.engine import rotating
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.rotating import FORCED, REFUSED, SETTLED, Carried, NodeWriter, Work, carry_out, poll, seen
from fleetkeeper.engine.rotating_verdicts import Also, verdict
from fleetkeeper.engine.rotating_words import Begun, act_text, progress_text
from tests.engine.steps.emptying import change, marks, nodes, on
from tests.engine.steps.nodes import deploy, inside
from tests.engine.steps.walking import Place
from tests.sim.controllers.behaving import NODES

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STILL = Progress(nodes=3, empty=0, working=1, quarantined=0, pods=4, leaving=0, arriving=0)
NEVER = timedelta(0)


def pod(name: str = "web-1", **other: str) -> LivePod:
    return LivePod("shop", name, "a", controller="Deployment/web", uid=f"uid-{name}", **other)  # type: ignore[arg-type]


def sight(*pods: LivePod, memory: dict[str, str] | None = None) -> Seen:
    refusals = rotating._refusals(memory or {}, {each.uid for each in pods})
    return Seen(NOW, "run-1/drain", frozenset({"a"}), (), pods, refusals=refusals)


def moment(**memory: str) -> Moment:
    return Moment(NOW, NOW, "t", memory=memory)


def never() -> bool:
    return False


# ---- refusals


def test_a_refusal_is_remembered_with_its_first_time_until_the_pod_is_gone() -> None:
    said = Eviction(Outcome.BUDGET, "Cannot evict", 10)
    memory = rotating.with_answers({}, sight(pod()), Carried({"uid-web-1": said}))
    later = replace(sight(pod(), memory=dict(memory)), now=NOW + timedelta(minutes=1))
    memory = rotating.with_answers(memory, later, Carried({"uid-web-1": said}))
    found = sight(pod(), memory=dict(memory)).refusals["uid-web-1"]
    assert (found.eviction, found.since, found.at) == (said, NOW, NOW + timedelta(minutes=1))
    assert sight(memory=dict(memory)).refusals == {}


def test_an_accepted_eviction_ends_what_was_remembered_of_it() -> None:
    memory = rotating.with_answers({}, sight(pod()), Carried({"uid-web-1": Eviction(Outcome.BUSY)}))
    assert REFUSED in memory
    again = sight(pod(), memory=dict(memory))
    assert rotating.with_answers(memory, again, Carried({"uid-web-1": Eviction(Outcome.ACCEPTED)})) == {}


def test_the_memory_stays_small_however_many_pods_are_refused() -> None:
    pods = [pod(f"web-{number}") for number in range(500)]
    answers = {each.uid: Eviction(Outcome.REFUSED, "no " * 1000) for each in pods}
    memory = rotating.with_answers({}, sight(*pods), Carried(answers))
    assert len(memory[REFUSED]) < 40_000
    assert len(sight(*pods, memory=dict(memory)).refusals) == 64


def test_a_deletion_by_force_is_remembered_with_its_time() -> None:
    assert rotating.with_answers({}, sight(), Carried(forced=True)) == {FORCED: NOW.isoformat()}


# ---- acts


def test_nothing_is_evicted_while_a_node_was_changed_by_somebody_else() -> None:
    place = Place()
    (name,) = nodes(place, 1)
    deploy(place, replicas=1)
    with kube_of(place.world, place.subject()) as kube:
        found = seen(kube, Work("run-1/drain", lambda _: [name]), moment())
        change(place, name, podCIDR="10.0.0.0/24")
        turn = Turn(STILL, changes=(NodeChange(Change.CORDON, found.nodes[0]),), evict=found.pods)
        carried = carry_out(kube, NodeWriter(kube, found.rotation, NOW), turn, never)
    assert carried == Carried(whole=False)
    assert len(on(place, name)) == 1
    assert marks(place) == {}


def test_two_changes_of_one_node_are_made_one_after_the_other() -> None:
    place = Place()
    (name,) = nodes(place, 1)
    with kube_of(place.world, place.subject()) as kube:
        (node,) = kube.nodes()
        writer = NodeWriter(kube, "run-1/drain", NOW)
        assert writer.change(NodeChange(Change.FENCE, node))
        assert writer.change(NodeChange(Change.CORDON, node))
        assert writer.change(NodeChange(Change.BEGIN, node))
    assert "fleetkeeper.dev/rotating" in marks(place)[name]
    assert "cordoned" in marks(place)[name]


def test_a_node_that_is_gone_is_no_trouble() -> None:
    place = Place()
    (name,) = nodes(place, 1)
    with kube_of(place.world, place.subject()) as kube:
        (node,) = kube.nodes()
        inside(place).live.objects.delete(NODES, ("", name))
        assert NodeWriter(kube, "run-1/drain", NOW).change(NodeChange(Change.FENCE, node))


@pytest.mark.parametrize(("pods", "seconds"), [(0, 0.5), (400, 0.5), (900, 0.9), (5000, 5), (20_000, 10)])
def test_the_larger_the_cluster_the_longer_the_pause_between_looks(pods: int, seconds: float) -> None:
    assert poll(sight(*(pod(str(number)) for number in range(pods)))) == timedelta(seconds=seconds)


# ---- what is told


def test_the_progress_names_what_is_awaited_in_few_words() -> None:
    held = tuple(Held(pod(f"web-{number}"), "spent", "shop/web") for number in range(2))
    now = replace(STILL, nodes=26, working=2, quarantined=1, pods=40, leaving=3)
    text = progress_text(Turn(now, held=held), Begun(nodes=30, pods=97))
    assert text == (
        "nodes 4/30 done, 2 in work, 1 set aside; pods 57 moved, 3 going, 40 left; waiting for PDB shop/web (2)"
    )


def test_no_text_is_longer_than_a_row_takes() -> None:
    held = tuple(Held(pod(f"web-{number}"), "w" * 300, f"{'n' * 100}/{number}") for number in range(50))
    blocked = tuple(Obstacle(each.pod, "o" * 500, "fix") for each in held)
    turn = Turn(STILL, held=held, blocked=blocked, evict=tuple(each.pod for each in held))
    assert len(progress_text(turn, Begun())) <= 300
    assert len(act_text(turn)) <= 300


# ---- verdicts


def test_it_waits_while_pods_are_on_their_way_and_names_the_owner_of_what_is_stuck() -> None:
    stuck = Obstacle(pod(), "two budgets", "leave one", "team-shop", for_good=True)
    found = verdict(sight(pod()), Turn(replace(STILL, leaving=1), blocked=(stuck,)), moment(), Also(NEVER))
    assert isinstance(found, Wait)
    assert found.owner == "team-shop"
    assert "two budgets" in found.why


def test_it_is_blocked_only_when_nothing_else_goes_on() -> None:
    stuck = Obstacle(pod(), "two budgets", "leave one", "team-shop", for_good=True)
    found = verdict(sight(pod()), Turn(STILL, blocked=(stuck,)), moment(), Also(NEVER))
    assert isinstance(found, Blocked)
    assert (found.owner, found.fix) == ("team-shop", "leave one")


def test_what_stands_for_a_moment_only_calls_nobody() -> None:
    stuck = Obstacle(pod(), "not counted yet", "", since=NOW - timedelta(seconds=5))
    found = verdict(sight(pod()), Turn(STILL, blocked=(stuck,)), moment(), Also(NEVER))
    assert isinstance(found, Wait)


def test_the_end_of_a_batch_is_written_down_though_nothing_is_to_be_done() -> None:
    stuck = Obstacle(pod(), "two budgets", "leave one", for_good=True)
    found = verdict(sight(pod()), Turn(STILL, blocked=(stuck,), batch_is_over=True), moment(), Also(NEVER))
    assert isinstance(found, Wait)
    assert found.keep is not None
    assert found.keep[SETTLED] == NOW.isoformat()


def test_an_abort_is_never_followed_by_an_act() -> None:
    turn = Turn(STILL, evict=(pod(),))
    assert isinstance(verdict(sight(pod()), turn, moment(), Also(NEVER)), Act)
    assert isinstance(verdict(sight(pod()), turn, replace(moment(), following=True), Also(NEVER)), Wait)
