"""What an assessment means for a kind of change."""

from datetime import date

import pytest

from fleetkeeper.core.assess import NOT_SEEN, Verdict
from fleetkeeper.core.candidates import Standing, standing_of
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.readiness import ClusterReport, Entry, HopReadiness, Subject
from fleetkeeper.core.snapshot import Hop, Policy
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Waiver
from tests.contract.observed import NOON, PLACEMENT, SCOPE, cluster_id

TARGET = Minor(1, 35)
WAIVER = Waiver("known", "bo", date(2026, 12, 1))


def entry(code: str, waiver: Waiver | None = None, *, blocks: bool = True, key: str = "") -> Entry:
    finding = Finding(code, Severity.BLOCKER, CLUSTER, f"{code} is in the way", "mend it", blocks=blocks, key=key)
    return Entry(finding, State.OPEN, NOON, NOON, NOON, waiver=waiver)


def report(*entries: Entry, verdict: Verdict = Verdict.READY, at_target: bool = False) -> ClusterReport:
    hop = HopReadiness(Hop(Minor(1, 34), TARGET), verdict, entries)
    subject = Subject(cluster_id(), "shop", SCOPE, PLACEMENT, {"name": "shop"})
    policy = Policy(Minor(1, 34) if at_target else TARGET, NOON)
    hops, stay = ((), entries) if at_target else ((hop,), ())
    return ClusterReport(subject, Minor(1, 34), policy, NOON, hops, stay)


@pytest.mark.parametrize("changes", [Changes.ADDONS, Changes.NODES, Changes.MINOR])
def test_a_ready_cluster_may_be_changed(changes: Changes) -> None:
    found = standing_of(report(entry("FK401", blocks=False)), changes)
    assert (found.held, found.waived, found.deadline) == ("", (), NOON)


@pytest.mark.parametrize(
    ("code", "changes", "held"),
    [
        pytest.param("FK110", Changes.ADDONS, True, id="an update that runs forbids addon updates"),
        pytest.param("FK202", Changes.ADDONS, False, id="what an addon update mends does not forbid it"),
        pytest.param("FK301", Changes.ADDONS, False, id="what breaks at a hop does not forbid addon updates"),
        pytest.param("FK505", Changes.NODES, True, id="a zone without addresses forbids node work"),
        pytest.param("FK401", Changes.NODES, False, id="a budget is told, and holds its own nodes alone"),
        pytest.param("FK301", Changes.NODES, False, id="an API in use does not forbid node work"),
        pytest.param("FK301", Changes.MINOR, True, id="a hop waits for everything"),
        pytest.param("FK110", Changes.NOTHING, False, id="nothing forbids to look"),
    ],
)
def test_what_forbids_which_change(code: str, changes: Changes, held: bool) -> None:
    found = standing_of(report(entry(code), verdict=Verdict.BLOCKED), changes)
    assert found.held == (f"it is blocked: {code} {code} is in the way" if held else "")


def test_an_unknown_hop_is_not_a_ready_one() -> None:
    unseen = [entry(NOT_SEEN, key=part) for part in ("helm_releases", "nodes", "pods", "budgets")]
    found = standing_of(report(*unseen, entry("FK201"), verdict=Verdict.UNKNOWN), Changes.MINOR)
    assert found.held == (
        "it is unknown: FK000 helm releases, nodes, pods and 1 more could not be seen; FK201 FK201 is in the way"
    )


def test_a_few_findings_tell_why_and_the_others_are_counted() -> None:
    found = standing_of(report(*map(entry, ("FK104", "FK301", "FK401")), verdict=Verdict.BLOCKED), Changes.MINOR)
    assert found.held == "it is blocked: FK104 FK104 is in the way; FK301 FK301 is in the way; and 1 more"


def test_what_is_waived_is_told_and_does_not_forbid() -> None:
    found = standing_of(report(entry("FK104", WAIVER), entry("FK301", WAIVER)), Changes.ADDONS)
    assert found == Standing("", ("waived until 2026-12-01 by bo: FK104 FK104 is in the way",), (), NOON)


def test_only_an_upgrade_has_hops() -> None:
    assert standing_of(report(), Changes.MINOR).hops == ("1.35",)
    assert standing_of(report(), Changes.ADDONS).hops == ()


def test_a_cluster_at_its_target_has_no_deadline() -> None:
    assert standing_of(report(at_target=True), Changes.ADDONS) == Standing()


def test_a_drain_that_looks_itself_is_kept_out_by_an_unwell_cluster_alone() -> None:
    """What never moves of its own nodes is named before it begins; what other nodes hold is no matter of its."""
    blocked = report(*map(entry, ("FK401", "FK504")), verdict=Verdict.BLOCKED)
    assert not standing_of(blocked, Changes.NODES, {"drain-nodes"}).held
    assert standing_of(blocked, Changes.NODES, {"drain-nodes", "update-nodegroup"}).held
    assert standing_of(report(entry("FK104")), Changes.NODES, {"drain-nodes"}).held
