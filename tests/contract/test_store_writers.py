"""Many writers on one database: threads, engines with connections of their own, and other processes."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import revisions, schema, tables
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.errors import StoreUnavailable
from tests.contract.observed import (
    NOON,
    PLACEMENT,
    SCOPE,
    cluster_id,
    control_plane,
    later,
    listed,
    node,
    seen,
    snapshot,
)

Open = Callable[[], SqlStore]


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run all the works in threads that begin together."""
    begin = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        begin.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_a_slot_has_one_winner_among_eight_threads_of_two_engines(open_store: Open) -> None:
    stores = [open_store(), open_store()]

    def racer(number: int, slot: int) -> Callable[[], object]:
        return lambda: stores[number % 2].win_slot("observe", later(slot), f"racer {number}", NOON)

    for slot in range(5):
        assert at_once(*(racer(number, slot) for number in range(8))).count(True) == 1


def test_two_engines_that_see_the_same_new_clusters_store_each_once(open_store: Open) -> None:
    ids = [cluster_id(f"c{n}") for n in range(12)]

    def observe(order: int) -> Callable[[], object]:
        store = open_store()

        def work() -> None:
            for id in ids[::order]:
                store.save_many([listed(id)], [(id, seen(snapshot()))])

        return work

    at_once(observe(1), observe(-1), observe(1), observe(-1))
    store = open_store()
    assert sorted(cluster.id for cluster in store.clusters(only=())) == sorted(ids)
    assert [change.part for change in store.changes(NOON)] == ["cluster"] * 12
    assert all(len(cluster.value(parts.NODES)) == 3 for cluster in store.clusters(at=NOON))


def test_two_engines_that_see_one_upgrade_record_it_once(open_store: Open) -> None:
    stores, shop = [open_store(), open_store()], cluster_id()
    stores[0].save_many([listed(shop)], [(shop, seen(snapshot()))])

    def observe(store: SqlStore, version: str, hop: int) -> Callable[[], object]:
        values = {parts.CONTROL_PLANE: control_plane(version), parts.NODES: (node(1, kubelet=f"v{version}.0"), node(2))}
        return lambda: store.save(shop, seen(values, later(hop)))

    for hop, version in enumerate(("1.35", "1.36", "1.37"), start=1):
        at_once(*(observe(store, version, hop) for store in stores * 3))
    told = [(c.part, c.after["version"]) for c in stores[1].changes(later(1)) if c.after and "version" in c.after]
    assert told == [(parts.CONTROL_PLANE, version) for version in ("1.37", "1.36", "1.35")]


def test_batches_in_opposite_orders_never_wait_in_a_ring(open_store: Open) -> None:
    ids = [cluster_id(f"c{n:02}") for n in range(20)]

    def writer(number: int) -> Callable[[], object]:
        store, order = open_store(), ids[:: 1 if number % 2 else -1]

        def work() -> None:
            for tick in range(4):
                values = seen({parts.NODES: (node(number),)}, later(tick))
                store.save_many([listed(i, later(tick)) for i in order], [(i, values) for i in order])

        return work

    at_once(*(writer(number) for number in range(4)))
    assert {cluster.last_seen for cluster in open_store().clusters(only=())} == {later(3)}


_WRITER = """
import sys
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from tests.contract.observed import SCOPE, PLACEMENT, cluster_id, later, seen, snapshot
name, url = sys.argv[1:]
store = SqlStore(StoreSettings(url))
print("ready", flush=True)
sys.stdin.readline()
wins = 0
for n in range(25):
    id = cluster_id(f"{name}-{n}")
    store.save_cluster(id, f"{name}-{n}", SCOPE, PLACEMENT, later(n))
    store.save(id, seen(snapshot(), later(n)))
    wins += store.win_slot("observe", later(n), name, later(n))
print(wins)
"""


def test_two_processes_lose_nothing_and_double_nothing(settings: StoreSettings, store: SqlStore) -> None:
    command = [sys.executable, "-c", _WRITER]
    writers = [
        subprocess.Popen([*command, name, settings.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    wins = [int(writer.communicate("go\n", timeout=120)[0]) for writer in writers]
    clusters = store.clusters()
    assert sum(wins) == 25
    assert len(clusters) == 50
    assert all(cluster.value(parts.NODES) == snapshot()[parts.NODES] for cluster in clusters)
    assert len(store.changes(NOON)) == 50


_UPGRADER = """
import sys
from fleetkeeper.adapters.store import schema
from fleetkeeper.config import StoreSettings
print("ready", flush=True)
sys.stdin.readline()
print(*schema.upgrade(StoreSettings(sys.argv[1])))
"""


def test_an_upgrade_raced_by_three_processes_happens_once(empty: StoreSettings) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADER, empty.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    applied = sorted(racer.communicate(timeout=120)[0].split() for racer in racers)
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert applied == [[], [], list(revisions.chain())]
    assert schema.check(empty) == ()


def test_what_only_reads_cannot_write(settings: StoreSettings) -> None:
    opened = Database(settings)
    with pytest.raises(StoreUnavailable, match=r"cannot look: .*(read-only|readonly)"):
        opened.read("look", lambda connection: connection.execute(sa.delete(tables.cluster)))
    opened.write("drop it", lambda connection: connection.execute(sa.delete(tables.cluster)))
    opened.close()


def test_a_read_shows_one_moment(open_store: Open) -> None:
    reader, writer = open_store(), open_store()
    blog = cluster_id("blog")

    def write(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM part_seen" in statement:
            writer.save_many([listed(blog)], [(blog, seen(snapshot()))])

    sa.event.listen(reader._database.reader, "after_cursor_execute", write)
    assert reader.clusters() == ()
    assert [len(cluster.parts) for cluster in reader.clusters()] == [len(snapshot())]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_reader_never_waits_for_a_writer(settings: StoreSettings, open_store: Open) -> None:
    store, other = open_store(), open_store()
    store.save_cluster(cluster_id(), "shop", SCOPE, PLACEMENT, NOON)
    with store._database.engine.begin() as writing:
        writing.exec_driver_sql("DELETE FROM history")
        assert len(other.clusters()) == 1
