"""What was told, said and sent, as people and turns ask for it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import mark, rows_of
from fleetkeeper.adapters.store.claims import wall_now
from fleetkeeper.adapters.store.codec import to_json
from fleetkeeper.adapters.store.notice_rows import ANSWER, DELIVERY, MESSAGE, NOTICE, TOLD, NoticeCodec
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.notices.values import Answer, AnswerKind, Delivery, ItemKey, NoticeKind, Sent, Told
from fleetkeeper.engine.notice_ports import Doing, Record

_OF_RUNS = (NoticeKind.WAVE, NoticeKind.NEWS)

_notice, _outbox, _queue = tables.notice, tables.outbox, tables.outbox_queue


def told(connection: sa.Connection) -> dict[ItemKey, Told]:
    codec = NoticeCodec(connection)
    found = map(codec.told, rows_of(connection, f"SELECT {', '.join(TOLD)} FROM told"))
    return {each.key: each for each in found}


def answers(connection: sa.Connection) -> tuple[Answer, ...]:
    """Oldest first."""
    codec, items = NoticeCodec(connection), dict[str, list[ItemKey]]()
    about = "SELECT answer_id, cluster, fingerprint FROM answer_item ORDER BY answer_id, idx"
    for id, cluster, fingerprint in rows_of(connection, about):
        items.setdefault(id, []).append(ItemKey(cluster, fingerprint))
    rows = rows_of(connection, f"SELECT {', '.join(ANSWER)} FROM answer ORDER BY at, id")
    found = (codec.answer(row, items.get(row[0], ())) for row in rows)
    return tuple(each for each in found if each is not None)


def sent(connection: sa.Connection, since: datetime) -> tuple[Sent, ...]:
    """Notices stored since then, and older ones that told last of what is open, with those in whose thread they went,
    and those of which somebody said that what is open is not theirs: they alone know whose it was. By age."""
    codec, at = NoticeCodec(connection), mark(connection)
    shown = ", ".join(f"n.{column}" for column in NOTICE)
    query = f"""
        SELECT {shown}, o.state FROM notice n JOIN outbox o ON o.key = n.id WHERE n.stored_at >= {at} OR n.id IN (
            SELECT notice FROM told WHERE mended IS NULL
            UNION SELECT reply.thread FROM notice reply JOIN told ON told.notice = reply.id WHERE told.mended IS NULL
            UNION SELECT answer.notice FROM answer JOIN answer_item item ON item.answer_id = answer.id
                JOIN told ON told.cluster = item.cluster AND told.fingerprint = item.fingerprint
                WHERE answer.kind = '{AnswerKind.NOT_MINE.value}' AND told.mended IS NULL
        ) ORDER BY n.stored_at, n.id
    """
    found = map(codec.sent, rows_of(connection, query, (codec.stamp(since),)))
    return tuple(each for each in found if each is not None)


def first_live(connection: sa.Connection) -> datetime | None:
    query = sa.select(_outbox.c.sent_at).where(_outbox.c.doing == Doing.POST.value, _outbox.c.sent_at.is_not(None))
    return connection.execute(query.order_by(_outbox.c.sent_at).limit(1)).scalar()


def newest(connection: sa.Connection) -> datetime | None:
    """By the index of stored_at, from its end."""
    query = sa.select(_notice.c.stored_at).where(_notice.c.kind.not_in([each.value for each in _OF_RUNS]))
    return connection.execute(query.order_by(_notice.c.stored_at.desc()).limit(1)).scalar()


def record(connection: sa.Connection, id: str) -> Record | None:
    """By its id, or the beginning of one that only one has."""
    text = storable(id)
    for same in (_notice.c.id == text, _notice.c.id.startswith(text, autoescape=True)):
        rows = connection.execute(_records().where(same).limit(3)).all()
        exact = [row for row in rows if row.id.startswith(text)]  # SQLite's LIKE does not tell cases apart
        if len(exact) == 1:
            return NoticeCodec(connection).record(_plain(connection, exact[0]))
    return None


def records(
    connection: sa.Connection, since: datetime | None, owner: str, item: ItemKey | None, limit: int
) -> tuple[Record, ...]:
    """Newest first."""
    query = _records().order_by(_notice.c.stored_at.desc(), _notice.c.id)
    if since is not None:
        query = query.where(_notice.c.stored_at >= since)
    if owner:
        query = query.where(_notice.c.owners.contains(to_json(owner).decode(), autoescape=True))
    if item is not None:
        query = query.where(_notice.c.entries.contains(to_json(item.fingerprint).decode(), autoescape=True))
    found = _read(connection, query, owner, item)
    return tuple(each for each, _ in zip(found, range(limit), strict=False))


def _read(connection: sa.Connection, query: sa.Select[Any], owner: str, item: ItemKey | None) -> Iterator[Record]:
    """What a text search found, without what only looked alike."""
    codec = NoticeCodec(connection)
    for row in connection.execute(query):
        found = codec.record(_plain(connection, row))
        if found is None or (owner and owner not in found.notice.recipient.owners):
            continue
        if item is None or any(each.item == item for each in found.notice.entries):
            yield found


def _records() -> sa.Select[Any]:
    columns = [_notice.c[name] for name in (*NOTICE, *MESSAGE)] + [_outbox.c[name] for name in DELIVERY]
    return sa.select(*columns).join(_outbox, _outbox.c.key == _notice.c.id)


def _plain(connection: sa.Connection, row: Any) -> tuple[Any, ...]:
    """A row of SQLAlchemy's with moments as the driver has them."""
    stamp = NoticeCodec(connection).stamp
    return tuple(stamp(value) if isinstance(value, datetime) else value for value in row)


def outbox_counts(connection: sa.Connection) -> Mapping[Delivery, int]:
    """Of every state, also those that nothing is in."""
    found = dict.fromkeys(Delivery, 0)
    for state, count in rows_of(connection, "SELECT state, count(*) FROM outbox GROUP BY state"):
        found[Delivery(state)] = count
    return found


def next_due(connection: sa.Connection, now: datetime) -> datetime | None:
    """When a claim may find something: a line's turn, once its address and its via are free; the end of a lease."""
    wall = wall_now(connection)
    free = {row.via: row.free_at for row in connection.execute(sa.select(tables.chat_pace))}
    moments = [now + (max(at, wall) - wall) for at in _lease_ends(connection)]
    for via, due, free_at in _turns(connection, wall):
        moments.append(max(due, now + (max(free.get(via, wall), free_at or wall, wall) - wall)))
    return min(moments, default=None)


def _lease_ends(connection: sa.Connection) -> Iterator[datetime]:
    end = _outbox.c.lease_until
    query = sa.select(end).where(end.is_not(None)).order_by(end).limit(1)
    yield from connection.scalars(query)


def _turns(connection: sa.Connection, wall: datetime) -> Iterator[tuple[str, datetime, datetime | None]]:
    """(via, whose turn comes next, when it is free): the first of the free addresses, and all that have to rest."""
    own, free_at = _queue.c, sa.or_(_queue.c.free_at.is_(None), _queue.c.free_at <= wall)
    for via in connection.scalars(sa.select(own.via).where(own.due.is_not(None)).distinct()).all():
        line = sa.and_(own.via == via, own.due.is_not(None))
        first = connection.execute(sa.select(own.due).where(line, free_at).order_by(own.due).limit(1)).scalar()
        if first is not None:
            yield via, first, None
        for due, free in connection.execute(sa.select(own.due, own.free_at).where(line, own.free_at > wall)):
            yield via, due, free
