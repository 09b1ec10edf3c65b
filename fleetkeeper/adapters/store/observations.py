"""Writes of observations, inside a transaction that holds the locks of their subjects."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import items, tables
from fleetkeeper.adapters.store.clusters import Subject
from fleetkeeper.adapters.store.codec import deflate
from fleetkeeper.adapters.store.merge import Prepared, Stored, merge
from fleetkeeper.adapters.store.rows import Row, chunks, execute, history_row, record_items
from fleetkeeper.core.model import Gap
from fleetkeeper.errors import GapReason


@dataclass(slots=True)
class Batch:
    """The rows that a set of observations leads to, to be written with one statement per kind."""

    seen_new: list[Row] = field(default_factory=list)
    seen_changed: list[Row] = field(default_factory=list)
    touched: list[Row] = field(default_factory=list)
    values_new: list[Row] = field(default_factory=list)
    values_changed: list[Row] = field(default_factory=list)
    baselines: list[Row] = field(default_factory=list)


def record_observed(
    connection: sa.Connection, ids: Mapping[Subject, int], observed: Sequence[tuple[Subject, Prepared]]
) -> None:
    """The observations of subjects whose rows are locked."""
    for some in _once_each(observed):
        stored = _stored(connection, {ids[subject] for subject, _ in some})
        batch = Batch()
        for subject, new in some:
            _add(connection, batch, (ids[subject], new.seen.part), stored, new)
        _write(connection, batch)


def _once_each(observed: Sequence[tuple[Subject, Prepared]]) -> Iterator[list[tuple[Subject, Prepared]]]:
    """Rounds in which no part comes twice; nearly always there is one."""
    rest = list(observed)
    while rest:
        now: dict[tuple[Subject, str], tuple[Subject, Prepared]] = {}
        later = []
        for subject, new in rest:
            key = (subject, new.seen.part)
            if key in now:
                later.append((subject, new))
            else:
                now[key] = (subject, new)
        yield list(now.values())
        rest = later


def _stored(connection: sa.Connection, ids: Collection[int]) -> dict[tuple[int, str], Stored]:
    seen, part = tables.part_seen, tables.part
    joined = seen.outerjoin(part, sa.and_(part.c.subject_id == seen.c.subject_id, part.c.part == seen.c.part))
    found = {}
    for some in chunks(sorted(ids)):
        query = sa.select(seen, part.c.digest).select_from(joined).where(seen.c.subject_id.in_(some))
        for row in connection.execute(query):
            found[(row.subject_id, row.part)] = Stored(row.digest, row.observed_at, gap_of(row))
    return found


def gap_of(row: Any) -> Gap | None:
    """The gap of a part_seen row. A reason of another release is shown as it was written, under the nearest one."""
    if row.gap_reason is None:
        return None
    try:
        return Gap(GapReason(row.gap_reason), row.gap_detail, row.gap_since)
    except ValueError:
        return Gap(GapReason.INVALID_ANSWER, f"{row.gap_reason}: {row.gap_detail}", row.gap_since)


def _add(
    connection: sa.Connection,
    batch: Batch,
    key: tuple[int, str],
    stored: Mapping[tuple[int, str], Stored],
    new: Prepared,
) -> None:
    before = stored.get(key)
    after = merge(before, new)
    if after == before:
        return
    where, gap = {"row": key[0], "name": key[1]}, after.gap
    seen = {
        "observed_at": after.observed_at,
        "gap_reason": gap.reason.value if gap else None,
        "gap_detail": gap.detail if gap else None,
        "gap_since": gap.since if gap else None,
    }
    if before is None:
        batch.seen_new.append({"subject_id": key[0], "part": key[1]} | seen)
    elif before.gap == gap:
        batch.touched.append(where | {"at": after.observed_at})
    else:
        batch.seen_changed.append(where | seen)
    if new.body is None or (before is not None and after.digest == before.digest):
        return
    deflated, body = deflate(new.body)
    value: Row = {"digest": after.digest, "deflated": deflated, "value": body}
    first = before is None or before.digest is None
    if first:
        batch.values_new.append(
            {"subject_id": key[0], "part": key[1], "first_observed": new.seen.at} | value,
        )
    else:
        batch.values_changed.append(where | value)
    if key[1] in items.TRACKED:
        _add_items(connection, batch, key, new, first)


def _add_items(connection: sa.Connection, batch: Batch, key: tuple[int, str], new: Prepared, first: bool) -> None:
    now = items.items_of(key[1], new.seen.value)
    if first:
        batch.baselines += [history_row(*key, item, new.seen.at, text, baseline=True) for item, text in now.items()]
    else:
        record_items(connection, *key, now, new.seen.at)


def _write(connection: sa.Connection, batch: Batch) -> None:
    seen, part = tables.part_seen, tables.part
    of_seen = sa.and_(seen.c.subject_id == sa.bindparam("row"), seen.c.part == sa.bindparam("name"))
    of_part = sa.and_(part.c.subject_id == sa.bindparam("row"), part.c.part == sa.bindparam("name"))
    execute(connection, seen.insert(), batch.seen_new)
    execute(connection, seen.update().where(of_seen).values(observed_at=sa.bindparam("at")), batch.touched)
    execute(connection, seen.update().where(of_seen), batch.seen_changed)
    execute(connection, part.insert(), batch.values_new)
    execute(connection, part.update().where(of_part), batch.values_changed)
    execute(connection, tables.history.insert(), batch.baselines)
