"""update-nodegroup on a simulated EKS: what it decides of each state, and one update whatever breaks."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import NodeGroupUpdate
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.aws.images import latest_release
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimIssue
from tests.engine.steps.nodes import NEW, OLD, deploy, kubelets, put_budget
from tests.engine.steps.rolling import begin, begun, behind, cloud, group, later, walk
from tests.engine.steps.walking import SECOND, Place, Walk
from tests.sim.worlds import PROD

SOMEONE = f"arn:aws:iam::{PROD}:role/fleetkeeper-executor"
RELEASE = "1.34.11-20261102"


@pytest.fixture
def place() -> Place:
    return behind()


def set_status(status: str, version: str = "1.34", *issues: SimIssue) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        group(place).status, group(place).version, group(place).issues = status, version, list(issues)

    return change


def by_someone(place: Place) -> None:
    cloud(place).update_node_group(NodeGroupUpdate("shop", "main", Minor(1, 35)), "of-somebody-else")


_LOST = SimIssue("AsgInstanceLaunchFailures", "Could not launch On-Demand Instances")


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda _: None, Act, r"from 1\.34 \(1.34.11-20261102\) to 1\.35 .* node by node, without force",
                     id="an older one is updated"),
        pytest.param(set_status("ACTIVE", "1.35"), Done, "already", id="one that is there is done"),
        pytest.param(set_status("ACTIVE", "1.36"), Skip, "somebody else updated it", id="a newer one is skipped"),
        pytest.param(lambda p: p.cluster.node_groups.clear(), Skip, "no node group", id="a missing one is skipped"),
        pytest.param(set_status("CREATING"), Wait, "being created", id="one that is created is waited for"),
        pytest.param(set_status("DELETING"), Blocked, "being deleted", id="one that is deleted blocks"),
        pytest.param(by_someone, Wait, f"by {SOMEONE}: VersionUpdate", id="one by somebody else is waited for"),
        pytest.param(set_status("UPDATING"), Wait, "UPDATING, by nothing", id="one that is not listed is waited for"),
        pytest.param(set_status("DEGRADED", "1.34", _LOST), Failed, "Could not launch .*scaling-activities",
                     id="a degraded one fails with its issue and what to do"),
        pytest.param(set_status("DEGRADED", "1.35", _LOST), Failed, "DEGRADED", id="there and degraded it fails"),
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


# ---- the newest image of the same minor


def rotating(place: Place, release: str = RELEASE) -> Walk:
    """A run of its own, whose tokens are no other run's."""
    run = place.walk("update-nodegroup", group="main", to="1.35", leaves=release)
    run.next_token = SECOND
    return run


def at_the_minor(release: str) -> Place:
    """The group is at 1.35 with an image of that release, and so are its nodes."""
    place = behind()
    assert isinstance(later(begin(place), 40), Done)
    place.later(hours=1)
    group(place).release_version = release
    return place


def test_a_group_leaves_the_release_that_is_too_old_for_the_newest_of_its_minor() -> None:
    place = at_the_minor("1.35.2-20260802")
    run = rotating(place, "1.35.2-20260802")
    act = run.look()
    assert isinstance(act, Act)
    assert "from 1.35 (1.35.2-20260802) to the newest image of 1.35 through EKS" in act.what
    run.ticks(2)
    done = later(run, 40)
    assert isinstance(done, Done)
    assert group(place).release_version > "1.35.8-2026"
    assert begun(place) == 2
    assert isinstance(rotating(place, "1.35.2-20260802").look(), Done)


def test_a_group_that_somebody_else_has_renewed_since_is_done() -> None:
    place = at_the_minor("1.35.8-20261116")
    done = rotating(place, "1.35.2-20260802").look()
    assert isinstance(done, Done)
    assert begun(place) == 1


def test_where_eks_has_no_newer_image_that_is_told_and_nothing_failed() -> None:
    place = at_the_minor("1.35.2-20260802")
    group(place).release_version = latest = latest_release("AL2023_x86_64_STANDARD", "1.35", place.now)
    run = rotating(place, latest)
    run.ticks(2)
    done = later(run, 40)
    assert isinstance(done, Done), done
    assert "EKS has no newer image of it" in done.note


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
    assert "by someone else: ConfigUpdate" in waits.why  # CloudTrail knows no UpdateNodegroupConfig
    assert waits.owner == "whoever updates it"


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
        pytest.param({"group": "main", "to": "1.35", "direction": "down"}, "direction", "up, any", id="down"),
    ],
)
def test_it_refuses_parameters(params: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("update-nodegroup", **params)
    assert says in refused.value.wrong[name]
