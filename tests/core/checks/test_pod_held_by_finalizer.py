"""FK416 by the finalizers of pods that are being deleted."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.observed import PodNote
from tests.core.checks.snapshots import NOW, found, snapshot
from tests.core.checks.workloads import unseen


def test_a_pod_that_cannot_go_is_told_with_what_holds_it() -> None:
    note = PodNote("shop", "web-1", "finalizers", "example.com/hold", "Deployment/web", NOW, "node-a")
    (finding,) = found("FK416", snapshot({parts.POD_NOTES: (note,)}))
    assert "is being deleted since 2026-11-20 09:00 UTC, and example.com/hold holds it" in finding.message
    assert "a drain of node-a waits" in finding.message
    assert "bring back the controller that set example.com/hold" in finding.fix


def test_another_note_is_not_told() -> None:
    assert found("FK416", snapshot({parts.POD_NOTES: (PodNote("shop", "web-1", "do-not-disrupt"),)})) == ()


def test_pods_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK416", parts.POD_NOTES) is Verdict.READY
