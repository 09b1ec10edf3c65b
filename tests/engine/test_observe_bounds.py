"""What an observation holds on to: nothing after a stop but what was read, and no cluster that is already saved."""

import gc
import threading

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, parts
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.observe_cluster import Described
from fleetkeeper.errors import GapReason, ReadError
from tests.contract.observed import NOON, SCOPE
from tests.engine.fakes import FakeCloud, Fleet, described, fails


@pytest.fixture
def fleet(store: SqlStore) -> Fleet:
    return Fleet(store)


def stopping(fleet: Fleet, at: str, name: str, raises: bool) -> None:
    """Tell it to stop in the middle of that read, which then ends well or, as the adapters' do, with an error."""

    def before(part: str, cluster: str) -> None:
        if (part, cluster) == (at, name):
            fleet.cancel.set()
        if fleet.cancel.is_set() and raises:
            raise ReadError("stopped before the request was sent", GapReason.TIMEOUT)

    fleet.reads.before = before


CLOUD_SIDE = (parts.CONTROL_PLANE, *parts.CLOUD_PARTS)
KUBE_SIDE = (parts.CONTROL_PLANE, *parts.KUBE_PARTS)


@pytest.mark.parametrize("raises", [False, True], ids=["the read ends well", "the read is cut off"])
@pytest.mark.parametrize("at", [parts.CONTROL_PLANE, parts.NODE_GROUPS, parts.NODES, parts.CRDS])
@pytest.mark.parametrize("known", [False, True], ids=["a new cluster", "a known cluster"])
def test_a_stop_in_the_middle_stores_what_was_read_and_no_gap(fleet: Fleet, at: str, raises: bool, known: bool) -> None:
    if known:
        fleet.observe()
    fleet.clock.turn(15)
    stopping(fleet, at, "shop", raises)
    outcome = fleet.observe()

    # EKS and the API server are read side by side: each in its own order, whatever the other has done by then.
    side, beside = (CLOUD_SIDE, KUBE_SIDE) if at in CLOUD_SIDE else (KUBE_SIDE, CLOUD_SIDE)
    read = set(side[: side.index(at) + (not raises)])
    assert outcome.stopped
    assert not outcome.complete
    if known or read:
        assert fleet.gaps() == {}
        assert read <= fleet.seen() <= read | (set() if at == parts.CONTROL_PLANE else set(beside))
        assert set(fleet.rows()["shop"].parts) == (set(parts.ALL_PARTS) if known else fleet.seen())
    else:
        assert fleet.rows() == {}
    assert fleet.kubes.open == 0


def test_after_a_stop_no_other_cluster_is_begun(store: SqlStore) -> None:
    fleet = Fleet(store, FakeCloud(SCOPE, {f"c{n:02}": described(f"c{n:02}") for n in range(50)}))
    stopping(fleet, parts.NODES, "c00", raises=True)
    fleet.observe(kube_threads=1)

    assert fleet.reads.count(parts.CONTROL_PLANE) < 50
    assert {gap for name in fleet.rows() for gap in fleet.gaps(name)} == set()


def test_a_stop_before_the_start_changes_nothing(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    fleet.observe()
    before = fleet.rows()
    fleet.cancel.set()
    outcome = fleet.later()

    assert outcome.stopped
    assert fleet.rows() == before


def test_a_stop_in_a_cluster_of_a_kubeconfig_leaves_no_row_that_was_not_there(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    stopping(fleet, "connect", "edge", raises=True)
    fleet.observe()

    assert "edge" not in fleet.rows()


def test_a_saved_cluster_is_not_held_in_memory(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(store, FakeCloud(SCOPE, {f"c{n:02}": described(f"c{n:02}") for n in range(40)}))
    alive: list[int] = []
    usual = store.mark_gone

    def count(*arguments: object) -> None:
        gc.collect()
        alive.append(sum(1 for one in gc.get_objects() if type(one) is Described))
        usual(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "mark_gone", count)
    fleet.observe()

    assert len(alive) == 2  # the scope's clusters, and those of kubeconfigs
    assert max(alive) <= 1  # what a thread did last may still be on its stack


def test_a_slow_api_server_holds_up_nobody_elses_reads_of_aws(store: SqlStore) -> None:
    fleet = Fleet(store, FakeCloud(SCOPE, {f"c{n}": described(f"c{n}") for n in range(10)}))
    everyone = threading.Event()

    def before(part: str, name: str) -> None:
        if part == parts.ADDON_RELEASES:  # all clusters of the scope have been described by now
            everyone.set()
        if part == "connect":
            assert everyone.wait(10)

    fleet.reads.before = before
    assert fleet.observe(kube_threads=1).complete


def test_progress_counts_every_cluster_once(store: SqlStore) -> None:
    fleet = Fleet(store, FakeCloud(SCOPE, {f"c{n}": described(f"c{n}") for n in range(9)}))
    fleet.kubes.alone["edge"] = described("edge")
    fleet.broken[("connect", "c4")] = fails(GapReason.UNREACHABLE)
    outcome = fleet.observe()

    assert (outcome.clusters, outcome.incomplete) == (10, 1)


def test_progress_tells_each_change() -> None:
    seen: list[tuple[int, int, int]] = []
    progress = Progress(lambda p: seen.append((p.found, p.done, p.incomplete)))
    progress.find(2)
    progress.finish(complete=True)
    progress.finish(complete=False)

    assert seen == [(2, 0, 0), (2, 1, 0), (2, 2, 1)]


def test_many_accounts_are_read_side_by_side(store: SqlStore) -> None:
    scopes = [model.Scope(f"{n:012}", "eu-west-1") for n in range(6)]
    fleet = Fleet(store, *(FakeCloud(scope, account=model.Account(scope.account)) for scope in scopes))
    together = threading.Barrier(6, timeout=10)

    def before(part: str, _name: str) -> None:
        if part == parts.CLUSTERS:
            together.wait()

    fleet.reads.before = before
    assert fleet.observe().clusters == 6
    assert {c.scope for c in fleet.store.clusters()} == set(scopes)
    assert {c.first_seen for c in fleet.store.clusters()} == {NOON}
