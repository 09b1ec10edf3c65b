"""FK501 by zone and free addresses."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.observed import ClusterPrerequisites, Subnet
from tests.core.checks.snapshots import control_plane, found, snapshot


def judged(*free: tuple[str, int], lost: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """With so many free addresses in subnets of these zones; lost ones are named, and were not found."""
    subnets = tuple(Subnet(f"subnet-{number}", zone, count) for number, (zone, count) in enumerate(free))
    names = (*(subnet.id for subnet in subnets), *lost)
    seen = {
        parts.PREREQUISITES: ClusterPrerequisites(subnets=subnets),
        parts.CONTROL_PLANE: control_plane(subnets=names),
    }
    return found("FK501", snapshot(seen))


@pytest.mark.parametrize(
    ("free", "says"),
    [
        pytest.param([("a", 5), ("b", 4)], "1 zone of the 2 that an update needs has 5 free addresses", id="one zone"),
        pytest.param([("a", 0), ("b", 4)], "0 zones of the 2 that an update needs have 5 free addresses", id="no zone"),
        pytest.param([("a", 50), ("a", 50)], "1 zone of the 2", id="two subnets of one zone"),
    ],
)
def test_fewer_than_two_zones_with_room_block(free: list[tuple[str, int]], says: str) -> None:
    (finding,) = judged(*free)
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert finding.message.startswith(says)
    assert f"subnet-0 in a has {free[0][1]}, subnet-1 in {free[1][0]} has {free[1][1]}" in finding.message
    assert "aws eks update-cluster-config --name shop --resources-vpc-config" in finding.fix


def test_a_subnet_that_was_not_found_makes_it_unknown() -> None:
    (finding,) = judged(("a", 9), lost=("subnet-gone",))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert "subnet-gone was not found" in finding.message


@pytest.mark.parametrize(
    ("free", "lost"),
    [
        pytest.param([("a", 5), ("b", 5)], (), id="just enough"),
        pytest.param([("a", 5), ("b", 5), ("c", 0)], ("subnet-gone",), id="two good zones among others"),
        pytest.param([], (), id="a cluster without subnets"),
    ],
)
def test_room_in_two_zones_is_not_told(free: list[tuple[str, int]], lost: tuple[str, ...]) -> None:
    assert judged(*free, lost=lost) == ()
