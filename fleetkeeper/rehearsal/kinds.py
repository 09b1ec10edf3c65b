"""Which kinds of steps are played, and what stands in for the others, which move no pods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from fleetkeeper.core.durations import range_of, soak_length
from fleetkeeper.core.playbook import Params, StepSpec
from fleetkeeper.core.references import Names
from fleetkeeper.core.rehearsal.times import Luck
from fleetkeeper.core.verdict import Done, Moment, Verdict, Wait
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.step import Kinds, Step, Subject
from fleetkeeper.engine.world import World

PLAYED = frozenset({"update-nodegroup", "drain-nodes", "surge-nodes"})
"""Kinds that move nodes and pods through the cloud and the API server alone."""

OF_A_CLOUD = PLAYED - {"drain-nodes"}
"""Of those the kinds that a cluster without a known cloud has no use for."""

FOLLOWED = frozenset({"update-nodegroup"})
"""Of those the kinds whose work EKS does: a look changes nothing, so that fewer of them do."""

_FOLLOWS = 4

PAUSES = frozenset({"bake", "propose"})
"""Kinds that only wait, for time or for people: told apart, and not counted as work."""

Lengths = Mapping[str, timedelta]
"""Kind of step → how long it takes where it is not played."""


def lengths(steps: Iterable[StepSpec], measured: Mapping[str, tuple[timedelta, ...]], luck: Luck) -> Lengths:
    """What such steps took, or an order of magnitude. Nobody measured the best case: it counts as half the usual."""
    found = {}
    for kind in {each.kind for each in steps} - PLAYED:
        known = range_of(kind, measured)
        found[kind] = {Luck.GOOD: known.p50 / 2, Luck.USUAL: known.p50, Luck.BAD: known.p95}[luck]
    return {kind: timedelta() if kind in PAUSES else length for kind, length in found.items()}


def pause_of(step: StepSpec) -> timedelta | None:
    """How long a pausing step waits, None for as long as people take."""
    return soak_length(step) if step.kind == "bake" else None


def kinds_of(every: Kinds, taken: Lengths, least: timedelta) -> Kinds:
    """The real kinds that are played, and a stand-in for each of the others. least: between two looks of one step."""
    found: dict[str, type[Step]] = {}
    for kind, length in taken.items():
        found[kind] = _stand_in(kind, length)
    for kind in PLAYED & every.keys():
        found[kind] = _unhurried(every[kind], _FOLLOWS * least if kind in FOLLOWED else least)
    return found


@dataclass(frozen=True, slots=True)
class _Passes(OnlyLooks):
    """Is done after its time, whatever it is asked for."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    length: ClassVar[timedelta]

    @classmethod
    def of(cls, params: Params) -> "_Passes":  # noqa: ARG003  # nothing of them is carried out
        return cls()

    def look(self, world: World, subject: Subject, moment: Moment) -> None:
        """Nothing of it is in the world."""

    def decide(self, seen: None, moment: Moment) -> Verdict:  # noqa: ARG002
        left = moment.started_at + self.length - moment.now
        return Wait("it takes its usual time", left) if left > timedelta() else Done("taken as done")


def _stand_in(kind: str, length: timedelta) -> type[Step]:
    return type("StandIn", (_Passes,), {"kind": kind, "length": length, "__slots__": ()})


def _unhurried(code: type[Step], least: timedelta) -> type[Step]:
    """The same kind, that waits a little longer between two looks: each of them reads the whole cluster."""

    def decide(self: Any, seen: Any, moment: Moment) -> Verdict:
        verdict: Verdict = code.decide(self, seen, moment)
        if isinstance(verdict, Wait) and verdict.again is not None and verdict.again < least:
            return Wait(verdict.why, least, verdict.owner, verdict.keep)
        return verdict

    return type(code.__name__, (code,), {"decide": decide, "__slots__": ()})
