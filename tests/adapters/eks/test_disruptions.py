"""AWS Health over the wire: pages, the one refusal that no retry mends, and that it is logged once."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from fleetkeeper.sim.troubles import SimHealthEvent, SimZonalShift
from tests.contract.writer_sides import cloud_side
from tests.sim.worlds import NOW, PROD, REGION

OUTAGE = SimHealthEvent(REGION, "EKS", "AWS_EKS_OPERATIONAL_ISSUE", NOW)


@pytest.mark.parametrize("number", [100, 101, 230])
def test_every_page_is_read(number: int) -> None:
    with cloud_side("over HTTP") as side:
        side.world.troubles.events = [OUTAGE] * number
        ends = NOW + timedelta(hours=1)
        side.world.troubles.shifts = [SimZonalShift(PROD, REGION, "euw1-az1", NOW, ends)] * number
        assert len(side.cloud.health_issues() or ()) == number
        assert len(side.cloud.zonal_shifts()) == number


def test_that_there_is_no_support_plan_is_logged_once_with_its_account() -> None:
    with cloud_side("over HTTP") as side, capture_logs() as logs:
        side.world.troubles.without_plan = {PROD}
        assert [side.cloud.health_issues() for _ in range(3)] == [None] * 3
    said = [each for each in logs if each["event"] == "aws_health_needs_a_support_plan"]
    assert [(each["account"], each["region"]) for each in said] == [(PROD, REGION)]
