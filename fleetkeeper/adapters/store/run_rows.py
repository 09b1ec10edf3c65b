"""Tasks and steps as rows and back, without SQLAlchemy's cost per value; runs, units and what people say with it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import Columns, Times, Values, is_sqlite, marks, rows_of
from fleetkeeper.adapters.store.rows import Row
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.frozen import maker
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import (
    Applied,
    Cause,
    Command,
    Control,
    Event,
    Freeze,
    Role,
    Run,
    RunState,
    Step,
    StepState,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Verb,
    Why,
)
from fleetkeeper.errors import Tampered

WHY: Columns = ("cause", "why", "why_since", "owner", "fix", "next_attempt")
MOVING: Columns = ("due", "state", "since", "step", "acted", "started_at", "ended_at", *WHY)
"""What changes in a task's life; due stands first, for a mere poll changes nothing else."""
FIXED: Columns = (
    *("run_id", "idx", "role", "name", "stage", "group_name", "rank", "gate_when"),
    *("arn", "account", "region", "service", "steps", "needs", "attributes"),
)
TASK: Columns = FIXED + MOVING
STEP: Columns = (
    *("run_id", "task", "idx", "polls", "name", "kind", "state", "since", "token", "memory", "intent", "attempt"),
    *("started_at", "deadline", "ended_at", "error", "seal"),
)
"""polls stands right after the key, for a mere poll changes nothing else."""
EVENT: Columns = ("at", "run_id", "kind", "text", "actor", "task", "step")

_causes = {each.value: each for each in Cause}
_task_states = {each.value: each for each in TaskState}
_step_states = {each.value: each for each in StepState}
_roles = {each.value: each for each in Role}
_encoder = msgspec.json.Encoder(order="deterministic")
_needs = msgspec.json.Decoder(tuple[Need, ...])
_texts = msgspec.json.Decoder(dict[str, str])
_memory = msgspec.json.Decoder(dict[str, str])
_make_task, _make_step, _make_key, _make_why = maker(Task), maker(Step), maker(TaskKey), maker(Why)
_NO_WHY = (None,) * len(WHY)


