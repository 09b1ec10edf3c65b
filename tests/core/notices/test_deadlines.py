"""Until when something has to be mended, by which clock, and how far it can be moved."""

from dataclasses import replace

import pytest

from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.notices.deadlines import EXTENDED_SUPPORT, REMOVED, Removal, Wave, deadline_of
from tests.core.notices.made import DAY, MONDAY

FINDING = Finding("FK301", Severity.BLOCKER, Subject("Deployment", "web", "shop"), "it is in the way", "mend it")
CLOUD = Removal(MONDAY + 60 * DAY, MONDAY + 400 * DAY, "extended support of 1.33 ends")


def test_without_any_clock_there_is_no_deadline() -> None:
    assert deadline_of(FINDING, None, "") is None


@pytest.mark.parametrize(
    ("waves", "policy", "days", "clock", "consequence"),
    [
        pytest.param((), 60, 60, "standard support of 1.33 ends", EXTENDED_SUPPORT, id="the end of support"),
        pytest.param((), 30, 30, "standard support of 1.33 ends", "the policy is not met", id="a policy before it"),
        pytest.param((10, 20), 60, 10, "wave w10 begins", "wave w10 leaves the cluster out", id="the first wave"),
        pytest.param((90,), 60, 60, "standard support of 1.33 ends", EXTENDED_SUPPORT, id="a wave after the end"),
        pytest.param((), None, 60, "standard support of 1.33 ends", EXTENDED_SUPPORT, id="no policy of one's own"),
    ],
)
def test_the_earliest_clock_counts(
    waves: tuple[int, ...], policy: int | None, days: int, clock: str, consequence: str
) -> None:
    planned = [Wave(MONDAY + day * DAY, f"w{day}", is_begun=True) for day in waves]
    before = MONDAY + policy * DAY if policy else None
    found = deadline_of(FINDING, before, "standard support of 1.33 ends", planned, CLOUD)
    assert found
    assert (found.at, found.clock, found.consequence) == (MONDAY + days * DAY, clock, consequence)
    assert found.hard == MONDAY + 60 * DAY


def test_what_the_cloud_does_by_force_is_named_before_all_else_on_that_day() -> None:
    found = deadline_of(
        FINDING, MONDAY, "support ends", [Wave(MONDAY, "eu", True)], Removal(None, MONDAY, "1.33 is removed")
    )
    assert found
    assert (found.clock, found.consequence, found.hard) == ("1.33 is removed", REMOVED, MONDAY)


def test_a_finding_that_breaks_at_a_date_has_its_own_clock_which_nobody_moves() -> None:
    dated = replace(FINDING, deadline=MONDAY + 5 * DAY, breaks=Breaks.AT_DATE)
    found = deadline_of(dated, MONDAY + 60 * DAY, "support ends")
    assert found
    assert (found.at, found.hard) == (MONDAY + 5 * DAY, MONDAY + 5 * DAY)
    retired = deadline_of(replace(dated, code="FK205"), None, "")
    assert retired
    assert (retired.clock, retired.consequence) == ("an addon gets no more fixes", "an addon gets no more fixes")


def test_the_date_of_a_plan_that_nobody_started_is_tentative() -> None:
    found = deadline_of(FINDING, None, "support ends", [Wave(MONDAY + 5 * DAY, "up-1", is_begun=False)], CLOUD)
    assert found
    assert (found.clock, found.is_tentative, found.hard) == ("wave up-1 may begin", True, MONDAY + 60 * DAY)
