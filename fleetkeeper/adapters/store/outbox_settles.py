"""What became of messages, and the edits that follow when a notice says something else than what stands in the chat."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import (
    Columns,
    Values,
    insert_rows,
    marks,
    rows_of,
    select_keys,
    update_keys,
)
from fleetkeeper.adapters.store.claims import wall_now
from fleetkeeper.adapters.store.notice_rows import NoticeCodec
from fleetkeeper.adapters.store.outbox_queue import Address, hold, line_up
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Doing, Settled

OUTBOX: Columns = (
    *("key", "notice_id", "doing", "via", "address", "is_urgent", "state", "stored_at", "not_before", "due"),
    *("waits_for", "attempts", "epoch", "sending", "url", "error"),
)
"""What a new row has."""

_TAKEN = frozenset({Delivery.SENDING.value, Delivery.AMBIGUOUS.value})
_WAITING = frozenset({Delivery.PENDING, Delivery.AMBIGUOUS})
_HEAD: Columns = ("key", "notice_id", "doing", "via", "address", "state", "epoch", "sending", "sending_since")
_OUTCOME: Columns = ("state", "not_before", "due", "sent_at", "error")
_FREE = "worker = NULL, lease_until = NULL"
_EPOCH = _HEAD.index("epoch")
_LONGEST_WAIT = timedelta(hours=1)
"""For so long a reply waits for a post of which nobody can say whether it is out; then it is a message of its own."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the outbox that a settlement is of."""

    key: str
    notice: str
    is_edit: bool
    address: Address
    sending: str
    sending_since: Any  # as the driver has it


@dataclass(frozen=True, slots=True)
class Wanted:
    """A notice that is out, and the text that it should have. said: the digest of what it has, None when unknown."""

    id: str
    address: Address
    is_urgent: bool
    digest: str
    said: str | None

    @property
    def edit(self) -> str:
        """The key of its edit."""
        return f"{self.id}/edit"


def settle_by_hand(
    connection: sa.Connection, notice: str, state: Delivery, posted: Posted | None, words: str, now: datetime
) -> bool:
    """What of a notice may be out is as a person says; False where nothing may be, or a worker looks just now."""
    id = storable(notice)
    found = select_keys(connection, tables.outbox, ("key", "state", "epoch"), [(id,), (f"{id}/edit",)])
    own = [
        Settled(key, epoch, state, posted, error=words) for key, was, epoch in found if was == Delivery.AMBIGUOUS.value
    ]
    return bool(own) and settle(connection, own, now) > 0


def settle(connection: sa.Connection, settled: Sequence[Settled], now: datetime) -> int:
    """Write what became of rows, and how many; one of which a later claim exists, or that was settled before, stays as
    it is."""
    by_key = {storable(each.key): each for each in settled}
    rows = _lock(connection, by_key)
    pairs = [(row, by_key[row.key]) for row in rows]
    _write(connection, pairs, now)
    sent = [(row, each) for row, each in pairs if each.state is Delivery.SENT]
    _write_posted(connection, sent)
    addresses = {row.address for row in rows}
    addresses |= _mark_said(connection, [row for row, _ in sent], now)
    addresses |= _let_go(connection, [row.key for row, each in pairs if each.state not in _WAITING])
    addresses |= _let_wait(connection, [(row, each) for row, each in pairs if each.state in _WAITING])
    line_up(connection, addresses)
    _slow_down(connection, pairs, now)
    return len(rows)


def _lock(connection: sa.Connection, settled: Mapping[str, Settled]) -> Sequence[_Row]:
    """Those whose settlement counts. Their notices are locked first: whoever edits one at this moment waits, or we."""
    keys = [(key,) for key in sorted(settled)]
    notices = {notice for (notice,) in select_keys(connection, tables.outbox, ("notice_id",), keys)}
    select_keys(connection, tables.notice, ("id",), [(id,) for id in sorted(notices)], lock=True)
    found = select_keys(connection, tables.outbox, _HEAD, keys, lock=True)
    return [
        _Row(key, notice, doing == Doing.EDIT.value, (via, address), sending, since)
        for key, notice, doing, via, address, state, epoch, sending, since in found
        if epoch == settled[key].epoch and state in _TAKEN
    ]


def _write(connection: sa.Connection, pairs: Sequence[tuple[_Row, Settled]], now: datetime) -> None:
    stamp = NoticeCodec(connection).stamp
    rows: list[Values] = []
    over: list[Values] = []
    for row, each in pairs:
        again = stamp(each.not_before or now)
        sent_at = stamp(now) if each.state is Delivery.SENT else None
        if each.state in _WAITING:
            rows.append((each.state.value, again, again, None, storable(each.error), row.key))
        else:
            over.append((each.state.value, sent_at, storable(each.error), row.key))
    update_keys(connection, tables.outbox, _OUTCOME, rows, _FREE)
    update_keys(connection, tables.outbox, ("state", "sent_at", "error"), over, f"{_FREE}, due = NULL")


