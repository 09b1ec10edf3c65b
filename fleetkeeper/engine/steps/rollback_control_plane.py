"""rollback-control-plane: takes the member's control plane back to the minor before, as far as EKS lets it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from fleetkeeper.core import model, parts
from fleetkeeper.core.checks.rollback_insights import CATEGORY, CLOSED
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.support import support_at
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Blocked, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import ROLLBACK, Standing, clock, way_back
from fleetkeeper.core.wording import some
from fleetkeeper.engine.eks_updates import known
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.version_updates import POLL, Move, SeenPlane
from fleetkeeper.engine.world import World
from fleetkeeper.errors import GapReason, Refused

SHORTEST, USUAL, LONGEST = 120, 720, 10_080
"""rollbackConfig.timeoutMinutes: its bounds, and what EKS takes when nothing is said (API reference, 2026-11)."""

_OTHER_WAYS = (
    "mend the cluster on the minor that it is at, move the workloads to a cluster on the older minor, or restore a"
    " backup there"
)
_SAID = 200


@dataclass(frozen=True, slots=True)
class SeenRollback:
    """The control plane, what EKS says of the target's support (as stored), and the Fargate profiles."""

    seen: SeenPlane
    versions: tuple[model.SupportedVersion, ...] = ()
    profiles: tuple[model.FargateProfile, ...] = ()


