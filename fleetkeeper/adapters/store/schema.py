"""The schema of the database: is it this release's, and how it becomes so.

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
from alembic.script import ScriptDirectory

from fleetkeeper import __version__, data
from fleetkeeper.adapters.store import run_tables
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.tables import schema_log
from fleetkeeper.config import StoreSettings
from fleetkeeper.errors import SchemaError

_ADVISORY_LOCK = 0x666C_6565_746B  # "fleetk": any number that nobody else in this database uses
_UPGRADE_WAIT = "120s"


def check_schema(database: Database) -> None:
    """Raise a SchemaError when the database is empty, behind or ahead of this release."""
    if database.file and not database.file.exists():
        raise SchemaError(f"there is no database at {database.file} yet: run `fleetkeeper db upgrade`")
    found = database.read("read the schema's revision", _applied)
    wrong = judge(found, chain())
    if wrong:
        raise SchemaError(f"{database.shown}: {wrong}")


def judge(applied: Sequence[tuple[str, str]], known: Sequence[str]) -> str:
    """What is wrong with a database, "" when nothing is.

    applied: (revision, by which release), oldest first; known: this release's chain, oldest first.
    """
    if not applied:
        return "it has no tables yet: run `fleetkeeper db upgrade`"
    done = {revision for revision, _ in applied}
    beyond = [(revision, by) for revision, by in applied if revision not in known and not revision.startswith("pre_")]
    if beyond:
        revision, by = beyond[-1]
        return (
            f"the database is at {revision}, which is ahead of this fleetkeeper {__version__}: "
            f"run a newer fleetkeeper (it was upgraded by {by})"
        )
    missing = [revision for revision in known if revision.startswith("pre_") and revision not in done]
    if missing:
        return (
            f"the database is at {applied[-1][0]}, this fleetkeeper needs {missing[-1]}: run `fleetkeeper db upgrade`"
        )
    return ""


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
    applied, known = _applied(connection), chain()
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
    return tuple(_shown(difference) for difference in compare_metadata(context, run_tables.all_tables))


def chain() -> tuple[str, ...]:
    """This release's migrations, oldest first."""
    revisions = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([revision.revision for revision in revisions]))


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


def _applied(connection: sa.Connection) -> list[tuple[str, str]]:
    if not sa.inspect(connection).has_table(schema_log.name):
        return []
    rows = connection.execute(
        sa.select(schema_log.c.revision, schema_log.c.applied_by).order_by(schema_log.c.applied_at)
    )
    return [(revision, by) for revision, by in rows]


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
