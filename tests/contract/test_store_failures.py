"""A store whose database is missing, locked, restarted, of another release, or holds what it should not."""

import signal
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from fleetkeeper import data
from fleetkeeper.adapters.store import database, revisions, schema, tables
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import Secret, StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.core.model import Gap, Part
from fleetkeeper.errors import GapReason, SchemaError, StoreUnavailable
from tests.contract.observed import NOON, PLACEMENT, SCOPE, cluster_id, later, listed, seen, snapshot
from tests.postgres import Postgres, running

SHOP = cluster_id()


class TestSchema:
    def test_an_empty_database_asks_for_an_upgrade_and_is_not_touched(self, empty: StoreSettings) -> None:
        store = SqlStore(empty)
        with pytest.raises(SchemaError, match=r"run `fleetkeeper db upgrade`"):
            store.check_schema()
        with pytest.raises((SchemaError, StoreUnavailable), match=r"cannot read the fleet: .*fleetkeeper db upgrade"):
            store.clusters()
        store.close()
        file = database.database_file(empty)
        assert file is None or not file.exists()

    def test_migrations_lead_to_exactly_the_declared_tables(self, settings: StoreSettings) -> None:
        assert schema.check(settings) == ()

    def test_drift_is_named(self, settings: StoreSettings, store: SqlStore) -> None:
        with store._database.engine.begin() as connection:
            connection.exec_driver_sql("DROP INDEX ix_history_valid_to")
            connection.exec_driver_sql("ALTER TABLE cluster ADD COLUMN nickname TEXT")
        found = "\n".join(schema.check(settings))
        assert "nickname" in found
        assert "ix_history_valid_to" in found

    def test_a_second_upgrade_does_nothing(self, settings: StoreSettings) -> None:
        assert schema.upgrade(settings) == ()

    def test_a_newer_release_that_was_here_is_named(self, settings: StoreSettings, store: SqlStore) -> None:
        _log(store, "post_0999")
        with pytest.raises(SchemaError, match=r"at post_0999, .*ahead.* newer .*upgraded by fleetkeeper 9\.9 on db-1"):
            store.check_schema()
        with pytest.raises(SchemaError, match="ahead"):
            schema.upgrade(settings)

    def test_a_newer_release_that_only_prepared_its_deploy_is_no_obstacle(
        self, settings: StoreSettings, store: SqlStore
    ) -> None:
        _log(store, "pre_0999")
        store.check_schema()
        assert schema.upgrade(settings) == ()

    def test_a_newer_release_upgrades_in_two_steps(
        self, settings: StoreSettings, store: SqlStore, newer: tuple[str, str]
    ) -> None:
        with pytest.raises(SchemaError, match=r"at pre_0004, this fleetkeeper needs pre_0998: run `fleetkeeper db upg"):
            store.check_schema()
        assert schema.upgrade(settings, only_pre=True) == newer[:1]
        store.check_schema()
        assert schema.upgrade(settings, only_pre=True) == ()
        assert schema.upgrade(settings) == newer[1:]
        store.check_schema()

    def test_a_migration_that_fails_leaves_nothing_behind(
        self, settings: StoreSettings, store: SqlStore, newer: tuple[str, str], tmp_path: Path
    ) -> None:
        broken = tmp_path / "alembic" / "versions" / "post_0999.py"
        broken.write_text(
            broken.read_text().replace("pass", 'op.execute("DROP TABLE history"); op.execute("nonsense")')
        )
        with pytest.raises(StoreUnavailable, match="cannot upgrade the schema"):
            schema.upgrade(settings)
        assert store.changes(NOON) == ()
        with pytest.raises(SchemaError, match="needs pre_0998"):
            store.check_schema()


