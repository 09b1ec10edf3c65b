"""A database behind its URL: connections, transactions, and failures in words that say what to do."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import tenacity
from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool

from fleetkeeper.adapters.store.bulk import run
from fleetkeeper.config import StoreSettings
from fleetkeeper.errors import ConfigError, Mistake, SchemaError, StoreUnavailable

T = TypeVar("T")

BUSY_SECONDS = 15.0
"""How long a SQLite write waits for another process: a CLI write is short, so longer means that one hangs."""

_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}
_POSTGRES_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "lock_timeout=15s",
        "idle_in_transaction_session_timeout=30s",  # a frozen replica must not hold its row locks
    )
)

_POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 27, "pool_use_lifo": True, "hide_parameters": True}
"""The connection that was used last is taken first.

It knows its statements and has its pages: one of SQLite drops all of these when another has written.
"""


_READ_CACHE = 500
"""KiB of pages that a connection of SQLite keeps for reading: what it has read is stale once another has written."""


class Database:
    """Connections to one database. Safe to use from many threads; `close` ends every idle connection."""

    def __init__(self, settings: StoreSettings, create: bool = False) -> None:
        """create: a SQLite file that is missing is made; otherwise it is an error, not an empty database."""
        self.file = database_file(settings)
        self._secret = settings.password.value if settings.password else ""
        url = parsed(settings)
        self.shown = str(self.file) if self.file else url.set(query={}).render_as_string(hide_password=True)
        self._secrets = tuple(filter(None, {self._secret, str(url.password or "")}))
        if self.file:
            self.engine, self.reader = _sqlite(self.file, create), _sqlite(self.file, create, reads=True)
        else:
            self.engine = _postgres(url)
            self.reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # SQLite has one writer. Threads of this process queue here, in turn, and not in SQLite's unfair busy loop.
        self._turn = threading.Lock() if self.file else nullcontext()

    def write(self, action: str, work: Callable[[Connection], T]) -> T:
        """Do the work in one transaction, and once more when the connection broke; so work must bear a repetition."""

        with self.translated(action):
            try:
                return self._once(work)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self._turn, self.engine.begin() as connection:
            return work(connection)

    def read(self, action: str, work: Callable[[Connection], T]) -> T:
        """Do the work on one consistent view of the data."""
        with self.translated(action), self.reader.begin() as connection:
            return work(connection)

    def use_write_ahead_log(self) -> None:
        """Make the SQLite file a write-ahead-log one, for good. SQLite demands that no transaction is open.

        Two that do it at once must try again: for this one statement SQLite never waits (seen with 3.40).
        """
        again = tenacity.Retrying(
            stop=tenacity.stop_after_delay(BUSY_SECONDS),
            wait=tenacity.wait_random(0.01, 0.1),
            retry=tenacity.retry_if_exception(_is_busy),
            reraise=True,
        )
        with self.translated("set up the write-ahead log"), self.engine.connect() as connection:
            try:
                again(connection.connection.cursor().execute, "PRAGMA journal_mode = WAL")
            except sqlite3.Error as error:
                raise self._failure("set up the write-ahead log", error) from error

    @contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """SQLAlchemy's errors become ours, with the action and what to do, and without any password."""
        try:
            yield
        except exc.DBAPIError as error:
            raise self._failure(action, error.orig) from error
        except exc.StatementError as error:
            if isinstance(error.orig, ValueError | TypeError):
                raise error.orig from None  # a caller's mistake, such as a time without a zone
            raise
        except exc.TimeoutError as error:
            text = (
                f"cannot {action}: every connection to {self.shown} is in use; use fewer threads or a faster database"
            )
            raise StoreUnavailable(text) from error

    def close(self) -> None:
        self.engine.dispose()
        self.reader.dispose()

    def _failure(self, action: str, error: BaseException | None) -> SchemaError | StoreUnavailable:
        cause = next(iter(str(error).strip().splitlines()), "no reason given")
        for secret in self._secrets:
            cause = cause.replace(secret, "***")
        if _lacks_table(error):
            return SchemaError(f"cannot {action}: {cause} in {self.shown}: run `fleetkeeper db upgrade`")
        return StoreUnavailable(f"cannot {action}: {self.shown}: {cause}; {_advice(cause, bool(self.file))}")


def parsed(settings: StoreSettings) -> URL:
    """The URL with its driver and password; raises ConfigError for one that names neither SQLite nor PostgreSQL."""
    try:
        url = make_url(settings.url)
    except (exc.ArgumentError, ValueError) as error:
        raise _bad_url("is not a database URL") from error
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:":
            raise _bad_url("names no file")
        if url.query:
            raise _bad_url("has a `?`: a SQLite file takes no options, and none in its name")
        return url
    if url.drivername not in _POSTGRES:
        raise _bad_url(f"names the database {url.drivername}, which fleetkeeper does not know")
    url = url.set(drivername="postgresql+psycopg")
    return url.set(password=settings.password.value) if settings.password else url


def database_file(settings: StoreSettings) -> Path | None:
    """The SQLite file of the settings, None for PostgreSQL."""
    url = parsed(settings)
    return Path(url.database or "").absolute() if url.drivername == "sqlite" else None


def _bad_url(what: str) -> ConfigError:
    fix = "write sqlite:///path/to/file.db or postgresql://user@host/database"
    return ConfigError((Mistake("configuration", 0, "store.url", what, fix),))


def _postgres(url: URL) -> Engine:
    arguments: dict[str, Any] = {"connect_timeout": 10, "application_name": "fleetkeeper", "options": _POSTGRES_OPTIONS}
    return create_engine(
        url,
        connect_args={key: value for key, value in arguments.items() if key not in url.query},
        pool_pre_ping=True,  # a restarted server must not need a restart of ours
        **_POOL,
    )


def _sqlite(file: Path, create: bool, reads: bool = False) -> Engine:
    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(
            f"file:{quote(str(file))}?mode={'rwc' if create else 'rw'}",
            uri=True,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
            isolation_level=None,  # the driver must not begin transactions by itself: _begin does
        )
        # The write-ahead log is a property of the file, set by `db upgrade`.
        opened.execute("PRAGMA synchronous = FULL")
        opened.execute("PRAGMA foreign_keys = ON")
        if reads:
            opened.execute("PRAGMA query_only = ON")
            opened.execute(f"PRAGMA cache_size = -{_READ_CACHE}")
        return opened

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, **_POOL)
    # Writers take the lock at once: a reader that becomes a writer later would fail, without waiting.
    begin = "BEGIN" if reads else "BEGIN IMMEDIATE"
    event.listen(engine, "begin", lambda connection: run(connection, begin))
    return engine


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _lacks_table(error: BaseException | None) -> bool:
    lacks = ("no such table", "no such column", "has no column")
    return getattr(error, "sqlstate", None) in {"42P01", "42703"} or any(text in str(error) for text in lacks)


def _advice(cause: str, file: bool) -> str:
    if not file:
        return "check that PostgreSQL runs, that store.url is right, and that its user may connect and write"
    if "locked" in cause:
        return f"another process has been writing to it for {BUSY_SECONDS:g} s: end that one, or try again"
    if "unable to open" in cause:
        return (
            "check that the file is there (`fleetkeeper db upgrade` makes it) and that this user may read and write it"
        )
    return "check the disk's free space, and that this user may write to the file and its folder"
