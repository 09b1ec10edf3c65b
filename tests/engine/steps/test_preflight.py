"""preflight: a table of members that are no longer what was planned, busy, old, or not ready."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, cast

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.verdict import Blocked, Done, Failed, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions, Waiver
from fleetkeeper.errors import GapReason, ParamError, ReadError
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.faults import Fault
from tests.contract.observed import node, workload
from tests.engine.steps.walking import Place, Walk, told
from tests.sim.worlds import NOW


@dataclass
class Case:
    """A healthy member whose plan goes to 1.35, before a test changes one thing."""

    place: Place
    walk: Walk
    member: dict[str, Any]

    def look(self) -> Verdict:
        self.walk.subject = self.place.subject(**self.member)
        return self.walk.look()


@pytest.fixture
def case() -> Case:
    place = Place()
    return Case(place, place.walk("preflight"), {"hops": ("1.35",), "cluster": place.member().cluster})


def blocker(minor: Minor | None = None, code: str = "FK320") -> Tracked:
    subject = Subject("PodDisruptionBudget", "web", "shop")
    found = Finding(
        code, Severity.BLOCKER, subject, "allows no eviction", "raise its replicas", blocks=True, minor=minor
    )
    found = replace(found, owner={"team": "shop-team"})
    return Tracked(found, State.OPEN, NOW, NOW, NOW)


def holds(*tracked: Tracked) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.place.store.tracking_now = Tracking(NOW, {each.finding.fingerprint: each for each in tracked})

    return change


def cluster(**values: Any) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for name, value in values.items():
            setattr(case.place.cluster, name, value)

    return change


def planned(**values: Any) -> Callable[[Case], None]:
    return lambda case: case.member.update(values)


def stored(**values: Any) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for name, value in values.items():
            setattr(case.place.store, name, value)

    return change


def updating(case: Case) -> None:
    update = SimUpdate("u-1", 1, "VersionUpdate", (("Version", "1.35"),), NOW)
    case.place.cluster.eks.updates["u-1"] = update


def waived(case: Case) -> None:
    holds(blocker())(case)
    waiver = Waiver("fine", "ada", date(2027, 1, 1), code="FK320")
    case.place.world = replace(case.place.world, decisions=Decisions((waiver,)))


OLD = NOW - timedelta(hours=3)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(
            lambda _: None, Done, "ACTIVE on 1.34, nothing in progress", id="an idle cluster as planned may go"
        ),
        pytest.param(
            planned(facts={"version": "1.33"}), Failed, "on 1.34 now", id="a cluster that moved is not touched"
        ),
        pytest.param(
            planned(facts={"version": "1.33"}, hops=("1.34", "1.35")), Done, "1.34", id="one on its way may go on"
        ),
        pytest.param(
            cluster(created_at=NOW - timedelta(days=1)),
            Failed,
            "another cluster now",
            id="one made anew is not touched",
        ),
        pytest.param(planned(name="gone"), Failed, "is gone", id="one that is gone fails"),
        pytest.param(cluster(status="DELETING"), Failed, "being deleted", id="one that is deleted fails"),
        pytest.param(cluster(status="FAILED"), Blocked, "control plane failed", id="one that failed blocks"),
        pytest.param(cluster(status="PENDING"), Blocked, "PENDING, not ACTIVE", id="one that is stopped blocks"),
        pytest.param(cluster(status="UPDATING"), Wait, "already changing", id="one that changes is waited for"),
        pytest.param(updating, Wait, r"VersionUpdate to 1.35 since 09:00 UTC", id="the update that runs is named"),
        pytest.param(stored(observed_at=None), Wait, "never observed", id="one that was never observed waits"),
        pytest.param(stored(observed_at=OLD), Wait, "3h old, more than 2h", id="one that is long unseen waits"),
        pytest.param(stored(tracking_now=None), Blocked, "was not judged", id="one that nobody judged blocks"),
        pytest.param(
            stored(tracking_now=Tracking(OLD)), Blocked, "fleetkeeper assess", id="one that was judged long ago blocks"
        ),
        pytest.param(holds(blocker()), Blocked, "FK320 .*shop/web.*shop-team.*raise", id="a blocker blocks"),
        pytest.param(
            holds(blocker(Minor(1, 35))), Blocked, "not ready for 1.35", id="what breaks at its target blocks"
        ),
        pytest.param(holds(blocker(Minor(1, 36))), Done, "ACTIVE", id="what breaks after its target does not"),
        pytest.param(waived, Done, "ACTIVE", id="a waived blocker does not"),
        pytest.param(
            lambda c: (holds(blocker())(c), planned(hops=())(c)), Done, "ACTIVE", id="nor one where the minor stays"
        ),
    ],
)
def test_it_finds(case: Case, change: Callable[[Case], object], kind: type[Verdict], says: str) -> None:
    change(case)
    verdict = case.look()
    assert isinstance(verdict, kind), verdict
    assert re.search(says, told(verdict)), verdict


def test_it_keeps_the_nodes_and_pods_that_a_soak_compares_with(case: Case) -> None:
    case.place.store.values = {
        parts.NODES: (node(1), node(2, ready=False)),
        parts.WORKLOADS: (replace(workload(1), ready=1), replace(workload(2), ready=3)),
    }
    verdict = case.look()
    assert isinstance(verdict, Done)
    assert verdict.keep == {"nodes": "2", "nodes_not_ready": "1", "pods_not_ready": "2"}


def test_a_cloud_that_does_not_answer_is_no_verdict(case: Case) -> None:
    case.place.living.world.faults = [Fault("aws", "unreachable")]
    with pytest.raises(ReadError) as failed:
        case.look()
    assert failed.value.reason is GapReason.UNREACHABLE


def test_a_cluster_that_only_a_kubeconfig_knows_is_reached_and_so_identified(case: Case) -> None:
    closed: list[bool] = []

    class Kube:
        def close(self) -> None:
            closed.append(True)

    class Writers:
        def kube(self, scope: object, name: str, id: object) -> Kube:
            assert (scope, name, id) == (None, "shop", case.place.member().cluster)
            return Kube()

    case.place.world = replace(case.place.world, writers=cast(Any, Writers()))
    case.member.update(scope=None)
    assert told(case.look()).startswith("reached, observed")
    assert closed == [True]


def test_it_refuses_parameters() -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("preflight", max_age="soon", readyness=True)
    assert set(refused.value.wrong) == {"max_age", "readyness"}
    assert "did you mean readiness?" in refused.value.wrong["readyness"]
