"""Renews the alert silences of members that are at work, so that those of a dead fleetkeeper end by themselves.

Any replica does it, and none needs to: each looks at a silence when half of its time is left, and prolongs it unless
another one has. Nothing of it is remembered that a restart would miss.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from fleetkeeper.core.run import Cause, Run, Step, StepState, Task, TaskKey, TaskState
from fleetkeeper.core.silencing import SILENCE
from fleetkeeper.engine.guarding import Frozen
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.steps.silence_alerts import SilenceAlerts
from fleetkeeper.engine.world import World
from fleetkeeper.errors import FleetkeeperError

_log = structlog.get_logger("engine")

_PARTS = 8
"""A run is looked at so often in the time of its shortest silence."""

_GOES_ON = frozenset({Cause.RETRY, Cause.UNREACHABLE, Cause.BUDGET})
"""Causes for which a member that waits is at work still; one that waits for people or a window is not."""

_END = "end-silences"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Begun:
    """One silence of one member, by its own row."""

    task: Task
    row: Step
    step: SilenceAlerts
    subject: Subject


@dataclass(slots=True)
class Heartbeat:
    world: World
    _next: dict[str, datetime] = field(default_factory=dict)
    _until: dict[str, datetime] = field(default_factory=dict)  # by token
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self, run: str, now: datetime) -> bool:
        with self._lock:
            return now >= self._next.get(run, now)

    def beat(self, run: Run, frozen: Frozen) -> None:
        """Called when it is due; asks the database a few times in the life of a silence, for a run without any never.

        A silencer that does not answer is not asked again in this beat, for each of its members would wait.
        """
        now, down = self.world.clock.now(), set[str]()
        lengths = [
            SilenceAlerts.of(spec.params).length
            for member in frozen.members
            for spec in member.steps
            if spec.kind == SILENCE
        ]
        with self._lock:
            self._next[run.id] = now + min(lengths) / _PARTS if lengths else _NEVER
        for begun in self._begun(run, frozen) if lengths else ():
            if begun.step.source in down:
                continue
            try:
                self._prolong(begun, now)
            except FleetkeeperError as error:  # looked at again by the next beat, or by another replica
                down.add(begun.step.source)
                _log.warning("silence_not_renewed", run=run.id, member=begun.task.name, reason=str(error))

    def forget(self, kept: frozenset[str]) -> None:
        """Drop what is known of runs that are over."""
        with self._lock:
            for run in self._next.keys() - kept:
                del self._next[run]
            if not self._next:
                self._until.clear()

    def _begun(self, run: Run, frozen: Frozen) -> Iterator[_Begun]:
        stored = self.world.runs.run(run.id)
        if stored is None:
            return
        tasks = {task.key.idx: task for task in stored.tasks if _is_at_work(task)}
        for row in stored.steps:
            task = tasks.get(row.key.idx)
            if task is not None and row.kind == SILENCE and row.state is StepState.SUCCEEDED:
                member = frozen.members[task.key.idx]
                step = SilenceAlerts.of(member.steps[row.idx].params)
                yield _Begun(task, row, step, Subject(frozen.header, run, member, task.stage, task.group))

    def _prolong(self, begun: _Begun, now: datetime) -> None:
        half, token = begun.step.length / 2, begun.row.token
        with self._lock:
            until = self._until.get(token, (begun.row.ended_at or now) + begun.step.length)
        if until - now > half:
            return
        quiet = begun.step.quiet(begun.subject)
        found = self.world.silences.find(begun.step.source, quiet, token)
        if found is None or found - now <= half:
            if self._was_ended(begun.task.key, begun.step.source, begun.subject):
                return
            found = now + begun.step.length
            self.world.silences.hold(begun.step.source, quiet, token, found)
        with self._lock:
            self._until[token] = found

    def _was_ended(self, key: TaskKey, source: str, subject: Subject) -> bool:
        """Read anew right before the renewal: one that was just ended must not come back."""
        assert subject.member is not None
        specs = subject.member.steps
        return any(
            row.kind == _END and row.state is not StepState.READY and specs[row.idx].params.get("source") == source
            for row in self.world.runs.steps(key)
        )


def _is_at_work(task: Task) -> bool:
    if task.state is TaskState.PENDING:
        return task.why is not None and task.why.cause in _GOES_ON
    return task.state in (TaskState.RUNNING, TaskState.ABORTING)
