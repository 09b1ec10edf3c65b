"""The rules of EKS about node groups and Karpenter, in virtual time: what a step makes of each of them."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Skip, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import NodeGroupUpdate, VersionUpdate
from fleetkeeper.sim.world import SimUpdateConfig
from tests.engine.steps.nodes import (
    NEW,
    OLD,
    budgets,
    deploy,
    inside,
    join,
    kubelets,
    put_budget,
    put_pool,
    serve_karpenter,
    upgrade,
)
from tests.engine.steps.rolling import begin, begun, behind, cloud, group, later, walk
from tests.engine.steps.walking import Place, Walk
from tests.sim.controllers.behaving import BUDGETS, NODES
from tests.sim.worlds import a_cluster

DOCS = Path(__file__).parents[3] / "docs"
HERE = Path(__file__).parent
HOLD = {"nodes": "0", "reasons": ["Drifted"]}
AUTO: dict[str, Any] = {"nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}}


@pytest.fixture
def place() -> Place:
    return behind()


def texts(run: Walk, minutes: float) -> list[str]:
    """What was said, each once, until it is over."""
    said: list[str] = []
    verdict: Verdict = run.tick()
    for _ in range(round(minutes * 6)):
        text = re.sub("^update .* is in progress: ", "", getattr(verdict, "why", "") or getattr(verdict, "note", ""))
        if text not in said:
            said.append(text)
        if isinstance(verdict, Done):
            break
        run.place.later(seconds=10)
        verdict = run.tick()
    return said


# ---- managed node groups


def test_the_phases_are_told_as_they_come(place: Place) -> None:
    said = texts(begin(place), 30)
    short = [re.sub(r"\.eu-west-1\.compute\.internal", "", each) for each in said]
    assert short[:2] == [
        "0 nodes Ready at 1.35, 2 older",
        "4 nodes Ready at 1.35, 2 older, cordoned: ip-10-1-0-104, ip-10-1-0-105",
    ]
    assert any("1 older, cordoned: ip-10-1-0-10" in each for each in short)
    assert short[-1].startswith("main is at 1.35 (1.35.8-")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (SimUpdateConfig(), "node by node"),
        (SimUpdateConfig(nodes=2), "2 nodes at a time"),
        (SimUpdateConfig(nodes=0, percent=51), "2 nodes at a time"),
    ],
    ids=["one", "a number", "a share, rounded up"],
)
def test_nodes_go_side_by_side_as_the_group_says(place: Place, config: SimUpdateConfig, says: str) -> None:
    group(place).update_config = config
    act = walk(place).look()
    assert isinstance(act, Act)
    assert says in act.what
    assert isinstance(later(begin(place), 40), Done)


def test_a_group_that_terminates_before_it_launches_is_followed_too(place: Place) -> None:
    group(place).update_config = SimUpdateConfig(strategy="MINIMAL")
    assert isinstance(later(begin(place), 40), Done)
    assert kubelets(place) == [NEW] * 2


def test_nothing_is_ever_forced(place: Place) -> None:
    """After the limit of EKS the pod and its node are still there."""
    deploy(place, "api", 1)
    put_budget(place, "api", maxUnavailable=1)
    (pod,) = inside(place).pods()
    run = begin(place)
    later(run, 1)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    assert isinstance(later(run, 40), Failed)
    (left,) = inside(place).pods()
    assert left["metadata"]["uid"] == pod["metadata"]["uid"]
    assert pod["spec"]["nodeName"] in [name for _, name in place.cluster.objects[NODES]]


def test_an_autoscaler_that_changes_the_size_does_not_fail_the_step(place: Place) -> None:
    run = begin(place)
    later(run, 3)
    group(place).desired = 3
    assert isinstance(later(run, 40), Done)


def test_a_group_that_somebody_begins_to_roll_in_between_is_waited_for(place: Place) -> None:
    run = walk(place)
    act = run.tick()
    assert isinstance(act, Act)
    step, moment = run.step, run.moment
    cloud(place).update_node_group(NodeGroupUpdate("shop", "main", Minor(1, 35)), "of-somebody-else")
    with pytest.raises(Exception, match="ResourceInUseException"):
        step.act(place.world, run.subject, moment, act.memory)
    assert begun(place) == 1


def test_the_minor_is_always_named(place: Place) -> None:
    """Left out it would be the cluster's, which another run may have moved since the plan."""
    begin(place)
    (update,) = place.cluster.eks.updates.values()
    assert dict(update.params)["Version"] == "1.35"


