"""postflight: versions and health after the last step, what stays behind, and what the source needs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.finding import Subject as About
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import StepState
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.verdict import Done, Failed, Verdict, Wait
from fleetkeeper.core.versions import Minor
from tests.contract.observed import control_plane, node
from tests.engine.steps.walking import RUN, Place, Walk, told
from tests.sim.worlds import NOW

AT = "v1.13.2-eksbuild.19"
GROUP = "main"
SPECS = (
    StepSpec("look", "preflight"),
    StepSpec("up", "upgrade-control-plane", {"from": "1.33", "to": "1.34"}),
    StepSpec("dns", "update-addon", {"addon": "coredns", "version": AT}),
    StepSpec("nodes", "update-nodegroup", {"group": GROUP, "to": "1.34", "release": ""}),
    StepSpec("after", "postflight"),
)
Change = Callable[[Place], None]


def walk(change: Change = lambda _: None, run: bool = True, specs: tuple[StepSpec, ...] = SPECS) -> Walk:
    """A member whose steps have ended well, seen as it is."""
    place = Place()
    counted = {"nodes": "3", "nodes_not_ready": "0", "pods_not_ready": "0"}
    place.runs.add("preflight", memory=counted, ended_at=NOW)
    for spec in specs[1:-1]:
        place.runs.add(spec.kind)
    place.later(minutes=30)
    place.store.observed_at, place.store.tracking_now = place.now, Tracking(place.now)
    place.store.values = {
        parts.CONTROL_PLANE: control_plane(),
        parts.NODES: tuple(node(n) for n in range(1, 4)),
    }
    change(place)
    made = place.walk("postflight")
    made.subject = place.subject(RUN if run else None, steps=specs)
    return made


def looked(change: Change = lambda _: None, run: bool = True, specs: tuple[StepSpec, ...] = SPECS) -> Verdict:
    return walk(change, run, specs).look()


def dns(version: str) -> Change:
    return lambda place: setattr(place.cluster.addons["coredns"], "version", version)


def older(place: Place) -> None:
    """Two nodes that somebody made, and one of a group with images of its own."""
    old = [replace(node(n), kubelet="v1.32.1", kind=model.ComputeKind.SELF_MANAGED, group="asg-1") for n in (4, 5)]
    own = replace(node(6), kubelet="v1.33.0", kind=model.ComputeKind.MANAGED, group="gpu")
    group = model.NodeGroup("gpu", "ACTIVE", None, "", "CUSTOM", "ON_DEMAND", (), 1, 1, 1)
    place.store.values[parts.NODES] = (*place.store.values[parts.NODES], *old, own)  # type: ignore[misc]
    place.store.values[parts.NODE_GROUPS] = (group,)


def found(code: str, minor: Minor | None = None, **times: Any) -> Change:
    finding = Finding(code, Severity.WARNING, About("Webhook", "policy"), "it is broken", "mend it", minor=minor)

    def change(place: Place) -> None:
        first = times.get("first", place.now)
        place.store.tracking_now = Tracking(place.now, {"f": Tracked(finding, State.OPEN, first, place.now, first)})

    return change


def test_a_member_as_planned_is_done_with_the_lines_of_its_source() -> None:
    done = looked()
    assert isinstance(done, Done)
    assert done.note.startswith(f"as planned and as sound as before: minor 1.34, coredns {AT}, group {GROUP} 1.34; ")
    assert 'Terraform: version = "1.34" of aws_eks_cluster' in done.note
    assert "; 9 lines for the source, so that the next apply takes nothing back: " in done.note
    assert done.note.endswith(" and 6 more")
    assert done.keep is not None
    assert f"addons[name=coredns].version: {AT}" in done.keep["source"]
    assert f'Version: "1.34" of the AWS::EKS::Nodegroup {GROUP}' in done.keep["source"]
    assert done.keep["versions"] == f"minor 1.34, coredns {AT}, group {GROUP} 1.34"
    assert len(done.keep["source"].splitlines()) == 9


def test_the_tool_that_marked_the_cluster_is_the_only_one_told() -> None:
    done = looked(lambda place: place.cluster.tags.update({"managed-by": "terraform"}))
    assert isinstance(done, Done)
    assert "eksctl" not in done.note
    assert done.keep is not None
    assert len(done.keep["source"].splitlines()) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(dns("v1.11.1-eksbuild.1"), f"coredns is at v1.11.1-eksbuild.1, not at {AT}", id="an addon"),
        pytest.param(lambda place: place.cluster.addons.clear(), "coredns is gone", id="an addon that is gone"),
        pytest.param(
            lambda place: setattr(place.cluster, "version", "1.33.1"),
            "its control plane is at 1.33, not 1.34",
            id="the control plane",
        ),
    ],
)
def test_a_version_that_is_not_the_plans_fails(change: Change, says: str) -> None:
    failed = looked(change)
    assert isinstance(failed, Failed)
    assert says in failed.why


def test_a_step_that_was_skipped_is_told_and_asks_for_no_version() -> None:
    def skipped(place: Place) -> None:
        place.runs.rows[2] = replace(place.runs.rows[2], state=StepState.SKIPPED)
        dns("v9.9.9-eksbuild.1")(place)

    done = looked(skipped)
    assert isinstance(done, Done)
    assert "not done: dns" in done.note
    assert "coredns" not in done.note


def test_less_health_than_before_fails() -> None:
    def lost(place: Place) -> None:
        place.store.values[parts.NODES] = (node(1), node(2, ready=False), node(3))

    failed = looked(lost)
    assert isinstance(failed, Failed)
    assert "it is not as sound as before: 1 of 3 nodes not Ready" in failed.why


def test_an_observation_of_before_its_last_step_is_no_proof() -> None:
    def stale(place: Place) -> None:
        place.store.observed_at = NOW

    waits = looked(stale)
    assert isinstance(waits, Wait)
    assert waits.owner == "the observing daemon"


def test_an_observation_of_after_the_last_act_serves_though_a_bake_came_between() -> None:
    def acted(place: Place) -> None:
        place.runs.rows[2] = replace(place.runs.rows[2], intent="update coredns", ended_at=NOW)
        place.store.observed_at = place.now - timedelta(minutes=5)
        place.store.tracking_now = Tracking(place.store.observed_at)

    assert isinstance(looked(acted), Done)


def test_findings_that_are_new_since_preflight_are_listed_and_old_ones_are_not() -> None:
    done = looked(found("FK302", Minor(1, 35)))
    assert isinstance(done, Done)
    assert "1 finding new since preflight: FK302 Webhook policy: it is broken" in done.note
    assert done.keep is not None
    assert done.keep["new"] == "FK302/Webhook policy"
    assert "preflight" not in told(looked(found("FK302", Minor(1, 35), first=NOW.replace(hour=0))))


def test_nodes_that_no_step_touches_are_named_with_who_moves_them() -> None:
    done = looked(older)
    assert isinstance(done, Done)
    assert (
        "left as it was: 1 node of gpu at 1.33 (it has images of its own: its owner makes one, and rolls it), "
        "2 nodes of asg-1 at 1.32 (self-managed: whoever made them rolls them)"
    ) in done.note


def test_a_dry_run_says_what_it_will_ask_for() -> None:
    waits = looked(run=False)
    assert isinstance(waits, Wait)
    assert f"minor 1.34, coredns {AT}, group {GROUP} 1.34" in waits.why


def test_a_proposal_that_was_merged_counts_like_the_step_it_stands_for() -> None:
    proposed: Mapping[str, str] = {"change": "addon", "name": "coredns", "from": "x", "to": "v9.9.9", "via": "hook:a"}
    failed = looked(specs=(SPECS[0], StepSpec("ask", "propose", proposed), SPECS[-1]))
    assert isinstance(failed, Failed)
    assert "not at v9.9.9" in failed.why
