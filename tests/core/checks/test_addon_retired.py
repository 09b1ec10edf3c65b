"""FK205 by day and range."""

from datetime import date

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import EndOfLife, Range
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Detect, Source
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy
from tests.core.checks.snapshots import found, snapshot

SOURCE = Source("endoflife.date", date(2026, 8, 22), Confidence.HIGH)


def judged(*ends: tuple[str, date], version: str = "1.30.2") -> tuple[Finding, ...]:
    row = AddonRow(
        "istio",
        "Istio",
        Detect(),
        SOURCE,
        ends=tuple(EndOfLife(Range.parse(versions), on, SOURCE) for versions, on in ends),
    )
    seen = {parts.ADDONS: Addons((Addon("istio", version, FoundBy.HELM, "istio-system/istiod"),))}
    return found("FK205", snapshot(seen), compat=Compat(addons=(row,)))


@pytest.mark.parametrize(
    ("versions", "on", "severity", "says"),
    [
        pytest.param(
            ">=1.30,<1.31",
            date(2026, 11, 20),
            Severity.WARNING,
            "Istio 1.30.2 has got no more fixes since 2026-11-20",
            id="past",
        ),
        pytest.param(
            ">=1.30,<1.31",
            date(2026, 12, 1),
            Severity.INFO,
            "Istio 1.30.2 gets no more fixes from 2026-12-01",
            id="soon",
        ),
        pytest.param(
            "*", date(2026, 3, 1), Severity.WARNING, "Istio has got no more fixes since", id="retired as a whole"
        ),
    ],
)
def test_an_end_is_told_with_its_day(versions: str, on: date, severity: Severity, says: str) -> None:
    (finding,) = judged((versions, on))
    assert (finding.severity, finding.blocks) == (severity, False)
    assert finding.message.startswith(says)
    assert finding.deadline is not None


def test_an_addon_that_is_retired_is_told_without_its_version() -> None:
    (finding,) = judged(("*", date(2026, 3, 1)), version="")
    assert finding.fix == "move to what takes the place of Istio"


def test_of_two_ends_the_earlier_is_told() -> None:
    (finding,) = judged(("*", date(2026, 12, 1)), (">=1.30,<1.31", date(2026, 11, 1)))
    assert "since 2026-11-01" in finding.message


@pytest.mark.parametrize(
    ("versions", "on", "version"),
    [
        pytest.param(">=1.30,<1.31", date(2027, 3, 1), "1.30.2", id="far away"),
        pytest.param(">=1.20,<1.21", date(2024, 3, 1), "1.30.2", id="of another line"),
        pytest.param(">=1.30,<1.31", date(2024, 3, 1), "", id="of a version that is not known"),
    ],
)
def test_what_still_gets_fixes_is_not_told(versions: str, on: date, version: str) -> None:
    assert judged((versions, on), version=version) == ()