class Codec:
    """Rows of one kind of database."""

    def __init__(self, connection: sa.Connection) -> None:
        sqlite = is_sqlite(connection)
        self.stamp: Callable[[datetime | None], Any] = Times.to_sqlite if sqlite else Times.to_postgresql
        self.moment: Callable[[Any], Any] = Times.from_sqlite if sqlite else Times.from_postgresql

    def moving(self, task: Task) -> Values:
        """The values of MOVING."""
        stamp = self.stamp
        return (
            stamp(task.due),
            task.state.value,
            stamp(task.since),
            task.step,
            task.acted,
            stamp(task.started_at),
            stamp(task.ended_at),
            *self._why(task.why),
        )

    def fixed(self, task: Task) -> Values:
        """The values of FIXED."""
        return (
            task.key.run,
            task.key.idx,
            task.role.value,
            storable(task.name),
            task.stage,
            storable(task.group),
            task.rank,
            task.when,
            storable(task.arn),
            storable(task.account),
            storable(task.region),
            storable(task.service),
            task.steps,
            _text(task.needs) if task.needs else "[]",
            _text(task.attributes) if task.attributes else "{}",
        )

    def task(self, row: Sequence[Any]) -> Task:
        """The task of a row of TASK, and of more columns behind. Raises Tampered for values that nobody wrote."""
        try:
            return self._task(row)
        except (KeyError, ValueError, TypeError, msgspec.MsgspecError) as error:
            text = f"task {row[1]} of run {row[0]} was stored by another version of fleetkeeper, or edited: {error!r}"
            raise Tampered(text) from error

    def _task(self, row: Sequence[Any]) -> Task:
        (run, idx, role, name, stage, group, rank, when, arn, account, region, service, steps) = row[:13]
        (needs, attributes, due, state, since, step, acted, started, ended) = row[13:22]
        (cause, why, why_since, owner, fix, next_attempt) = row[22:28]
        moment = self.moment
        return _make_task(
            _make_key(run, idx),
            _roles[role],
            name,
            stage,
            group,
            _task_states[state],
            moment(since),
            steps,
            step,
            self.why((cause, why, why_since, owner, fix, next_attempt)) if cause is not None else None,
            moment(due) if due is not None else None,
            when,
            arn,
            account,
            region,
            service,
            rank,
            _needs.decode(needs) if needs != "[]" else (),
            moment(started) if started is not None else None,
            moment(ended) if ended is not None else None,
            _texts.decode(attributes) if attributes != "{}" else {},
            bool(acted),
        )

    def step_row(self, step: Step) -> Values:
        """The values of STEP."""
        stamp = self.stamp
        return (
            step.key.run,
            step.key.idx,
            step.idx,
            step.polls,
            storable(step.name),
            storable(step.kind),
            step.state.value,
            stamp(step.since),
            step.token,
            _text(step.memory) if step.memory else "{}",
            storable(step.intent),
            step.attempt,
            stamp(step.started_at),
            stamp(step.deadline),
            stamp(step.ended_at),
            storable(step.error),
            step.seal,
        )

    def step(self, row: Sequence[Any]) -> Step:
        """The step of a row of STEP; where nobody of this release can have written it, one whose seal cannot hold."""
        (run, task, idx, polls, name, kind, state, since, token, memory, intent, attempt) = row[:12]
        started, deadline, ended, error, seal = row[12:]
        moment = self.moment
        return _make_step(
            _make_key(run, task),
            idx,
            name,
            kind,
            _step_states.get(state, StepState.UNKNOWN),
            moment(since),
            token,
            _remembered(memory) if memory != "{}" else {},
            intent,
            attempt,
            polls,
            moment(started) if started is not None else None,
            moment(deadline) if deadline is not None else None,
            moment(ended) if ended is not None else None,
            error,
            seal,
        )

    def run(self, row: Sequence[Any]) -> Run:
        """The run of a row of RUN and WHY."""
        (id, plan, digest, state, since, control, created_at, created_by, started, ended, due) = row[:11]
        moment = self.moment
        return Run(
            id,
            plan,
            digest,
            RunState(state),
            moment(since),
            Control(control),
            moment(created_at),
            created_by,
            self.why(row[11:]),
            moment(started),
            moment(ended),
            moment(due),
        )

    def event_row(self, event: Event) -> Values:
        """The values of EVENT."""
        texts = storable(event.run), event.kind, storable(event.text), storable(event.actor)
        return self.stamp(event.at), *texts, event.task, event.step

    def why(self, row: Sequence[Any]) -> Why | None:
        cause, text, since, owner, fix, next_attempt = row
        if cause is None:
            return None
        return _make_why(_causes[cause], text, self.moment(since), owner, fix, self.moment(next_attempt))

    def _why(self, why: Why | None) -> Values:
        if why is None:
            return _NO_WHY
        stamp = self.stamp
        texts = storable(why.owner), storable(why.fix)
        return why.cause.value, storable(why.text), stamp(why.since), *texts, stamp(why.next_attempt)


def _remembered(text: str) -> Mapping[str, str]:
    try:
        return _memory.decode(text)
    except msgspec.MsgspecError:
        return {"unreadable": text}


def _text(value: object) -> str:
    """JSON of needs and memories; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD."""
    try:
        return _encoder.encode(value).decode()
    except UnicodeEncodeError:
        kept = {storable(key): storable(each) for key, each in value.items()} if isinstance(value, dict) else value
        return _encoder.encode(kept).decode()


def why_row(why: Why | None) -> Row:
    if why is None:
        return dict.fromkeys(WHY)
    values = (why.cause.value, why.text, why.since, why.owner, why.fix, why.next_attempt)
    return dict(zip(WHY, values, strict=True))


def why_of(row: Any) -> Why | None:
    if row.cause is None:
        return None
    return Why(Cause(row.cause), row.why, row.why_since, row.owner, row.fix, row.next_attempt)


def run_row(run: Run) -> Row:
    """All columns of a run but due and wakes, which belong to those who wake it as well."""
    return {
        "id": run.id,
        "plan_id": run.plan,
        "digest": run.digest,
        "state": run.state.value,
        "since": run.since,
        "control": run.control.value,
        "created_at": run.created_at,
        "created_by": run.created_by,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        **why_row(run.why),
    }