def test_a_release_of_another_minor_fails_in_eks_own_words(place: Place) -> None:
    failed = begin(place, release="1.34.11-20261102").tick()
    assert isinstance(failed, Failed)
    assert "Requested release version 1.34.11-20261102 is not valid for kubernetes version 1.35" in failed.why


def test_an_image_type_that_ended_fails_in_eks_own_words(place: Place) -> None:
    group(place).ami_type = "AL2_x86_64"
    failed = begin(place).tick()
    assert isinstance(failed, Failed)
    assert "AMI Type AL2_x86_64 is only supported for older versions" in failed.why


def test_while_the_control_plane_moves_no_group_is_begun() -> None:
    place = Place(a_cluster(version="1.35"))
    group(place).version = "1.34"
    cloud(place).update_version(VersionUpdate("shop", Minor(1, 36)), "of-the-step-before")
    run = walk(place)
    wait = run.ticks(3)
    assert isinstance(wait, Wait)
    assert "shop is UPDATING: EKS updates no node group until it is ACTIVE" in wait.why
    place.later(minutes=9)
    assert isinstance(run.ticks(2), Act)
    assert begun(place) == 2


# ---- Karpenter and Auto Mode


def auto_mode(*names: str) -> Place:
    """An Auto Mode cluster with two nodes in each of the pools."""
    cluster = a_cluster()
    cluster.auto_mode = True
    made = Place(cluster)
    serve_karpenter(made)
    for at, name in enumerate(names):
        put_pool(made, name, [{"nodes": "100%"}], **AUTO)
        for number in range(2):
            labels = {"karpenter.sh/nodepool": name, "eks.amazonaws.com/compute-type": "auto"}
            join(made, f"i-{name}-{number}", 10 * at + number, OLD, **labels)
    made.later(seconds=20)
    return made


def test_built_in_pools_roll_at_once_and_are_only_waited_for() -> None:
    place = auto_mode("general-purpose", "system")
    assert isinstance(place.walk("hold-nodes").look(), Skip)
    upgrade(place)
    run = place.walk("release-nodes", to="1.35")
    assert isinstance(run.tick(), Wait)
    place.later(minutes=10)
    done = run.tick()
    assert isinstance(done, Done)
    assert kubelets(place) == [NEW] * 4
    assert not run.intended
    assert budgets(place, "system") == [{"nodes": "100%"}]


def test_a_pool_of_its_owners_on_auto_mode_is_held_and_rolls_when_released() -> None:
    place = auto_mode("own")
    hold = place.walk("hold-nodes")
    hold.ticks(2)
    assert isinstance(hold.tick(), Done)
    upgrade(place)
    place.later(hours=2)
    assert kubelets(place) == [OLD] * 2
    run = place.walk("release-nodes", to="1.35")
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert kubelets(place) == [NEW] * 2


def test_the_strictest_budget_is_ours_and_holds_drift_alone() -> None:
    place = Place()
    serve_karpenter(place)
    put_pool(place, budgets=[{"nodes": "50%", "reasons": ["Empty"]}, {"nodes": "100%"}])
    run = place.walk("hold-nodes")
    run.ticks(2)
    assert budgets(place) == [HOLD, {"nodes": "50%", "reasons": ["Empty"]}, {"nodes": "100%"}]


# ---- the page


def rules(page: str, *sections: str) -> list[list[str]]:
    """The rows of the tables below these headings."""
    found: list[list[str]] = []
    for part in re.split(r"^##+ ", (DOCS / page).read_text("utf-8"), flags=re.MULTILINE):
        if part.partition("\n")[0] in sections:
            lines = [line for line in part.splitlines() if line.startswith("| ")]
            found += [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in found if row[0] != "Rule"]


def test_every_rule_that_the_simulator_holds_has_its_row_and_its_test() -> None:
    simulated = {row[0] for row in rules("simulator-eks.md", "Managed node groups", "Karpenter and Auto Mode")}
    told = rules("eks.md", "Managed node groups", "Karpenter and Auto Mode")
    beside = {row[0] for row in rules("eks.md", "Rules that no step touches")}
    trees = [ast.parse(path.read_text("utf-8")) for path in HERE.glob("test_*.py")]
    tests = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert simulated <= {row[0] for row in told} | beside
    for row in told:
        named = re.findall(r"`(test_\w+)`", row[2])
        assert named, row
        assert set(named) <= tests, row
