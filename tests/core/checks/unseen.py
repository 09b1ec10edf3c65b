"""What the runner says of a check whose part was not seen: FK000, and never ready where the check is critical."""

from fleetkeeper.core.assess import NOT_SEEN, HopReport, Verdict, assess
from fleetkeeper.core.checks import check_of
from tests.core.checks.snapshots import HOP, NO_ROWS, snapshot


def report_without(code: str, part: str) -> HopReport:
    check = check_of(code)
    assert check is not None, f"no check has the code {code}"
    (report,) = assess(snapshot(unseen=(part,)), (HOP,), NO_ROWS, [check])
    return report


def assert_not_seen(code: str, part: str) -> None:
    """The only finding is that the part was not seen; it blocks as the check's own criticality says."""
    check, report = check_of(code), report_without(code, part)
    assert check is not None
    (finding,) = report.findings
    assert (finding.code, finding.key) == (NOT_SEEN, part)
    assert code in finding.message
    assert report.verdict is (Verdict.UNKNOWN if check.critical else Verdict.READY)
