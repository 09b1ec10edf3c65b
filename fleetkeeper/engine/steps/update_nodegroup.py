"""update-nodegroup: brings one managed node group of the member to a minor. EKS drains; nothing is ever forced."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core import model, observed
from fleetkeeper.core.draining import fixes, owner_of, told
from fleetkeeper.core.eks_errors import node_group, retrying
from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.node_pools import minor_of
from fleetkeeper.core.node_rolls import Diagnosis, GroupNodes, diagnosed
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import (
    Act,
    Blocked,
    Done,
    Failed,
    Memory,
    Moment,
    Residue,
    Skip,
    Undoing,
    Undone,
    Verdict,
    Wait,
)
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import RUNNING, SUCCESSFUL, UPGRADE
from fleetkeeper.engine.attempts import remembered
from fleetkeeper.engine.eks_updates import begun, issues_text, known, none_of_what_is_gone, own_of, reasons
from fleetkeeper.engine.foreign_updates import SOMEONE, running, who_began
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, NodeGroupUpdate
from fleetkeeper.errors import ReadError

POLL = timedelta(seconds=20)
SETTLING = timedelta(minutes=10)
"""EKS may show the group UPDATING or DEGRADED a little longer than its update runs; longer is more than that."""

_SEEN, _AT, _OWNER, _FIX = "seen", "seen_at", "seen_owner", "seen_fix"
_MOST_TOLD = 600


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """The group as EKS has it now, its updates, newest first, as far as they matter, and its nodes where they do.

    who: who began the update that runs and is not ours, as far as CloudTrail tells.
    """

    cluster: str
    group: model.NodeGroup | None
    updates: tuple[observed.EksUpdate, ...] = ()
    nodes: GroupNodes | None = None
    standing: str = "ACTIVE"  # the status of the control plane, where it matters
    is_eks: bool = True
    who: str = ""


@dataclass(frozen=True, slots=True)
class UpdateNodegroup:
    """group goes to the minor, with the image release of that name, or EKS's newest where it is "".

    direction: "up" leaves a newer group alone; "any" takes it back, which EKS may refuse. leaves: the release that is
    too old, so that a group at the minor which still has it goes to EKS's newest.
    """

    kind: ClassVar[str] = "update-nodegroup"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # by the token: EKS answers the same update to it
    cancellable: ClassVar[bool] = False

    group: str
    to: Minor
    release: str = ""
    direction: str = "up"
    leaves: str = ""

    @classmethod
    def of(cls, params: Params) -> "UpdateNodegroup":
        given = Given(params)
        made = cls(
            group=given.text("group"),
            to=given.minor("to"),
            release=given.text("release", ""),
            direction=given.choice("direction", ("up", "any"), "up"),
            leaves=given.text("leaves", ""),
        )
        given.finish()
        return made

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenGroup:
        assert subject.member is not None
        cluster = subject.member.name
        if subject.scope is None:
            return SeenGroup(cluster, None, is_eks=False)
        cloud = world.writers.cloud(subject.scope)
        own, updates = remembered(moment).get("update", ""), tuple[observed.EksUpdate, ...]()
        if own:  # the update first: one that is over by then has left the group as it is read after
            updates = (cloud.update(cluster, own, node_group=self.group),)
        elif moment.tried or moment.attempt > 0:
            updates = self._updates(cloud, cluster)
        group = cloud.node_group(cluster, self.group)
        if group is not None and group.status == "UPDATING" and not updates:
            updates = self._updates(cloud, cluster)
        seen = SeenGroup(cluster, group, updates)
        if group is None or group.custom_ami or "refused" in remembered(moment):
            return seen
        follows = self._own(seen, moment) is not None
        if follows:
            return replace(seen, nodes=self._nodes(world, subject, group, follows))
        if group.status == "UPDATING":
            return replace(seen, who=who_began(cloud, cluster, self.group, updates))
        if group.status == "ACTIVE" and not self._is_there(group):
            standing = cloud.control_plane(cluster)[1].status
            return replace(seen, standing=standing, nodes=self._nodes(world, subject, group, follows))
        return seen

    def _updates(self, cloud: CloudWriter, cluster: str) -> tuple[observed.EksUpdate, ...]:
        return none_of_what_is_gone(lambda: cloud.updates(cluster, node_group=self.group))

    def _nodes(self, world: World, subject: Subject, group: model.NodeGroup, follows: bool) -> GroupNodes:
        """Before the act they must be seen; a roll that runs is followed all the same."""
        try:
            with kube_of(world, subject) as kube:
                nodes = tuple(
                    each
                    for each in kube.nodes()
                    if each.node.kind is model.ComputeKind.MANAGED and each.node.group == self.group
                )
                going = [each.name for each in nodes if self._goes(group, each, follows)]
                return GroupNodes(nodes, kube.pods(going), kube.budgets() if going else ())
        except ReadError as error:
            if not follows:
                raise
            return GroupNodes(unseen=str(error))

    def _goes(self, group: model.NodeGroup, each: LiveNode, follows: bool) -> bool:
        """Whether a roll takes the node: a cordoned one, or before it begins one that none before has made new."""
        if follows:
            return not each.node.schedulable
        return bool(self.leaves) or group.version == self.to or minor_of(each.node.kubelet) != self.to

    # ---- decide

    def decide(self, seen: SeenGroup, moment: Moment) -> Verdict:
        group = seen.group
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no node groups of it", final=True)
        if refused := remembered(moment).get("refused"):
            return self._refused(refused, moment)
        if group is None:
            return self._absent(moment)
        own = self._own(seen, moment)
        if own is not None:
            return self._followed(seen, group, own, moment)
        if group.custom_ami:
            return Failed(
                f"node group {self.group} has images of its owner's: EKS brings it to no minor",
                f"put an image of {self.to} into its launch template, and update the group to that version; or skip",
                final=True,
            )
        if group.status in ("CREATING", "UPDATING"):
            return self._busy(group, seen)
        if group.status == "DELETING":
            return Blocked(
                f"node group {self.group} is being deleted", "whoever deletes it", "let it end, then skip or retry"
            )
        return self._compared(seen, group)

    def _absent(self, moment: Moment) -> Verdict:
        if remembered(moment) or moment.tried:
            return Failed(f"node group {self.group} is gone: somebody deleted it during its update", final=True)
        return Skip(f"there is no node group {self.group}")

    def _refused(self, refused: str, moment: Moment) -> Failed:
        before = moment.memory.get("from", "")
        if not _is_minor_above(before, self.to):
            return Failed(f"EKS refused to update {self.group}: {refused}", "mend what it says, then retry")
        return Failed(
            f"EKS does not take {self.group} back from {before} to {self.to}: {refused}",
            f"make another group with an image of {self.to} in its launch template, move the pods there and delete "
            f"{self.group}; or leave the control plane at {before}",
            final=True,
        )

    def _own(self, seen: SeenGroup, moment: Moment) -> observed.EksUpdate | None:
        return own_of(seen.updates, moment, lambda each: (each.kind, each.minor) == (UPGRADE, self.to))

    def _followed(self, seen: SeenGroup, group: model.NodeGroup, update: observed.EksUpdate, moment: Moment) -> Verdict:
        what = f"update {update.id} of {self.group} to {self.to}"
        if update.status == RUNNING:
            return self._rolling(what, diagnosed(seen.nodes or GroupNodes(), self.to), moment)
        if update.status != SUCCESSFUL:
            return self._ended_badly(what, seen, update, moment)
        if not self._is_there(group) and not self._is_newest(group, update):
            return Failed(
                f"{what} was successful, and the group is at {_where(group)}: somebody else changed it since",
                "find out who (CloudTrail: UpdateNodegroupVersion), then retry or skip",
            )
        if group.status == "ACTIVE":
            none = ": EKS has no newer image of it" if self._is_newest(group, update) else ""
            return Done(f"{self.group} is at {_where(group)}{none}", keep=moment.memory)
        began = update.created_at or moment.started_at
        if group.status in ("UPDATING", "DEGRADED") and moment.now < began + SETTLING:
            return Wait(f"{self.group} is at {_where(group)} and {group.status}{issues_text(group.issues)}", POLL)
        return self._unwell(seen.cluster, group)

    def _rolling(self, what: str, found: Diagnosis, moment: Moment) -> Wait:
        """What stands in the way is kept: once EKS has given up it makes the nodes schedulable again, and hides it."""
        seen, keep = safe(found.blocked, _MOST_TOLD), None
        if seen != moment.memory.get(_SEEN, ""):
            more = {_SEEN: seen, _OWNER: found.owner, _FIX: safe(found.fix, _MOST_TOLD)}
            keep = {**moment.memory, **more, _AT: f"{moment.now:%H:%M} UTC"}
        return Wait(f"{what} is in progress: {found.text}", POLL if found.is_cheap else 3 * POLL, found.owner, keep)

    def _ended_badly(self, what: str, seen: SeenGroup, update: observed.EksUpdate, moment: Moment) -> Failed:
        memory = remembered(moment)
        last = f"; last seen in the way, at {memory[_AT]}: {memory[_SEEN]}" if memory.get(_SEEN) else ""
        owner = f" (ask {memory[_OWNER]})" if memory.get(_OWNER) else ""
        fix = f"{memory[_FIX]}{owner}; " if memory.get(_FIX) else ""
        why = f"{what} ended as {update.status}: {reasons(update.errors)}{last}"
        return Failed(why, fix + retrying(update.errors, node_group(seen.cluster, self.group)))

    def _busy(self, group: model.NodeGroup, seen: SeenGroup) -> Wait:
        if group.status == "CREATING":
            return Wait(f"{self.group} is being created", POLL, "whoever creates it")
        update = running(seen.updates)
        if update is None:
            return Wait(f"{self.group} is UPDATING, by nothing that fleetkeeper began", POLL, "whoever updates it")
        to = f" to {update.minor}" if update.minor else ""
        at = f" since {update.created_at:%H:%M} UTC" if update.created_at else ""
        by = seen.who or SOMEONE
        text = f"{self.group} is being changed by {by}: {update.kind}{to} (update {update.id}{at})"
        return Wait(text, POLL, seen.who or "whoever updates it")

    def _compared(self, seen: SeenGroup, group: model.NodeGroup) -> Verdict:
        """Nobody is at work on it: where is it, and where should it be?"""
        if group.status != "ACTIVE":
            return self._unwell(seen.cluster, group)
        if self._is_there(group):
            return Done(f"{self.group} is at {_where(group)} already")
        if self.direction == "up" and self._is_newer(group):
            return Skip(
                f"{self.group} is at {_where(group)}, newer than {_wanted(self.to, self.release)}: "
                "somebody else updated it, and it is not taken back"
            )
        if seen.standing != "ACTIVE":
            text = f"{seen.cluster} is {seen.standing}: EKS updates no node group until it is ACTIVE"
            return Wait(text, POLL, "whoever changes the control plane")
        if (nodes := seen.nodes) and (found := nodes.for_good):
            return Blocked(f"EKS could not drain {self.group}: {told(found)}", owner_of(found), fixes(found))
        memory = {"from": str(group.version or ""), "known": known(seen.updates)}
        return Act(
            f"update node group {self.group} from {_where(group)} to {self._asked} through EKS, "
            f"{_side_by_side(group)}, without force",
            memory,
        )

    @property
    def _asked(self) -> str:
        return f"the newest image of {self.to}" if self.leaves and not self.release else _wanted(self.to, self.release)

    def _unwell(self, cluster: str, group: model.NodeGroup) -> Failed:
        codes = [each.code for each in group.issues]
        why = f"{self.group} is at {_where(group)} and {group.status}{issues_text(group.issues)}"
        return Failed(why, retrying(codes, node_group(cluster, self.group)))

    def _is_there(self, group: model.NodeGroup) -> bool:
        is_left = not self.leaves or group.release_version != self.leaves
        return group.version == self.to and self.release in ("", group.release_version) and is_left

    def _is_newest(self, group: model.NodeGroup, update: observed.EksUpdate) -> bool:
        """Whether an update of ours, which was successful, left the very release that was too old."""
        return bool(self.leaves) and group.version == self.to and group.release_version == self.leaves == update.release

    def _is_newer(self, group: model.NodeGroup) -> bool:
        if group.version != self.to:
            return group.version is not None and group.version > self.to
        return _build(group.release_version) > _build(self.release) if self.release else False

    # ---- act, undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        assert subject.scope is not None
        assert subject.member is not None
        update = NodeGroupUpdate(subject.member.name, self.group, self.to, self.release)
        cloud = world.writers.cloud(subject.scope)
        return begun(lambda: cloud.update_node_group(update, moment.token), moment, memory)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """EKS has no way back of its own, and a roll back would drain every node again: it says where the group is."""
        before = moment.memory.get("from", "")
        if not before or subject.scope is None or subject.member is None:
            return Undone(f"nothing was begun on node group {self.group}")
        cloud, cluster = world.writers.cloud(subject.scope), subject.member.name
        group = cloud.node_group(cluster, self.group)
        if group is None:
            return Undone(f"node group {self.group} is gone")
        if group.status == "UPDATING":
            return Wait(f"{self.group} is UPDATING, which nothing can stop", POLL)
        with kube_of(world, subject) as kube:
            mine = [each for each in kube.nodes() if each.node.group == self.group]
        behind = [each for each in mine if each.is_behind(self.to)]
        if group.version == self.to or not 0 < len(behind) < len(mine):
            return Undone(
                f"node group {self.group} stays at {_where(group)}, before it was at {before}; where EKS allows it, "
                f"back by: aws eks update-nodegroup-version --cluster-name {cluster} --nodegroup-name {self.group} "
                f"--kubernetes-version {before}"
            )
        return Residue(
            f"node group {self.group} is mixed: {len(mine) - len(behind)} of {len(mine)} nodes run {self.to}, and EKS "
            f"calls it {_where(group)}; update it once more when what blocked it is gone"
        )


def _where(group: model.NodeGroup) -> str:
    release = f" ({group.release_version})" if group.release_version else ""
    return f"{group.version or 'an image of its own'}{release}"


def _wanted(to: Minor, release: str) -> str:
    return f"{to} ({release})" if release else str(to)


def _side_by_side(group: model.NodeGroup) -> str:
    number = group.side_by_side
    return "node by node" if number <= 1 else f"{number} nodes at a time"


def _build(release: str) -> str:
    """What orders releases of one minor: the date that ends those of Amazon Linux and Windows (1.35.8-20261102)."""
    return release.rpartition("-")[2]


def _is_minor_above(text: str, than: Minor) -> bool:
    try:
        return Minor.parse(text) > than
    except ValueError:
        return False
