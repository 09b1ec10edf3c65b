"""bake: time passes with the member as sound as before its control plane moved, looked at all the while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from fleetkeeper.core.run import Step, StepState, TaskKey
from fleetkeeper.core.run_way_back import UPGRADE
from fleetkeeper.core.run_words import taking_back
from fleetkeeper.core.verdict import Moment, Verdict
from fleetkeeper.core.way_back import WayBack, clock, promised
from fleetkeeper.engine.soaking import SeenSoak, Soaking, is_baseline, soundness_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class SeenBake:
    """way: the way back that the last upgrade of this task opened, None where none moved the control plane."""

    soak: SeenSoak
    way: WayBack | None = None


@dataclass(frozen=True, slots=True)
class Bake(Soaking):
    """As the gate soak, for the one member. What is worse than preflight counted is held against the upgrade."""

    kind: ClassVar[str] = "bake"
    version: ClassVar[int] = 1

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenBake:
        member = subject.member
        assert member is not None
        rows = world.runs.steps(TaskKey(subject.run.id, member.idx)) if subject.run else ()
        baseline = next((row for row in rows if is_baseline(row)), None)
        before = baseline.memory if baseline else {}
        began = (baseline.ended_at if baseline else None) or moment.started_at
        return SeenBake(self.seen(world, (soundness_of(world, member, before, began, moment.now),)), _way_back(rows))

    def decide(self, seen: SeenBake, moment: Moment) -> Verdict:
        return self.judged(seen.soak, moment, _fix(seen, moment.now))


def _way_back(rows: Sequence[Step]) -> WayBack | None:
    """By the last upgrade of the control plane in this task: only that one can be taken back."""
    moved = [row for row in rows if row.kind == UPGRADE and row.state is StepState.SUCCEEDED]
    return promised(moved[-1].memory) if moved else None


def _fix(seen: SeenBake, now: datetime) -> str:
    again = "mend it, then retry to bake in full again"
    if seen.way is None or seen.way.until is None:
        return again
    to, until = f" to {seen.way.to}", seen.way.until
    if now >= until:
        return f"{again}; the way back{to} closed on {clock(until)}"
    name = seen.soak.clusters[0].name
    return f"{again}; the way back{to} is open until {clock(until)}: `{taking_back(name)}`"
