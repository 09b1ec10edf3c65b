"""The way of one cluster through a playbook: step by step and hop by hop, each with the cluster as it will be then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride
from fleetkeeper.core.expanding.kinds import EXPANDERS, expand
from fleetkeeper.core.expanding.prospect import Prospect, prospect_of
from fleetkeeper.core.playbook import Playbook, StepSpec
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor

MOVES = ("upgrade-control-plane", "rollback-control-plane")
"""Kinds of steps after which the control plane is at another minor."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The whole way. start: the cluster as it is. obstacle: why there is no way, "" when there is.

    idle: why nothing is to be done, "" when something is.
    """

    start: Prospect
    strides: tuple[Stride, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    obstacle: str = ""
    idle: str = ""

    @property
    def steps(self) -> tuple[StepSpec, ...]:
        return tuple(each.step for each in self.strides)

    def before(self, minor: Minor) -> Prospect | None:
        """The cluster as it is expected to be right before its control plane moves to a minor; None: it never does."""
        at = self.start
        for each in self.strides:
            if each.step.kind in MOVES and each.after.minor == minor:
                return at
            at = each.after
        return None


@dataclass(frozen=True, slots=True)
class Known:
    """What no snapshot has. history: EKS addon → its version before the upgrade. charts: what may be installed."""

    history: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[ChartSource, ...] = ()


NOTHING_MORE = Known()


def walk(
    playbook: Playbook,
    snap: Snapshot,
    compat: Compat,
    hops: tuple[Hop, ...] = (),
    known: Known = NOTHING_MORE,
) -> Walk:
    """The way of a cluster whose control plane was seen. hops: up, in order; or the one that leads back."""
    start = at = prospect_of(snap)
    made: list[Expansion] = []
    settled: list[Expansion] = []
    for spec, hop, ahead in _places(playbook, hops):
        asked = Asked(spec, snap, compat, at, playbook.changes, hop, ahead, known.history, known.charts, playbook.steps)
        found = expand(asked)
        if found.obstacle:
            return Walk(start, obstacle=found.obstacle)
        made.append(found)
        if spec.kind in EXPANDERS:
            settled.append(found)
        at = found.strides[-1].after if found.strides else at
    notes = tuple(dict.fromkeys(note for each in made for note in each.notes))
    if settled and not any(each.strides for each in settled):
        return Walk(start, notes=notes, idle="; ".join(filter(None, (settled[-1].idle or "nothing to do", *notes))))
    facts: dict[str, str] = {}
    for each in made:
        facts |= each.facts
    traits = tuple(dict.fromkeys(trait for each in made for trait in each.traits))
    return Walk(start, tuple(stride for each in made for stride in each.strides), facts, notes, traits)


def _places(playbook: Playbook, hops: tuple[Hop, ...]) -> Iterator[tuple[StepSpec, Hop | None, tuple[Minor, ...]]]:
    """Each step where it stands: those of the block once for each hop. One that leads back is that of every step."""
    block = [each for each in playbook.steps if each.each_hop]
    is_told = False
    for spec in playbook.steps:
        if not spec.each_hop:
            yield spec, hops[0] if not block and hops else None, ()
        elif not is_told:
            is_told = True
            for number, hop in enumerate(hops, start=1):
                ahead = tuple(each.target for each in hops[number:])
                yield from ((inner, hop, ahead) for inner in block)