def _write_posted(connection: sa.Connection, sent: Sequence[tuple[_Row, Settled]]) -> None:
    """Where posts are; an edit says so as well when its message was gone and had to be posted anew."""
    rows = [
        (storable(each.posted.channel), storable(each.posted.ts), storable(each.posted.url), row.notice)
        for row, each in sent
        if each.posted is not None
    ]
    update_keys(connection, tables.outbox, ("channel", "ts", "url"), rows)


def _mark_said(connection: sa.Connection, sent: Sequence[_Row], now: datetime) -> set[Address]:
    """Note what stands in the chat now; a notice that says something else by now is edited. Their addresses."""
    notice = tables.notice
    update_keys(connection, notice, ("said",), [(row.sending or None, row.notice) for row in sent])
    found = wanted(connection, {row.notice for row in sent})
    return edit(connection, [each for each in found if each.said != each.digest], now)


def wanted(connection: sa.Connection, ids: Collection[str], lock: bool = False) -> Sequence[Wanted]:
    """These notices as they are stored. lock: until the end of the transaction."""
    columns = ("id", "via", "address", "is_urgent", "digest", "said")
    rows = select_keys(connection, tables.notice, columns, [(id,) for id in sorted(ids)], lock)
    return [
        Wanted(id, (via, address), bool(is_urgent), digest, said) for id, via, address, is_urgent, digest, said in rows
    ]


def edit(connection: sa.Connection, those: Sequence[Wanted], at: datetime) -> set[Address]:
    """Let notices that are out be edited, or be left alone where they say it already; the addresses whose lines move.

    An edit that is being sent just now keeps its worker: what it sends is compared when it is settled. Two edits of
    one message under way at once could land in the wrong order.
    """
    stamp = NoticeCodec(connection).stamp
    by_key = {each.edit: each for each in those}
    states = dict(select_keys(connection, tables.outbox, ("key", "state"), [(key,) for key in sorted(by_key)], True))
    moment = stamp(at)
    new: list[Values] = []
    again: list[Values] = []
    vain: list[Values] = []
    for key, each in by_key.items():
        state = states.get(key)
        if state == Delivery.SENDING.value:
            continue
        if each.said == each.digest:
            vain += [(Delivery.DROPPED.value, key)] if state in _TAKEN or state == Delivery.PENDING.value else []
        elif state is None:
            new.append(_edit_row(each, moment))
        else:
            again.append((Delivery.PENDING.value, moment, moment, moment, key))
    insert_rows(connection, tables.outbox, OUTBOX, new)
    also = "attempts = 0, error = ''"
    update_keys(connection, tables.outbox, ("state", "stored_at", "not_before", "due"), again, also)
    update_keys(connection, tables.outbox, ("state",), vain, "due = NULL, error = 'it says so already'")
    return {each.address for each in those}


def _edit_row(each: Wanted, moment: Any) -> Values:
    pending, doing = Delivery.PENDING.value, Doing.EDIT.value
    return each.edit, each.id, doing, *each.address, each.is_urgent, pending, *(moment,) * 3, None, 0, 0, "", "", ""


def _let_go(connection: sa.Connection, keys: Sequence[str]) -> set[Address]:
    """What waited for these posts to be in their thread may go: without a thread, where they failed."""
    if not keys:
        return set()
    moved = f"UPDATE outbox SET due = not_before, waits_for = NULL WHERE waits_for IN ({marks(connection, keys)})"
    return {(via, address) for via, address in rows_of(connection, f"{moved} RETURNING via, address", tuple(keys))}


def _let_wait(connection: sa.Connection, pairs: Sequence[tuple[_Row, Settled]]) -> set[Address]:
    """What waits for these posts waits on: not for ever, where nobody can say whether they are out.

    A reply that a worker has by now waits for nothing, and is left alone.
    """
    roots = {row.key: (row, each) for row, each in pairs if not row.is_edit}
    own = tables.outbox.c
    query = sa.select(own.key, own.waits_for, own.not_before, own.via, own.address).order_by(own.key)
    replies = connection.execute(query.where(own.waits_for.in_(sorted(roots))).with_for_update()).all() if roots else ()
    codec, rows = NoticeCodec(connection), list[Values]()
    for reply in replies:
        root, settled = roots[reply.waits_for]
        is_unclear = settled.state is Delivery.AMBIGUOUS
        rows.append((waits_until(codec, root.sending_since, reply.not_before) if is_unclear else None, reply.key))
    update_keys(connection, tables.outbox, ("due",), rows)
    return {(reply.via, reply.address) for reply in replies}


def waits_until(codec: NoticeCodec, since: Any, not_before: datetime) -> Any:
    """When a reply goes without its root, of which nobody knows since then whether it is out. Both as the driver's."""
    return codec.stamp(max(codec.moment(since) + _LONGEST_WAIT, not_before))


def _slow_down(connection: sa.Connection, pairs: Sequence[tuple[_Row, Settled]], now: datetime) -> None:
    """Hold addresses that asked for it. They named a moment of the keeper's clock; the pace is of the wall's."""
    asked = {row.address: each.channel_until for row, each in pairs if each.channel_until is not None}
    if asked:
        wall, stamp = wall_now(connection), NoticeCodec(connection).stamp
        hold(connection, {address: stamp(wall + (until - now)) for address, until in asked.items()})
