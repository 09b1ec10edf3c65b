"""Who sends what next: rows of the outbox are given to a worker for the time of a lease.

What is to be sent is what the notice says at the claim; its digest is kept, so that the settlement knows what went out.
A row whose lease is over is ambiguous: it may be out. Its old worker may still settle it until somebody else has it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import update_keys
from fleetkeeper.adapters.store.claims import wall_now
from fleetkeeper.adapters.store.notice_rows import NoticeCodec, message_of, posted_of
from fleetkeeper.adapters.store.outbox_queue import Address, first_in_line, hold, line_up
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.core.notices.values import Delivery, Via
from fleetkeeper.engine.notice_ports import Doing, Outgoing, Pace

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who claims, and when. wall: what the clock of leases says."""

    worker: str
    now: datetime
    wall: datetime
    lease: timedelta


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """An address whose turn it is, in the order of turns."""

    is_calm: bool  # no urgent message waits
    due: datetime
    since: datetime
    address: Address


def claim(
    connection: sa.Connection, worker: str, now: datetime, most: int, lease: timedelta, pace: Mapping[Via, Pace]
) -> tuple[Outgoing, ...]:
    """Rows that may go now, at most one of an address; of vias that pace does not name, none."""
    free = {via: _lock_pace(connection, via) for via in sorted(pace)}
    wall = wall_now(connection)  # only now: to lock may have taken a while
    by = Claimer(worker, now, wall, lease)
    _end_leases(connection, by)
    turns: list[_Turn] = []
    for via, each in pace.items():
        turns += _turns(connection, by, via, min(most, _room(each, free[via], wall)))
    keys = _fronts(connection, by, sorted(turns)[:most])
    rows = _lock_rows(connection, by, keys)
    _take(connection, by, rows)
    _spend(connection, by, rows, free, pace)
    return tuple(map(_outgoing, rows))


def _lock_pace(connection: sa.Connection, via: Via) -> datetime:
    """Since when a message may go. The lock is also what keeps two claims of one via apart."""
    found = connection.execute(_pace(), {"via": via.value}).scalar()
    if found is None:
        inserts(connection, tables.chat_pace, {"via": via.value, "free_at": _LONG_AGO})
        found = connection.execute(_pace(), {"via": via.value}).scalar_one()
    moment: datetime = found
    return moment


@cache
def _pace() -> sa.Select[Any]:
    own = tables.chat_pace.c
    return sa.select(own.free_at).where(own.via == sa.bindparam("via")).with_for_update()


def _room(pace: Pace, free: datetime, wall: datetime) -> int:
    """How many may go at once: what a second allows has been saved up at most."""
    since = _saved(pace, free, wall)
    if wall < since:
        return 0
    return math.floor((wall - since).total_seconds() * pace.via_per_second + 1e-6) + 1


def _saved(pace: Pace, free: datetime, wall: datetime) -> datetime:
    burst = max(1, math.floor(pace.via_per_second))
    return max(free, wall - timedelta(seconds=(burst - 1) / pace.via_per_second))


def _end_leases(connection: sa.Connection, by: Claimer) -> None:
    """What was being sent when its worker's lease ended may be out; it waits in line again, for somebody to look."""
    rows = connection.execute(_ended(), {"wall": by.wall}).all()
    if rows:
        back = "due = not_before, worker = NULL, lease_until = NULL"
        update_keys(connection, tables.outbox, ("state",), [(Delivery.AMBIGUOUS.value, row.key) for row in rows], back)
        line_up(connection, {(row.via, row.address) for row in rows})


@cache
def _ended() -> sa.Select[Any]:
    """By their ends, or SQLite looks at every row to have them by their keys."""
    own = tables.outbox
    query = sa.select(own.c.key, own.c.via, own.c.address).where(own.c.lease_until < sa.bindparam("wall"))
    return query.order_by(own.c.lease_until).with_for_update(skip_locked=True)


def _turns(connection: sa.Connection, by: Claimer, via: Via, most: int) -> Sequence[_Turn]:
    """The addresses of a via whose turn it is; those that another transaction has locked just now are passed over."""
    found = dict[Address, _Turn]()
    for is_calm in (False, True) if most else ():
        values = {"via": via.value, "now": by.now, "wall": by.wall, "most": most + len(found)}
        for address, at, since in connection.execute(_due(is_calm), values):
            key = via.value, address
            found.setdefault(key, _Turn(is_calm, at, since, key))
    return sorted(found.values())[:most]


