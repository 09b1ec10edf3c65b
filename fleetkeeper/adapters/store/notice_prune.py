"""What is forgotten of notices: what no longer counts, never what would be told or asked again without it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store import run_tables
from fleetkeeper.adapters.store import tables as observed
from fleetkeeper.adapters.store.outbox_queue import Address, line_up
from fleetkeeper.core.notices.values import AnswerKind
from fleetkeeper.engine.notice_ports import Doing

_told, _answer, _notice, _outbox = tables.told, tables.answer, tables.notice, tables.outbox


def forget_notices(connection: sa.Connection, horizon: datetime) -> None:
    """Forget what is older than the horizon and of no item that counts. Findings and runs were forgotten before."""
    _forget_told(connection, horizon)
    _forget_answers(connection, horizon)
    _forget_waves(connection, horizon)
    _forget_old(connection, horizon)
    recheck, contact, queue = tables.recheck, tables.contact, tables.outbox_queue
    connection.execute(recheck.delete().where(recheck.c.done_at < horizon))
    connection.execute(contact.delete().where(contact.c.asked_at < horizon))
    connection.execute(queue.delete().where(queue.c.due.is_(None), queue.c.served_at < horizon))


def _forget_told(connection: sa.Connection, horizon: datetime) -> None:
    """Records of items whose finding is forgotten."""
    finding, subject = observed.finding, observed.subject
    same = sa.and_(subject.c.key == _told.c.cluster, finding.c.fingerprint == _told.c.fingerprint)
    stands = sa.exists().select_from(finding.join(subject, subject.c.id == finding.c.cluster_id)).where(same)
    connection.execute(_told.delete().where(_told.c.last_at < horizon, ~stands))


def _forget_answers(connection: sa.Connection, horizon: datetime) -> None:
    """Answers of which no item is on record; those to a question when it is gone. The trigger would refuse others."""
    item, asked = tables.answer_item, _answer.alias("asked")
    same = sa.and_(item.c.cluster == _told.c.cluster, item.c.fingerprint == _told.c.fingerprint)
    matters = sa.exists().select_from(item.join(_told, same)).where(item.c.answer_id == _answer.c.id)
    waits = sa.exists().where(asked.c.id == _answer.c.of)
    old = _answer.delete().where(_answer.c.at < horizon, _answer.c.kind != AnswerKind.UNMUTE.value, ~matters)
    connection.execute(old.where(_answer.c.of == ""))
    connection.execute(old.where(_answer.c.of != "", ~waits))


def _forget_waves(connection: sa.Connection, horizon: datetime) -> None:
    """Threads of runs that are forgotten."""
    wave, run = tables.wave_thread, run_tables.run
    runs = ~sa.exists().where(run.c.id == wave.c.run)
    recent = sa.exists().where(_notice.c.id == wave.c.notice, _notice.c.stored_at >= horizon)
    connection.execute(wave.delete().where(runs, ~recent))


def _forget_old(connection: sa.Connection, horizon: datetime) -> None:
    """Notices, with their rows in the outbox, that no record, no answer and no thread of a run names.

    The first one that went out stays: since then this fleet's people are told at all, and its cap is over.
    """
    ours = (sa.select(table.c.notice) for table in (_told, _answer, tables.wave_thread))
    named = sa.union(*ours, _first()).subquery()
    roots = sa.select(_notice.c.thread).where(_notice.c.id.in_(sa.select(named.c.notice)))
    kept = sa.or_(_notice.c.id.in_(sa.select(named.c.notice)), _notice.c.id.in_(roots))
    ids = sa.select(_notice.c.id).where(_notice.c.stored_at < horizon, ~kept)
    waiting = sa.select(_outbox.c.via, _outbox.c.address).where(
        _outbox.c.due.is_not(None), _outbox.c.notice_id.in_(ids)
    )
    lines = {(via, address) for via, address in connection.execute(waiting)}
    connection.execute(_notice.delete().where(_notice.c.id.in_(ids)))
    line_up(connection, lines | _let_go(connection))


def _let_go(connection: sa.Connection) -> set[Address]:
    """What waited for a post that was forgotten before it went out goes without a thread."""
    root = _outbox.alias("root")
    lost = sa.and_(_outbox.c.waits_for.is_not(None), ~sa.exists().where(root.c.key == _outbox.c.waits_for))
    free = _outbox.update().where(lost).values(due=_outbox.c.not_before, waits_for=None)
    return {(via, address) for via, address in connection.execute(free.returning(_outbox.c.via, _outbox.c.address))}


def _first() -> sa.Select[Any]:
    went = _outbox.c.doing == Doing.POST.value
    first = sa.select(_outbox.c.notice_id).where(went, _outbox.c.sent_at.is_not(None)).order_by(_outbox.c.sent_at)
    found = first.limit(1).subquery()
    return sa.select(found.c.notice_id)
