"""What AWS says of its own trouble, over HTTP and in the world alike (CloudWriter.health_issues and zonal_shifts)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fleetkeeper.core.aws_trouble import AUTOSHIFT, HealthIssue, ZonalShift
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.troubles import SimHealthEvent, SimZonalShift
from tests.adapters.eks.conftest import _alone
from tests.contract.writer_sides import SIDES, CloudSide, cloud_side
from tests.sim.worlds import NOW, PROD, REGION

__all__ = ["_alone"]

OUTAGE = SimHealthEvent(REGION, "EKS", "AWS_EKS_OPERATIONAL_ISSUE", NOW - timedelta(hours=1))
SHIFT = SimZonalShift(
    PROD, REGION, "euw1-az2", NOW - timedelta(hours=1), NOW + timedelta(hours=2), "arn:of-a-balancer", comment="az2"
)


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudSide]:
    with cloud_side(request.param) as found:
        yield found


def test_a_quiet_region_has_no_trouble(side: CloudSide) -> None:
    assert side.cloud.health_issues() == ()
    assert side.cloud.zonal_shifts() == ()


def test_open_issues_of_the_region_are_told_and_nothing_else(side: CloudSide) -> None:
    side.world.troubles.events = [
        OUTAGE,
        replace(OUTAGE, region="us-east-1"),
        replace(OUTAGE, service="RDS"),
        replace(OUTAGE, status="closed"),
        replace(OUTAGE, category="scheduledChange"),
        replace(OUTAGE, account="999999999999"),
        replace(OUTAGE, account=PROD, service="EC2", code="AWS_EC2_INSTANCE_ISSUE"),
    ]
    assert side.cloud.health_issues() == (
        HealthIssue("EKS", "AWS_EKS_OPERATIONAL_ISSUE", OUTAGE.started_at),
        HealthIssue("EC2", "AWS_EC2_INSTANCE_ISSUE", OUTAGE.started_at),
    )


def test_an_account_without_a_support_plan_answers_none_and_says_so_once(side: CloudSide) -> None:
    side.world.troubles.events = [OUTAGE]
    side.world.troubles.without_plan = {PROD}
    with capture_logs() as logs:
        assert [side.cloud.health_issues() for _ in range(3)] == [None] * 3
    said = [each["event"] for each in logs if each["event"] == "aws_health_needs_a_support_plan"]
    assert len(said) <= 1
    side.world.troubles.without_plan.clear()
    assert side.cloud.health_issues() == (HealthIssue("EKS", "AWS_EKS_OPERATIONAL_ISSUE", OUTAGE.started_at),)


def test_zones_that_are_left_are_told_with_whose_traffic_and_until_when(side: CloudSide) -> None:
    side.world.troubles.shifts = [
        replace(SHIFT, resource=""),
        SHIFT,
        replace(SHIFT, type="PRACTICE_RUN", comment=""),
        replace(SHIFT, status="EXPIRED"),
        replace(SHIFT, region="us-east-1"),
        replace(SHIFT, account="999999999999"),
    ]
    assert side.cloud.zonal_shifts() == (
        ZonalShift("euw1-az2", "ZONAL_SHIFT", "arn:of-a-balancer", SHIFT.ends_at, "az2"),
        ZonalShift("euw1-az2", "PRACTICE_RUN", "arn:of-a-balancer", SHIFT.ends_at),
        ZonalShift("euw1-az2", AUTOSHIFT),
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("forbid", GapReason.FORBIDDEN),
        ("throttle", GapReason.THROTTLED),
        ("error", GapReason.SERVER_ERROR),
        ("drop-before", GapReason.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("operation", ["DescribeEvents", "ListZonalShifts", "ListAutoshifts"])
def test_no_answer_is_an_error_and_never_no_trouble(
    side: CloudSide, kind: str, reason: GapReason, operation: str
) -> None:
    side.world.faults = [Fault("aws", kind, operation=operation)]
    with pytest.raises(ReadError) as raised:
        _ = side.cloud.health_issues() if operation == "DescribeEvents" else side.cloud.zonal_shifts()
    assert raised.value.reason is reason
    assert operation in raised.value.detail


def test_long_lists_are_read_to_their_end(side: CloudSide) -> None:
    side.world.troubles.events = [replace(OUTAGE, code=f"AWS_EKS_{number}") for number in range(100)]
    found = side.cloud.health_issues()
    assert found is not None
    assert [each.code for each in found] == [f"AWS_EKS_{number}" for number in range(100)]
