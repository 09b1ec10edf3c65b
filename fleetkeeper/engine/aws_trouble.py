"""Asks AWS, for each account and region in which a run still has work, whether it is in trouble itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fleetkeeper.core.aws_trouble import SeenScope
from fleetkeeper.core.model import Scope
from fleetkeeper.core.plan import Member
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import ReadError

_THREADS = 8


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for: open issues of AWS Health, zonal shifts."""

    health: bool
    shifts: bool

    def __bool__(self) -> bool:
        return self.health or self.shifts

    def look(self, world: World, subject: Subject) -> tuple[SeenScope, ...]:
        """Of a gate the members of its stage or group; of a hold those of the run that are not over."""
        scopes = sorted({each.scope for each in _members(world, subject) if each.scope is not None}, key=str)
        if not scopes:
            return ()
        with ThreadPoolExecutor(min(_THREADS, len(scopes)), "aws-trouble") as pool:
            return tuple(pool.map(lambda scope: self._of(world, scope), scopes))

    def _of(self, world: World, scope: Scope) -> SeenScope:
        """One that does not answer hides no other's trouble."""
        try:
            cloud = world.writers.cloud(scope)
            issues = cloud.health_issues() if self.health else None
            shifts = cloud.zonal_shifts() if self.shifts else None
        except ReadError as error:
            return SeenScope(scope, unknown=str(error))
        return SeenScope(scope, issues, shifts, no_plan=self.health and issues is None)


NOTHING = Asking(health=False, shifts=False)


def _members(world: World, subject: Subject) -> Iterator[Member]:
    stored = world.runs.run(subject.run.id) if subject.run and not subject.members else None
    if stored is None:
        yield from subject.members
        return
    over = {task.key.idx for task in stored.tasks if task.ended_at is not None}
    yield from (each for each in stored.plan.members if each.idx not in over)
