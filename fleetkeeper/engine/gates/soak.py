"""soak: time passes with the clusters of the stage as sound as before, which is looked at all the while."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from fleetkeeper.core.run import Task, TaskState
from fleetkeeper.core.soundness import Soundness
from fleetkeeper.core.verdict import Moment, Skip, Verdict
from fleetkeeper.engine.soaking import SeenSoak, Soaking, is_baseline, soundness_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_OUT = frozenset({TaskState.SKIPPED, TaskState.FAILED, TaskState.ABORTED})
_FIX = "mend it, then retry the gate to soak in full again, or skip it"


@dataclass(frozen=True, slots=True)
class Soak(Soaking):
    """Of every member of the stage or group that the run works on, or has worked on with success."""

    kind: ClassVar[str] = "soak"
    version: ClassVar[int] = 1

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenSoak:
        return self.seen(world, tuple(_soundness(world, subject, moment)))

    def decide(self, seen: SeenSoak, moment: Moment) -> Verdict:
        if not seen.clusters:
            return Skip("nothing to soak: no cluster of its stage was worked on")
        return self.judged(seen, moment, _FIX)


def _soundness(world: World, subject: Subject, moment: Moment) -> Iterator[Soundness]:
    stored = world.runs.run(subject.run.id) if subject.run else None
    tasks = {task.key.idx: task for task in stored.tasks} if stored else {}
    before = {step.key.idx: step.memory for step in stored.steps if is_baseline(step)} if stored else {}
    for member in subject.members:
        task = tasks.get(member.idx)
        if task is None or task.state not in _OUT:
            began = _began(task, moment.started_at)
            yield soundness_of(world, member, before.get(member.idx, {}), began, moment.now)


def _began(task: Task | None, otherwise: datetime) -> datetime:
    return task.started_at if task and task.started_at else otherwise
