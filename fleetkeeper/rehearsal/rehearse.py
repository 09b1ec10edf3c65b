"""Rehearses a plan: each member in a world of its own, with good, usual and bad luck, and what comes of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.draining import Obstacle, obstacles
from fleetkeeper.core.durations import soak_length, stage_range
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.plan import Member, Plan, Range
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import (
    Blocker,
    BudgetPeak,
    End,
    Length,
    Pause,
    Rehearsal,
    Rehearsed,
    StepLength,
    Surge,
)
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.placements import Placements
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.errors import ReadError, UsageError
from fleetkeeper.rehearsal.bounding import bound_of
from fleetkeeper.rehearsal.kinds import OF_A_CLOUD, PAUSES, PLAYED, lengths, pause_of
from fleetkeeper.rehearsal.playing import Course, Piece, Room, play, room
from fleetkeeper.rehearsal.seeding import Seed

SEEDED_BY = (parts.CONTROL_PLANE, parts.NODE_GROUPS, parts.NODES)
"""Parts of the inventory that a world is made of, beside what is read at the moment of asking."""

_NOWHERE = Scope("000000000000", "nowhere")

_LUCKS = (Luck.USUAL, Luck.GOOD, Luck.BAD)
Measured = Mapping[str, tuple[timedelta, ...]]


@dataclass(frozen=True, slots=True)
class Rehearser:
    """placements: the live read. durations: what steps of a kind took in runs of one's own, for those not played."""

    fleet: StoredFleet
    placements: Placements
    durations: Callable[[str], tuple[timedelta, ...]]
    prices: Prices = field(default_factory=Prices)
    progress: Callable[[str], None] = lambda _: None

    def rehearse(self, plan: Plan, only: str = "") -> Rehearsal:
        """Play the members of a plan, or one of them by name; UsageError for a name that it does not have.

        A member that cannot be read is told as not rehearsed, and costs the others nothing.
        """
        chosen = [each for each in plan.members if only in ("", each.name, each.cluster.arn)]
        if not chosen:
            names = ", ".join(each.name for each in plan.members[:10])
            raise UsageError(f"plan {plan.header.id} has no member {only}; it has: {names}")
        wanted = {each.cluster for each in chosen}
        snapshots = {
            each.cluster.id: each for each in self.fleet.snapshots(Selector(), SEEDED_BY) if each.cluster.id in wanted
        }
        measured = {step.kind: self.durations(step.kind) for member in chosen for step in member.steps}
        with room(self.fleet.store) as place:
            found = []
            for member in chosen:
                self.progress(member.name)
                found.append(self._member(place, plan, member, snapshots.get(member.cluster), measured))
        members = tuple(found)
        return Rehearsal(plan.header.id, members, tuple(_pauses(plan, chosen)), _whole(plan, chosen, members))

    def _member(
        self, place: Room, plan: Plan, member: Member, snapshot: Snapshot | None, measured: Measured
    ) -> Rehearsed:
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
        return rehearse_member(place, plan, member, Read(snapshot, placed), measured, self.prices)


@dataclass(frozen=True, slots=True)
class Read:
    """What a member's world is made of."""

    snapshot: Snapshot
    placed: Placed


def rehearse_member(
    place: Room, plan: Plan, member: Member, read: Read, measured: Measured, prices: Prices
) -> Rehearsed:
    """Play one member three times; once more without its blockers where these keep it from its end."""
    times = observed(read.placed)
    seed = Seed(read.snapshot, read.placed, times, _version(member, read.snapshot))
    courses = _played(place, plan, member, seed, measured)
    usual = courses[Luck.USUAL]
    blocking = _blocking(usual, member, read.placed)
    freed = _freed(place, plan, member, seed, measured, blocking) if usual.end is not End.DONE else None
    return Rehearsed(
        member=member.name,
        end=usual.end,
        why=usual.why,
        begun_at=read.placed.at,
        length=_length({luck: each.seconds for luck, each in courses.items()}),
        bound=bound_of(member, read.snapshot, read.placed, times, _emptied(usual, member, read.placed)),
        freed=freed,
        steps=_steps(courses, member),
        nodes=usual.nodes,
        pods=sum(each.is_drained for each in read.placed.pods),
        evictions=usual.evictions,
        lost=usual.lost,
        budgets=_worst(each.budgets for each in courses.values()),
        blockers=tuple(map(_blocker, blocking)),
        surge=Surge(usual.node_hours, prices.of(usual.node_hours)),
        calibrated=times.is_calibrated,
        basis=times.basis,
        rows=usual.rows,
    )


