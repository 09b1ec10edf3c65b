"""Writes of clusters and scopes, inside a transaction that the caller opened. Every function bears being repeated."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import items, tables
from fleetkeeper.adapters.store.codec import to_json
from fleetkeeper.adapters.store.rows import Row, chunks, execute, history_row, insert_new, record_items, rows_of
from fleetkeeper.adapters.store.tables import subject_key
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.engine.ports import Listed

Subject = ClusterId | Scope

UNKNOWN_CREATION = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in for the creation time of a cluster that could be listed but never described."""


def lock_subjects(connection: sa.Connection, subjects: Collection[Subject]) -> dict[Subject, int]:
    """Subject → id, made where it is missing. On PostgreSQL their rows stay locked until the end of the transaction.

    In key order when made and in id order when locked, so that two writers wait for each other but never in a ring.
    What is read after this call is the newest: a join in the locking query itself would show an older snapshot.
    """
    by_key = {subject_key(one): one for one in subjects}
    found = _subject_ids(connection, by_key)
    missing = sorted(by_key.keys() - found.keys())
    if missing:
        kinds = {key: "scope" if isinstance(by_key[key], Scope) else "cluster" for key in missing}
        insert_new(connection, tables.subject, [{"kind": kinds[key], "key": key} for key in missing])
        found |= _subject_ids(connection, missing)
    if connection.dialect.name == "postgresql":
        for some in chunks(sorted(found.values())):
            own = tables.subject.c.id
            connection.execute(sa.select(own).where(own.in_(some)).order_by(own).with_for_update())
    _add_scopes(connection, {found[key]: by_key[key] for key in missing})
    return {by_key[key]: id for key, id in found.items()}


def _subject_ids(connection: sa.Connection, keys: Iterable[str]) -> dict[str, int]:
    own = tables.subject.c
    found: dict[str, int] = {}
    for some in chunks(sorted(keys)):
        found |= {row.key: row.id for row in connection.execute(sa.select(own.id, own.key).where(own.key.in_(some)))}
    return found


def _add_scopes(connection: sa.Connection, added: Mapping[int, Subject]) -> None:
    rows = [
        {"id": id, "account": one.account, "region": one.region, "partition": one.partition}
        for id, one in added.items()
        if isinstance(one, Scope)
    ]
    insert_new(connection, tables.scope, rows)


def demand_listed(connection: sa.Connection, ids: Mapping[Subject, int]) -> None:
    """ValueError for a cluster that no listing has ever named: its parts would belong to nothing."""
    wanted = {id: one for one, id in ids.items() if isinstance(one, ClusterId)}
    known = {row.id for row in rows_of(connection, tables.cluster, tables.cluster.c.id, list(wanted))}
    for id in wanted.keys() - known:
        raise ValueError(f"{wanted[id].arn} was observed before it was listed: save_cluster comes first")


def adopt_undescribed(connection: sa.Connection, listed: Sequence[Listed]) -> None:
    """A cluster that was listed before it could be described gets its true identity, and keeps its row and history."""
    if not listed:
        return
    query = sa.select(tables.cluster).where(tables.cluster.c.created_at == UNKNOWN_CREATION)
    waiting = connection.execute(query).all()
    for one in listed if waiting else ():
        if one.id.created_at == UNKNOWN_CREATION:
            continue
        for row in waiting:
            same_name = one.scope is None and row.scope_id is None and row.name == tables.storable(one.name)
            if row.arn == tables.storable(one.id.arn) or same_name:
                _rename(connection, row.id, one.id)


def _rename(connection: sa.Connection, row: int, id: ClusterId) -> None:
    taken = sa.select(tables.subject.c.id).where(tables.subject.c.key == subject_key(id))
    if connection.execute(taken).first() is None:
        connection.execute(tables.subject.update().where(tables.subject.c.id == row).values(key=subject_key(id)))
        values = {"arn": id.arn, "created_at": id.created_at}
        connection.execute(tables.cluster.update().where(tables.cluster.c.id == row).values(values))


