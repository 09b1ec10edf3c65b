from datetime import UTC, datetime

import pytest

from fleetkeeper.sim.faults import Encounter, Fault
from fleetkeeper.sim.world import SimCluster, World

EPOCH = datetime(2026, 11, 20, 9, tzinfo=UTC)


def cluster(key: str = "a") -> SimCluster:
    return SimCluster(
        key=key,
        name=key,
        account="111122223333",
        region="eu-west-1",
        partition="aws",
        version="1.34",
        patch="v1.34.11-eks-3cfe0ce",
        platform_version="eks.24",
        created_at=EPOCH,
    )


def ask(world: World, operation: str = "/pods", verb: str = "list") -> Fault | None:
    return world.fault(Encounter("kube", "111122223333", "eu-west-1", "a", operation, verb))


def test_a_put_replaces_the_object_of_that_name_and_raises_the_revision() -> None:
    found = cluster()
    found.put("/nodes", {"metadata": {"name": "n"}, "spec": {"a": 1}})
    found.put("/nodes", {"metadata": {"name": "n"}, "spec": {"a": 2}})
    assert found.objects["/nodes"][("", "n")] == {
        "metadata": {"name": "n", "resourceVersion": str(found.revision)},
        "spec": {"a": 2},
    }
    assert found.revision == 1002


def test_a_put_leaves_the_listing_that_somebody_holds_as_it_was() -> None:
    found = cluster()
    found.put("/pods", {"metadata": {"name": "p", "namespace": "x"}})
    held = found.objects["/pods"]
    found.remove("/pods", "x", "p")
    assert list(held) == [("x", "p")]
    assert found.objects["/pods"] == {}


def test_removing_what_is_not_there_changes_nothing() -> None:
    found = cluster()
    with pytest.raises(KeyError):
        found.remove("/pods", "x", "p")
    assert found.revision == 1000


@pytest.mark.parametrize(
    ("rate", "struck"),
    [
        pytest.param(1.0, [True] * 4, id="every request"),
        pytest.param(0.5, [False, True, False, True], id="every second request"),
        pytest.param(0.25, [False, False, False, True], id="every fourth request"),
        pytest.param(0.0, [False] * 4, id="no request"),
    ],
)
def test_a_fault_strikes_evenly(rate: float, struck: list[bool]) -> None:
    fault = Fault("kube", "error", rate=rate)
    assert [fault.strikes() for _ in range(4)] == struck


@pytest.mark.parametrize(
    ("fault", "meets"),
    [
        pytest.param(Fault("kube", "error"), True, id="no selector matches everything"),
        pytest.param(Fault("aws", "error"), False, id="the other side"),
        pytest.param(Fault("kube", "error", cluster="a", operation="/pods"), True, id="cluster and operation"),
        pytest.param(Fault("kube", "error", cluster="b"), False, id="another cluster"),
        pytest.param(Fault("kube", "error", operation="/nodes"), False, id="another operation"),
        pytest.param(Fault("kube", "error", region="us-east-1"), False, id="another region"),
    ],
)
def test_a_fault_meets_what_it_selects(fault: Fault, meets: bool) -> None:
    world = World(EPOCH, "1", faults=[fault])
    assert ask(world) is (fault if meets else None)
    assert fault.seen == int(meets)


def test_the_first_fault_that_strikes_applies() -> None:
    rare, always = Fault("kube", "error", rate=0.5), Fault("kube", "slow")
    world = World(EPOCH, "1", faults=[rare, always])
    assert [ask(world), ask(world)] == [always, rare]


def test_simulated_time_runs_from_the_epoch_at_its_scale() -> None:
    stopped = World(EPOCH, "1", scale=0.0)
    fast = World(EPOCH, "1", scale=1000.0, started=stopped.started - 1)
    assert stopped.now() == EPOCH
    assert (fast.now() - EPOCH).total_seconds() >= 1000
