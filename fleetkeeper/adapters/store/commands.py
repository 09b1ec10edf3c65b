"""What operators say: verbs as rows, decisions on plans and gates, freezes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.adapters.store.run_rows import applied_of, approval_row, command_of, command_row, freeze_row
from fleetkeeper.adapters.store.run_wakes import active_runs, append_events, look_again, wake
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.people import STOPS, unverified
from fleetkeeper.core.run import OF_NO_RUN, Applied, Cause, Command, Event, Freeze

Knows = Callable[[Command], bool]
"""Whether the actor of a stored command was verified."""

_STOPS, _ELSEWHERE = (sorted(verb.value for verb in verbs) for verbs in (STOPS, OF_NO_RUN))


def add_command(connection: sa.Connection, command: Command) -> bool:
    """False when it is there already; its run is due at once."""
    new = inserts(connection, tables.command, command_row(command))
    if new:
        wake(connection, {command.subject: command.at})
    return new


def to_verify(connection: sa.Connection) -> tuple[Command, ...]:
    own = tables.command
    query = sa.select(own).where(own.c.applied_at.is_(None), own.c.verb.not_in(_STOPS))
    return tuple(command_of(row) for row in connection.execute(query.order_by(own.c.at, own.c.id)))


def for_tick(connection: sa.Connection, run: str, knows: Knows) -> tuple[Command, ...]:
    """What a run's own tick answers, oldest first: what an actor said who is known, and every stop, with the remark."""
    rows = connection.execute(_WAITING, {"run": run})
    found = ((command, knows(command)) for command in map(command_of, rows))
    return tuple(
        command if is_known else replace(command, actor=unverified(command.actor))
        for command, is_known in found
        if is_known or command.verb in STOPS
    )


def _waiting() -> sa.Select[Any]:
    own = tables.command
    answered_by_a_run = sa.and_(own.c.applied_at.is_(None), own.c.verb.not_in(_ELSEWHERE))
    query = sa.select(own).where(own.c.subject == sa.bindparam("run"), answered_by_a_run)
    return query.order_by(own.c.at, own.c.id)


_WAITING = _waiting()  # made once: it is asked with every tick of every run


def vouch(connection: sa.Connection, command: Command, at: datetime) -> bool:
    """Store who said a command, as it was verified; its run is due at once. False when a later stop overtook it."""
    own = tables.command
    later = sa.and_(own.c.subject == command.subject, own.c.verb.in_(_STOPS), own.c.at > command.at)
    if connection.execute(sa.select(own.c.id).where(later).limit(1)).first() is not None:
        return False
    known = {"actor": command.actor, "identity": command.identity, "proof": command.proof}
    waiting = sa.and_(own.c.id == command.id, own.c.applied_at.is_(None))
    connection.execute(own.update().where(waiting).values(known))
    wake(connection, {command.subject: at})
    return True


def settle(connection: sa.Connection, applied: Applied, approval: Approval | None, event: Event, at: datetime) -> None:
    """Once: whoever comes second, and a repetition after a lost answer, changes nothing.

    The runs that it is about decide anew at once, and their gates look for it at once.
    """
    subject = answer(connection, applied, at)
    if subject is None:
        return
    runs = [subject]
    if approval is not None:
        inserts(connection, tables.approval, approval_row(approval))
        runs += [approval.run] if approval.run else active_runs(connection, approval.plan)
    task = tables.run_task
    look_again(connection, sa.and_(task.c.run_id.in_(runs), task.c.cause == Cause.APPROVAL.value), at)
    wake(connection, dict.fromkeys(runs, at))
    append_events(connection, [event])


def answer(connection: sa.Connection, applied: Applied, at: datetime) -> str | None:
    """Write what became of a command, and erase what proved who said it; its subject, None when it has an answer."""
    own = tables.command
    settled = {"applied_at": at, "accepted": applied.accepted, "result": applied.result, "proof": ""}
    waiting = sa.and_(own.c.id == applied.id, own.c.applied_at.is_(None))
    found = connection.execute(own.update().where(waiting).values(settled).returning(own.c.subject)).first()
    return None if found is None else str(found.subject)


def applied(connection: sa.Connection, command: str) -> Applied | None:
    own = tables.command
    row = connection.execute(sa.select(own).where(own.c.id == command)).first()
    return None if row is None else applied_of(row)


def add_freeze(connection: sa.Connection, freeze: Freeze) -> bool:
    """False when a freeze of this id is there already. Every run that is not over decides anew."""
    new = inserts(connection, tables.freeze, freeze_row(freeze))
    if new:
        wake(connection, dict.fromkeys(active_runs(connection), freeze.at))
    return new


def lift_freeze(connection: sa.Connection, id: str, actor: str, at: datetime) -> bool:
    """False when there is none of this id that stands. What it held goes on at once, not when it had looked again."""
    own = tables.freeze
    standing = sa.and_(own.c.id == id, own.c.lifted_at.is_(None))
    lifted = own.update().where(standing).values(lifted_at=at, lifted_by=actor).returning(own.c.id)
    if connection.execute(lifted).first() is None:
        return False
    look_again(connection, tables.run_task.c.cause == Cause.FREEZE.value, at)
    wake(connection, dict.fromkeys(active_runs(connection), at))
    return True
