"""A change of a node as the patch that brings it about: only what is ours comes off, and foreign things stay."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.live import LiveNode, Marks, Taint
from fleetkeeper.core.rotation import marks
from fleetkeeper.core.rotation.marks import marks_of
from fleetkeeper.core.rotation.patches import needs_version, patch
from fleetkeeper.core.rotation.turn import Change, NodeChange
from tests.core.rotation.builders import FENCED, HOUR, NOW, US, merged, node, old, untouched

GPU = Taint("gpu", "yes", "NoSchedule")
PRESSURE = Taint("node.kubernetes.io/disk-pressure", "", "NoSchedule")
FENCE_ROW = {"key": marks.FENCE, "effect": "PreferNoSchedule"}
GPU_ROW = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
PRESSURE_ROW = {"key": PRESSURE.key, "effect": "NoSchedule"}
OURS = Marks(US, NOW, True, True)


def made(change: Change, on: LiveNode, why: str = "") -> dict[str, Any]:
    return dict(patch(NodeChange(change, on, why), US, NOW))


def test_a_fence_keeps_every_other_taint() -> None:
    found = made(Change.FENCE, untouched(taints=(GPU,), own_taints=(PRESSURE,)))
    assert found == {
        "metadata": {"annotations": {marks.ROTATION: US}},
        "spec": {"taints": [GPU_ROW, PRESSURE_ROW, FENCE_ROW]},
    }


def test_a_fence_of_a_node_that_we_closed_opens_it() -> None:
    found = made(Change.FENCE, old(marks=Marks(US, None, True)))
    assert found == {
        "metadata": {"annotations": {marks.ROTATION: US, marks.CORDONED: None}},
        "spec": {"unschedulable": False},
    }


def test_a_cordon_says_that_it_is_ours() -> None:
    found = made(Change.CORDON, untouched(taints=(FENCED,)))
    assert found == {
        "metadata": {"annotations": {marks.ROTATION: US, marks.CORDONED: "true"}},
        "spec": {"unschedulable": True},
    }


def test_a_cordon_of_somebody_else_is_never_called_ours() -> None:
    theirs = untouched(schedulable=False, taints=(FENCED,))
    assert made(Change.CORDON, theirs) == {"metadata": {"annotations": {marks.ROTATION: US}}}
    begun = made(Change.BEGIN, theirs)
    assert marks.CORDONED not in begun["metadata"]["annotations"]
    assert "spec" not in begun


def test_beginning_starts_the_clock_and_keeps_traffic_away() -> None:
    assert made(Change.BEGIN, old(marks=Marks(US, None, True))) == {
        "metadata": {
            "annotations": {marks.ROTATION: US, marks.BEGAN: NOW.isoformat(), marks.EXCLUDED: "true"},
            "labels": {marks.NO_LOAD_BALANCER: "true"},
        }
    }


def test_a_label_that_was_there_before_us_is_not_called_ours() -> None:
    found = made(Change.BEGIN, old(labels={marks.NO_LOAD_BALANCER: ""}))
    assert marks.EXCLUDED not in found["metadata"]["annotations"]
    assert "labels" not in found["metadata"]


def test_beginning_again_takes_the_node_back_whole() -> None:
    aside = node("old-1", taints=(FENCED,), marks=Marks(US, NOW - HOUR, quarantined="stuck"))
    found = made(Change.BEGIN, aside)
    assert found["spec"] == {"unschedulable": True}
    assert found["metadata"]["annotations"][marks.QUARANTINED] is None
    assert found["metadata"]["annotations"][marks.BEGAN] == NOW.isoformat()


def test_setting_aside_opens_what_we_closed_and_keeps_fence_and_clock() -> None:
    found = made(Change.QUARANTINE, old(marks=OURS), "web-1 does not go")
    assert found == {
        "metadata": {
            "annotations": {marks.QUARANTINED: "web-1 does not go", marks.CORDONED: None, marks.EXCLUDED: None},
            "labels": {marks.NO_LOAD_BALANCER: None},
        },
        "spec": {"unschedulable": False},
    }


def test_setting_aside_leaves_a_foreign_cordon() -> None:
    assert "spec" not in made(Change.QUARANTINE, old(marks=Marks(US, NOW)), "stuck")


def test_a_reason_cannot_carry_commands_or_be_endless() -> None:
    found = made(Change.QUARANTINE, old(), "\x1b[2J" + "x" * 9_000)
    text = found["metadata"]["annotations"][marks.QUARANTINED]
    assert text.isprintable()
    assert len(text) <= 500


def test_a_release_takes_off_what_is_ours_and_keeps_the_taints_of_others() -> None:
    held = old(taints=(GPU, FENCED), own_taints=(PRESSURE,), marks=replace(OURS, keeps_until=NOW))
    found = made(Change.RELEASE, held)
    gone = (marks.ROTATION, marks.BEGAN, marks.CORDONED, marks.EXCLUDED, marks.QUARANTINED)
    assert found["metadata"]["annotations"] == dict.fromkeys((*gone, marks.NO_SCALE_DOWN, marks.UNTIL))
    assert found["metadata"]["labels"] == {marks.NO_LOAD_BALANCER: None}
    assert found["spec"] == {"unschedulable": False, "taints": [GPU_ROW, PRESSURE_ROW]}


def test_a_release_leaves_what_others_set() -> None:
    found = made(Change.RELEASE, untouched(schedulable=False, taints=(GPU,), marks=Marks(US)))
    assert "spec" not in found
    assert "labels" not in found["metadata"]
    assert marks.NO_SCALE_DOWN not in found["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("change", "on", "needs"),
    [
        pytest.param(Change.FENCE, untouched(), True, id="a taint is added to the list"),
        pytest.param(Change.CORDON, untouched(), True, id="also with a cordon"),
        pytest.param(Change.CORDON, untouched(taints=(FENCED,)), False, id="a cordon alone is one key"),
        pytest.param(Change.BEGIN, old(), False, id="so is a clock"),
        pytest.param(Change.QUARANTINE, old(), False, id="and a note"),
        pytest.param(Change.RELEASE, old(), True, id="a taint is taken off the list"),
        pytest.param(Change.RELEASE, old(taints=()), False, id="no taint of ours is left"),
    ],
)
def test_a_change_of_the_list_of_taints_needs_the_version(change: Change, on: LiveNode, needs: bool) -> None:
    assert needs_version(NodeChange(change, on)) is needs
    assert ("taints" in made(change, on).get("spec", {})) is needs


def test_what_is_written_is_read_back_and_its_release_leaves_nothing() -> None:
    fresh = untouched(taints=(GPU,))
    document: dict[str, Any] = {"metadata": {"annotations": {"theirs": "1"}}, "spec": {"taints": [GPU_ROW]}}
    begun = merged(document, made(Change.BEGIN, fresh))
    seen = marks_of(begun["metadata"]["annotations"])
    assert seen == OURS
    then = replace(old(taints=(GPU, FENCED)), marks=seen)
    assert merged(begun, made(Change.RELEASE, then)) == {
        "metadata": {"annotations": {"theirs": "1"}, "labels": {}},
        "spec": {"taints": [GPU_ROW], "unschedulable": False},
    }