_MIGRATION = """
from alembic import op

revision = "{revision}"
down_revision = "{down}"


def upgrade() -> None:
    pass
"""


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A release with one `pre_` and one `post_` migration more than this one; gives their names."""
    folder = tmp_path / "alembic"
    (folder / "versions").mkdir(parents=True)
    ours = data.data_path("alembic")
    for file in (ours / "env.py", *ours.glob("versions/*.py")):
        (folder / file.relative_to(ours)).write_text(file.read_text())
    (folder / "versions" / "pre_0998.py").write_text(_MIGRATION.format(revision="pre_0998", down=revisions.chain()[-1]))
    (folder / "versions" / "post_0999.py").write_text(_MIGRATION.format(revision="post_0999", down="pre_0998"))
    monkeypatch.setattr(data, "data_path", lambda name: folder)
    return ("pre_0998", "post_0999")


def _log(store: SqlStore, revision: str) -> None:
    row = {"revision": revision, "applied_at": datetime.now(UTC), "applied_by": "fleetkeeper 9.9 on db-1"}
    with store._database.engine.begin() as connection:
        connection.execute(tables.schema_log.insert().values(row))


class TestForeignValues:
    @pytest.fixture
    def known(self, store: SqlStore) -> SqlStore:
        store.save_many([listed(SHOP)], [(SHOP, seen(snapshot()))])
        return store

    @pytest.mark.parametrize(
        ("deflated", "value"),
        [
            pytest.param(False, b'[{"name": 7}]', id="of another shape"),
            pytest.param(False, b"{", id="cut off"),
            pytest.param(True, b"not deflated", id="damaged"),
        ],
    )
    def test_a_value_that_this_release_cannot_read_is_a_gap_until_the_next_read(
        self, known: SqlStore, deflated: bool, value: bytes
    ) -> None:
        _store_value(known, parts.NODES, deflated=deflated, value=value, digest=b"other")
        found = known.clusters()[0].parts[parts.NODES]
        assert (found.value, found.observed_at) == (None, NOON)
        assert found.gap is not None
        assert found.gap.reason is GapReason.INVALID_ANSWER
        known.save(SHOP, seen(snapshot(), later(15)))
        assert known.cluster_part(SHOP, parts.NODES) == Part(snapshot()[parts.NODES], later(15))

    def test_a_field_that_only_a_newer_release_knows_is_ignored(self, known: SqlStore) -> None:
        _store_value(known, parts.NAMESPACES, value=b'[{"name": "web", "colour": "red"}]')
        (namespace,) = known.clusters()[0].value(parts.NAMESPACES)
        assert (namespace.name, namespace.owner) == ("web", {})

    def test_a_part_and_a_gap_reason_that_only_a_newer_release_knows_do_no_harm(self, known: SqlStore) -> None:
        with known._database.engine.begin() as connection:
            own = tables.part_seen
            connection.execute(own.update().where(own.c.part == parts.PODS).values(part="moods"))
            unheard = {"gap_reason": "bored", "gap_detail": "of it", "gap_since": NOON}
            connection.execute(own.update().where(own.c.part == parts.NODES).values(unheard))
        found = known.clusters()[0].parts
        assert "moods" not in found
        assert found[parts.NODES].gap == Gap(GapReason.INVALID_ANSWER, "bored: of it", NOON)

    def test_a_tracked_field_that_an_older_release_did_not_know_is_no_change(self, known: SqlStore) -> None:
        history = tables.history
        with known._database.engine.begin() as connection:
            own = history.c.part == parts.CONTROL_PLANE
            text = connection.execute(sa.select(history.c.value).where(own)).scalar_one()
            older = text.replace('"support_type":"STANDARD",', "")
            assert older != text
            connection.execute(history.update().where(own).values(value=older))
        _store_value(known, parts.CONTROL_PLANE, digest=b"other")
        known.save(SHOP, seen(snapshot(), later(15)))
        assert known.changes(later(1)) == ()
        assert known.clusters(at=later(16))[0].value(parts.CONTROL_PLANE).support_type == "STANDARD"

    def test_a_placement_that_this_release_cannot_read_counts_as_unmapped(self, known: SqlStore) -> None:
        with known._database.engine.begin() as connection:
            connection.execute(tables.cluster.update().values(placement='{"ring": 7}'))
            own = tables.history
            connection.execute(own.update().where(own.c.part == "cluster").values(value='{"placement": 7}'))
        assert [known.clusters(at=at)[0].placement.mapped for at in (None, NOON)] == [False, False]
        assert [cluster.name for cluster in known.clusters(at=NOON)] == ["shop"]

    def test_a_history_row_that_this_release_cannot_read_is_a_gap(self, known: SqlStore) -> None:
        with known._database.engine.begin() as connection:
            own = tables.history
            connection.execute(own.update().where(own.c.part == parts.NODES).values(value='{"kubelet": 7}'))
        found = known.clusters(at=NOON)[0].parts
        assert found[parts.NODES].gap is not None
        assert found[parts.CONTROL_PLANE].gap is None


def _store_value(store: SqlStore, part: str, **values: object) -> None:
    with store._database.engine.begin() as connection:
        connection.execute(tables.part.update().where(tables.part.c.part == part).values(values))


class TestSqlite:
    def test_a_file_that_is_missing_is_not_made_by_a_read(self, tmp_path: Path) -> None:
        store = SqlStore(StoreSettings(f"sqlite:///{tmp_path}/none.db"))
        with pytest.raises(
            StoreUnavailable, match=r"cannot read the fleet: .*none\.db.*`fleetkeeper db upgrade` makes"
        ):
            store.clusters()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_without_tables_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "fleet.db").touch()
        store = SqlStore(StoreSettings(f"sqlite:///{tmp_path}/fleet.db"))
        with pytest.raises(SchemaError, match=r"it has no tables yet: run `fleetkeeper db upgrade`"):
            store.check_schema()
        with pytest.raises(SchemaError, match=r"no such table.*run `fleetkeeper db upgrade`"):
            store.scopes()
        store.close()

    def test_a_folder_that_is_missing_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable, match="unable to open database file"):
            schema.upgrade(StoreSettings(f"sqlite:///{tmp_path}/none/fleet.db"))

    def test_a_file_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "notes.db").write_text("remember the milk " * 100)
        store = SqlStore(StoreSettings(f"sqlite:///{tmp_path}/notes.db"))
        with pytest.raises(StoreUnavailable, match="not a database"):
            store.check_schema()
        store.close()

    def test_a_database_that_another_process_locks_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
        settings = StoreSettings(f"sqlite:///{tmp_path}/a folder/100% fleet#.db")
        (tmp_path / "a folder").mkdir()
        schema.upgrade(settings)
        store = SqlStore(settings)
        holder = sqlite3.connect(tmp_path / "a folder" / "100% fleet#.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"is locked; another process has been writing"):
            store.save_cluster(SHOP, "shop", SCOPE, PLACEMENT, NOON)
        assert store.clusters() == ()
        holder.execute("ROLLBACK")
        holder.close()
        store.save_cluster(SHOP, "shop", SCOPE, PLACEMENT, NOON)
        assert len(store.clusters()) == 1
        store.close()

    def test_what_was_committed_is_on_disk(self, tmp_path: Path) -> None:
        settings = StoreSettings(f"sqlite:///{tmp_path}/fleet.db")
        schema.upgrade(settings)
        store = SqlStore(settings)
        with store._database.engine.connect() as connection:
            answers = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        store.close()
        assert answers == ["wal", 2, 1]


class TestPostgres:
    @pytest.fixture
    def own(self) -> Iterator[Postgres]:
        """A server of this test's own, to be restarted at will."""
        with running() as server:
            yield server

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "by a crash"])
    def test_a_restart_in_mid_life_needs_no_restart_of_ours(self, own: Postgres, how: signal.Signals) -> None:
        store = SqlStore(StoreSettings(own.migrated()))
        store.save_many([listed(SHOP)], [(SHOP, seen(snapshot()))])
        own.stop(how)
        with pytest.raises(StoreUnavailable, match=r"cannot save observations: .*check that PostgreSQL runs"):
            store.save(SHOP, seen(snapshot(), later(15)))
        own.start()
        store.save(SHOP, seen(snapshot(), later(30)))
        own.stop(how)
        own.start()
        assert store.clusters()[0].parts[parts.NODES].observed_at == later(30)
        store.close()

    def test_a_connection_that_is_cut_in_mid_write_is_written_again_once(
        self, settings: StoreSettings, store: SqlStore
    ) -> None:
        store.save_many([listed(SHOP)], [(SHOP, seen(snapshot()))])
        cuts = _cut_connections(store, times=1)
        store.save(SHOP, seen({parts.NODES: ()}, later(15)))
        assert cuts() == 1
        assert store.cluster_part(SHOP, parts.NODES) == Part((), later(15))
        assert len(store.changes(later(1))) == 3

    def test_a_connection_that_is_cut_twice_is_told_and_nothing_was_written(
        self, settings: StoreSettings, store: SqlStore
    ) -> None:
        store.save_many([listed(SHOP)], [(SHOP, seen(snapshot()))])
        cuts = _cut_connections(store, times=2)
        with pytest.raises(StoreUnavailable, match="terminating connection"):
            store.save(SHOP, seen({parts.NODES: ()}, later(15)))
        assert cuts() == 2
        assert store.cluster_part(SHOP, parts.NODES) == Part(snapshot()[parts.NODES], NOON)

    @pytest.fixture(params=["postgresql"])
    def settings(self, postgres: Postgres) -> Iterator[StoreSettings]:
        url = postgres.migrated()
        yield StoreSettings(url)
        postgres.drop(url)

    @pytest.mark.parametrize("where", ["in the URL", "beside it"])
    def test_a_password_is_in_no_message_and_no_traceback(self, where: str) -> None:
        inside = ":hunter2-hunter2" if where == "in the URL" else ""
        settings = StoreSettings(
            f"postgresql://keeper{inside}@127.0.0.1:1/fleet", None if inside else Secret("hunter2-hunter2", "env X")
        )
        store = SqlStore(settings)
        with pytest.raises(StoreUnavailable, match=r"cannot read the fleet: .*keeper.*127\.0\.0\.1:1/fleet") as failure:
            store.clusters()
        assert "hunter2" not in "".join(traceback.format_exception(failure.value))
        assert "hunter2" not in repr(store._database.engine)

    def test_a_database_that_is_not_there_is_told(self, postgres: Postgres) -> None:
        store = SqlStore(StoreSettings(postgres.url("nobody_made_this")))
        with pytest.raises(StoreUnavailable, match='database "nobody_made_this" does not exist'):
            store.check_schema()
        store.close()


def _cut_connections(store: SqlStore, times: int) -> Callable[[], int]:
    """End the server's side of the next transactions just before history is read; gives how often that happened."""
    done = 0

    def cut(_connection: sa.Connection, cursor: psycopg.Cursor[Any], statement: str, *_: object) -> None:
        nonlocal done
        if "FROM history" in statement and done < times:
            done += 1
            with killer.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid})")

    killer = sa.create_engine(store._database.engine.url, poolclass=sa.NullPool)
    sa.event.listen(store._database.engine, "before_cursor_execute", cut)
    return lambda: done