@cache
def _due(is_calm: bool) -> sa.Select[Any]:
    own = tables.outbox_queue.c
    due = own.due if is_calm else own.urgent_due
    is_free = sa.or_(own.free_at.is_(None), own.free_at <= sa.bindparam("wall"))
    query = sa.select(own.address, due, own.since)
    query = query.where(own.via == sa.bindparam("via"), due <= sa.bindparam("now"), is_free)
    return query.order_by(due, own.since).limit(sa.bindparam("most")).with_for_update(skip_locked=True)


def _fronts(connection: sa.Connection, by: Claimer, turns: Sequence[_Turn]) -> Sequence[str]:
    """The keys of the messages that stand first in these lines. Read after the lock of the lines."""
    now = NoticeCodec(connection).stamp(by.now)
    urgent = [turn.address for turn in turns if not turn.is_calm]
    calm = [turn.address for turn in turns if turn.is_calm]
    return (*first_in_line(connection, urgent, True, now), *first_in_line(connection, calm, False, now))


def _lock_rows(connection: sa.Connection, by: Claimer, keys: Sequence[str]) -> Sequence[Any]:
    return connection.execute(_taking(), {"keys": keys, "now": by.now}).all() if keys else ()


@cache
def _taking() -> sa.Select[Any]:
    """The rows with what their notices say, and with the posts that they are about, in the order of sending."""
    own, notice = tables.outbox, tables.notice
    post, root = own.alias("post"), own.alias("root")
    joined = own.join(notice, notice.c.id == own.c.notice_id)
    joined = joined.outerjoin(post, post.c.key == own.c.notice_id).outerjoin(root, root.c.key == notice.c.thread)
    query = sa.select(
        own,
        *(notice.c.message, notice.c.blocks, notice.c.digest),
        *(post.c[name].label(f"post_{name}") for name in ("channel", "ts", "url")),
        *(root.c[name].label(f"root_{name}") for name in ("channel", "ts", "url")),
    ).select_from(joined)
    query = query.where(own.c.key.in_(sa.bindparam("keys", expanding=True)), own.c.due <= sa.bindparam("now"))
    query = query.order_by(own.c.is_urgent.desc(), own.c.due, own.c.stored_at, own.c.key)
    return query.with_for_update(of=own, skip_locked=True)


def _take(connection: sa.Connection, by: Claimer, rows: Sequence[Any]) -> None:
    stamp = NoticeCodec(connection).stamp
    until = stamp(by.wall + by.lease)
    taken = [
        (Delivery.SENDING.value, by.worker, until, stamp(_since(row) or by.now), _sending(row), row.key) for row in rows
    ]
    columns = ("state", "worker", "lease_until", "sending_since", "sending")
    also = "due = NULL, waits_for = NULL, epoch = epoch + 1, attempts = attempts + 1"
    update_keys(connection, tables.outbox, columns, taken, also)


def _since(row: Any) -> datetime | None:
    """Since when it may be out; None of what is surely not."""
    since: datetime | None = row.sending_since
    return since if row.state == Delivery.AMBIGUOUS.value else None


def _sending(row: Any) -> str:
    """The digest of what goes out; "" when it may be this text or the one that was taken before."""
    digest: str = row.digest
    return digest if row.state != Delivery.AMBIGUOUS.value or row.sending == digest else ""


def _spend(
    connection: sa.Connection,
    by: Claimer,
    rows: Sequence[Any],
    free: Mapping[Via, datetime],
    pace: Mapping[Via, Pace],
) -> None:
    """The addresses have had their turn, and each via so many messages."""
    stamp = NoticeCodec(connection).stamp
    served = {(row.via, row.address) for row in rows}
    update_keys(connection, tables.outbox_queue, ("served_at",), [(stamp(by.now), *key) for key in sorted(served)])
    line_up(connection, served)
    rests = {key: timedelta(seconds=pace[Via(key[0])].address_seconds) for key in served}
    hold(connection, {key: stamp(by.wall + rest) for key, rest in rests.items()})
    for via, each in pace.items():
        if taken := sum(row.via == via.value for row in rows):
            since = _saved(each, free[via], by.wall) + timedelta(seconds=taken / each.via_per_second)
            update_keys(connection, tables.chat_pace, ("free_at",), [(stamp(since), via.value)])


def _outgoing(row: Any) -> Outgoing:
    return Outgoing(
        key=row.key,
        notice=row.notice_id,
        doing=Doing(row.doing),
        via=Via(row.via),
        address=row.address,
        message=message_of(row.message, row.blocks),
        thread=posted_of(row.root_channel, row.root_ts, row.root_url or ""),
        posted=posted_of(row.post_channel, row.post_ts, row.post_url or "") if row.doing == Doing.EDIT.value else None,
        attempts=row.attempts + 1,
        epoch=row.epoch + 1,
        look=row.state == Delivery.AMBIGUOUS.value,
        sending_since=_since(row),
    )
