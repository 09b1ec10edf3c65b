"""blue-green: a second group like the first, every pod moved once, the first kept without nodes, nothing deleted."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.pods import PodTemplate, Requirement
from fleetkeeper.core.rotation.clone import MADE_BY, REPLACES
from fleetkeeper.core.smoke import TESTED, SmokeTest
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Skip, Undone, Wait
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.ports_execute import WorldCloudWriter
from tests.engine.steps.nodes import deploy, join_group, pods, put_budget
from tests.engine.steps.walking import Place, Walk
from tests.sim.controllers.behaving import NODES

GREEN = "main-261120"
SMOKE = SmokeTest("registry.example.com/smoke:1", annotations={"sim.fleetkeeper/runs-for": "5"})
_LABEL = "eks.amazonaws.com/nodegroup"


@pytest.fixture
def place() -> Place:
    """Two nodes of group main with an old image, and three pods on them."""
    made = Place()
    made.cluster.node_groups["main"].release_version = "1.34.2-20260802"
    join_group(made)
    deploy(made, "web", 3)
    return made


def turn_green(place: Place, **params: Any) -> Walk:
    return place.walk("blue-green", group="main", clone=GREEN, **params)


def walked(run: Walk, minutes: float, until: Callable[[Any], bool] = lambda _: False) -> Any:
    """The verdict after so long, looked at every ten seconds, or the first that is what is waited for."""
    verdict: Any = None
    for _ in range(round(minutes * 6)):
        with suppress(ReadError):
            verdict = run.tick()
        if isinstance(verdict, Done | Skip | Failed) or (verdict and until(verdict)):
            break
        run.place.later(seconds=10)
    return verdict


def group(place: Place, name: str = GREEN) -> Any:
    return place.cluster.node_groups.get(name)


def nodes(place: Place, name: str) -> dict[str, Any]:
    every = place.cluster.objects[NODES]
    return {key[1]: each for key, each in every.items() if each["metadata"]["labels"].get(_LABEL) == name}


def web(place: Place) -> list[Any]:
    return [each for each in pods(place) if each["metadata"]["labels"].get("app") == "web"]


def uids(place: Place) -> set[str]:
    return {each["metadata"]["uid"] for each in web(place)}


def cordoned(place: Place) -> set[str]:
    return {key[1] for key, each in place.cluster.objects[NODES].items() if each["spec"].get("unschedulable")}


def marked(place: Place) -> list[str]:
    return [
        key
        for each in place.cluster.objects[NODES].values()
        for key in (each["metadata"].get("annotations") or {})
        if key.startswith("fleetkeeper.dev/")
    ]


# ---- the way


def test_a_dry_run_says_what_would_be_made_and_changes_nothing(place: Place) -> None:
    act = turn_green(place).look()
    assert isinstance(act, Act)
    assert act.what == (
        f"make node group {GREEN} like main, with 2 nodes as it has now, and EKS's newest image; main stays as it is"
        " meanwhile"
    )
    assert group(place) is None


def test_the_second_group_is_like_the_first_as_large_as_it_is_now_and_newer(place: Place) -> None:
    place.cluster.node_groups["main"].desired = 4
    run = turn_green(place)
    run.ticks(2)
    made, main = group(place), group(place, "main")
    assert (made.desired, made.minimum, made.maximum) == (2, 1, main.maximum)
    assert made.subnets == (main.subnets or place.cluster.subnets)
    assert made.labels == main.labels
    assert made.taints == main.taints
    assert (main.release_version, made.release_version) == ("1.34.2-20260802", "1.34.11-20261116")
    assert made.tags == {"cost": "shop", REPLACES: "main", MADE_BY: "plan-1/blue-green-main"}


def test_every_pod_moves_once_and_the_first_group_is_kept_without_nodes(place: Place) -> None:
    before, run = uids(place), turn_green(place)
    done = walked(run, 60)
    assert isinstance(done, Done)
    assert f"{GREEN} runs what ran on main, which is kept with no nodes; the way back: aws eks" in done.note
    assert "minSize=0,maxSize=5,desiredSize=2" in done.note
    assert group(place, "main").desired == 0
    assert not nodes(place, "main")
    assert {each["spec"]["nodeName"] for each in web(place)} <= nodes(place, GREEN).keys()
    assert uids(place).isdisjoint(before)
    assert len(uids(place)) == 3
    assert not marked(place)
    assert not cordoned(place)


def test_a_wait_tells_how_far_the_new_nodes_are(place: Place) -> None:
    run = turn_green(place)
    run.ticks(2)
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert wait.why == f"{GREEN} is being created: 0 of 2 nodes Ready"


@pytest.mark.parametrize("step", range(1, 12))
def test_a_crash_at_any_line_makes_one_group_and_moves_each_pod_once(place: Place, step: int) -> None:
    """The process dies after its so many-th look or act, and another goes on from what is stored."""
    before, run = uids(place), turn_green(place)
    for _ in range(step):
        run.forgets = run.intended
        walked(run, 0.2)
    done = walked(replace(run), 60)
    assert isinstance(done, Done)
    assert set(place.cluster.node_groups) == {"main", "custom", GREEN}
    assert uids(place).isdisjoint(before)
    assert group(place, "main").desired == 0


@pytest.mark.parametrize("operation", ["CreateNodegroup", "UpdateNodegroupConfig", "DescribeNodegroup"])
@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_has_one_effect(place: Place, operation: str, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation=operation, count=2)]
    assert isinstance(walked(turn_green(place), 60), Done)
    assert set(place.cluster.node_groups) == {"main", "custom", GREEN}


# ---- nothing is ever ended by force


def test_a_blocked_pod_keeps_its_uid_through_a_crash_for_the_group_is_never_deleted(place: Place) -> None:
    """EKS would end by force what is not drained five minutes after DeleteNodegroup. Nobody calls it."""
    put_budget(place, "web", maxUnavailable=0)
    before, run = uids(place), turn_green(place, never_movable="set-aside")
    walked(run, 20)
    run.forgets = True
    again = replace(run, place=place)
    verdict = walked(again, 60)
    assert isinstance(verdict, Blocked)
    assert "PDB shop/web" in verdict.why
    delete = place.walk("delete-node-group", group="main", clone=GREEN, keep="1m")
    refused = walked(delete, 10)
    assert isinstance(refused, Blocked)
    assert "EKS would end them by force" in refused.why
    place.later(minutes=30)
    assert uids(place) == before
    assert group(place, "main").status == "ACTIVE"
    assert group(place, "main").desired == 2


def test_a_pod_that_can_never_move_is_named_before_anything_changes(place: Place) -> None:
    put_budget(place, "web", maxUnavailable=0)
    blocked = turn_green(place).look()
    assert isinstance(blocked, Blocked)
    assert "nothing was begun, for these can never be moved" in blocked.why
    assert "PDB shop/web" in blocked.why
    assert group(place) is None


# ---- traps


def kept_as_code(place: Place) -> None:
    place.cluster.node_groups["main"].tags["aws:cloudformation:stack-name"] = "nodes"


def scheduled(place: Place) -> None:
    place.cluster.node_groups["main"].scaling.scheduled = ["night"]


def on_spot(place: Place) -> None:
    place.cluster.node_groups["main"].capacity_type = "SPOT"


def pinned(place: Place) -> None:
    terms = (Requirement(_LABEL, "In", ("main",)),)
    load = model.Workload("Deployment", "shop", "db", "u-1", ("db:1",), 1, template=PodTemplate(node_terms=terms))
    place.store.values[parts.WORKLOADS] = (load,)


def selected(place: Place) -> None:
    deploy(place, "db", 1, pod={"nodeSelector": {_LABEL: "main"}})


@pytest.mark.parametrize(
    ("trap", "name"),
    [
        pytest.param(kept_as_code, "kept as code: CloudFormation", id="kept as code"),
        pytest.param(scheduled, "scheduled actions: night", id="scheduled actions"),
        pytest.param(on_spot, "Spot capacity", id="Spot"),
        pytest.param(pinned, "named by workloads: shop/Deployment/db", id="node affinity"),
        pytest.param(selected, "named by workloads: shop/Deployment/db", id="a node selector that came since"),
    ],
)
def test_a_trap_is_refused_by_name_before_anything_changes(
    place: Place, trap: Callable[[Place], None], name: str
) -> None:
    trap(place)
    failed = turn_green(place).look()
    assert isinstance(failed, Failed)
    assert failed.final
    assert name in failed.why
    assert failed.fix
    assert group(place) is None


def test_workloads_that_were_not_seen_are_a_trap(place: Place) -> None:
    place.store.observed_at = None
    failed = turn_green(place).look()
    assert isinstance(failed, Failed)
    assert "which workloads choose nodes by their group was not seen" in failed.why


def test_a_role_that_may_not_be_passed_on_is_told_and_nothing_changed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "User: executor is not authorized to perform: iam:PassRole on resource: arn:aws:iam::2:role/nodes"

    def refused(*_: object) -> None:
        raise Refused(said, GapReason.FORBIDDEN)

    monkeypatch.setattr(WorldCloudWriter, "create_node_group", refused)
    failed = walked(turn_green(place), 2)
    assert isinstance(failed, Failed)
    assert failed.final
    assert "iam:PassRole: the executor may not give role" in failed.why
    assert "for the service eks.amazonaws.com" in failed.fix
    assert group(place) is None


def test_what_eks_refuses_otherwise_may_be_tried_again(place: Place) -> None:
    place.living.world.quotas[place.cluster.account, place.cluster.region, "L-6D54EA21"] = 2
    run = turn_green(place)
    failed = walked(run, 2)
    assert isinstance(failed, Failed)
    assert not failed.final
    assert "EKS refused to make the second group" in failed.why
    place.living.world.quotas.clear()
    run.retry()
    assert isinstance(walked(run, 60), Done)


def test_a_group_of_the_name_that_nobody_made_for_this_is_left(place: Place) -> None:
    other = replace(place.cluster.node_groups["custom"], name=GREEN)
    place.cluster.node_groups[GREEN] = other
    failed = turn_green(place).look()
    assert isinstance(failed, Failed)
    assert "that nobody made for main" in failed.why


# ---- the smoke test of the first new node


def test_no_pod_moves_before_the_first_new_node_has_passed_its_test(place: Place) -> None:
    place.world = replace(place.world, smoke=SMOKE)
    run = turn_green(place)
    walked(run, 20, lambda verdict: isinstance(verdict, Act) and "take away the smoke test" in verdict.what)
    assert not marked(place)
    assert isinstance(walked(run, 60), Done)
    assert not [each for each in pods(place) if each["metadata"]["name"].startswith("fleetkeeper-smoke")]
    assert not [each for each in place.cluster.objects[NODES].values() if TESTED in each["metadata"]["labels"]]


def test_a_failed_test_holds_every_pod_where_it_is(place: Place) -> None:
    fails = {"sim.fleetkeeper/fails-after": "5"}
    place.world = replace(place.world, smoke=replace(SMOKE, annotations=fails))
    before, run = uids(place), turn_green(place)
    blocked = walked(run, 30, lambda verdict: isinstance(verdict, Blocked))
    assert isinstance(blocked, Blocked)
    assert "the smoke test failed on" in blocked.why
    assert "kubectl --namespace default delete pod fleetkeeper-smoke-" in blocked.fix
    assert uids(place) == before
    run.undo()
    assert not [each for each in pods(place) if each["metadata"]["name"].startswith("fleetkeeper-smoke")]


# ---- the way back


def test_an_abort_before_any_pod_moved_leaves_the_first_group_as_it_was(place: Place) -> None:
    before, run = uids(place), turn_green(place)
    run.ticks(3)
    place.later(minutes=3)
    residue = run.undo()
    assert isinstance(residue, Residue)
    assert "2 nodes of main take pods again" in residue.what
    assert f"nothing runs on node group {GREEN}, and it stays without nodes" in residue.what
    place.later(minutes=20)
    assert (uids(place), cordoned(place), marked(place)) == (before, set(), [])
    assert group(place).desired == 0
    assert group(place, "main").desired == 2


def test_an_abort_in_mid_drain_uncordons_the_first_group_and_moves_nothing(place: Place) -> None:
    run = turn_green(place)
    walked(
        run, 30, lambda _: bool(marked(place)) and any(n["spec"]["nodeName"] in nodes(place, GREEN) for n in web(place))
    )
    before = uids(place)
    residue = run.undo()
    assert isinstance(residue, Residue)
    assert f"node group {GREEN} stays:" in residue.what
    assert "shop/web-" in residue.what
    assert (cordoned(place), marked(place)) == (set(), [])
    place.later(minutes=10)
    assert len(uids(place) & before) >= 2
    assert group(place).desired == 2


def test_an_abort_before_anything_was_made_has_nothing_to_undo(place: Place) -> None:
    assert isinstance(turn_green(place).undo(), Undone)


# ---- deleting what was kept


def test_the_emptied_group_is_deleted_once_it_was_kept_for_long_enough(place: Place) -> None:
    walked(turn_green(place), 60)
    place.later(minutes=20)
    delete = place.walk("delete-node-group", group="main", clone=GREEN, keep="1d")
    skip = delete.look()
    assert isinstance(skip, Skip)
    assert "is kept for 1d as the way back" in skip.why
    place.later(days=1, minutes=30)
    act = delete.look()
    assert isinstance(act, Act)
    assert act.what == f"delete node group main, which has no instance; {GREEN} has replaced it"
    assert isinstance(walked(delete, 10), Done)
    assert group(place, "main") is None
    assert len(web(place)) == 3
