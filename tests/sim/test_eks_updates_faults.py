"""Faults of the write side: connections that break before or after the effect, and reads that lag behind a write."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ConnectionClosedError

from fleetkeeper.sim.faults import Fault
from tests.sim.eks_writes import Driven, driven, refused


@pytest.fixture
def run() -> Iterator[Driven]:
    with driven() as made:
        yield made


def lose(run: Driven, kind: str) -> None:
    """Start an upgrade whose answer never comes."""
    eks = run.eks
    run.world.faults.append(Fault("aws", kind, operation="UpdateClusterVersion"))
    with pytest.raises(ConnectionClosedError):
        eks.update_cluster_version(name="shop", version="1.35", clientRequestToken="t-1")
    run.world.faults.clear()


def test_a_connection_that_breaks_before_leaves_no_trace(run: Driven) -> None:
    lose(run, "drop-before")
    assert run.eks.list_updates(name="shop")["updateIds"] == []
    assert run.status() == ("ACTIVE", "1.34")


def test_a_connection_that_breaks_after_leaves_the_effect(run: Driven) -> None:
    lose(run, "drop-after")
    (name,) = run.eks.list_updates(name="shop")["updateIds"]
    assert run.status() == ("UPDATING", "1.34")
    refused("ResourceInUseException", run.eks.update_cluster_version, name="shop", version="1.35")
    assert run.upgrade(clientRequestToken="t-1") == name


def test_a_stale_read_shows_the_cluster_before_the_write(run: Driven) -> None:
    run.world.faults.append(Fault("aws", "stale", seconds=30))
    name = run.upgrade()
    assert run.status() == ("ACTIVE", "1.34")
    assert run.eks.list_updates(name="shop")["updateIds"] == []
    refused("ResourceNotFoundException", run.eks.describe_update, name="shop", updateId=name)
    refused("ResourceInUseException", run.eks.update_cluster_version, name="shop", version="1.35")
    run.later(seconds=29)
    assert run.status() == ("ACTIVE", "1.34")
    run.later(seconds=1)
    assert run.status() == ("UPDATING", "1.34")
    assert run.update(name)["status"] == "InProgress"


def test_a_stale_read_may_be_that_of_one_operation(run: Driven) -> None:
    run.world.faults.append(Fault("aws", "stale", operation="DescribeCluster", seconds=30))
    name = run.upgrade()
    assert run.status() == ("ACTIVE", "1.34")
    assert run.update(name)["status"] == "InProgress"


def test_a_write_is_forbidden_and_throttled_like_a_read(run: Driven) -> None:
    eks = run.eks
    run.world.faults.append(Fault("aws", "forbid", operation="UpdateClusterVersion"))
    refused("AccessDeniedException", eks.update_cluster_version, name="shop", version="1.35")
    run.world.faults[:] = [Fault("aws", "throttle", operation="UpdateClusterVersion")]
    answer = refused("ThrottlingException", eks.update_cluster_version, name="shop", version="1.35")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    run.world.faults.clear()
    assert run.status() == ("ACTIVE", "1.34")
