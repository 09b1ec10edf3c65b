"""Rehearses a plan: each member in a world of its own, with good, usual and bad luck, and what comes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.durations import soak_length, stage_range
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.plan import Member, Plan, Range
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End, Length, Pause, Rehearsal, Rehearsed
from fleetkeeper.core.rehearsal.times import observed
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.engine.placements import Placements
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.errors import ReadError, UsageError
from fleetkeeper.rehearsal.company import Company
from fleetkeeper.rehearsal.kinds import OF_A_CLOUD, PAUSES, pause_of
from fleetkeeper.rehearsal.machine import Limits, limits
from fleetkeeper.rehearsal.member import Measured, Read, Trial
from fleetkeeper.rehearsal.playing import room
from fleetkeeper.rehearsal.processes import Settle, players

SEEDED_BY = (parts.CONTROL_PLANE, parts.NODE_GROUPS, parts.NODES)
"""Parts of the inventory that a world is made of, beside what is read at the moment of asking."""

_NOWHERE = Scope("000000000000", "nowhere")


@dataclass(frozen=True, slots=True)
class Progress:
    """A member is taken up, or is over (end). number: which of them, or how many are over, from 1."""

    member: str
    number: int
    of: int
    end: End | None = None


def _nothing(_: object) -> None:
    """Nobody listens; each process is as it is."""


@dataclass(frozen=True, slots=True)
class Rehearser:
    """placements: the live read. durations: what steps of a kind took in runs of one's own, for those not played.

    settle: what each process that plays does first.
    """

    fleet: StoredFleet
    placements: Placements
    durations: Callable[[str], tuple[timedelta, ...]]
    prices: Prices = field(default_factory=Prices)
    progress: Callable[[Progress], None] = _nothing
    limits: Limits = field(default_factory=limits)
    settle: Settle = _nothing

    def rehearse(self, plan: Plan, only: str = "") -> Rehearsal:
        """Play the members of a plan, or one of them by name; UsageError for a name that it does not have.

        A member that cannot be read is told as not rehearsed, and costs the others nothing.
        """
        chosen = [each for each in plan.members if only in ("", each.name, each.cluster.arn)]
        if not chosen:
            names = ", ".join(each.name for each in plan.members[:10])
            raise UsageError(f"plan {plan.header.id} has no member {only}; it has: {names}")
        over = 0

        def told(found: Rehearsed) -> None:
            nonlocal over
            over += 1
            self.progress(Progress(found.member, over, len(chosen), found.end))

        with room() as place, players(place, self.limits, self.settle) as company:
            members = Company(company, told).rehearse(self._trials(plan, chosen))
        return Rehearsal(plan.header.id, members, tuple(_pauses(plan, chosen)), _whole(plan, chosen, members))

    def _trials(self, plan: Plan, chosen: Sequence[Member]) -> Iterator[Trial | Rehearsed]:
        """Each is read when it is asked for."""
        wanted = {each.cluster for each in chosen}
        snapshots = {
            each.cluster.id: each for each in self.fleet.snapshots(Selector(), SEEDED_BY) if each.cluster.id in wanted
        }
        measured = {step.kind: self.durations(step.kind) for member in chosen for step in member.steps}
        for number, member in enumerate(chosen, 1):
            self.progress(Progress(member.name, number, len(chosen)))
            yield self._trial(plan, member, snapshots.get(member.cluster), measured)

    def _trial(self, plan: Plan, member: Member, snapshot: Snapshot | None, measured: Measured) -> Trial | Rehearsed:
        if snapshot is None:
            return _not_rehearsed(member, "its cluster is gone, or was made anew under the same name: plan anew")
        if snapshot.cluster.scope is None and any(step.kind in OF_A_CLOUD for step in member.steps):
            return _not_rehearsed(member, "only a kubeconfig knows its cluster: its cloud cannot be simulated")
        if snapshot.value(parts.CONTROL_PLANE) is None:
            return _not_rehearsed(member, "its control plane was never seen: `fleetkeeper observe` it first")
        try:
            placed = self.placements.of(snapshot.cluster)
        except ReadError as error:
            return _not_rehearsed(member, f"its cluster cannot be read now ({error.reason.value}: {error.detail})")
        if snapshot.cluster.scope is None:
            member, snapshot = _in_a_cloud(member, snapshot)
        return Trial(plan.header, member, Read(snapshot, placed), observed(placed), measured, self.prices)


def _in_a_cloud(member: Member, snapshot: Snapshot) -> tuple[Member, Snapshot]:
    """Both as if a cloud had the cluster, which a simulated one needs; nothing that is played asks for more of it."""
    id = ClusterId(
        f"arn:{_NOWHERE.partition}:eks:{_NOWHERE.region}:{_NOWHERE.account}:cluster/{member.name}",
        member.cluster.created_at,
    )
    own = replace(snapshot.cluster, id=id, scope=_NOWHERE)
    return replace(member, cluster=id, scope=_NOWHERE), replace(snapshot, cluster=own)


def _not_rehearsed(member: Member, why: str) -> Rehearsed:
    return Rehearsed(member.name, End.NOT_REHEARSED, why)


def _whole(plan: Plan, chosen: Sequence[Member], found: Sequence[Rehearsed]) -> Length | None:
    """The stages one after the other, with as many members side by side as each lets; None when one has no length."""
    known = {each.member: each.length or each.freed for each in found}
    if any(length is None for length in known.values()):
        return None
    lows, usuals, highs = timedelta(), timedelta(), timedelta()
    for number, stage in enumerate(plan.header.stages):
        own = [each for each in chosen if each.stage == number]
        bare = replace(stage, gates=())
        told = [(each, length) for each in own if (length := known[each.name]) is not None]
        slow = stage_range(bare, [replace(each, expected=Range(at.usual, at.high)) for each, at in told])
        fast = stage_range(bare, [replace(each, expected=Range(at.low, at.low)) for each, at in told])
        lows, usuals, highs = lows + fast.p50, usuals + slow.p50, highs + slow.p95
    return Length(lows, usuals, highs)


def _pauses(plan: Plan, chosen: Sequence[Member]) -> Iterator[Pause]:
    """What is waited for beside the work, once each."""
    stages = {each.stage for each in chosen}
    for number, stage in enumerate(plan.header.stages):
        if number not in stages:
            continue
        if stage.windows:
            yield Pause(f"stage {stage.name} begins work only in its windows")
        for gate in stage.gates:
            yield Pause(f"{gate.kind} {gate.name} {gate.when.value} stage {stage.name}", _gate_length(gate))
    told = {(step.kind, step.name): pause_of(step) for each in chosen for step in each.steps if step.kind in PAUSES}
    for (kind, name), length in told.items():
        yield Pause(f"{kind} {name} of each member", length)


def _gate_length(gate: GateSpec) -> timedelta | None:
    return soak_length(gate) if gate.kind == "soak" else None