def run_of(row: Any) -> Run:
    return Run(
        id=row.id,
        plan=row.plan_id,
        digest=row.digest,
        state=RunState(row.state),
        since=row.since,
        control=Control(row.control),
        created_at=row.created_at,
        created_by=row.created_by,
        why=why_of(row),
        started_at=row.started_at,
        ended_at=row.ended_at,
        due=row.due,
    )


def unit_row(run: str, unit: Unit) -> Row:
    key = {"run_id": run, "stage": unit.stage, "group_name": storable(unit.group)}
    return {**key, "state": unit.state.value, "since": unit.since, **why_row(unit.why)}


def unit_of(row: Any) -> Unit:
    return Unit(row.stage, row.group_name, UnitState(row.state), row.since, why_of(row))


_RUN = (
    "id",
    "plan_id",
    "digest",
    "state",
    "since",
    "control",
    "created_at",
    "created_by",
    "started_at",
    "ended_at",
    "due",
)


def runs_of(connection: sa.Connection, ids: Collection[str]) -> dict[str, Run]:
    """Id → run, of those that are there."""
    if not ids:
        return {}
    return {run.id: run for run in runs_where(connection, f"WHERE id IN ({marks(connection, ids)})", tuple(ids))}


def runs_where(connection: sa.Connection, end: str, parameters: Values = ()) -> tuple[Run, ...]:
    """end: of the query, in the driver's own words, for the engine asks this before each act."""
    codec, statement = Codec(connection), f"SELECT {', '.join((*_RUN, *WHY))} FROM run {end}"
    return tuple(codec.run(row) for row in rows_of(connection, statement, parameters))


def event_of(row: Any) -> Event:
    return Event(row.at, row.run_id, row.kind, row.text, row.actor, row.task, row.step)


_WRITTEN_AS_IS = ("id", "target", "actor", "identity", "at", "reason", "proof")


def command_row(command: Command) -> Row:
    plain = {name: getattr(command, name) for name in _WRITTEN_AS_IS}
    return {**plain, "subject": command.subject, "verb": command.verb.value}


def command_of(row: Any) -> Command:
    plain = {name: getattr(row, name) for name in _WRITTEN_AS_IS}
    return Command(subject=row.subject, verb=Verb(row.verb), **plain)


def applied_of(row: Any) -> Applied | None:
    return None if row.applied_at is None else Applied(row.id, row.accepted, row.result)


_SIGNED = (
    *("id", "gate", "digest", "approved", "actor", "identity"),
    *("requester", "at", "expires_at", "note", "signature"),
)


def approval_row(approval: Approval) -> Row:
    return {"plan_id": approval.plan, "run_id": approval.run, **{name: getattr(approval, name) for name in _SIGNED}}


_FREEZE = ("id", "reason", "actor", "at", "selector", "until")


def freeze_row(freeze: Freeze) -> Row:
    return {name: getattr(freeze, name) for name in _FREEZE}


def approvals_of(connection: sa.Connection, plans: Sequence[str]) -> dict[str, tuple[Approval, ...]]:
    """Plan → its approvals and those of its runs, oldest first."""
    found: dict[str, list[Approval]] = {plan: [] for plan in plans}
    if not plans:
        return {}
    columns = ("plan_id", "run_id", *_SIGNED)
    some = marks(connection, plans)
    statement = f"SELECT {', '.join(columns)} FROM approval WHERE plan_id IN ({some}) ORDER BY at, id"
    moment = Codec(connection).moment
    for row in rows_of(connection, statement, tuple(plans)):
        (plan, run, id, gate, digest, approved, actor, identity, requester, at, expires_at, note, signature) = row
        decided = (digest, bool(approved), actor, identity, requester)
        signed = Approval(id, plan, run, gate, *decided, moment(at), moment(expires_at), note, signature)
        found[plan].append(signed)
    return {plan: tuple(own) for plan, own in found.items()}


def standing_freezes(connection: sa.Connection) -> tuple[Freeze, ...]:
    moment = Codec(connection).moment
    return tuple(
        Freeze(id, reason, actor, moment(at), selector, moment(until))
        for id, reason, actor, at, selector, until in rows_of(connection, _STANDING)
    )


_STANDING = f"SELECT {', '.join(_FREEZE)} FROM {tables.freeze.name} WHERE lifted_at IS NULL ORDER BY at, id"