def record_listed(connection: sa.Connection, ids: Mapping[Subject, int], listed: Sequence[Listed]) -> None:
    """Clusters as discovery listed them: new ones, moved ones, returned ones; most only get a new last_seen."""
    known = {row.id: row for row in rows_of(connection, tables.cluster, tables.cluster.c.id, _ids(ids, listed))}
    fresh: list[Row] = []
    touched: list[Row] = []
    opened: list[Row] = []
    for one in listed:
        row, id = _cluster_row(one, ids), ids[one.id]
        text = items.cluster_text(one.name, one.scope, one.placement)
        found = known.get(id)
        if found is None:
            fresh.append(row | {"id": id, "first_seen": one.at, "gone_at": None})
            opened.append(history_row(id, items.CLUSTER, "", one.at, text))
            continue
        if found.last_seen > one.at or (found.gone_at and found.gone_at > one.at):
            continue
        if _same_row(found, row):
            touched.append({"row": id, "at": one.at})
            continue
        connection.execute(tables.cluster.update().where(tables.cluster.c.id == id).values(row | {"gone_at": None}))
        record_items(connection, id, items.CLUSTER, {"": text}, one.at)
    execute(connection, tables.cluster.insert(), fresh)
    execute(connection, tables.history.insert(), opened)
    execute(
        connection,
        tables.cluster.update().where(tables.cluster.c.id == sa.bindparam("row")).values(last_seen=sa.bindparam("at")),
        touched,
    )
    _retire_namesakes(connection, ids, listed)


def _ids(ids: Mapping[Subject, int], listed: Sequence[Listed]) -> list[int]:
    return [ids[one.id] for one in listed]


def _cluster_row(one: Listed, ids: Mapping[Subject, int]) -> Row:
    return {
        "arn": one.id.arn,
        "created_at": one.id.created_at,
        "name": one.name,
        "scope_id": ids[one.scope] if one.scope else None,
        "placement": to_json(one.placement).decode(),
        "last_seen": one.at,
    }


def _same_row(found: Any, row: Row) -> bool:
    return (
        found.gone_at is None
        and found.name == tables.storable(row["name"])
        and found.scope_id == row["scope_id"]
        and found.placement == row["placement"]
    )


def _retire_namesakes(connection: sa.Connection, ids: Mapping[Subject, int], listed: Sequence[Listed]) -> None:
    """An ARN names one living cluster: any other creation time of it is a cluster that was deleted since."""
    newest = {tables.storable(one.id.arn): one for one in listed}
    living = tables.cluster.c.gone_at.is_(None)
    columns = (tables.cluster.c.id, tables.cluster.c.arn, tables.cluster.c.last_seen)
    for some in chunks(sorted(newest)):
        query = sa.select(*columns).where(living, tables.cluster.c.arn.in_(some))
        for row in connection.execute(query).all():
            one = newest[row.arn]
            if row.id != ids[one.id] and row.last_seen <= one.at:
                _mark_gone(connection, [row.id], one.at)


def mark_unseen(connection: sa.Connection, scope: Scope | None, seen: Sequence[ClusterId], at: datetime) -> None:
    """The living clusters of a scope that are not among the seen, and that no later listing has named, are gone."""
    table, kept = tables.cluster, {subject_key(one) for one in seen}
    query = sa.select(table.c.id, table.c.arn, table.c.created_at).where(table.c.gone_at.is_(None))
    query = query.where(table.c.last_seen <= at)
    if scope is None:
        query = query.where(table.c.scope_id.is_(None))
    else:
        own = tables.scope.c
        same = sa.and_(own.account == scope.account, own.region == scope.region, own.partition == scope.partition)
        query = query.join(tables.scope, own.id == table.c.scope_id).where(same)
    rows = connection.execute(query).all()
    _mark_gone(connection, [r.id for r in rows if subject_key(ClusterId(r.arn, r.created_at)) not in kept], at)


def _mark_gone(connection: sa.Connection, clusters: Sequence[int], at: datetime) -> None:
    """The clusters are gone since `at`; their parts stay as they were last seen."""
    table, history = tables.cluster, tables.history
    for some in chunks(clusters):
        connection.execute(table.update().where(table.c.id.in_(some), table.c.gone_at.is_(None)).values(gone_at=at))
        own = (history.c.part == items.CLUSTER, history.c.cluster_id.in_(some), history.c.valid_to.is_(None))
        connection.execute(history.update().where(*own).values(valid_to=at))
