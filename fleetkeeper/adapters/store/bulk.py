"""Many rows in one statement, past SQLAlchemy's cost per value: for the tables that the engine rewrites all the time.

Past its cost per statement too: its results and contexts are several times the price of a small query on SQLite.

Values go to the driver as they are: see `Times` for moments, and tables.storable for words from outside. PostgreSQL
gets one array per column, SQLite one prepared statement for all rows.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa

_AT_ONCE = 64
"""Rows in one statement of SQLite.

Its driver gives the interpreter away with each, and takes it back from the threads that wait for it: dearer than a row.
"""

_MANY = 500
"""Rows from which on PostgreSQL gets them as JSON: psycopg takes several times as long to write arrays."""

Columns = tuple[str, ...]
Values = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class Times:
    """Moments as the driver wants and gives them: text without a zone for SQLite, as tables.Utc writes it."""

    @staticmethod
    def to_sqlite(value: datetime | None) -> str | None:
        """ValueError for a time without a zone."""
        if value is None:
            return None
        return _text_of(value)

    @staticmethod
    def from_sqlite(value: str | None) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value + "+00:00")

    @staticmethod
    def to_postgresql(value: datetime | None) -> datetime | None:
        return None if value is None else _aware(value)

    @staticmethod
    def from_postgresql(value: datetime | None) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


@lru_cache(1024)
def _text_of(value: datetime) -> str:
    """Kept, for a step's times are written again with each of its moves, and all that is read was text once."""
    if value.tzinfo is not UTC:
        value = _aware(value).astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:26]  # faster than to take the zone off first


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"


def mark(connection: sa.Connection) -> str:
    """The driver's placeholder."""
    return "?" if is_sqlite(connection) else "%s"


def marks(connection: sa.Connection, values: Collection[object]) -> str:
    """A placeholder for each of the values."""
    return ", ".join((mark(connection),) * len(values))


def rows_of(connection: sa.Connection, statement: str, parameters: Parameters = ()) -> list[Any]:
    """What a query finds, as the driver has it; in the connection's transaction."""
    with _cursor(connection, statement) as cursor:
        cursor.execute(statement, parameters)
        found: list[Any] = cursor.fetchall()
        return found


def run(connection: sa.Connection, statement: str, parameters: Parameters = ()) -> None:
    with _cursor(connection, statement) as cursor:
        cursor.execute(statement, parameters)


def run_many(connection: sa.Connection, statement: str, rows: Sequence[Values]) -> None:
    with _cursor(connection, statement) as cursor:
        cursor.executemany(statement, rows)


@contextmanager
def _cursor(connection: sa.Connection, statement: str) -> Iterator[Any]:
    """The driver's cursor; its errors become what SQLAlchemy makes of them, for a lost connection must be known."""
    dialect, driver = connection.dialect, connection.connection
    cursor = driver.cursor()
    try:
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, driver.dbapi_connection, cursor)
        if lost:
            connection.invalidate(error)
        base = dialect.loaded_dbapi.Error
        raise sa.exc.DBAPIError.instance(
            statement, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
        ) from error
    finally:
        cursor.close()


def select_keys(
    connection: sa.Connection, table: sa.Table, columns: Columns, keys: Sequence[Values], lock: bool = False
) -> Sequence[Any]:
    """The rows of these primary keys. lock: until the end of the transaction, in the order of the keys."""
    if not keys:
        return ()
    if is_sqlite(connection):
        return rows_of(connection, _sqlite_select(table, columns), (json.dumps(keys),))
    return rows_of(connection, _postgresql_select(table, columns, lock), _arrays(keys))


def update_keys(
    connection: sa.Connection, table: sa.Table, columns: Columns, rows: Sequence[Values], also: str = ""
) -> None:
    """Set columns of many rows. rows: the columns' values, then the primary key's. also: settings that are the same."""
    if not rows:
        return
    _write(connection, _update(table, columns, also, is_sqlite(connection)), rows)


def insert_rows(
    connection: sa.Connection, table: sa.Table, columns: Columns, rows: Sequence[Values], over: bool = False
) -> None:
    """Insert rows. over: where the primary key is there already, the row gets these values."""
    if not rows:
        return
    if not is_sqlite(connection):
        source, values = _source(table, columns, rows)
        run(connection, _insert(table, columns, source, over), values)
        return
    for some in _batches(rows):
        run(connection, _insert(table, columns, _values(columns, len(some)), over), tuple(chain.from_iterable(some)))


def insert_missing(
    connection: sa.Connection, table: sa.Table, columns: Columns, rows: Sequence[Values]
) -> Sequence[Any]:
    """Insert the rows whose primary key is not there yet; the keys that are new."""
    if not rows:
        return ()
    if not is_sqlite(connection):
        source, values = _source(table, columns, rows)
        return rows_of(connection, _insert_missing(table, columns, source), values)
    found: list[Any] = []
    for some in _batches(rows):
        statement = _insert_missing(table, columns, _values(columns, len(some)))
        found += rows_of(connection, statement, tuple(chain.from_iterable(some)))
    return found


def delete_keys(connection: sa.Connection, table: sa.Table, columns: Columns, keys: Sequence[Values]) -> None:
    """Delete the rows that have these values in these columns."""
    if not keys:
        return
    if is_sqlite(connection):
        same = " AND ".join(f"{column} = ?" for column in columns)
        run_many(connection, f"DELETE FROM {table.name} WHERE {same}", keys)
    else:
        statement = f"DELETE FROM {table.name} AS t USING {_unnest(table, columns)} WHERE {_same(columns)}"
        run(connection, statement, _arrays(keys))


