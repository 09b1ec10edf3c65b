"""Is the database of this version, and may we write to it? Nothing stays written."""

from datetime import UTC, datetime

import sqlalchemy as sa

from fleetkeeper.adapters.store import revisions, tables
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.config import StoreSettings
from fleetkeeper.engine.probing import Probe


class _Undone(Exception):
    """Ends a transaction without a trace."""


def store_probes(settings: StoreSettings) -> tuple[Probe, ...]:
    """Each opens the database for itself, and raises SchemaError or StoreUnavailable with what to do."""
    return (
        Probe("schema", lambda: _with_database(settings, writes=False)),
        Probe("writable", lambda: _with_database(settings, writes=True)),
    )


def _with_database(settings: StoreSettings, writes: bool) -> str:
    database = Database(settings)
    try:
        if writes:
            _write_and_undo(database)
        else:
            revisions.check_schema(database)
    finally:
        database.close()
    return database.shown


def _write_and_undo(database: Database) -> None:
    row = {"job": "doctor", "slot": datetime.min.replace(tzinfo=UTC), "who": "doctor", "fired_at": datetime.now(UTC)}

    def work(connection: sa.Connection) -> None:
        connection.execute(tables.cron_fire.insert().values(row))
        raise _Undone

    try:
        database.write("try to write", work)
    except _Undone:
        return
