"""blue-green: a second managed node group like the first, our own drain into it, and the first one kept without nodes.

Nothing here deletes: EKS ends by force what is not drained five minutes after DeleteNodegroup, so that an own step does
that (delete_node_group.py), on a group that has no instance. Which nodes are old, what runs where and how far both
groups are is seen in EKS and the cluster at each look, so that a crash at any line is harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.model import ComputeKind, NodeGroup
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.rotation.blue_green_traps import Trap
from fleetkeeper.core.rotation.clone import REPLACES, asked_of
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Memory, Moment, Skip, Undoing, Verdict, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import retreating, rotating, smoke
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.grounding import CloneAsked, Live, caught, pass_role
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.retreating import MOST, SIZE
from fleetkeeper.engine.rotating import NodeWriter, Work, rotation_of
from fleetkeeper.engine.rotating_health import HEALTH, health_of, worse
from fleetkeeper.engine.rotating_params import Manner, manner
from fleetkeeper.engine.rotating_verdicts import Also, kept, never_moves, verdict
from fleetkeeper.engine.smoke import SeenSmoke
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, KubeWriter
from fleetkeeper.errors import GapReason, Refused

POLL = timedelta(seconds=20)
_REFUSED, _ROLE = "not_made", "role"
_FINAL = (GapReason.REJECTED, GapReason.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class SeenGroups:
    """Both groups as EKS has them, and the cluster. document: DescribeNodegroup's own words of the old one.

    caught: traps, looked for before there is a clone. standing: the status of the control plane.
    """

    old: NodeGroup | None
    clone: NodeGroup | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    found: Seen | None = None
    rules: Rules = field(default_factory=Rules)
    caught: tuple[Trap, ...] = ()
    standing: str = "ACTIVE"
    smoke: SeenSmoke = field(default_factory=lambda: SeenSmoke(None))
    is_eks: bool = True

    def nodes_of(self, group: str) -> tuple[LiveNode, ...]:
        return tuple(each for each in self.found.nodes if _is_of(each, group)) if self.found else ()


@dataclass(frozen=True, slots=True)
class BlueGreen:
    """group is replaced by clone. ami_type "" is the same one. spare: the operator knows of capacity for both."""

    kind: ClassVar[str] = "blue-green"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # EKS makes one group of a token, and sizes are absolute
    cancellable: ClassVar[bool] = True

    group: str
    clone: str
    ami_type: str = ""
    spare: bool = False
    manner: Manner = field(default_factory=Manner)

    @classmethod
    def of(cls, params: Params) -> "BlueGreen":
        given = Given(params)
        made = cls(
            group=given.text("group"),
            clone=given.text("clone"),
            ami_type=given.text("ami_type", ""),
            spare=given.flag("spare", False),
            manner=manner(given),
        )
        given.finish()
        return made

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenGroups:
        assert subject.member is not None
        if subject.scope is None:
            return SeenGroups(None, is_eks=False)
        cloud = world.writers.cloud(subject.scope)
        with kube_of(world, subject) as kube:
            seen = self._seen(world, cloud, kube, subject, moment)
            if seen.old is None or seen.clone is not None or seen.found is None:
                return seen
            plane = cloud.control_plane(subject.member.name)[1]
            asked, live = CloneAsked(self.clone, self.ami_type, self.spare), Live(plane, seen.found.pods)
            return replace(seen, caught=caught(world, subject, seen.old, asked, live), standing=plane.status)

    def _seen(self, world: World, cloud: CloudWriter, kube: KubeWriter, subject: Subject, moment: Moment) -> SeenGroups:
        """The groups before the nodes: a node that joins in between is then one more than was ordered, and no less."""
        assert subject.member is not None
        cluster = subject.member.name
        old, clone = cloud.node_group(cluster, self.group), cloud.node_group(cluster, self.clone)
        if old is None:
            return SeenGroups(None, clone)
        document = cloud.node_group_document(cluster, self.group) or {}
        work = self._rotation(subject)
        found = rotating.seen(kube, Work(work, lambda nodes: _names(nodes, self.group)), moment)
        fresh = [each for each in found.nodes if _is_of(each, self.clone)]
        ready = [each for each in fresh if each.node.ready]
        found = replace(found, coming=max(0, (clone.desired if clone else 0) - len(ready)))
        tried = smoke.seen(kube, world.smoke, work, ready, moment.now)
        rules = self.manner.rules_for(len(found.old), self.manner.force_of(world, subject))
        return SeenGroups(old, clone, document, found, rules, smoke=tried)

    def _rotation(self, subject: Subject) -> str:
        return rotation_of(subject, f"blue-green-{self.group}")

    # ---- decide

    def decide(self, seen: SeenGroups, moment: Moment) -> Verdict:
        if not seen.is_eks:
            return Failed("the cluster is known by a kubeconfig alone: EKS has no node groups of it", final=True)
        if refused := remembered(moment).get(_REFUSED):
            return _refused(refused, remembered(moment).get(_ROLE, ""))
        if seen.old is None:
            return self._gone(seen)
        if seen.clone is None:
            return self._begin(seen, seen.old)
        if wrong := self._unfit(seen.clone):
            return wrong
        return self._rotating(seen, seen.old, seen.clone, moment)

    def _gone(self, seen: SeenGroups) -> Verdict:
        if seen.clone is not None:
            return Failed(f"node group {self.group} is gone: somebody deleted it", final=True)
        return Skip(f"there is no node group {self.group}")

    def _begin(self, seen: SeenGroups, old: NodeGroup) -> Verdict:
        """Everything that would make it fail half way is looked for before anything is changed."""
        if seen.caught:
            why = "; ".join(map(str, seen.caught))
            fix = "; ".join(each.fix for each in seen.caught)
            return Failed(f"no second group is made beside {self.group}: {why}", fix, final=True)
        if seen.standing != "ACTIVE":
            return Wait(f"the control plane is {seen.standing}: EKS makes no node group until it is ACTIVE", POLL)
        if old.status != "ACTIVE":
            return Wait(f"{self.group} is {old.status}", POLL, "whoever changes it")
        nodes = seen.nodes_of(self.group)
        if not nodes:
            return Skip(f"node group {self.group} has no nodes: there is nothing to move")
        assert seen.found is not None
        if self.manner.waits and (blocked := never_moves(turn(seen.found, seen.rules))):
            return blocked
        memory = {SIZE: str(len(nodes)), MOST: str(old.maximum), HEALTH: health_of(seen.found)}
        text = f"make node group {self.clone} like {self.group}, with {counted(len(nodes), 'node')} as it has now"
        return Act(f"{text}, and EKS's newest image; {self.group} stays as it is meanwhile", memory)

    def _unfit(self, clone: NodeGroup) -> Verdict | None:
        if clone.tags.get(REPLACES) != self.group:
            return Failed(
                f"there is a node group {self.clone} that nobody made for {self.group}",
                "plan anew, which gives the clone another name",
                final=True,
            )
        if clone.status in ("CREATE_FAILED", "DELETING", "DELETE_FAILED", "DEGRADED"):
            issues = some(f"{each.code}: {each.message}" for each in clone.issues)
            why = f"node group {self.clone} is {clone.status}{f' ({issues})' if issues else ''}"
            return Blocked(why, "", f"mend what it says; or abort, and delete {self.clone}, which has no pods yet")
        return None

    def _rotating(self, seen: SeenGroups, old: NodeGroup, clone: NodeGroup, moment: Moment) -> Verdict:
        found = seen.found
        assert found is not None
        if not seen.nodes_of(self.group):
            return self._emptied(seen, old, clone, moment)
        if clone.status == "CREATING":
            ready = len(seen.nodes_of(self.clone)) - sum(not each.node.ready for each in seen.nodes_of(self.clone))
            return Wait(f"{self.clone} is being created: {ready} of {clone.desired} nodes Ready", POLL)
        if obstacle := seen.smoke.obstacle:
            return obstacle
        if seen.smoke.act:
            return Act(seen.smoke.act, moment.memory, again=smoke.POLL)
        if not seen.smoke.is_open:
            return Wait(seen.smoke.wait, smoke.POLL)
        now, unwell = _turn(seen, found, moment.memory)
        if self._is_empty(seen, now):
            return self._shrink(old, moment)
        halt = Blocked(unwell, "", "bring them to Ready; nothing more is moved until then") if unwell else None
        return verdict(found, now, moment, Also(seen.rules.settle, obstacle=_no_room(now, self.clone), halt=halt))

    def _is_empty(self, seen: SeenGroups, now: Turn) -> bool:
        """Whether nothing is left to move from any old node, and none of them takes more."""
        empty = {each.name for each in now.empty}
        return all(each.name in empty and not each.node.schedulable for each in seen.nodes_of(self.group))

    def _shrink(self, old: NodeGroup, moment: Moment) -> Verdict:
        """Only once every node is empty: lowering the size lets Auto Scaling choose which instances end."""
        if old.status != "ACTIVE":
            return Wait(f"{self.group} is {old.status}", POLL)
        if not old.desired:
            return Wait(f"{self.group} has the size 0: its empty nodes are ending", POLL)
        return Act(f"scale {self.group} from {old.desired} to 0: every node of it is empty", moment.memory)

    def _emptied(self, seen: SeenGroups, old: NodeGroup, clone: NodeGroup, moment: Moment) -> Verdict:
        if old.desired and not moment.following:
            return self._shrink(old, moment)
        if seen.smoke.passed and not moment.following:
            return Act(f"take our label off {seen.smoke.passed}", moment.memory)
        return Done(
            f"{self.clone} runs what ran on {self.group}, which is kept with no nodes; the way back: "
            f"{retreating.command(self.group, moment.memory, clone)}",
            keep=moment.memory,
        )

    # ---- act, undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """By a look of its own: what was decided from may be some time ago."""
        assert subject.scope is not None
        cloud = world.writers.cloud(subject.scope)
        with kube_of(world, subject) as kube:
            seen = self._seen(world, cloud, kube, subject, replace(moment, memory=memory))
            if seen.old is None or seen.found is None:
                return leaving(memory, moment)
            if seen.clone is None:
                return self._make(cloud, subject, seen, moment, memory)
            if not seen.nodes_of(self.group):
                smoke.sweep(kube, world.smoke, self._rotation(subject))
                self._to_zero(cloud, subject, seen.old, moment)
                return leaving(memory, moment)
            if not seen.smoke.is_open:
                smoke.act(kube, seen.smoke)
                return leaving(memory, moment)
            now, _ = _turn(seen, seen.found, memory)
            if self._is_empty(seen, now):
                self._to_zero(cloud, subject, seen.old, moment)
                return leaving(memory, moment)
            carried = rotating.carry_out(
                kube, NodeWriter(kube, seen.found.rotation, seen.found.now), now, world.stopping
            )
        return leaving(rotating.with_answers(kept(memory, seen.found, now), seen.found, carried), moment)

    def _make(self, cloud: CloudWriter, subject: Subject, seen: SeenGroups, moment: Moment, memory: Memory) -> Memory:
        assert subject.member is not None
        size = len(seen.nodes_of(self.group))
        asked = asked_of(seen.document, self.clone, size, self._rotation(subject), self.ami_type)
        try:
            cloud.create_node_group(subject.member.name, asked, token_of(moment.token, "clone"))
        except Refused as error:
            if error.reason not in _FINAL:
                raise
            role = str(seen.document.get("nodeRole", "")) if "iam:PassRole" in error.detail else ""
            return leaving(memory, moment, **{_REFUSED: error.detail, _ROLE: role})
        return leaving(memory, moment)

    def _to_zero(self, cloud: CloudWriter, subject: Subject, old: NodeGroup, moment: Moment) -> None:
        """One may still come, for EKS takes no maximum of 0; nothing here asks for it."""
        assert subject.member is not None
        if old.desired and old.status == "ACTIVE":
            token = token_of(moment.token, "shrink")
            cloud.scale_node_group(subject.member.name, self.group, 0, 1, 0, token)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Old nodes take pods again, as many as are left; the clone stays while anything runs on it."""
        if subject.scope is None or subject.member is None:
            return retreating.NOTHING
        cloud = world.writers.cloud(subject.scope)
        with kube_of(world, subject) as kube:
            work = self._rotation(subject)
            smoke.sweep(kube, world.smoke, work)
            ours, whole = rotating.release(kube, work, moment.now)
            if not whole:
                return Wait("a node was changed by somebody else meanwhile, and is looked at again", rotating.SOON)
            seen = self._seen(world, cloud, kube, subject, moment)
        back = retreating.Retreat(self.group, self.clone, len(ours), seen.nodes_of(self.group))
        token = token_of(moment.token, "retreat")
        return retreating.retreat(cloud, subject.member.name, back, seen, token, moment.memory)


def _turn(seen: SeenGroups, found: Seen, memory: Memory) -> tuple[Turn, str]:
    """The turn, and what is less sound than at the beginning: nothing more is moved until that is mended."""
    now, unwell = turn(found, seen.rules), worse(found, memory, seen.rules.patience)
    return (replace(now, evict=(), delete=()) if unwell else now), unwell


def _refused(refused: str, role: str) -> Failed:
    if role:
        trap = pass_role(role, refused)
        return Failed(str(trap), trap.fix, final=True)
    return Failed(f"EKS refused to make the second group: {refused}", "mend what it says, then retry")


def _no_room(now: Turn, clone: str) -> Blocked | None:
    if now.wanting is None:
        return None
    room = now.wanting
    why = f"{clone} has no room for what moves next: {room.cpu}m CPU, {room.memory >> 20} MiB more are needed"
    return Blocked(why, "", f"scale {clone} up, or let an autoscaler do it")


def _names(nodes: tuple[LiveNode, ...], group: str) -> list[str]:
    return [each.name for each in nodes if _is_of(each, group)]


def _is_of(node: LiveNode, group: str) -> bool:
    return node.node.kind is ComputeKind.MANAGED and node.node.group == group
