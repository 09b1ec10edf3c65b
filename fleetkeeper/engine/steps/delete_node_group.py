"""delete-node-group: deletes a managed node group that a second one has replaced, once it had no instance for a while.

EKS drains a group that it deletes for five minutes, and then ends its instances with all that runs on them
(https://docs.aws.amazon.com/eks/latest/userguide/delete-managed-node-group.html, 2026). So a group with one instance is
never deleted here, whatever runs on it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core import parts
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.model import ComputeKind, NodeGroup
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.rotation.blue_green_traps import RoleUsers
from fleetkeeper.core.rotation.clone import REPLACES
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import karpenter
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter

POLL = timedelta(seconds=20)
_KEEP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SeenRemains:
    """The group and its clone. instances: what its Auto Scaling groups still have; nodes: what the cluster has of it.

    emptied_at: when its last change of size ended, None where no update tells. shares: what else uses its role.
    """

    group: NodeGroup | None
    clone: NodeGroup | None = None
    instances: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    emptied_at: datetime | None = None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteNodeGroup:
    """group was replaced by clone. keep: how long it stays without nodes, for the way back."""

    kind: ClassVar[str] = "delete-node-group"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # a group that is deleted is seen to be
    cancellable: ClassVar[bool] = True

    group: str
    clone: str
    keep: timedelta = _KEEP

    @classmethod
    def of(cls, params: Params) -> "DeleteNodeGroup":
        given = Given(params)
        made = cls(given.text("group"), given.text("clone"), given.duration("keep", _KEEP))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenRemains:  # noqa: ARG002  # EKS has its past
        assert subject.member is not None
        if subject.scope is None:
            return SeenRemains(None)
        return self._seen(world, world.writers.cloud(subject.scope), subject)

    def _seen(self, world: World, cloud: CloudWriter, subject: Subject) -> SeenRemains:
        assert subject.member is not None
        cluster = subject.member.name
        group, clone = cloud.node_group(cluster, self.group), cloud.node_group(cluster, self.clone)
        if group is None or group.status == "DELETING":
            return SeenRemains(group, clone)
        scaling = [found for name in group.auto_scaling_groups if (found := cloud.scaling_group(name)) is not None]
        instances = tuple(each.id for found in scaling for each in found.instances)
        emptied_at = _emptied_at(cloud.updates(cluster, node_group=self.group))
        with kube_of(world, subject) as kube:
            every = kube.nodes()
            classes = karpenter.class_roles(kube)
        managed = (each for each in every if each.node.kind is ComputeKind.MANAGED)
        mine = tuple(each.name for each in managed if each.node.group == self.group)
        own = tuple(each.name for each in every if each.node.kind is ComputeKind.SELF_MANAGED)
        users = RoleUsers(self._roles(world, cloud, subject), classes, own)
        return SeenRemains(group, clone, instances, mine, emptied_at, users.beside(self.group, self.clone))

    def _roles(self, world: World, cloud: CloudWriter, subject: Subject) -> dict[str, str]:
        """The role of every node group that is stored, as EKS has it now; a group that is gone has none."""
        assert subject.member is not None
        stored = world.store.cluster_part(subject.member.cluster, parts.NODE_GROUPS)
        known: tuple[NodeGroup, ...] = stored.value if stored and isinstance(stored.value, tuple) else ()
        names = {self.group, self.clone, *(each.name for each in known)}
        found = {name: cloud.node_group_document(subject.member.name, name) for name in sorted(names)}
        return {name: str(document.get("nodeRole", "")) for name, document in found.items() if document}

    def decide(self, seen: SeenRemains, moment: Moment) -> Verdict:
        group = seen.group
        if group is None:
            return Done(f"node group {self.group} is deleted") if moment.tried else Skip(f"there is no {self.group}")
        if group.status == "DELETING":
            return Wait(f"node group {self.group} is being deleted", POLL)
        if wrong := self._not_replaced(seen, group):
            return wrong
        if group.status != "ACTIVE":
            return Wait(f"{self.group} is {group.status}", POLL, "whoever changes it")
        kept = seen.emptied_at is not None and moment.now - seen.emptied_at >= self.keep
        if not kept:
            since = f"since {seen.emptied_at:%Y-%m-%d %H:%M} UTC" if seen.emptied_at else "since nobody knows when"
            return Skip(
                f"{self.group} is without nodes {since}, and is kept for {duration_text(self.keep)} as the way back"
            )
        return Act(f"delete node group {self.group}, which has no instance; {self.clone} has replaced it")

    def _not_replaced(self, seen: SeenRemains, group: NodeGroup) -> Verdict | None:
        if seen.clone is None or seen.clone.tags.get(REPLACES) != self.group:
            why = f"nothing says that node group {self.clone} has replaced {self.group}, so that it is not deleted"
            return Failed(why, f"delete {self.group} by hand, when nothing needs it", final=True)
        if group.desired or seen.instances or seen.nodes:
            what = counted(max(group.desired, len(seen.instances), len(seen.nodes)), "instance")
            why = f"{self.group} has {what} ({some(seen.nodes or seen.instances)}): EKS would end them by force"
            return Blocked(why, "", f"move their pods, and scale {self.group} to 0; or skip this step")
        if seen.shares:
            why = f"the role of {self.group} serves {some(seen.shares)} too, which may lose its access to the cluster"
            return Blocked(why, "", "give them a role of their own, with an access entry; or skip this step")
        return None

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """Looked at once more: an autoscaler may have given it a node since."""
        assert subject.scope is not None
        assert subject.member is not None
        cloud = world.writers.cloud(subject.scope)
        seen = self._seen(world, cloud, subject)
        if isinstance(self.decide(seen, moment), Act):
            cloud.delete_node_group(subject.member.name, self.group)
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # says so
        return Undone(f"nothing to take back: where {self.group} is deleted it stays so, and nothing ran on it")


def _emptied_at(updates: tuple[EksUpdate, ...]) -> datetime | None:
    """When the last change of its configuration began, as EKS lists it for as long as there is the group."""
    return max((each.created_at for each in updates if each.kind == "ConfigUpdate" and each.created_at), default=None)
