"""How the schema of the database becomes this release's.

Migrations form one chain. A `pre_` one only adds, so it may run before the release that needs it is deployed; a `post_`
one takes away, so it runs when no older release is left. A release works from its last `pre_` on, and also on a
database that a newer release has prepared with `pre_` ones alone.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade as migrate
from alembic.config import Config
from alembic.migration import MigrationContext

from fleetkeeper import __version__, data
from fleetkeeper.adapters.store import notice_tables
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.revisions import applied_to, chain, check_schema, judge
from fleetkeeper.adapters.store.tables import schema_log
from fleetkeeper.config import StoreSettings
from fleetkeeper.errors import SchemaError

_ADVISORY_LOCK = 0x666C_6565_746B  # "fleetk": any number that nobody else in this database uses
_UPGRADE_WAIT = "120s"


def upgrade(settings: StoreSettings, only_pre: bool = False) -> tuple[str, ...]:
    """Apply the migrations that are missing and name them, oldest first; safe when several processes do it at once.

    only_pre stops before the first `post_` migration. One transaction: either all of it happens, or nothing. Raises a
    SchemaError when a newer release has been here. A SQLite file that is not there is made.
    """
    with _opened(settings, create=True) as database:
        if database.file:
            database.use_write_ahead_log()
        return database.write("upgrade the schema", lambda c: _upgrade(c, database.shown, only_pre))


def check(settings: StoreSettings) -> tuple[str, ...]:
    """How the tables differ from what this release declares, one line each; () when they do not. For `db check`.

    Raises a SchemaError when the database is empty, behind or ahead.
    """
    with _opened(settings, create=False) as database:
        check_schema(database)
        return database.read("compare the schema", _differences)


@contextmanager
def _opened(settings: StoreSettings, create: bool) -> Iterator[Database]:
    database = Database(settings, create)
    try:
        yield database
    finally:
        database.close()


def _upgrade(connection: sa.Connection, shown: str, only_pre: bool) -> tuple[str, ...]:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_UPGRADE_WAIT}'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    applied, known = applied_to(connection), chain()
    done = {revision for revision, _ in applied}
    missing = [revision for revision in known if revision not in done]
    if missing:
        return _apply(connection, _steps(missing, only_pre))
    wrong = judge(applied, known)
    if wrong:
        raise SchemaError(f"{shown}: {wrong}")
    return ()


def _differences(connection: sa.Connection) -> tuple[str, ...]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return tuple(_shown(difference) for difference in compare_metadata(context, notice_tables.all_tables))


def _steps(missing: Sequence[str], only_pre: bool) -> Sequence[str]:
    if not only_pre:
        return missing
    stop = next((at for at, revision in enumerate(missing) if not revision.startswith("pre_")), len(missing))
    return missing[:stop]


def _apply(connection: sa.Connection, revisions: Sequence[str]) -> tuple[str, ...]:
    if not revisions:
        return ()
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["on_version_apply"] = _logger_of(connection)
    migrate(config, revisions[-1])
    return tuple(revisions)


def _logger_of(connection: sa.Connection) -> Callable[..., None]:
    by = f"fleetkeeper {__version__} on {socket.gethostname()}"

    def log(*, step: Any, **_: Any) -> None:
        row = {"revision": step.up_revision_id, "applied_at": datetime.now(UTC), "applied_by": by}
        connection.execute(schema_log.insert().values(row))

    return log


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(data.data_path("alembic")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _shown(difference: Any) -> str:
    """One line of a difference as alembic reports it: (operation, table or column, ...), or a list of such."""
    if isinstance(difference, list):
        return "; ".join(_shown(one) for one in difference)
    operation, *subjects = difference
    return f"{operation.replace('_', ' ')}: " + " ".join(str(subject) for subject in subjects if subject is not None)
