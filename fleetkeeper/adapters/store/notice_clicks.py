"""What people said and asked for, and who they are to the chat."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.bulk import insert_missing, insert_rows
from fleetkeeper.adapters.store.claims import wall_now
from fleetkeeper.adapters.store.codec import to_json
from fleetkeeper.adapters.store.notice_rows import ANSWER, NoticeCodec, texts_of
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.notices.values import Answer
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.engine.notice_ports import Recheck, WaveThread


def add_answer(connection: sa.Connection, answer: Answer) -> bool:
    """False when one of this id is there."""
    if not insert_missing(connection, tables.answer, ANSWER, [NoticeCodec(connection).answer_row(answer)]):
        return False
    id = storable(answer.id)
    rows = [(id, idx, storable(key.cluster), storable(key.fingerprint)) for idx, key in enumerate(answer.items)]
    insert_rows(connection, tables.answer_item, ("answer_id", "idx", "cluster", "fingerprint"), rows)
    return True


def contacts(connection: sa.Connection) -> Mapping[str, tuple[Contact, datetime]]:
    rows = connection.execute(sa.select(tables.contact).order_by(tables.contact.c.key))
    return {
        row.key: (Contact(row.key, Reach(row.reach), row.slack, row.name, row.email, row.timezone), row.asked_at)
        for row in rows
    }


def save_contacts(connection: sa.Connection, found: Sequence[Contact], at: datetime) -> None:
    stamp = NoticeCodec(connection).stamp(at)
    rows = {
        each.key: (
            storable(each.key),
            each.reach.value,
            storable(each.slack),
            storable(each.name),
            storable(each.email),
            storable(each.timezone),
            stamp,
        )
        for each in found
    }
    columns = ("key", "reach", "slack", "name", "email", "timezone", "asked_at")
    insert_rows(connection, tables.contact, columns, [rows[key] for key in sorted(rows)], over=True)


def add_recheck(connection: sa.Connection, recheck: Recheck) -> bool:
    """False when one of this id is there."""
    row = {
        "id": recheck.id,
        "clusters": to_json(recheck.clusters).decode(),
        "person": recheck.person,
        "notice": recheck.notice,
        "at": recheck.at,
        "result": "",
    }
    return inserts(connection, tables.recheck, row)


def take_rechecks(connection: sa.Connection, worker: str, lease: timedelta) -> tuple[Recheck, ...]:
    """Those that nobody has, oldest first; they are this worker's until the lease ends."""
    own, now = tables.recheck, wall_now(connection)
    is_free = sa.or_(own.c.lease_until.is_(None), own.c.lease_until < now)
    query = sa.select(own).where(own.c.done_at.is_(None), is_free).order_by(own.c.at, own.c.id)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    taken = own.update().where(own.c.id.in_([row.id for row in rows]))
    if rows:
        connection.execute(taken.values(worker=worker, lease_until=now + lease))
    return tuple(Recheck(row.id, texts_of(row.clusters), row.person, row.notice, row.at) for row in rows)


def rechecked(connection: sa.Connection, id: str, result: str, at: datetime) -> None:
    """Once: whoever comes second changes nothing."""
    own = tables.recheck
    waiting = sa.and_(own.c.id == id, own.c.done_at.is_(None))
    connection.execute(own.update().where(waiting).values(done_at=at, result=result, worker=None, lease_until=None))


def wave_threads(connection: sa.Connection) -> Mapping[str, WaveThread]:
    own = tables.wave_thread
    rows = connection.execute(sa.select(own).order_by(own.c.run))
    return {row.run: WaveThread(row.run, row.notice, row.seen, row.state, before=row.seen) for row in rows}