def _in_a_cloud(member: Member, snapshot: Snapshot) -> tuple[Member, Snapshot]:
    """Both as if a cloud had the cluster, which a simulated one needs; nothing that is played asks for more of it."""
    id = ClusterId(
        f"arn:{_NOWHERE.partition}:eks:{_NOWHERE.region}:{_NOWHERE.account}:cluster/{member.name}",
        member.cluster.created_at,
    )
    own = replace(snapshot.cluster, id=id, scope=_NOWHERE)
    return replace(member, cluster=id, scope=_NOWHERE), replace(snapshot, cluster=own)


def _played(place: Room, plan: Plan, member: Member, seed: Seed, measured: Measured) -> dict[Luck, Course]:
    """With every luck; where usual luck does not come to its end, the others would tell no length either."""
    found: dict[Luck, Course] = {}
    for luck in _LUCKS:
        piece = Piece(plan.header, member, lengths(member.steps, measured, luck))
        found[luck] = play(place, seed, piece, luck)
        if found[Luck.USUAL].end is not End.DONE:
            break
    return found


def _freed(
    place: Room, plan: Plan, member: Member, seed: Seed, measured: Measured, blocking: Sequence[Obstacle]
) -> Length | None:
    """How long it takes once the budgets in the way let go; None when it does not come to its end even then."""
    names = frozenset(
        f"{budget.namespace}/{budget.name}"
        for each in blocking
        for budget in seed.placed.budgets
        if _takes(budget, each)
    )
    if not names:
        return None
    courses = _played(place, plan, member, replace(seed, without=names), measured)
    if any(each.end is not End.DONE for each in courses.values()):
        return None
    return _length({luck: each.seconds for luck, each in courses.items()})


def _takes(budget: Budget, obstacle: Obstacle) -> bool:
    pod = obstacle.pod
    return budget.namespace == pod.namespace and budget.selector is not None and budget.selector.accepts(pod.labels)


def _version(member: Member, snapshot: Snapshot) -> Minor:
    """The control plane's minor by the time that nodes are moved: that of the member's last hop."""
    now: Minor = snapshot.value(parts.CONTROL_PLANE).version
    return max([now, *(Minor.parse(each) for each in member.hops)])


def _blocking(usual: Course, member: Member, placed: Placed) -> tuple[Obstacle, ...]:
    """What never lets a pod go from the nodes that are moved, and what stood in the way at the end; pod by pod."""
    old = _emptied(usual, member, placed)
    for_good = [
        each for each in obstacles((pod for pod in placed.pods if pod.node in old), placed.budgets) if each.for_good
    ]
    found = {(each.pod.place, each.why): each for each in (*for_good, *usual.obstacles)}
    return tuple(found.values())


def _emptied(usual: Course, member: Member, placed: Placed) -> frozenset[str]:
    """The nodes that the played steps empty, or would if nothing stood in the way."""
    moved = {row.name for row in usual.rows if not row.is_step}
    played = [step.params for step in member.steps if step.kind in PLAYED]
    groups = {str(each.get("group", "")) for each in played} - {""}
    for each in played:
        named = each.get("nodes", ())
        moved |= set(named) if isinstance(named, tuple) else set()
    return frozenset(each.name for each in placed.nodes if each.name in moved or each.node.group in groups)


def _blocker(obstacle: Obstacle) -> Blocker:
    pod = obstacle.pod
    return Blocker(pod.place, pod.controller, pod.node, obstacle.why, obstacle.fix, obstacle.owner)


def _length(seconds: Mapping[Luck, float]) -> Length | None:
    """The shortest, the usual and the longest; None for a course that was not played to its end three times."""
    if len(seconds) < len(_LUCKS):
        return None
    values = [timedelta(seconds=round(each)) for each in seconds.values()]
    return Length(min(values), timedelta(seconds=round(seconds[Luck.USUAL])), max(values))


def _steps(courses: Mapping[Luck, Course], member: Member) -> tuple[StepLength, ...]:
    """Those that began with usual luck, in their order."""
    found = []
    for place, step in enumerate(courses[Luck.USUAL].steps):
        took = {
            luck: timedelta(seconds=round(each.steps[place].until - each.steps[place].since))
            for luck, each in courses.items()
            if place < len(each.steps)
        }
        usual = took[Luck.USUAL]
        length = Length(min(took.values()), usual, max(took.values()))
        found.append(StepLength(step.name, step.kind, length, step.kind in PLAYED))
    return tuple(found[: len(member.steps)])


def _worst(found: Iterable[tuple[BudgetPeak, ...]]) -> tuple[BudgetPeak, ...]:
    """Of each budget the worst of all courses."""
    worst: dict[str, BudgetPeak] = {}
    for each in (peak for peaks in found for peak in peaks):
        known = worst.get(each.name)
        if known is None or (each.below, each.away) > (known.below, known.away):
            worst[each.name] = each
    return tuple(sorted(worst.values(), key=lambda each: (-each.below, -each.away, each.name)))


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
