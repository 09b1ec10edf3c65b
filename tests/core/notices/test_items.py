"""What becomes of a finding: whether somebody has to act, until when by which clock, and who is at it already."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.clocks import Clocks
from fleetkeeper.core.notices.deadlines import REMOVED, Removal, Wave
from fleetkeeper.core.notices.items import Where, item_of
from fleetkeeper.core.notices.keys import cluster_key, cluster_of
from fleetkeeper.core.owners import Hit, Owned, Source
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.waivers import Waiver

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
POLICY, SUPPORT = datetime(2026, 12, 18, tzinfo=UTC), datetime(2027, 1, 29, tzinfo=UTC)
ID = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/shop", NOW)
CLOCKS = Clocks("1.34", POLICY, "1.34 is due by the fleet's policy", Removal(SUPPORT, None))
OWNED = Owned("payments", Hit(Source.NAMESPACE, "payments", "the label team of namespace shop", "payments"))
FINDING = Finding("FK401", Severity.BLOCKER, Subject("Ingress", "web", "shop"), "it goes away", "move it", blocks=True)
ENTRY = Entry(FINDING, State.OPEN, NOW, NOW, NOW)

Change = Callable[[Entry], Entry]


def finding(**changes: Any) -> Change:
    return lambda entry: replace(entry, finding=replace(entry.finding, **changes))


def warning(**changes: Any) -> Change:
    return finding(severity=Severity.WARNING, blocks=False, **changes)


OWN, PAST = NOW + timedelta(days=200), NOW - timedelta(days=200)


@pytest.mark.parametrize(
    ("change", "must", "due"),
    [
        pytest.param(finding(), True, POLICY, id="what a hop waits for has to be mended by the policy's date"),
        pytest.param(warning(), True, POLICY, id="so has a warning of what breaks at the upgrade"),
        pytest.param(warning(breaks=Breaks.AT_NODES), True, POLICY, id="or when nodes are replaced"),
        pytest.param(warning(breaks=Breaks.AT_DEPLOY), False, None, id="but not at the next deploy, which has no date"),
        pytest.param(warning(breaks=Breaks.NOTHING), False, None, id="nor what breaks nothing"),
        pytest.param(warning(breaks=Breaks.AT_DATE, deadline=OWN), True, OWN, id="what breaks at a date has that date"),
        pytest.param(
            warning(breaks=Breaks.AT_DATE, deadline=PAST), False, None, id="unless it was over from the first"
        ),
        pytest.param(
            finding(breaks=Breaks.AT_DATE, deadline=PAST), True, PAST, id="a blocker is overdue when its date is over"
        ),
        pytest.param(finding(deadline=NOW + timedelta(days=3)), True, NOW + timedelta(days=3), id="the nearest counts"),
        pytest.param(finding(severity=Severity.INFO, blocks=False), False, POLICY, id="what is only told is never due"),
        pytest.param(finding(severity=Severity.UNKNOWN), True, POLICY, id="what could not be judged and blocks is due"),
    ],
)
def test_what_has_to_be_done_and_until_when(change: Change, must: bool, due: datetime | None) -> None:
    item = item_of(change(ENTRY), OWNED, Where(ID, "shop", "prod", CLOCKS))
    assert item.must is must
    assert (item.deadline.at if item.deadline else None) == due


def test_a_wave_is_a_clock_too() -> None:
    waved = replace(CLOCKS, waves=(Wave(NOW + timedelta(days=2), "run-7", True),))
    deadline = item_of(ENTRY, OWNED, Where(ID, "shop", "prod", waved)).deadline
    assert deadline is not None
    assert (deadline.clock, deadline.consequence) == ("wave run-7 begins", "wave run-7 leaves the cluster out")
    assert deadline.hard == SUPPORT


def test_a_date_of_a_finding_that_is_the_clouds_is_told_as_the_clouds() -> None:
    """Not as the date of a finding: to its owner that says nothing of what happens then."""
    removal = Removal(SUPPORT, OWN, "extended support of 1.33 ends")
    where = Where(ID, "shop", "prod", replace(CLOCKS, removal=removal))
    deadline = item_of(warning(code="FK103", breaks=Breaks.AT_DATE, deadline=OWN)(ENTRY), OWNED, where).deadline
    assert deadline is not None
    assert (deadline.at, deadline.clock, deadline.consequence) == (OWN, removal.clock, REMOVED)


WAIVER = Waiver("accepted", "ada", date(2026, 12, 1), code="FK401")


@pytest.mark.parametrize(
    ("change", "busy"),
    [
        pytest.param(lambda entry: entry, "wave run-7 is at work on it", id="a run"),
        pytest.param(
            lambda entry: replace(entry, waiver=WAIVER), "waived until 2026-12-01 by ada: accepted", id="a waiver"
        ),
        pytest.param(
            lambda entry: replace(entry, state=State.UNCONFIRMED, proven_at=NOW + timedelta(days=7)),
            "its caller changed on 2026-11-20, and quiet proves it on 2026-11-27",
            id="a caller that changed",
        ),
        pytest.param(lambda entry: replace(entry, state=State.RESOLVED), "", id="nothing when it is mended"),
    ],
)
def test_who_is_at_it_already(change: Change, busy: str) -> None:
    item = item_of(change(ENTRY), OWNED, Where(ID, "shop", "prod", CLOCKS, "wave run-7 is at work on it"))
    assert item.busy == busy


def test_what_is_waived_has_not_to_be_done() -> None:
    assert not item_of(replace(ENTRY, waiver=WAIVER), OWNED, Where(ID, "shop", "prod", CLOCKS)).must


def test_a_cluster_is_found_again_by_its_key() -> None:
    assert cluster_of(cluster_key(ID)) == ID
