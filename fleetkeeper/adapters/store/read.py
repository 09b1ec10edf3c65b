"""Reads of the fleet as it is and as it was, inside one consistent view of the data."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from fleetkeeper.adapters.store import items, tables
from fleetkeeper.adapters.store.codec import PARTS, Undecodable, decode, inflate
from fleetkeeper.adapters.store.observations import gap_of
from fleetkeeper.core.model import Change, ClusterId, Gap, Part, Placement, Scope, SeenCluster
from fleetkeeper.errors import GapReason
from fleetkeeper.values import decoder_of

_cluster, _scope, _part, _seen, _history = (
    tables.cluster,
    tables.scope,
    tables.part,
    tables.part_seen,
    tables.history,
)


def fleet_now(connection: sa.Connection, only: Collection[str] | None) -> tuple[SeenCluster, ...]:
    """The living clusters with their parts, in the order of name and ARN."""
    parts: dict[int, dict[str, Part[Any]]] = defaultdict(dict)
    if only is None or only:
        living = _cluster.c.gone_at.is_(None)
        query = _parts_query().join(_cluster, _cluster.c.id == _seen.c.subject_id).where(living)
        for row in connection.execute(_only(query, only)):
            parts[row.subject_id][row.part] = _part_of(row)
        for row in connection.execute(_gaps_query(only or ()).where(living)):
            parts[row.subject_id][row.part] = Part(None, row.observed_at, gap_of(row))
    rows = connection.execute(_clusters_query().where(_cluster.c.gone_at.is_(None)))
    return tuple(_seen_cluster(row, row.last_seen, parts.get(row.id, {})) for row in rows)


def subject_parts(connection: sa.Connection, key: str, only: Collection[str] | None = None) -> dict[str, Part[Any]]:
    """Part name → part of one cluster or scope; {} when it is unknown."""
    query = _parts_query().join(tables.subject, tables.subject.c.id == _seen.c.subject_id)
    rows = connection.execute(_only(query.where(tables.subject.c.key == key), only))
    return {row.part: _part_of(row) for row in rows}


def scopes(connection: sa.Connection) -> tuple[Scope, ...]:
    """Every scope that a cluster or a part was ever stored of."""
    return tuple(sorted(Scope(r.account, r.region, r.partition) for r in connection.execute(sa.select(_scope))))


def fleet_then(connection: sa.Connection, at: datetime, only: Collection[str] | None) -> tuple[SeenCluster, ...]:
    """The fleet as history has it: a part was observed then if its first good read was not later."""
    valid = sa.and_(_history.c.valid_from <= at, sa.or_(_history.c.valid_to.is_(None), _history.c.valid_to > at))
    texts: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for row in connection.execute(sa.select(_history).where(valid)):
        texts[(row.cluster_id, row.part)][row.item] = row.value
    parts: dict[int, dict[str, Part[Any]]] = defaultdict(dict)
    query = sa.select(_part.c.subject_id, _part.c.part, _seen.c.observed_at).join(_seen, _same_part())
    for row in connection.execute(query.where(_part.c.first_observed <= at)):
        if row.part in items.TRACKED and (only is None or row.part in only):
            found = texts.get((row.subject_id, row.part), {})
            parts[row.subject_id][row.part] = _part_then(row.part, found, min(at, row.observed_at))
    return tuple(
        _cluster_then(row, texts[(row.id, items.CLUSTER)][""], at, parts.get(row.id, {}))
        for row in connection.execute(_clusters_query())
        if (row.id, items.CLUSTER) in texts
    )


def changes(connection: sa.Connection, since: datetime, until: datetime | None) -> tuple[Change, ...]:
    """What changed from `since` to before `until`, newest first."""
    clusters = {row.id: row for row in connection.execute(_clusters_query())}
    found: dict[tuple[datetime, int, str, str], dict[str, str]] = defaultdict(dict)
    for row in connection.execute(sa.select(_history).where(_within(_history.c.valid_to, since, until))):
        if row.valid_to != row.valid_from:
            found[(row.valid_to, row.cluster_id, row.part, row.item)]["before"] = row.value
    opened = sa.and_(_within(_history.c.valid_from, since, until), _history.c.baseline.is_(False))
    for row in connection.execute(sa.select(_history).where(opened)):
        if row.valid_to != row.valid_from:
            found[(row.valid_from, row.cluster_id, row.part, row.item)]["after"] = row.value
    ordered = sorted(found, key=lambda key: (clusters[key[1]].name, *key[1:]))
    ordered.sort(key=lambda key: key[0], reverse=True)
    return tuple(_change(key, clusters[key[1]], found[key]) for key in ordered)


def _within(column: sa.ColumnElement[Any], since: datetime, until: datetime | None) -> sa.ColumnElement[bool]:
    return column >= since if until is None else sa.and_(column >= since, column < until)


def _change(key: tuple[datetime, int, str, str], cluster: Any, texts: Mapping[str, str]) -> Change:
    at, _, part, item = key
    before, after = (items.as_mapping(texts[side]) if side in texts else None for side in ("before", "after"))
    id = ClusterId(cluster.arn, cluster.created_at)
    return Change(at, id, cluster.name, _scope_of(cluster), part, item, before, after)


def _clusters_query() -> sa.Select[Any]:
    joined = _cluster.outerjoin(_scope, _scope.c.id == _cluster.c.scope_id)
    where = (_scope.c.account, _scope.c.region, _scope.c.partition)
    order = (_cluster.c.name, _cluster.c.arn, _cluster.c.created_at)
    return sa.select(_cluster, *where).select_from(joined).order_by(*order)


def _gaps_query(but: Collection[str]) -> sa.Select[Any]:
    """Gaps of the parts whose values were not asked for."""
    gaps = sa.select(_seen).join(_cluster, _cluster.c.id == _seen.c.subject_id).where(_seen.c.gap_reason.is_not(None))
    return gaps.where(_seen.c.part.in_(sorted(PARTS.keys() - set(but or PARTS))))


def _parts_query() -> sa.Select[Any]:
    return sa.select(_seen, _part.c.deflated, _part.c.value).select_from(_seen.outerjoin(_part, _same_part()))


def _same_part() -> sa.ColumnElement[bool]:
    return sa.and_(_part.c.subject_id == _seen.c.subject_id, _part.c.part == _seen.c.part)


def _only(query: sa.Select[Any], only: Collection[str] | None) -> sa.Select[Any]:
    """Parts that this release does not know are not for it to read."""
    return query.where(_seen.c.part.in_(sorted(PARTS if only is None else PARTS.keys() & set(only))))


def _part_of(row: Any) -> Part[Any]:
    if row.value is None:
        return Part(None, row.observed_at, gap_of(row))
    try:
        return Part(decode(row.part, inflate(row.deflated, row.value)), row.observed_at, gap_of(row))
    except Undecodable as error:
        return Part(None, row.observed_at, Gap(GapReason.INVALID_ANSWER, str(error), row.observed_at))


def _part_then(part: str, texts: Mapping[str, str], observed_at: datetime) -> Part[Any]:
    try:
        return Part(items.value_of(part, texts), observed_at)
    except Undecodable as error:
        return Part(None, observed_at, Gap(GapReason.INVALID_ANSWER, str(error), observed_at))


def _scope_of(row: Any) -> Scope | None:
    return None if row.account is None else Scope(row.account, row.region, row.partition)


def _seen_cluster(row: Any, last_seen: datetime, parts: Mapping[str, Part[Any]]) -> SeenCluster:
    try:
        placement = decoder_of(Placement).decode(row.placement)
    except msgspec.MsgspecError:
        placement = _UNREADABLE
    id = ClusterId(row.arn, row.created_at)
    return SeenCluster(id, row.name, _scope_of(row), placement, row.first_seen, last_seen, row.gone_at, parts)


def _cluster_then(row: Any, text: str, at: datetime, parts: Mapping[str, Part[Any]]) -> SeenCluster:
    """The cluster under its name, scope and placement of then; it was not gone."""
    try:
        then = decoder_of(_ClusterItem).decode(text)
    except msgspec.MsgspecError:
        then = _ClusterItem(row.name, _scope_of(row), _UNREADABLE)
    id = ClusterId(row.arn, row.created_at)
    seen = min(row.last_seen, at)
    return SeenCluster(id, then.name, then.scope, then.placement, row.first_seen, seen, None, parts)


class _ClusterItem(msgspec.Struct):
    name: str
    scope: Scope | None
    placement: Placement


# An unmapped cluster counts as production; the next listing writes what is true.
_UNREADABLE = Placement("", "", "", mapped=False, reason="stored by another version of fleetkeeper")
