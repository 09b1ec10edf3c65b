"""update-nodegroup on a simulated EKS: what it decides of each state, one update whatever breaks, and who is in the way."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Skip, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import CloudWriter, NodeGroupUpdate
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimIssue, SimNodeGroup, SimUpdateConfig
from tests.engine.steps.nodes import NEW, OLD, annotate, deploy, inside, join_group, kubelets, put_budget
from tests.engine.steps.walking import SECOND, Place, Walk
from tests.sim.controllers.behaving import BUDGETS, DAEMONS, SHOP
from tests.sim.worlds import a_cluster

RELEASE = "1.34.11-20261102"


@pytest.fixture
def place() -> Place:
    """The control plane is at 1.35, and two nodes of the group main at 1.34."""
    made = Place(a_cluster(version="1.35"))
    join_group(made)
    return made


def group(place: Place) -> SimNodeGroup:
    return place.cluster.node_groups["main"]


def walk(place: Place, **other: str) -> Walk:
    return place.walk("update-nodegroup", **{"group": "main", "to": "1.35", **other})


def begun(place: Place) -> int:
    return len(place.cluster.eks.updates)


def cloud(place: Place) -> CloudWriter:
    scope = place.subject().scope
    assert scope is not None
    return place.world.writers.cloud(scope)


def later(run: Walk, minutes: float) -> Verdict:
    """The verdict after so long, looked at every 20 seconds as the step asks for."""
    verdict = run.tick()
    for _ in range(round(minutes * 3)):
        run.place.later(seconds=20)
        verdict = run.tick()
        if isinstance(verdict, Failed | Done | Blocked):
            break
    return verdict


def begin(place: Place, **other: str) -> Walk:
    run = walk(place, **other)
    assert isinstance(run.ticks(2), Act)
    return run


def set_status(status: str, version: str = "1.34", *issues: SimIssue) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        group(place).status, group(place).version, group(place).issues = status, version, list(issues)

    return change


def by_someone(place: Place) -> None:
    cloud(place).update_node_group(NodeGroupUpdate("shop", "main", Minor(1, 35)), "of-somebody-else")


def of_old_instances(place: Place) -> None:
    set_status("ACTIVE", "1.35")(place)


_LOST = SimIssue("AsgInstanceLaunchFailures", "Could not launch On-Demand Instances")


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda _: None, Act, r"from 1\.34 \(1.34.11-20261102\) to 1\.35 .* node by node, without force",
                     id="an older one is updated"),
        pytest.param(set_status("ACTIVE", "1.35"), Done, "already", id="one that is there is done"),
        pytest.param(set_status("ACTIVE", "1.36"), Skip, "somebody else updated it", id="a newer one is skipped"),
        pytest.param(lambda p: p.cluster.node_groups.clear(), Skip, "no node group main", id="a missing one is skipped"),
        pytest.param(set_status("CREATING"), Wait, "being created", id="one that is created is waited for"),
        pytest.param(set_status("DELETING"), Blocked, "being deleted", id="one that is deleted blocks"),
        pytest.param(by_someone, Wait, "by someone else: VersionUpdate to 1.35", id="an update of somebody else is waited for"),
        pytest.param(set_status("UPDATING"), Wait, "UPDATING, by nothing", id="an update that is not listed is waited for"),
        pytest.param(set_status("DEGRADED", "1.34", _LOST), Failed, "Could not launch .*scaling-activities",
                     id="a degraded one fails with its issue and what to do"),
        pytest.param(set_status("DEGRADED", "1.35", _LOST), Failed, "DEGRADED", id="one that is there and degraded fails"),
    ],
)  # fmt: skip
def test_of_what_it_sees(place: Place, change: Callable[[Place], None], kind: type[Verdict], says: str) -> None:
    change(place)
    before = begun(place)
    verdict = walk(place).look()
    assert isinstance(verdict, kind), verdict
    assert re.search(says, said(verdict)), verdict
    assert begun(place) == before


def said(verdict: object) -> str:
    texts = (getattr(verdict, name, "") for name in ("what", "why", "note", "owner", "fix"))
    return " ".join(text for text in texts if text)


def test_an_image_of_the_owners_is_not_touched(place: Place) -> None:
    failed = walk(place, group="custom").look()
    assert isinstance(failed, Failed)
    assert failed.final
    assert "images of its owner's" in failed.why
    assert "launch template" in failed.fix


def test_a_group_rolls_and_the_way_is_told_node_by_node(place: Place) -> None:
    deploy(place, replicas=4)
    put_budget(place, maxUnavailable=1)
    run = begin(place)
    early = later(run, 1)
    assert isinstance(early, Wait)
    assert re.search("update .* of main to 1.35 is in progress: 0 nodes Ready at 1.35, 2 older", early.why), early
    middle = later(run, 2)
    assert re.search(r"4 nodes Ready at 1.35, 2 older, cordoned: ip-10-1-0-104.*, ip-10-1-0-105", said(middle)), middle
    done = later(run, 30)
    assert isinstance(done, Done), done
    assert "main is at 1.35 (1.35.8-" in done.note
    assert done.keep is not None
    assert done.keep["from"] == "1.34"
    assert (kubelets(place), begun(place)) == ([NEW] * 2, 1)


def test_an_update_asks_for_the_release_that_is_wanted(place: Place) -> None:
    set_status("ACTIVE", "1.35")(place)
    group(place).release_version = "1.35.7-20261001"
    act = walk(place, release="1.35.8-20261115").look()
    assert isinstance(act, Act)
    assert "to 1.35 (1.35.8-20261115)" in act.what
    newer = walk(place, release="1.35.7-20260901").look()
    assert isinstance(newer, Skip)
    same = walk(place, release="1.35.7-20261001").look()
    assert isinstance(same, Done)


@pytest.mark.parametrize("minutes", [0, 20], ids=["while it still runs", "after it has ended"])
@pytest.mark.parametrize("ticks_before", [0, 1, 2], ids=["before anything", "after the intent", "after the act"])
def test_a_crash_leaves_one_update(place: Place, ticks_before: int, minutes: int) -> None:
    run = walk(place)
    if ticks_before:
        run.ticks(ticks_before)
    place.later(minutes=minutes)
    again = replace(run)
    assert isinstance(later(again, 40), Done)
    assert (begun(place), group(place).version) == (1, "1.35")


@pytest.mark.parametrize("minutes", [0, 20], ids=["while it still runs", "after it has ended"])
def test_a_crash_before_the_act_is_stored_finds_the_update_again(place: Place, minutes: int) -> None:
    run = walk(place)
    run.forgets = True
    run.ticks(2)
    assert (begun(place), "update" in run.memory) == (1, False)
    place.later(minutes=minutes)
    assert isinstance(later(run, 40), Done)
    assert begun(place) == 1


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_leaves_one_update(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation="UpdateNodegroupVersion", count=2)]
    run = walk(place)
    run.ticks(6)
    assert isinstance(later(run, 40), Done)
    assert begun(place) == 1


def test_after_a_lost_answer_an_update_of_the_configuration_is_not_taken_as_ours(place: Place) -> None:
    run = walk(place)
    run.tick()
    by_someone(place)
    place.cluster.eks.updates[next(iter(place.cluster.eks.updates))].type = "ConfigUpdate"
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "by someone else: ConfigUpdate" in waits.why
    assert waits.owner


def a_budget_never_lets_go(place: Place) -> None:
    deploy(place, "api", 2)
    put_budget(place, "api", minAvailable="100%")
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")


def two_budgets(place: Place) -> None:
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=2)
    inside(place).budget("other", selector={"matchLabels": {"app": "api"}}, maxUnavailable=2)
    place.later(seconds=1)


@pytest.mark.parametrize(
    ("change", "says", "owner", "fix"),
    [
        pytest.param(
            a_budget_never_lets_go,
            r"EKS could not drain main: shop/api-.* of Deployment/api on ip-.*: PDB shop/api allows 0 more disruptions, 2 of 2",
            "team-shop", r"let PDB shop/api \(minAvailable 100%\) spare one pod",
            id="a budget that is never met",
        ),
        pytest.param(
            two_budgets, r"2 PodDisruptionBudgets take it \(shop/api and shop/other\)", "", "leave one of shop/api and",
            id="two budgets on one pod",
        ),
    ],
)  # fmt: skip
def test_what_can_never_be_drained_blocks_before_eks_is_asked(
    place: Place, change: Callable[[Place], None], says: str, owner: str, fix: str
) -> None:
    change(place)
    run = walk(place)
    blocked = run.ticks(3)
    assert isinstance(blocked, Blocked), blocked
    assert re.search(says, blocked.why), blocked
    assert blocked.owner == owner
    assert re.search(fix, blocked.fix), blocked
    assert begun(place) == 0


def test_a_budget_of_pods_elsewhere_and_one_of_a_daemon_set_hold_nothing_up(place: Place) -> None:
    join_group(place, "custom")
    elsewhere = {"nodeSelector": {"eks.amazonaws.com/nodegroup": "custom"}}
    deploy(place, "far", 1, pod=elsewhere)
    put_budget(place, "far", minAvailable=1)
    deploy(place, "agent", resource=DAEMONS)
    put_budget(place, "agent", minAvailable="100%")
    run = walk(place)
    assert isinstance(run.tick(), Act)
    assert isinstance(later(run, 40), Done)


def test_a_pod_that_is_blocked_during_the_roll_is_named_with_its_budget_and_owner(place: Place) -> None:
    """EKS itself names neither. The diagnosis is there at the first look after the drain began."""
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=1)
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")
    run = begin(place)
    assert isinstance(later(run, 2), Wait)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    place.later(seconds=20)
    wait = later(run, 1)
    assert isinstance(wait, Wait), wait
    assert re.search(
        r"shop/api-\S+ of Deployment/api on ip-\S+: PDB shop/api allows 0 more disruptions, 2 of 2 must be healthy",
        wait.why,
    ), wait
    assert "EKS gives up 15 minutes after it began to drain a node" in wait.why
    assert wait.owner == "team-shop"


def fail_by_eviction(place: Place) -> tuple[Walk, Failed]:
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=1)
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")
    run = begin(place)
    later(run, 2)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    failed = later(run, 40)
    assert isinstance(failed, Failed), failed
    return run, failed


def test_when_eks_gives_up_the_last_diagnosis_is_told_with_what_to_do(place: Place) -> None:
    _, failed = fail_by_eviction(place)
    assert "PodEvictionFailure" in failed.why
    assert re.search(r"last seen in the way, at \d\d:\d\d UTC: shop/api-\S+ of Deployment/api", failed.why), failed
    assert "PDB shop/api allows 0 more disruptions" in failed.why
    assert "let PDB shop/api (maxUnavailable 0) spare one pod" in failed.fix
    assert "(ask team-shop)" in failed.fix
    assert "then retry" in failed.fix
    assert not failed.final


def test_a_retry_blocks_as_long_as_the_budget_stands_and_ends_well_after(place: Place) -> None:
    run, _ = fail_by_eviction(place)
    run.retry()
    assert isinstance(run.tick(), Blocked)
    inside(place).change(BUDGETS, "api", maxUnavailable=1)
    place.later(seconds=5)
    assert isinstance(run.ticks(2), Act)
    assert isinstance(later(run, 40), Done)
    assert (begun(place), kubelets(place)) == (2, [NEW] * 2)


def test_nodes_that_never_join_fail_with_the_causes_to_look_for(place: Place) -> None:
    place.living.world.eks.failing_nodes.add(f"{place.cluster.key}/main")
    failed = later(begin(place), 40)
    assert isinstance(failed, Failed)
    assert "NodeCreationFailure" in failed.why
    assert "capacity in the zones" in failed.fix
    assert kubelets(place) == [OLD] * 2


def test_a_roll_is_followed_while_the_api_server_does_not_answer(place: Place) -> None:
    run = begin(place)
    place.living.world.faults = [Fault("kube", "unreachable", count=3)]
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert "its nodes cannot be seen" in wait.why
    assert isinstance(later(run, 40), Done)


def test_before_the_act_the_nodes_must_be_seen(place: Place) -> None:
    place.living.world.faults = [Fault("kube", "unreachable", count=1)]
    run = walk(place)
    assert isinstance(run.ticks(3), Act)
    assert begun(place) == 1


def test_going_back_is_refused_by_eks_and_the_ways_that_remain_are_told(place: Place) -> None:
    set_status("ACTIVE", "1.35")(place)
    group(place).release_version = "1.35.8-20261102"
    run = walk(place, to="1.34", direction="any")
    assert isinstance(run.ticks(2), Act)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert failed.final
    assert "EKS does not take main back from 1.35 to 1.34: " in failed.why
    assert "cannot be rolled back" in failed.why
    assert "make another group with an image of 1.34" in failed.fix


def test_going_back_where_eks_allows_it(place: Place) -> None:
    set_status("ACTIVE", "1.35")(place)
    group(place).release_version = "1.35.8-20261102"
    place.living.world.eks.node_groups_roll_back = True
    run = begin(place, to="1.34", direction="any")
    assert isinstance(later(run, 40), Done)
    assert group(place).version == "1.34"


def test_a_minor_above_the_control_planes_fails_in_eks_own_words(place: Place) -> None:
    failed = begin(place, to="1.36").tick()
    assert isinstance(failed, Failed)
    assert "must not be newer than the cluster's 1.35" in failed.why
    assert not failed.final


def test_a_group_that_is_deleted_during_its_update_fails_for_good(place: Place) -> None:
    run = begin(place)
    run.memory = {key: value for key, value in run.memory.items() if key != "update"}
    del place.cluster.node_groups["main"]
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert failed.final


def test_a_group_that_stays_degraded_after_its_update_fails_after_a_while(place: Place) -> None:
    run = begin(place)
    place.later(minutes=20)
    set_status("DEGRADED", "1.35", _LOST)(place)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "AsgInstanceLaunchFailures" in failed.why


def test_an_abort_follows_the_roll_and_says_how_to_go_back(place: Place) -> None:
    run = begin(place)
    assert isinstance(run.undo(), Wait)
    assert isinstance(later(run, 40), Done)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert "main stays at 1.35" in undone.note
    assert "--kubernetes-version 1.34" in undone.note
    assert begun(place) == 1


def test_after_a_roll_that_broke_off_an_abort_tells_that_the_group_is_mixed(place: Place) -> None:
    group(place).update_config = SimUpdateConfig(strategy="MINIMAL")
    deploy(place, "api", 2, pod={"affinity": apart("api")})
    put_budget(place, "api", maxUnavailable=1)
    run = begin(place)
    while kubelets(place) != [OLD, NEW]:
        later(run, 0.34)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    assert isinstance(later(run, 60), Failed)
    left = run.undo()
    assert isinstance(left, Residue)
    assert "main is mixed: 1 of 2 nodes run 1.35, and EKS calls it 1.34" in left.what


def apart(app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_the_memory_of_an_earlier_attempt_is_not_that_of_this_one(place: Place) -> None:
    run = begin(place)
    again = replace(run.moment, token=SECOND)
    seen = run.step.look(place.world, run.subject, again)
    assert isinstance(run.step.decide(seen, again), Wait)


def test_a_cluster_that_only_a_kubeconfig_knows_has_no_node_groups(place: Place) -> None:
    run = walk(place)
    run.subject = place.subject(scope=None)
    failed = run.look()
    assert isinstance(failed, Failed)
    assert failed.final


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({"to": "1.35"}, "group", "is missing", id="no group"),
        pytest.param({"group": "main"}, "to", "is missing", id="no minor"),
        pytest.param({"group": "main", "to": "1.35", "force": True}, "force", "unknown parameter", id="force"),
        pytest.param(
            {"group": "main", "to": "1.35", "direction": "down"}, "direction", "up, any", id="another direction"
        ),
    ],
)
def test_it_refuses_parameters(params: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("update-nodegroup", **params)
    assert says in refused.value.wrong[name]
