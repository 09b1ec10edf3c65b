"""One member's rehearsal: which plays it wants, by what is known of the others, and what comes of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.draining import Obstacle, obstacles
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.plan import Header, Member
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import Blocker, BudgetPeak, End, Length, Rehearsed, StepLength, Surge
from fleetkeeper.core.rehearsal.times import Luck, Times
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.rehearsal.bounding import bound_of
from fleetkeeper.rehearsal.kinds import PLAYED, lengths
from fleetkeeper.rehearsal.playing import Course, Part, Piece
from fleetkeeper.rehearsal.seeding import Seed

_LUCKS = (Luck.USUAL, Luck.GOOD, Luck.BAD)
Measured = Mapping[str, tuple[timedelta, ...]]


@dataclass(frozen=True, slots=True)
class Read:
    """What a member's world is made of."""

    snapshot: Snapshot
    placed: Placed


@dataclass(frozen=True, slots=True)
class Play:
    """One of a member's plays. without: the budgets (namespace/name) that are left out of its world."""

    luck: Luck
    without: frozenset[str] = frozenset()


_USUAL = Play(Luck.USUAL)
Known = Mapping[Play, Course]


@dataclass(frozen=True, slots=True)
class Trial:
    """A member that is rehearsed. What comes of it depends on no play that it would not have wanted alone."""

    header: Header
    member: Member
    read: Read
    times: Times
    measured: Measured
    prices: Prices

    def part(self, play: Play) -> Part:
        snapshot, member = self.read.snapshot, self.member
        seed = Seed(snapshot, self.read.placed, self.times, _version(member, snapshot), play.without)
        return Part(seed, Piece(self.header, member, lengths(member.steps, self.measured, play.luck)), play.luck)

    def wanted(self, known: Known) -> tuple[Play, ...]:
        """What is still to be played, the most urgent first; nothing once all that will be told is known.

        Until the play with usual luck has ended, what follows it is a guess: it comes to its end and the other two are
        played as well; or budgets that let nothing go keep it from that, and it is played three times without them.
        Where it ends otherwise, those would tell nothing.
        """
        usual = known.get(_USUAL)
        if usual is None:
            return (_USUAL, *(each for each in _three(self._likely_in_the_way()) if each not in {_USUAL, *known}))
        if usual.end is End.DONE:
            return tuple(each for each in _three() if each not in known)
        without = self._in_the_way(self._blocking(usual))
        freed = _three(without) if without else ()
        if any(each in known and known[each].end is not End.DONE for each in freed):
            return ()
        return tuple(each for each in freed if each not in known)

    def told(self, known: Known) -> Rehearsed:
        """Of courses from which nothing more is wanted."""
        usual, placed = known[_USUAL], self.read.placed
        courses = _by_luck(known) if usual.end is End.DONE else {Luck.USUAL: usual}
        blocking = self._blocking(usual)
        old = _emptied(usual, self.member, placed)
        return Rehearsed(
            member=self.member.name,
            end=usual.end,
            why=usual.why,
            begun_at=placed.at,
            length=_length(courses),
            bound=bound_of(self.member, self.read.snapshot, placed, self.times, old),
            freed=self._freed(known, blocking) if usual.end is not End.DONE else None,
            steps=_steps(courses, self.member),
            nodes=usual.nodes,
            pods=sum(each.is_drained for each in placed.pods),
            evictions=usual.evictions,
            lost=usual.lost,
            budgets=_worst(each.budgets for each in courses.values()),
            blockers=tuple(map(_blocker, blocking)),
            surge=Surge(usual.node_hours, self.prices.of(usual.node_hours)),
            calibrated=self.times.is_calibrated,
            basis=self.times.basis,
            rows=usual.rows,
        )

    def _freed(self, known: Known, blocking: Sequence[Obstacle]) -> Length | None:
        """How long it takes once the budgets in the way let go; None when it does not come to its end even then."""
        without = self._in_the_way(blocking)
        courses = _by_luck(known, without) if without else {}
        return _length(courses) if all(each.end is End.DONE for each in courses.values()) else None

    def _blocking(self, usual: Course) -> tuple[Obstacle, ...]:
        """What never lets a pod go from the nodes that are moved, and what stood in the way at the end; pod by pod."""
        for_good = _for_good(self.read.placed, _emptied(usual, self.member, self.read.placed))
        found = {(each.pod.place, each.why): each for each in (*for_good, *usual.obstacles)}
        return tuple(found.values())

    def _likely_in_the_way(self) -> frozenset[str]:
        """The budgets that would keep pods on the nodes that are known to be moved before anything was played."""
        placed = self.read.placed
        return self._in_the_way(_for_good(placed, _named(self.member, placed)))

    def _in_the_way(self, blocking: Sequence[Obstacle]) -> frozenset[str]:
        return frozenset(
            f"{budget.namespace}/{budget.name}"
            for each in blocking
            for budget in self.read.placed.budgets
            if _takes(budget, each)
        )


def _three(without: frozenset[str] = frozenset()) -> tuple[Play, ...]:
    return tuple(Play(luck, without) for luck in _LUCKS)


def _by_luck(known: Known, without: frozenset[str] = frozenset()) -> dict[Luck, Course]:
    return {each.luck: known[each] for each in _three(without) if each in known}


def _for_good(placed: Placed, old: frozenset[str]) -> list[Obstacle]:
    """What never lets a pod go from these nodes."""
    pods = (pod for pod in placed.pods if pod.node in old)
    return [each for each in obstacles(pods, placed.budgets) if each.for_good]


def _takes(budget: Budget, obstacle: Obstacle) -> bool:
    pod = obstacle.pod
    return budget.namespace == pod.namespace and budget.selector is not None and budget.selector.accepts(pod.labels)


def _version(member: Member, snapshot: Snapshot) -> Minor:
    """The control plane's minor by the time that nodes are moved: that of the member's last hop."""
    now: Minor = snapshot.value(parts.CONTROL_PLANE).version
    return max([now, *(Minor.parse(each) for each in member.hops)])


def _emptied(usual: Course, member: Member, placed: Placed) -> frozenset[str]:
    """The nodes that the played steps empty, or would if nothing stood in the way."""
    moved = {row.name for row in usual.rows if not row.is_step}
    return _named(member, placed) | frozenset(each.name for each in placed.nodes if each.name in moved)


def _named(member: Member, placed: Placed) -> frozenset[str]:
    """The nodes that the played steps are about by their parameters."""
    played = [step.params for step in member.steps if step.kind in PLAYED]
    groups = {str(each.get("group", "")) for each in played} - {""}
    names: set[str] = set()
    for each in played:
        named = each.get("nodes", ())
        names |= set(named) if isinstance(named, tuple) else set()
    return frozenset(each.name for each in placed.nodes if each.name in names or each.node.group in groups)


def _blocker(obstacle: Obstacle) -> Blocker:
    pod = obstacle.pod
    return Blocker(pod.place, pod.controller, pod.node, obstacle.why, obstacle.fix, obstacle.owner)


def _length(courses: Mapping[Luck, Course]) -> Length | None:
    """The shortest, the usual and the longest; None for what was not played to its end three times."""
    if len(courses) < len(_LUCKS):
        return None
    took = {luck: timedelta(seconds=round(each.seconds)) for luck, each in courses.items()}
    return Length(min(took.values()), took[Luck.USUAL], max(took.values()))


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
