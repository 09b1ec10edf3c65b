"""A turn of notices as one transaction: what is told, the messages of it, and what they say by now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import Values, insert_missing, insert_rows, select_keys, update_keys
from fleetkeeper.adapters.store.notice_rows import MESSAGE, NOTICE, TOLD, NoticeCodec, message_row
from fleetkeeper.adapters.store.outbox_queue import Address, line_up
from fleetkeeper.adapters.store.outbox_settles import OUTBOX, Wanted, edit, waits_until, wanted
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Delivery, Notice, Told
from fleetkeeper.engine.notice_ports import Doing, WaveThread, Writing

_OPEN = frozenset({Delivery.PENDING.value, Delivery.SENDING.value, Delivery.AMBIGUOUS.value})
_LOST = frozenset({Delivery.FAILED.value, Delivery.DROPPED.value})


def save_turn(
    connection: sa.Connection,
    writings: Sequence[Writing],
    told: Sequence[Told],
    edits: Mapping[str, Message],
    at: datetime,
) -> tuple[str, ...]:
    """The ids that are new, in the order of the writings.

    Notices that are edited, and those in whose thread new ones go, are locked first: a settlement of one at this moment
    waits for us, or we for it, and whoever comes second sees the other's rows.
    """
    edited = {storable(id): message_row(message) for id, message in edits.items()}
    threads = {storable(each.notice.thread) for each in writings if each.notice.thread}
    stored = {each.id: each for each in wanted(connection, edited.keys() | threads, lock=True)}
    new = _insert(connection, writings, at)
    addresses = _post(connection, [each.notice for each in writings if each.notice.id in new], at)
    addresses |= _edit(connection, [each for id, each in stored.items() if id in edited], edited, at)
    line_up(connection, addresses)
    codec = NoticeCodec(connection)
    rows = {each.key: codec.told_row(each) for each in told}
    insert_rows(connection, tables.told, TOLD, [rows[key] for key in sorted(rows)], over=True)
    return tuple(dict.fromkeys(each.notice.id for each in writings if each.notice.id in new))


def _insert(connection: sa.Connection, writings: Sequence[Writing], at: datetime) -> set[str]:
    """Insert the notices that are not there, by their ids: two replicas that store the same ones never cross."""
    codec = NoticeCodec(connection)
    rows = {
        each.notice.id: (*codec.notice_row(each.notice, at), *message_row(each.message))
        for each in sorted(writings, key=lambda each: each.notice.id)
    }
    keys = insert_missing(connection, tables.notice, (*NOTICE, *MESSAGE, "digest"), list(rows.values()))
    new = {key for (key,) in keys}
    return {id for id in rows if storable(id) in new}


def _post(connection: sa.Connection, notices: Sequence[Notice], at: datetime) -> set[Address]:
    """Rows in the outbox for new notices. One in a thread waits for the post of its root, while that may still go."""
    codec = NoticeCodec(connection)
    ids = {storable(each.id) for each in notices}
    roots = sorted({storable(each.thread) for each in notices if each.thread} - ids)
    columns = ("key", "state", "sending_since")
    known = {key: rest for key, *rest in select_keys(connection, tables.outbox, columns, [(root,) for root in roots])}
    rows: dict[str, Values] = {}
    for each in notices:
        id, root, to = storable(each.id), storable(each.thread), each.recipient
        state, since = known.get(root, (None, None))
        waits = (root in ids or state in _OPEN) and root != id
        due = codec.stamp(each.at)
        if waits:
            due = waits_until(codec, since, each.at) if state == Delivery.AMBIGUOUS.value else None
        head = (id, id, Doing.POST.value, to.via.value, storable(to.address), each.is_urgent, Delivery.PENDING.value)
        rows[id] = (*head, codec.stamp(at), codec.stamp(each.at), due, root if waits else None, 0, 0, "", "", "")
    insert_rows(connection, tables.outbox, OUTBOX, list(rows.values()))
    return {(row[3], row[4]) for row in rows.values()}


def _edit(
    connection: sa.Connection, stored: Sequence[Wanted], edited: Mapping[str, tuple[str, str, str]], at: datetime
) -> set[Address]:
    """Give notices a newer text. What is not out goes out with it; what may be out is edited once it surely is.

    When that was is kept also where the text is the same: what happened before is in it.
    """
    update_keys(
        connection, tables.notice, ("edited_at",), [(NoticeCodec(connection).stamp(at), each.id) for each in stored]
    )
    moved = [each for each in stored if each.digest != edited[each.id][2]]
    keys = [(each.id,) for each in moved]
    states = dict(select_keys(connection, tables.outbox, ("key", "state"), keys))
    moved = [each for each in moved if states.get(each.id) not in _LOST]
    rows = [(*edited[each.id], each.id) for each in moved]
    update_keys(connection, tables.notice, (*MESSAGE, "digest"), rows)
    out = {each.id for each in moved if states.get(each.id) == Delivery.SENT.value}
    return edit(connection, wanted(connection, out), at)


def save_wave(
    connection: sa.Connection,
    thread: WaveThread,
    writings: Sequence[Writing],
    edits: Mapping[str, Message],
    at: datetime,
) -> bool:
    """Store what is told of a run, unless somebody told of it since the caller looked."""
    own = tables.wave_thread
    run = storable(thread.run)
    row = {"run": run, "notice": storable(thread.notice), "seen": thread.seen, "state": thread.state}
    query = sa.select(own.c.seen, own.c.state).where(own.c.run == run)
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        if thread.before is not None or not inserts(connection, own, row):
            return False
    elif not _follows(thread, found.seen, found.state):
        return False
    else:
        connection.execute(own.update().where(own.c.run == run).values(row))
    save_turn(connection, writings, (), edits, at)
    return True


def _follows(thread: WaveThread, seen: int, state: str) -> bool:
    """Whether nobody told of the run since; of a caller who does not say what it rests on, whether it brings news."""
    if thread.before is not None:
        return seen == thread.before
    return seen < thread.seen or (seen == thread.seen and state != thread.state)