@dataclass(frozen=True, slots=True)
class RollbackControlPlane:
    """timeout_minutes: how long EKS Auto Mode may take to bring its nodes back, 0 for EKS's own 12 hours."""

    kind: ClassVar[str] = "rollback-control-plane"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # by the token: EKS answers the same update to it
    cancellable: ClassVar[bool] = True  # its undoing cancels it where EKS lets it be, and else follows it to its end

    source: Minor
    target: Minor
    timeout_minutes: int = 0

    @classmethod
    def of(cls, params: Params) -> "RollbackControlPlane":
        given = Given(params)
        source, target = given.minor("from"), given.minor("to")
        minutes = given.number("timeout_minutes", 0)
        given.finish()
        if target.next() != source:
            given.wrong("to", f"must be the minor before {source}: EKS goes one step back")
        if minutes != int(minutes) or (minutes and not SHORTEST <= minutes <= LONGEST):
            given.wrong("timeout_minutes", f"must be a whole number from {SHORTEST} to {LONGEST}, not {minutes:g}")
        given.finish()
        return cls(source, target, int(minutes))

    @property
    def move(self) -> Move:
        return Move(ROLLBACK, CATEGORY, self.source, self.target)

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenRollback:
        seen = self.move.look(world, subject, moment)
        if subject.scope is None or not seen.live:
            return SeenRollback(seen)
        found: Any = world.store.scope_parts(subject.scope).get(parts.CLUSTER_VERSIONS)
        closed = any(each.status in CLOSED for each in seen.insights)
        profiles = world.writers.cloud(subject.scope).fargate_profiles(seen.member.name) if closed else ()
        return SeenRollback(seen, tuple(found.value or ()) if found else (), profiles)

    def decide(self, seen: SeenRollback, moment: Moment) -> Verdict:
        move, found = self.move, seen.seen
        if ends := move.before(found, moment):
            return ends
        if own := move.own(found, moment):
            verdict = move.followed(found, own, moment)
            return self._rolling(found, verdict, own.created_at)
        if moment.following:
            return Skip(f"EKS shows no rollback of {found.plane.name} to {self.target} that is ours")
        ends = move.foreign(found) or self._closed(seen, moment.now) or move.unread(found, moment.now)
        if ends or (ends := _hindered(seen, self.target)):
            return ends
        return Act(self._what(found), {"from": str(self.source), "known": known(found.updates)} | self._minutes(found))

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        minutes = memory.get("minutes")
        return self.move.begin(world, subject, moment, memory, int(minutes) if minutes else None)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Cancel it while the nodes of Auto Mode roll; past that EKS goes on, and it is followed to its end."""
        seen = self.move.look(world, subject, moment)
        own = self.move.own(seen, moment) if seen.live else None
        if own is None:
            return Undone(f"no rollback to {self.target} of ours is there")
        name = seen.plane.name
        if own.status == "Cancelled":
            return Undone(
                f"the rollback of {name} is cancelled: the nodes of Auto Mode go forward to {self.source} again"
            )
        verdict = self.move.followed(seen, own, moment)
        if isinstance(verdict, Wait):
            why = _cancelled(world, subject, seen, own.id) or verdict.why
            return Wait(why, POLL)
        if seen.plane.version == self.target:
            return Undone(f"{name} stays at {self.target}: EKS takes it back once, and forward again by a new plan")
        return Undone(f"{name} is at {seen.plane.version}: the rollback ended as {own.status}")

    def _minutes(self, seen: SeenPlane) -> dict[str, str]:
        return {"minutes": str(self.timeout_minutes)} if seen.plane.auto_mode and self.timeout_minutes else {}

    def _what(self, seen: SeenPlane) -> str:
        warns = [each.name for each in seen.insights if each.status is InsightStatus.WARNING]
        auto = f"; EKS Auto Mode takes its nodes back first, within {self._limit}" if seen.plane.auto_mode else ""
        warned = f"; EKS warns of {some(warns)}" if warns else ""
        return f"roll the control plane of {seen.plane.name} back from {self.source} to {self.target}{auto}{warned}"

    @property
    def _limit(self) -> str:
        hours, minutes = divmod(self.timeout_minutes or USUAL, 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"

    def _closed(self, seen: SeenRollback, now: datetime) -> Verdict | None:
        """What EKS would refuse, whoever forces it, and what must be done first."""
        plane, id = seen.seen.plane, seen.seen.member.cluster
        support = support_at(now, self.target, seen.versions)
        way = way_back(Standing(id, plane, seen.seen.updates, support), now)
        if way.closed and way.unknown:
            return Blocked(f"{way.closed}: unknown is never ready", "the observing daemon", "fleetkeeper observe")
        if way.closed:
            return Failed(f"no way back to {self.target}: {way.closed}", _OTHER_WAYS, final=True)
        if way.first:
            return Blocked(way.first[0].why, "the owner of the account", way.first[0].do)
        return None

    def _rolling(self, seen: SeenPlane, verdict: Verdict, began: datetime | None) -> Verdict:
        """Of Auto Mode: until when its nodes may roll, or what kept them."""
        if not seen.plane.auto_mode:
            return verdict
        if isinstance(verdict, Wait) and seen.plane.status == "ACTIVE" and began is not None:
            end = began + timedelta(minutes=self.timeout_minutes or USUAL)
            text = f"{verdict.why}; the nodes of Auto Mode go back first, until {clock(end)}: then EKS gives up"
            return Wait(text, verdict.again, verdict.owner)
        if isinstance(verdict, Failed) and not verdict.final:
            fix = (
                "open the budgets of its NodePools, take karpenter.sh/do-not-disrupt from its nodes and pods, look at"
                " its PodDisruptionBudgets; then retry, with a longer timeout_minutes by a new plan"
            )
            return Failed(f"{verdict.why}; the nodes of Auto Mode go forward to {self.source} again", fix)
        return verdict


def _cancelled(world: World, subject: Subject, seen: SeenPlane, id: str) -> str:
    """Ask EKS to cancel, where it may be; "" where it cannot be cancelled any more."""
    if not (subject.scope and seen.plane.auto_mode and seen.plane.status == "ACTIVE"):
        return ""
    try:
        world.writers.cloud(subject.scope).cancel_update(seen.plane.name, id)
    except Refused as refused:
        if refused.reason is not GapReason.REJECTED:
            raise
        return ""
    return f"the rollback {id} is being cancelled"


def _hindered(seen: SeenRollback, target: Minor) -> Blocked | None:
    """ERROR and UNKNOWN of EKS's rollback insights; no waiver helps, for EKS itself refuses and is never forced."""
    closed = [each for each in seen.seen.insights if each.status in CLOSED]
    if not closed:
        return None
    told = some(f"{each.name} ({each.status}): {safe(each.reason or 'no reason given', _SAID)}" for each in closed)
    return Blocked(f"EKS would refuse the rollback to {target}: {told}", fix="; ".join(_fixes(seen, closed, target)))


def _fixes(seen: SeenRollback, closed: Iterable[Insight], target: Minor) -> Iterable[str]:
    name = seen.seen.plane.name
    ids = [each.id for each in closed]
    yield f"do what aws eks describe-insight --cluster-name {name} --id {ids[0]} recommends"
    if seen.profiles:
        where = some(
            f"{each.name} ({some(dict.fromkeys(space for space, _ in each.selectors))})" for each in seen.profiles
        )
        yield (
            f"pods on Fargate that are newer than {target} must be gone: scale the workloads of the profiles {where} to"
            " 0 until the control plane is back"
        )
    if seen.seen.plane.auto_mode:
        yield "no NodePool may have a budget of 0, and no node karpenter.sh/do-not-disrupt"
    yield f"then aws eks start-insights-refresh --cluster-name {name}"
