"""Findings over time: rows are written when something about a finding changed, not when it was merely seen again."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog

from fleetkeeper.adapters.store import tables
from fleetkeeper.adapters.store.codec import to_json
from fleetkeeper.adapters.store.rows import Row, chunks, execute
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.tracking import Tracking, Watch
from fleetkeeper.engine.ports import StoredFinding

_log = structlog.get_logger("store")
_finding, _assessed, _cluster = tables.finding, tables.assessed, tables.cluster
_decoder = msgspec.json.Decoder(Tracked)


def read_tracking(connection: sa.Connection, key: str, found: Collection[str]) -> Tracking | None:
    """The findings of one cluster by its key, of the resolved ones those found; None when it was never assessed."""
    own = tables.subject.c
    query = sa.select(_assessed).join(tables.subject, own.id == _assessed.c.cluster_id).where(own.key == key)
    head = connection.execute(query).first()
    if head is None:
        return None
    own_rows = sa.select(_finding).where(_finding.c.cluster_id == head.cluster_id)
    is_over = _finding.c.state == State.RESOLVED.value
    rows = list(connection.execute(own_rows.where(sa.not_(is_over))))
    for some in chunks(sorted(found)):
        rows += connection.execute(own_rows.where(is_over, _finding.c.fingerprint.in_(some)))
    known = {row.fingerprint: tracked for row in rows if (tracked := _tracked(row, head.at)) is not None}
    return Tracking(head.at, known, Watch(head.unbroken_since, head.seen_until))


def read_findings(connection: sa.Connection, resolved: bool) -> Iterator[StoredFinding]:
    """Those of all living clusters, by cluster and fingerprint."""
    query = sa.select(_finding, _cluster.c.arn, _cluster.c.created_at, _assessed.c.at).select_from(
        _finding.join(_cluster, _cluster.c.id == _finding.c.cluster_id).join(
            _assessed, _assessed.c.cluster_id == _finding.c.cluster_id
        )
    )
    query = query.where(_cluster.c.gone_at.is_(None))
    if not resolved:
        query = query.where(_finding.c.state != State.RESOLVED.value)
    for row in connection.execute(query.order_by(_cluster.c.name, _cluster.c.arn, _finding.c.fingerprint)):
        if (tracked := _tracked(row, row.at)) is not None:
            yield StoredFinding(ClusterId(row.arn, row.created_at), tracked)


def prepared(tracking: Tracking) -> dict[str, Row]:
    """The rows of a tracking by fingerprint, encoded before any transaction begins."""
    return {key: _row(key, each, tracking.at) for key, each in tracking.findings.items()}


def write_tracking(connection: sa.Connection, cluster: int, tracking: Tracking, rows: Mapping[str, Row]) -> None:
    """Bring a locked cluster's findings to these rows. An assessment older than the stored one changes nothing."""
    head = connection.execute(sa.select(_assessed).where(_assessed.c.cluster_id == cluster)).first()
    if head is not None and head.at > tracking.at:
        return
    columns = (_finding.c.fingerprint, _finding.c.digest, _finding.c.last_seen)
    stored = {
        row.fingerprint: (row.digest, row.last_seen)
        for row in connection.execute(sa.select(*columns).where(_finding.c.cluster_id == cluster))
    }
    fresh = [row | {"cluster_id": cluster} for key, row in rows.items() if key not in stored]
    moved = [
        row | {"of": cluster, "key": key}
        for key, row in rows.items()
        if key in stored and stored[key] != (row["digest"], row["last_seen"])
    ]
    execute(connection, _finding.insert(), fresh)
    same = sa.and_(_finding.c.cluster_id == sa.bindparam("of"), _finding.c.fingerprint == sa.bindparam("key"))
    execute(connection, _finding.update().where(same), moved)
    values = {
        "at": tracking.at,
        "unbroken_since": tracking.watch.unbroken_since,
        "seen_until": tracking.watch.seen_until,
    }
    if head is None:
        connection.execute(_assessed.insert().values(values | {"cluster_id": cluster}))
    else:
        connection.execute(_assessed.update().where(_assessed.c.cluster_id == cluster).values(values))


def forget_resolved(connection: sa.Connection, horizon: datetime) -> None:
    """Findings that have been over for so long."""
    old = sa.and_(_finding.c.state == State.RESOLVED.value, _finding.c.since < horizon)
    connection.execute(_finding.delete().where(old))


def _row(key: str, tracked: Tracked, at: datetime) -> Row:
    finding, seen_now = tracked.finding, tracked.last_seen == at
    body = to_json(replace(tracked, last_seen=tracked.first_seen))  # its time stands in a column
    steady = to_json(replace(tracked, last_seen=tracked.first_seen, finding=_by_day(finding)))
    return {
        "fingerprint": key,
        "code": finding.code,
        "subject": str(finding.subject),
        "severity": finding.severity.value,
        "blocks": finding.blocks,
        "state": tracked.state.value,
        "since": tracked.since,
        "first_seen": tracked.first_seen,
        "last_seen": None if seen_now else tracked.last_seen,
        "digest": hashlib.blake2b(steady, digest_size=16).digest(),
        "body": body.decode(),
    }


def _by_day(finding: Finding) -> Finding:
    """Most evidence is true as of the last read, so its time moves at every tick: a new day is worth a write."""
    return replace(finding, evidence=tuple(replace(each, at=_midnight(each.at)) for each in finding.evidence))


def _midnight(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if at else None


def _tracked(row: Any, assessed_at: datetime) -> Tracked | None:
    """None for a body of another release: its row stays as it is, until a look finds the same again."""
    try:
        return replace(_decoder.decode(row.body), last_seen=row.last_seen or assessed_at)
    except msgspec.MsgspecError as error:
        _log.warning("finding_unreadable", fingerprint=row.fingerprint, code=row.code, reason=str(error))
        return None
