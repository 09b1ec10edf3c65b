"""preflight: is the member still the cluster that was planned, idle, freshly observed, and ready for its target?"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.plan import Member
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.references import Names
from fleetkeeper.core.soundness import taken
from fleetkeeper.core.verdict import Blocked, Done, Failed, Memory, Moment, Verdict, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine.judging import held_by, judged
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import GapReason, ReadError

_POLL = timedelta(minutes=1)
_FRESH = timedelta(hours=2)
_STANDING = {
    "CREATING": "it is being created",
    "FAILED": "its control plane failed",
    "PENDING": "it waits for its hardware (Outposts)",
}


@dataclass(frozen=True, slots=True)
class SeenMember:
    """The member as it stands. live None: EKS has no cluster of its name, or knows none of it (is_eks False).

    observed_at: the last good read of its control plane that is stored. assessed_at None: its findings were never
    judged. holding: what a hop of its plan would have to wait for, after waivers. before: its nodes and pods as
    `soundness.taken` counts them; a soak compares with it.
    """

    member: Member
    is_eks: bool
    live: tuple[model.ClusterId, model.ControlPlane] | None
    running: tuple[observed.EksUpdate, ...]
    observed_at: datetime | None
    assessed_at: datetime | None
    holding: tuple[Entry, ...]
    before: Memory = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preflight(OnlyLooks):
    """max_age: older stored data does not count. readiness: whether open findings of the plan's hops hold it."""

    kind: ClassVar[str] = "preflight"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    max_age: timedelta = _FRESH
    readiness: bool = True

    @classmethod
    def of(cls, params: Params) -> "Preflight":
        given = Given(params)
        made = cls(given.duration("max_age", _FRESH), given.flag("readiness", True))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenMember:
        member = subject.member
        assert member is not None
        live, running = _live(world, member)
        part = world.store.cluster_part(member.cluster, parts.CONTROL_PLANE)
        found = judged(world, member, moment.now)
        return SeenMember(
            member=member,
            is_eks=member.scope is not None,
            live=live,
            running=running,
            observed_at=part.observed_at if part else None,
            assessed_at=found.assessed_at,
            holding=found.holding if member.hops else (),
            before=_taken(world, member),
        )

    def decide(self, seen: SeenMember, moment: Moment) -> Verdict:
        if seen.is_eks:
            if seen.live is None:
                return Failed(f"{seen.member.name} is gone: EKS has no cluster of this name", final=True)
            if found := _identity(seen.member, *seen.live) or _standing(seen.live[1], seen.running):
                return found
        if found := self._stored(seen, moment):
            return found
        if self.readiness and seen.member.hops and seen.holding:
            return _held(seen.member, seen.holding)
        return Done(_well(seen, moment), keep=seen.before)

    def _stored(self, seen: SeenMember, moment: Moment) -> Verdict | None:
        name = seen.member.name
        if seen.observed_at is None:
            return Wait(f"{name} was never observed well: nothing is known of it yet", _POLL, "the observing daemon")
        if (age := moment.now - seen.observed_at) > self.max_age:
            text = f"what is stored of {name} is {duration_text(age)} old, more than {duration_text(self.max_age)}"
            return Wait(f"{text}: the next observation decides", _POLL, "the observing daemon")
        if not self.readiness or not seen.member.hops:
            return None
        if seen.assessed_at is None or moment.now - seen.assessed_at > self.max_age:
            return Blocked(
                f"the readiness of {name} was not judged in the last {duration_text(self.max_age)}",
                fix=f"fleetkeeper assess -l name={name}",
            )
        return None


def _taken(world: World, member: Member) -> Memory:
    def value(name: str) -> Any:
        part = world.store.cluster_part(member.cluster, name)
        return part.value if part else None

    return taken(value(parts.NODES), value(parts.WORKLOADS))


def _live(
    world: World, member: Member
) -> tuple[tuple[model.ClusterId, model.ControlPlane] | None, tuple[observed.EksUpdate, ...]]:
    """The control plane and its running updates. Reaching a cluster that only a kubeconfig knows identifies it."""
    if member.scope is None:
        world.writers.kube(None, member.name, member.cluster).close()
        return None, ()
    cloud = world.writers.cloud(member.scope)
    try:
        live = cloud.control_plane(member.name)
        updates = cloud.updates(member.name)
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise
        return None, ()
    return live, tuple(each for each in updates if each.status == "InProgress")


def _identity(member: Member, id: model.ClusterId, control_plane: model.ControlPlane) -> Verdict | None:
    """Is it the very cluster of the plan, on the minor of the plan or one that the plan takes it to?"""
    if id != member.cluster:
        return Failed(
            f"{member.name} is another cluster now: made {id.created_at:%Y-%m-%d %H:%M} UTC, planned was the one of "
            f"{member.cluster.created_at:%Y-%m-%d %H:%M} UTC",
            "plan anew",
            final=True,
        )
    planned = member.facts.get("version", "")
    if planned and str(control_plane.version) not in (planned, *member.hops):
        return Failed(
            f"{member.name} is on {control_plane.version} now, the plan was made for {planned}: somebody else moved it",
            "plan anew",
            final=True,
        )
    return None


def _standing(control_plane: model.ControlPlane, running: Iterable[observed.EksUpdate]) -> Verdict | None:
    """None where the control plane is ACTIVE and nothing is done to it."""
    name, status = control_plane.name, control_plane.status
    if status == "DELETING":
        return Failed(f"{name} is being deleted", final=True)
    for update in running:
        to = f" to {update.minor}" if update.minor else ""
        since = f" since {update.created_at:%H:%M} UTC" if update.created_at else ""
        return Wait(f"{name} is already changing: {update.kind}{to}{since} (update {update.id})", _POLL, "who began it")
    if status == "UPDATING":
        return Wait(f"{name} is already changing: EKS says UPDATING", _POLL, "who began it")
    if status == "ACTIVE":
        return None
    why = _STANDING.get(status, "it is in no state to be worked on")
    return Blocked(
        f"{name} is {status}, not ACTIVE: {why}", "the owner of the account", "bring it to ACTIVE, or skip it"
    )


def _held(member: Member, holding: tuple[Entry, ...]) -> Blocked:
    findings = [each.finding for each in holding]
    told = some(f"{each.code} {each.subject}: {each.message}" for each in findings)
    return held_by(findings, f"{member.name} is not ready for {member.hops[-1]}: {told}")


def _well(seen: SeenMember, moment: Moment) -> str:
    stored = f"observed {duration_text(moment.now - seen.observed_at)} ago" if seen.observed_at else ""
    if seen.live is None:
        return f"reached, {stored}"
    return f"ACTIVE on {seen.live[1].version}, nothing in progress, {stored}"
