"""FK322 by the rows that no detector has."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict, assess
from fleetkeeper.core.checks import check_of
from fleetkeeper.core.finding import Severity
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import found, hops, snapshot
from tests.core.checks.workloads import unseen

ROWS = change(row(minor="1.24"), row(minor="1.35"), row(minor="1.36"), row("ipvs"), row(key="a/b"))


def test_each_hop_has_its_own_list() -> None:
    check = check_of("FK322")
    assert check is not None
    reports = assess(snapshot(), hops("1.34", "1.36"), ROWS, [check])
    assert [[each.message for each in report.findings] for report in reports] == [
        ["1 change of 1.35 cannot be seen in a cluster: change-1.35"],
        ["1 change of 1.36 cannot be seen in a cluster: change-1.36"],
    ]


def test_the_evidence_has_every_row() -> None:
    (finding,) = found("FK322", snapshot(), compat=change(*(row() for _ in range(5))))
    assert (finding.severity, len(finding.evidence)) == (Severity.INFO, 5)
    assert "5 changes of 1.35" in finding.message


def test_a_change_whose_detector_is_not_there_is_read_by_people() -> None:
    (finding,) = found("FK322", snapshot(), compat=change(row("telepathy")))
    assert "telepathy-1.35" in finding.message


def test_a_hop_without_such_changes_is_not_told() -> None:
    assert found("FK322", snapshot(), compat=change(row("ipvs"), row(minor="1.34"))) == ()


def test_a_control_plane_that_was_not_seen_is_unknown_and_blocks_nothing() -> None:
    assert unseen("FK322", parts.CONTROL_PLANE) is Verdict.READY
