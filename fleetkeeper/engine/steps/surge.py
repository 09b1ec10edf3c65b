"""surge-nodes: replaces the instances of a self-managed Auto Scaling group that are not of its present template."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.rules import Force, Rules
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import counted
from fleetkeeper.engine import rotating, surging, surging_acts
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.rotating import NodeWriter, Work, rotation_of
from fleetkeeper.engine.rotating_health import HEALTH, health_of, worse
from fleetkeeper.engine.rotating_params import Manner, manner
from fleetkeeper.engine.rotating_verdicts import Also, kept, never_moves, verdict
from fleetkeeper.engine.rotating_words import blocked_words
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.surging import MOST, OURS, REBALANCE, REBALANCED, SIZE, THEIRS, Orders, SeenGroup
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, KubeWriter, ScalingGroup

POLL = timedelta(seconds=5)
KEPT = timedelta(hours=2)
"""How long the autoscaler is asked to leave a node; it is asked anew while the rotation lasts."""


@dataclass(frozen=True, slots=True)
class SeenSurge:
    """The group with its nodes, and the recorded approval of force, where there is one."""

    seen: SeenGroup
    force: Force | None = None
    is_eks: bool = True


@dataclass(frozen=True, slots=True)
class Now:
    """What a look comes to. unwell: what is less sound than at the beginning; nothing is moved or ended meanwhile."""

    turn: Turn
    orders: Orders
    rules: Rules
    unwell: str = ""


@dataclass(frozen=True, slots=True)
class SurgeNodes:
    """group is an Auto Scaling group that no managed node group owns."""

    kind: ClassVar[str] = "surge-nodes"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # sizes are absolute, instances end by id, and the rest is seen on the nodes
    cancellable: ClassVar[bool] = True

    group: str
    manner: Manner = field(default_factory=Manner)

    @classmethod
    def of(cls, params: Params) -> "SurgeNodes":
        given = Given(params)
        made = cls(given.text("group"), manner(given))
        given.finish()
        return made

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenSurge:
        if subject.scope is None:
            return SeenSurge(SeenGroup(None), is_eks=False)
        with kube_of(world, subject) as kube:
            seen = self._seen(world.writers.cloud(subject.scope), kube, subject, moment)
        return SeenSurge(seen, self.manner.force_of(world, subject))

    def _seen(self, cloud: CloudWriter, kube: KubeWriter, subject: Subject, moment: Moment) -> SeenGroup:
        """The group before the nodes: an instance that goes in between is then missing among them, and not taken for
        one that is there."""
        group = cloud.scaling_group(self.group)
        if group is None:
            return SeenGroup(None)
        found = rotating.seen(kube, Work(self._rotation(subject), lambda nodes: _old(group, nodes)), moment)
        nodes = surging.by_instance(found.nodes)
        found = replace(found, coming=surging.coming(group, nodes))
        old = {each.id for each in surging.old_of(group)}
        targets = cloud.targets(group.target_groups) if group.target_groups and old else ()
        booting = [each.id for each in surging.not_joined(group, nodes)]
        return SeenGroup(
            group=group,
            found=found,
            targets=tuple(each for each in targets if each.instance in old),
            booting=cloud.instances(booting) if booting else (),
            nodes=nodes,
        )

    def _rotation(self, subject: Subject) -> str:
        return rotation_of(subject, f"surge-{self.group}")

    # ---- decide

    def decide(self, seen: SeenSurge, moment: Moment) -> Verdict:
        group = seen.seen.group
        if not seen.is_eks:
            return Failed(
                "the cluster is known by a kubeconfig alone: no Auto Scaling group is known of it", final=True
            )
        if group is None:
            return Failed(f"there is no Auto Scaling group {self.group}", "name one that there is", final=True)
        if refused := surging.not_ours(group):
            return refused
        if not surging.old_of(group):
            return self._ends(seen.seen, group, moment)
        now = self._now(seen, moment.memory)
        if self.manner.waits and SIZE not in moment.memory and (blocked := never_moves(now.turn)):
            return blocked
        assert seen.seen.found is not None
        if now.turn.is_over and not surging.is_due(now.orders):
            why, owner, fix = blocked_words(now.turn.blocked)
            return Blocked(f"all is done but the nodes that were set aside: {why}", owner, fix)
        remembered = replace(moment, memory=_beginning(seen.seen, group, moment.memory, now.orders))
        return verdict(seen.seen.found, now.turn, remembered, self._also(seen.seen, group, now, moment))

    def _now(self, seen: SeenSurge, memory: Memory) -> Now:
        found, group = seen.seen.found, seen.seen.group
        assert found is not None
        assert group is not None
        rules = self.manner.rules_for(int(memory.get(SIZE, group.desired)), seen.force)
        decided = turn(found, rules)
        orders = surging.orders(seen.seen, decided, memory, rules.parallel, found.now + KEPT / 2)
        unwell = worse(found, memory, rules.patience)
        if unwell:  # what is fenced and cordoned stays so: new pods still come up on new nodes
            decided = replace(decided, evict=(), delete=())
            orders = replace(orders, terminate=(), deregister=(), close=())
        return Now(decided, orders, rules, unwell)

    def _also(self, seen: SeenGroup, group: ScalingGroup, now: Now, moment: Moment) -> Also:
        late = surging.late(seen, moment.now)
        obstacle = None
        if now.unwell:
            obstacle = Blocked(now.unwell, "", "bring them to Ready; nothing more is moved until then")
        elif late:
            obstacle = surging.not_joining(group, late)
        elif now.orders.over:
            obstacle = surging.no_room(group, now.orders.over)
        waits = (now.unwell, surging.waits_text(seen, now.orders))
        return Also(now.rules.settle, surging_acts.texts(group, now.orders), tuple(filter(None, waits)), obstacle)

    def _ends(self, seen: SeenGroup, group: ScalingGroup, moment: Moment) -> Verdict:
        """All instances are of the present template: what is ours is taken off, and what nothing needs goes."""
        template = group.template or "its present template"
        if SIZE not in moment.memory and not _marked(seen):
            return Skip(f"every instance of {self.group} is of {template} already")
        left = surging_acts.left_over(seen, group, moment.memory)
        if left.text and not moment.following:
            return Act(left.text, moment.memory, again=timedelta(seconds=1))
        if seen.found is not None and seen.found.coming:
            return self._waits_for_last(seen, group, moment)
        size = int(moment.memory.get(SIZE, group.desired))
        more = (
            f"; it has {group.desired}, {size} before: pods or an autoscaler want them" if group.desired > size else ""
        )
        return Done(f"{counted(len(surging.active(group)), 'instance')} of {self.group} at {template}{more}")

    def _waits_for_last(self, seen: SeenGroup, group: ScalingGroup, moment: Moment) -> Verdict:
        """What was ordered last is part of the group's size, and has to be there."""
        if late := surging.late(seen, moment.now):
            return surging.not_joining(group, late)
        return Wait(surging.waits_text(seen, Orders()), POLL)

    # ---- act, undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """By a look of its own: what was decided from may be some time ago."""
        assert subject.scope is not None
        cloud = world.writers.cloud(subject.scope)
        with kube_of(world, subject) as kube:
            seen = SeenSurge(
                self._seen(cloud, kube, subject, replace(moment, memory=memory)), self.manner.force_of(world, subject)
            )
            group, found = seen.seen.group, seen.seen.found
            if group is None or found is None:
                return leaving(memory, moment)
            if not surging.old_of(group):
                surging_acts.tidy(cloud, NodeWriter(kube, found.rotation, found.now), seen.seen, group, memory)
                return leaving(memory, moment)
            now = self._now(seen, memory)
            nodes, memory = (
                NodeWriter(kube, found.rotation, found.now),
                _beginning(seen.seen, group, memory, now.orders),
            )
            surging_acts.prepare(cloud, group, now.orders)
            carried = rotating.carry_out(kube, nodes, now.turn, world.stopping)
            surging_acts.keep(nodes, now.orders, found.now + KEPT)
            if carried.whole:
                surging_acts.remove(cloud, nodes, now.orders)
        return leaving(rotating.with_answers(kept(memory, found, now.turn), found, carried), moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Every mark is taken off, and what was ordered and never used is given back; what was rotated stays new."""
        if subject.scope is None:
            return Undone("nothing was begun")
        cloud = world.writers.cloud(subject.scope)
        with kube_of(world, subject) as kube:
            seen = self._seen(cloud, kube, subject, moment)
            if seen.group is None or seen.found is None:
                ours, whole = rotating.release(kube, self._rotation(subject), moment.now)
                return Undone(f"{self.group} is gone; {counted(len(ours), 'node')} released") if whole else _AGAIN
            nodes = NodeWriter(kube, seen.found.rotation, moment.now)
            whole = surging_acts.tidy(cloud, nodes, seen, seen.group, moment.memory)
        if not whole:
            return _AGAIN
        old, new = surging.old_of(seen.group), surging.new_of(seen.group)
        return Undone(
            f"{self.group} is released: {len(new)} of {counted(len(old) + len(new), 'instance')} run "
            f"{seen.group.template}, the others stay as they are"
        )


_AGAIN = Wait("a node was changed by somebody else meanwhile, and is looked at again", rotating.SOON)


def _old(group: ScalingGroup, nodes: tuple[LiveNode, ...]) -> list[str]:
    by_id = surging.by_instance(nodes)
    return [by_id[each.id].name for each in surging.old_of(group) if each.id in by_id]


def _marked(seen: SeenGroup) -> bool:
    return seen.found is not None and any(each.marks.rotation == seen.found.rotation for each in seen.found.nodes)


def _beginning(seen: SeenGroup, group: ScalingGroup, memory: Memory, orders: Orders) -> Memory:
    """How it was before the first act; the most that was ever asked for, so that an autoscaler's part is told apart."""
    assert seen.found is not None
    first = {
        SIZE: str(group.desired),
        REBALANCED: THEIRS if REBALANCE in group.suspended else OURS,
        HEALTH: health_of(seen.found),
    }
    most = max(int(memory.get(MOST, group.desired)), orders.desired or 0)
    return {**first, **memory, MOST: str(most)}