def keys_of(table: sa.Table) -> Columns:
    return tuple(column.name for column in table.primary_key.columns)


def select_by_keys(
    connection: sa.Connection, table: sa.Table, shown: str, keys: Sequence[Values], parameters: Values = ()
) -> Sequence[Any]:
    """As select_keys, of any expressions of `t`, the row; parameters are theirs, each by `mark`. No row is locked."""
    if not keys:
        return ()
    if is_sqlite(connection):
        statement, found = f"SELECT {shown} {_sqlite_from(table)}", (json.dumps(keys),)
    else:
        statement, found = f"SELECT {shown} {_postgresql_from(table)}", _arrays(keys)
    return rows_of(connection, statement, (*parameters, *found))


def _batches(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    """Of few lengths, so that SQLite knows the statements."""
    at = 0
    while left := len(rows) - at:
        count = min(_AT_ONCE, 1 << (left.bit_length() - 1))
        yield rows[at : at + count]
        at += count


def _write(connection: sa.Connection, statement: str, rows: Sequence[Values]) -> None:
    if is_sqlite(connection):
        run_many(connection, statement, rows)
    else:
        run(connection, statement, _arrays(rows))


def _arrays(rows: Sequence[Values]) -> Values:
    return tuple(map(list, zip(*rows, strict=True)))


@lru_cache
def _sqlite_select(table: sa.Table, columns: Columns) -> str:
    shown = ", ".join(f"t.{column}" for column in columns)
    return f"SELECT {shown} {_sqlite_from(table)}"


@lru_cache
def _sqlite_from(table: sa.Table) -> str:
    same = " AND ".join(f"t.{key} = json_extract(v.value, '$[{at}]')" for at, key in enumerate(keys_of(table)))
    return f"FROM json_each(?) AS v CROSS JOIN {table.name} AS t ON {same}"


@lru_cache
def _postgresql_select(table: sa.Table, columns: Columns, lock: bool) -> str:
    keys = keys_of(table)
    shown = ", ".join(f"t.{column}" for column in columns)
    order = ", ".join(f"t.{key}" for key in keys)
    end = f"ORDER BY {order} FOR UPDATE OF t" if lock else ""
    return f"SELECT {shown} {_postgresql_from(table)} {end}"


@lru_cache
def _postgresql_from(table: sa.Table) -> str:
    keys = keys_of(table)
    return f"FROM {_unnest(table, keys)} JOIN {table.name} AS t ON {_same(keys)}"


@lru_cache
def _update(table: sa.Table, columns: Columns, also: str, sqlite: bool) -> str:
    keys = keys_of(table)
    if sqlite:
        set_to = ", ".join([*(f"{column} = ?" for column in columns), *([also] if also else [])])
        return f"UPDATE {table.name} SET {set_to} WHERE " + " AND ".join(f"{key} = ?" for key in keys)
    set_to = ", ".join([*(f"{column} = v.{column}" for column in columns), *([also] if also else [])])
    return f"UPDATE {table.name} AS t SET {set_to} FROM {_unnest(table, columns + keys)} WHERE {_same(keys)}"


@lru_cache
def _insert(table: sa.Table, columns: Columns, source: str, over: bool) -> str:
    keys, names = keys_of(table), ", ".join(columns)
    new = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in keys)
    conflict = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {new}" if over else ""
    return f"INSERT INTO {table.name} ({names}) {source}{conflict}"


@lru_cache
def _insert_missing(table: sa.Table, columns: Columns, source: str) -> str:
    keys = ", ".join(keys_of(table))
    return f"{_insert(table, columns, source, False)} ON CONFLICT DO NOTHING RETURNING {keys}"


@lru_cache
def _values(columns: Columns, count: int) -> str:
    """So many rows for SQLite."""
    row = f"({', '.join('?' * len(columns))})"
    return f"VALUES {', '.join((row,) * count)}"


def _source(table: sa.Table, columns: Columns, rows: Sequence[Values]) -> tuple[str, Values]:
    """Rows for PostgreSQL, with the parameters: arrays, or JSON where the driver's work per value counts."""
    if len(rows) < _MANY:
        return f"SELECT * FROM {_unnest(table, columns)}", _arrays(rows)
    kinds = ", ".join(f"{column} {_kind(table.c[column].type)}" for column in columns)
    body = msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows])
    return f"SELECT * FROM json_to_recordset(%s::json) AS v({kinds})", (body.decode(),)


def _same(keys: Columns) -> str:
    return " AND ".join(f"t.{key} = v.{key}" for key in keys)


def _unnest(table: sa.Table, columns: Columns) -> str:
    """A table `v` from one array per column."""
    kinds = [_kind(table.c[column].type) for column in columns]
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in kinds)}) AS v({', '.join(columns)})"


def _kind(kind: sa.types.TypeEngine[Any]) -> str:
    impl = kind.impl if isinstance(kind, sa.types.TypeDecorator) else kind
    names = {sa.Text: "text", sa.DateTime: "timestamptz", sa.BigInteger: "bigint", sa.Boolean: "boolean"}
    for known, name in names.items():
        if isinstance(impl, known):
            return name
    return "integer"
