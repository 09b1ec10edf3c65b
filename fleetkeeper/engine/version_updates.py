"""What the steps share that move a control plane: the live look, the update of ours, and how it is followed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleetkeeper.core import model, observed
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.eks_errors import REFUSALS, control_plane, refusal, retrying, told
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.plan import Member
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Blocked, Done, Failed, Memory, Moment, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import MOVES, RUNNING, SUCCESSFUL
from fleetkeeper.core.wording import some
from fleetkeeper.engine.attempts import remembered
from fleetkeeper.engine.eks_updates import CLOCKS_DIFFER, begun, own_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, VersionUpdate
from fleetkeeper.errors import GapReason, ReadError

POLL = timedelta(seconds=30)
OPERATION = "UpdateClusterVersion"

_OTHERS = timedelta(minutes=1)
_FRESH = timedelta(hours=25)
"""EKS refreshes insights every 24 hours by itself: older ones say that it does not."""
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class SeenPlane:
    """The control plane as EKS has it now. live None: EKS has no cluster of this name, or knows none (is_eks False).

    updates: the newest first; of one that is followed, that one alone. insights: of the step's category for its target,
    only where they decide. who: who began the update that is not ours, as far as CloudTrail tells.
    """

    member: Member
    is_eks: bool = True
    live: tuple[model.ClusterId, model.ControlPlane] | None = None
    updates: tuple[observed.EksUpdate, ...] = ()
    insights: tuple[Insight, ...] = ()
    who: str = ""

    @property
    def plane(self) -> model.ControlPlane:
        assert self.live is not None
        return self.live[1]

    @property
    def running(self) -> observed.EksUpdate | None:
        return next((each for each in self.updates if each.status == RUNNING), None)


@dataclass(frozen=True, slots=True)
class Move:
    """A move of the control plane from a minor to the next, or back. kind: how EKS calls such an update.

    category: of the insights that stand for its readiness.
    """

    kind: str
    category: str
    source: Minor
    target: Minor

    # ---- looking

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenPlane:
        member = subject.member
        assert member is not None
        if member.scope is None:
            return SeenPlane(member, is_eks=False)
        cloud = world.writers.cloud(member.scope)
        found = self._updates(cloud, member.name, moment)
        try:
            live = cloud.control_plane(member.name)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
            return SeenPlane(member)
        if isinstance(found, ReadError):
            raise found
        updates = cloud.updates(member.name) if self._is_elsewhere(found, live[1], moment) else found
        seen = SeenPlane(member, live=live, updates=updates)
        if remembered(moment) or self.own(seen, moment):
            return seen
        if foreign := seen.running or self.arrival(seen):
            since = (foreign.created_at or moment.now) - CLOCKS_DIFFER
            return replace(seen, who=cloud.who(member.name, OPERATION, since))
        if live[1].version != self.source or moment.following:
            return seen
        return replace(seen, insights=tuple(each for each in cloud.insights(member.name) if self._concerns(each)))

    def _updates(self, cloud: CloudWriter, name: str, moment: Moment) -> tuple[observed.EksUpdate, ...] | ReadError:
        """Before the control plane: an update that is over by then has left it as it is read after.

        One that we know by its id is enough. An error where there is none of them, for then there may be no cluster.
        """
        own = remembered(moment).get("update", "")
        try:
            return (cloud.update(name, own),) if own else cloud.updates(name)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
            return error

    def _is_elsewhere(self, updates: tuple[observed.EksUpdate, ...], plane: model.ControlPlane, moment: Moment) -> bool:
        """Whether our own update is over, and the cluster is not where it should have brought it."""
        known = bool(remembered(moment).get("update"))
        return known and updates[0].status == SUCCESSFUL and plane.version != self.target

    def _concerns(self, insight: Insight) -> bool:
        return insight.category == self.category and insight.minor in (None, self.target)

    def own(self, seen: SeenPlane, moment: Moment) -> observed.EksUpdate | None:
        return own_of(seen.updates, moment, self._leads)

    def arrival(self, seen: SeenPlane) -> observed.EksUpdate | None:
        """The update that has brought the cluster to the target, when it is there."""
        if seen.plane.version != self.target:
            return None
        return next((each for each in seen.updates if self._leads(each) and each.status == SUCCESSFUL), None)

    def _leads(self, update: observed.EksUpdate) -> bool:
        return (update.kind, update.minor) == (self.kind, self.target)

    # ---- deciding

    def before(self, seen: SeenPlane, moment: Moment) -> Verdict | None:
        """What ends the step before anything of the cluster is compared: no cluster, another one, EKS's refusal."""
        name = seen.member.name
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no control plane of it", final=True)
        if refused := remembered(moment).get("refused"):
            words, do = refusal(refused, name)
            gone = REFUSALS["ResourceNotFoundException"].do
            return Failed(f"EKS refused to move {name} to {self.target}: {words}", do, final=do == gone)
        if seen.live is None:
            return Failed(f"{name} is gone: EKS has no cluster of this name", final=True)
        if seen.live[0] != seen.member.cluster:
            return Failed(f"{name} is another cluster now than the one that was planned", "plan anew", final=True)
        return None

    def followed(self, seen: SeenPlane, update: observed.EksUpdate, moment: Moment) -> Verdict:
        """The end of our own update. Done only when EKS calls it Successful and the cluster is ACTIVE at the target."""
        plane, what = seen.plane, f"update {update.id} of {seen.member.name} to {self.target}"
        if update.status == RUNNING:
            return Wait(f"{what} is in progress{_since(update, moment.now)}; EKS says {plane.status}", POLL)
        if update.status != SUCCESSFUL:
            said = some(safe(told(each, {}), _LONGEST) for each in update.errors) or "EKS gave no reason"
            look = f"aws eks describe-update --name {plane.name} --update-id {update.id}"
            fix = retrying(update.errors, control_plane(plane.name), look)
            return Failed(f"{what} ended as {update.status}: {said}; the cluster is at {plane.version}", fix)
        if plane.version != self.target:
            return self._elsewhere(seen, update, what)
        if plane.status != "ACTIVE":
            return Wait(f"{what} was successful, and EKS still says {plane.status}", POLL)
        return Done(f"{plane.name} is at {self.target}", keep=ended(moment.memory, update, moment.now))

    def _elsewhere(self, seen: SeenPlane, update: observed.EksUpdate, what: str) -> Verdict:
        version = seen.plane.version
        later = next((each for each in seen.updates if _is_move_after(each, update)), None)
        if later is not None:
            return Failed(
                f"{what} was successful, and somebody else began {later.kind} {later.id} to {later.minor} since",
                "find out who (CloudTrail: UpdateClusterVersion), then plan anew",
                final=True,
            )
        return Wait(f"{what} was successful, and EKS still shows {version}", POLL)

    def foreign(self, seen: SeenPlane) -> Verdict | None:
        """An update that is not ours is waited for; a cluster that is at the target already is taken as it is."""
        plane, running = seen.plane, seen.running
        by = seen.who or "someone else"
        if running is not None:
            to = f" to {running.minor}" if running.minor else ""
            since = f" since {running.created_at:%H:%M} UTC" if running.created_at else ""
            return Wait(
                f"{plane.name} is already changing: {running.kind}{to}{since} by {by} (update {running.id})",
                _OTHERS,
                by,
            )
        if plane.version == self.target:
            return self._adopted(seen) if plane.status == "ACTIVE" else self.standing(plane)
        if plane.version != self.source:
            return Failed(
                f"{plane.name} is at {plane.version}, the plan goes from {self.source} to {self.target}: somebody else"
                " moved it",
                "plan anew",
                final=True,
            )
        return self.standing(plane)

    def _adopted(self, seen: SeenPlane) -> Done:
        update = self.arrival(seen)
        name = seen.plane.name
        if update is None:
            return Done(f"{name} is already at {self.target}: adopted; EKS lists no update that led there")
        at = f" of {update.created_at:%Y-%m-%d %H:%M} UTC" if update.created_at else ""
        by = f"by {seen.who}" if seen.who else "not by fleetkeeper"
        keep = ended({"from": str(self.source)}, update, None)
        return Done(f"{name} is already at {self.target}: adopted, update {update.id}{at}, {by}", keep=keep)

    def standing(self, plane: model.ControlPlane) -> Verdict | None:
        """None where the control plane is ACTIVE."""
        if plane.status == "ACTIVE":
            return None
        if plane.status == "DELETING":
            return Failed(f"{plane.name} is being deleted", final=True)
        if plane.status == "UPDATING":
            return Wait(f"{plane.name} is already changing: EKS says UPDATING", _OTHERS, "who began it")
        why = f"{plane.name} is {plane.status}, not ACTIVE"
        return Blocked(why, "the owner of the account", "bring it to ACTIVE, or skip it")

    def unread(self, seen: SeenPlane, now: datetime) -> Blocked | None:
        """Insights that are not there, or that EKS computed too long ago, say nothing: unknown is never ready."""
        name, word = seen.member.name, self.category.lower().replace("_", " ")
        refresh = f"aws eks start-insights-refresh --cluster-name {name}"
        times = [each.refreshed_at for each in seen.insights if each.refreshed_at is not None]
        if not times:
            return Blocked(
                f"EKS has no {word} insights of {name} for {self.target}: unknown is never ready", fix=refresh
            )
        if (age := now - max(times)) > _FRESH:
            text = f"the {word} insights of {name} are {duration_text(age)} old: unknown is never ready"
            return Blocked(text, fix=refresh)
        return None

    # ---- acting

    def begin(self, world: World, subject: Subject, moment: Moment, memory: Memory, minutes: int | None) -> Memory:
        assert subject.scope is not None
        assert subject.member is not None
        update = VersionUpdate(subject.member.name, self.target, minutes)
        cloud = world.writers.cloud(subject.scope)
        return begun(lambda: cloud.update_version(update, moment.token), moment, memory)


def ended(memory: Memory, update: observed.EksUpdate, now: datetime | None) -> Memory:
    """What is kept of a move that ended. now: when it was first seen ended; None: nobody looked, its start counts."""
    created = update.created_at
    at = now or created
    times = {"created": created.isoformat() if created else "", "ended": at.isoformat() if at else ""}
    return {**memory, "update": update.id, **times}


def _since(update: observed.EksUpdate, now: datetime) -> str:
    return f" for {duration_text(now - update.created_at)}" if update.created_at else ""


def _is_move_after(update: observed.EksUpdate, ours: observed.EksUpdate) -> bool:
    if update.kind not in MOVES or update.created_at is None or ours.created_at is None:
        return False
    return update.created_at > ours.created_at
