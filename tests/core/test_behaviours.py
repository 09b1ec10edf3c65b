"""Which known change a hop brings, and how grave it is."""

import pytest

from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.finding import Severity
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import hops

FIRST, SECOND = hops("1.34", "1.36")


@pytest.mark.parametrize(
    ("minor", "first", "second"),
    [
        pytest.param("1.24", True, False, id="long past: told once, with the first hop"),
        pytest.param("1.35", True, False, id="of the first target"),
        pytest.param("1.36", False, True, id="of the second target"),
        pytest.param("1.37", False, False, id="later"),
    ],
)
def test_a_change_is_due_with_its_minor_or_at_once(minor: str, first: bool, second: bool) -> None:
    compat = change(row("ipvs", minor=minor), row("other"))
    assert (due(compat, FIRST, Detector.IPVS) is not None, due(compat, SECOND, Detector.IPVS) is not None) == (
        first,
        second,
    )


def test_the_gravest_and_newest_change_is_due() -> None:
    rows = (
        row("ipvs", minor="1.35", type="deprecated"),
        row("ipvs", minor="1.30"),
        row("ipvs", minor="1.34"),
        row("ipvs", minor="1.33", type="planned"),
    )
    assert due(change(*rows), FIRST, Detector.IPVS) is rows[2]


@pytest.mark.parametrize(
    ("type", "confidence", "severity"),
    [
        pytest.param("removed", Confidence.HIGH, Severity.BLOCKER, id="removed"),
        pytest.param("requires", Confidence.HIGH, Severity.BLOCKER, id="requires"),
        pytest.param("default-changed", Confidence.HIGH, Severity.BLOCKER, id="another default"),
        pytest.param("removed", Confidence.MEDIUM, Severity.WARNING, id="removed, as is said"),
        pytest.param("removed", Confidence.LOW, Severity.WARNING, id="removed, by hearsay"),
        pytest.param("deprecated", Confidence.HIGH, Severity.INFO, id="deprecated"),
        pytest.param("planned", Confidence.HIGH, Severity.INFO, id="planned"),
        pytest.param("conflict", Confidence.HIGH, Severity.INFO, id="sources that differ"),
    ],
)
def test_only_what_is_sure_and_breaks_blocks(type: str, confidence: Confidence, severity: Severity) -> None:
    assert severity_of(row(type=type, confidence=confidence)) is severity


def test_evidence_names_the_change_and_its_source() -> None:
    told = evidence(row("ipvs", confidence=Confidence.MEDIUM))
    assert (told.text, told.confidence) == ("1.35 ipvs-1.35: it is gone (release notes)", Confidence.MEDIUM)
