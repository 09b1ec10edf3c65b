"""What one more node takes, by the name of its type."""

import pytest

from fleetkeeper.core.capacity import addresses, launches_instances, quota_of, vcpus
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import Pool
from fleetkeeper.core.observed import Quota

QUOTAS = tuple(
    Quota("ec2", code, name, 100)
    for code, name in [
        ("standard", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
        ("gpu", "Running On-Demand G and VT instances"),
        ("p", "Running On-Demand P instances"),
        ("memory", "Running On-Demand High Memory instances"),
        ("trn", "Running On-Demand Trn instances"),
        ("spot", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
        ("spot-gpu", "All G and VT Spot Instance Requests"),
    ]
)


@pytest.mark.parametrize(
    ("instance_type", "cores"),
    [
        pytest.param("t3.medium", 2, id="a small one"),
        pytest.param("m8g.large", 2, id="large"),
        pytest.param("c7i-flex.xlarge", 4, id="xlarge"),
        pytest.param("r6id.12xlarge", 48, id="a multiple"),
        pytest.param("m7i.metal-24xl", 96, id="bare metal of a told size"),
        pytest.param("u-6tb1.112xlarge", 448, id="high memory"),
        pytest.param("m5.metal", None, id="bare metal of no told size"),
        pytest.param("", None, id="no type"),
        pytest.param("unknown", None, id="no size"),
    ],
)
def test_the_name_tells_the_vcpus(instance_type: str, cores: int | None) -> None:
    assert vcpus(instance_type) == cores


@pytest.mark.parametrize(
    ("instance_type", "spot", "code"),
    [
        pytest.param("m8g.large", False, "standard", id="on demand"),
        pytest.param("m8g.large", True, "spot", id="spot"),
        pytest.param("im4gn.large", False, "standard", id="storage counts as I"),
        pytest.param("g6.xlarge", False, "gpu", id="a GPU"),
        pytest.param("vt1.3xlarge", True, "spot-gpu", id="video on spot"),
        pytest.param("p5.48xlarge", False, "p", id="P"),
        pytest.param("trn1.2xlarge", False, "trn", id="training"),
        pytest.param("u-6tb1.112xlarge", False, "memory", id="high memory"),
        pytest.param("p5.48xlarge", True, None, id="a quota that is not there"),
        pytest.param("unknown", False, None, id="no type"),
    ],
)
def test_a_quota_is_found_by_its_name(instance_type: str, spot: bool, code: str | None) -> None:
    found = quota_of(instance_type, QUOTAS, spot=spot)
    assert (found.code if found else None) == code


def test_quotas_of_other_services_are_not_taken() -> None:
    other = Quota("fargate", "x", "Running On-Demand P instances", 1)
    assert quota_of("p5.48xlarge", (other,), spot=False) is None


@pytest.mark.parametrize(
    ("instance_type", "number"),
    [("m8g.large", 10), ("m8g.xlarge", 15), ("m8g.2xlarge", 15), ("m8g.4xlarge", 30), ("m8g.16xlarge", 50), ("?", 30)],
)
def test_the_size_tells_the_addresses_of_an_interface(instance_type: str, number: int) -> None:
    assert addresses(instance_type) == number


@pytest.mark.parametrize("kind", list(ComputeKind))
def test_only_nodes_of_other_peoples_machines_take_no_quota(kind: ComputeKind) -> None:
    takes_none = kind in (ComputeKind.FARGATE, ComputeKind.HYBRID)
    assert launches_instances(Pool(kind, "", ())) is not takes_none
