"""upgrade-control-plane: moves the member's control plane to the next minor, through EKS, and never by force."""

from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.checks.upgrade_insights import READINESS, finding_of
from fleetkeeper.core.insights import InsightStatus
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.run_words import taking_back
from fleetkeeper.core.verdict import Act, Blocked, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Judged
from fleetkeeper.core.way_back import UPGRADE, clock, promised
from fleetkeeper.core.wording import some
from fleetkeeper.engine.eks_updates import known
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.version_updates import POLL, Move, SeenPlane, ended
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class SeenUpgrade:
    """The control plane, and what its upgrade insights say, with the operator's waivers."""

    seen: SeenPlane
    judged: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class UpgradeControlPlane:
    """From one minor to the next; EKS cannot pause, stop or skip."""

    kind: ClassVar[str] = "upgrade-control-plane"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # by the token: EKS answers the same update to it
    cancellable: ClassVar[bool] = False

    source: Minor
    target: Minor

    @classmethod
    def of(cls, params: Params) -> "UpgradeControlPlane":
        given = Given(params)
        source, target = given.minor("from"), given.minor("to")
        given.finish()
        if target != source.next():
            given.wrong("to", f"must be {source.next()}, the minor after {source}: EKS goes one by one")
        given.finish()
        return cls(source, target)

    @property
    def move(self) -> Move:
        return Move(UPGRADE, READINESS, self.source, self.target)

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenUpgrade:
        seen = self.move.look(world, subject, moment)
        member = seen.member
        found = (finding_of(each, member.name, self.target, moment.now) for each in seen.insights)
        findings = [each for each in found if each is not None]
        return SeenUpgrade(seen, world.decisions.judge(findings, member.attributes, moment.now))

    def decide(self, seen: SeenUpgrade, moment: Moment) -> Verdict:
        move, found = self.move, seen.seen
        if ends := move.before(found, moment):
            return ends
        if own := move.own(found, moment):
            return move.followed(found, own, moment)
        if moment.following:
            return Skip(f"EKS shows no update of {found.plane.name} to {self.target} that is ours")
        if ends := move.foreign(found) or move.unread(found, moment.now) or _hindered(seen):
            return ends
        return Act(
            f"upgrade the control plane of {found.plane.name} from {self.source} to {self.target}; EKS cannot stop it",
            {"from": str(self.source), "known": known(found.updates)},
        )

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        return self.move.begin(world, subject, moment, memory, None)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Only a rollback takes an upgrade back, and that is a run of its own: say where it stands, and until when."""
        seen = self.move.look(world, subject, moment)
        if seen.live is None:
            return Undone("the cluster is gone")
        own = self.move.own(seen, moment)
        if own is not None and isinstance(verdict := self.move.followed(seen, own, moment), Wait):
            return Wait(verdict.why, POLL)
        name, version = seen.plane.name, seen.plane.version
        if own is None or version != self.target:
            return Undone(f"{name} is at {version}: nothing of the upgrade to {self.target} is there")
        way = promised(moment.memory) or promised(ended(moment.memory, own, None))
        until = f" until {clock(way.until)}" if way and way.until else " for 7 days after its end"
        return Undone(
            f"{name} stays at {version}: EKS cannot undo an upgrade; `{taking_back(name)}` plans the way back to"
            f" {self.source}, open{until}"
        )


def _hindered(seen: SeenUpgrade) -> Blocked | None:
    """Insights in the way: unknown ones always, those in ERROR unless the operator has waived or reweighed them."""
    name = seen.seen.plane.name
    unknown = [each for each in seen.seen.insights if each.status is InsightStatus.UNKNOWN]
    if unknown:
        told = some(f"{each.name}: {each.reason or 'EKS gives no reason'}" for each in unknown)
        refresh = f"aws eks start-insights-refresh --cluster-name {name}, or mend what keeps EKS from judging it"
        return Blocked(f"EKS cannot judge {name}: {told}; unknown is never ready", fix=refresh)
    holding = [each for each in seen.judged if each.counts and each.finding.blocks]
    if not holding:
        return None
    told = some(f"{each.finding.subject.name}: {each.finding.message}" for each in holding)
    first = holding[0]
    lapsed = f" (the waiver of {first.ended.approver} ended {first.ended.expires})" if first.ended else ""
    waive = f"or have an approver waive {first.finding.code} {first.finding.fingerprint}"
    return Blocked(f"EKS holds {name} not ready: {told}{lapsed}", fix=f"{first.finding.fix}; {waive}")
