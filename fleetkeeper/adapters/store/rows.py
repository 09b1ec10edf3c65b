"""Rows of any table, and of history, inside a transaction that the caller opened."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from fleetkeeper.adapters.store import tables
from fleetkeeper.adapters.store.merge import differ

Row = dict[str, Any]

_CHUNK = 1000  # values in one IN (...): both databases take more


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert the rows that are not there yet."""
    execute(connection, _or_nothing(connection, table), rows)


def inserts(connection: sa.Connection, table: sa.Table, row: Row) -> bool:
    """Insert the row and say whether it was not there yet: by RETURNING, for rowcount is -1 with ON CONFLICT."""
    statement = _or_nothing(connection, table).values(row).returning(*table.primary_key.columns)
    return connection.execute(statement).first() is not None


def _or_nothing(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    build = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return build(table).on_conflict_do_nothing()


def rows_of(connection: sa.Connection, table: sa.Table, column: sa.Column[Any], ids: Sequence[int]) -> Iterator[Any]:
    for some in chunks(sorted(ids)):
        yield from connection.execute(sa.select(table).where(column.in_(some)))


def execute(connection: sa.Connection, statement: sa.Executable, rows: Sequence[Row]) -> None:
    if rows:
        connection.execute(statement, rows)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(values), _CHUNK):
        yield values[at : at + _CHUNK]


def record_items(connection: sa.Connection, cluster: int, part: str, now: Mapping[str, str], at: datetime) -> None:
    """Bring the history of a part to its items as they are now."""
    history = tables.history
    query = sa.select(history.c.id, history.c.item, history.c.value).where(
        history.c.cluster_id == cluster, history.c.part == part, history.c.valid_to.is_(None)
    )
    still = {row.item: (row.id, row.value) for row in connection.execute(query)}
    found = differ(part, still, now)
    for some in chunks(found.closed):
        connection.execute(history.update().where(history.c.id.in_(some)).values(valid_to=at))
    for row, text in found.rewritten.items():
        connection.execute(history.update().where(history.c.id == row).values(value=text))
    opened = [history_row(cluster, part, item, at, text) for item, text in found.opened.items()]
    execute(connection, history.insert(), opened)


def history_row(cluster: int, part: str, item: str, at: datetime, text: str, baseline: bool = False) -> Row:
    return {
        "cluster_id": cluster,
        "part": part,
        "item": item,
        "valid_from": at,
        "valid_to": None,
        "baseline": baseline,
        "value": text,
    }
