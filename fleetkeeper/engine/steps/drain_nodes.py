"""drain-nodes: empties the named nodes, each pod moved once and within its budget, and leaves them cordoned."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Eviction, Seen
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Memory, Moment, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import rotating
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.rotating import NodeWriter, Work, rotation_of
from fleetkeeper.engine.rotating_params import Manner, manner
from fleetkeeper.engine.rotating_verdicts import FREED, Also, kept, never_moves, not_evicted, verdict
from fleetkeeper.engine.rotating_words import act_text, blocked_words
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.values import digest

EMPTY = "empty"
"""Key of a step's memory: when the last pod had left."""

_TURNS = 3
"""Of one act at most: nodes are closed, then begun, and pods go."""


@dataclass(frozen=True, slots=True)
class SeenDrain:
    """The cluster, and by which rules its nodes are emptied. refused: dry runs of evictions before the first one."""

    found: Seen
    rules: Rules
    refused: tuple[tuple[LivePod, Eviction], ...] = ()

    @property
    def old(self) -> tuple[LiveNode, ...]:
        return tuple(each for each in self.found.nodes if each.name in self.found.old)

    @property
    def is_begun(self) -> bool:
        return any(each.marks.rotation == self.found.rotation for each in self.found.nodes)


@dataclass(frozen=True, slots=True)
class DrainNodes:
    """nodes: by name. selector: labels as key=value that a node has all of. One of the two names them."""

    kind: ClassVar[str] = "drain-nodes"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # marks, evictions and their ends are seen in the cluster
    cancellable: ClassVar[bool] = True

    nodes: tuple[str, ...] = ()
    selector: tuple[tuple[str, str], ...] = ()
    manner: Manner = field(default_factory=Manner)

    @classmethod
    def of(cls, params: Params) -> "DrainNodes":
        given = Given(params)
        made = cls(
            nodes=given.texts("nodes", ()), selector=tuple(given.labels("selector").items()), manner=manner(given)
        )
        if bool(made.nodes) == bool(made.selector):
            given.wrong("nodes", "one of nodes and selector says which nodes are emptied")
        given.finish()
        return made

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenDrain:
        with kube_of(world, subject) as kube:
            found = rotating.seen(kube, self._work(subject), moment)
            rules = self.manner.rules_for(len(found.old), self.manner.force_of(world, subject))
            seen = SeenDrain(found, rules)
            if seen.is_begun:
                return seen
            on = (each for each in found.pods if each.node in found.old)
            return SeenDrain(found, rules, rotating.tried(kube, on))

    def _work(self, subject: Subject) -> Work:
        return Work(rotation_of(subject, self._mark), lambda nodes: [each.name for each in nodes if self._means(each)])

    @property
    def _mark(self) -> str:
        """Two drains of one run are told apart by what they drain."""
        return f"drain-{digest(repr((self.nodes, self.selector)))[:8]}"

    def _means(self, node: LiveNode) -> bool:
        if self.nodes:
            return node.name in self.nodes
        return all(node.labels.get(key) == value for key, value in self.selector)

    # ---- decide

    def decide(self, seen: SeenDrain, moment: Moment) -> Verdict:
        if wrong := self._not_there(seen):
            return wrong
        now = turn(seen.found, seen.rules)
        if _is_empty(seen, now):
            return _settles(seen, now, moment) or self._ends(seen, moment)
        begins = self.manner.waits and not seen.is_begun
        if begins and (blocked := never_moves(now) or not_evicted(seen.refused)):
            return blocked
        if now.is_over and not now.others and not act_text(now):
            why, owner, fix = blocked_words(now.blocked)
            return Blocked(f"{_set_aside(seen)}: {why}" if why else _set_aside(seen), owner, fix or FREED)
        return verdict(seen.found, now, moment, Also(seen.rules.settle, obstacle=_no_room(now)))

    def _not_there(self, seen: SeenDrain) -> Failed | None:
        """A name that was never there is a mistake; a node that went away meanwhile needs no drain."""
        if seen.is_begun:
            return None
        names = sorted(each.name for each in seen.found.nodes)
        missing = [each for each in self.nodes if each not in names]
        if missing:
            fix = f"there are {some(names, 10)}" if names else "the cluster has no nodes"
            return Failed(f"there is no node {some(missing)}", fix, final=True)
        if not seen.found.old:
            labels = ",".join("=".join(each) for each in self.selector)
            return Failed(f"no node has the labels {labels}", "name nodes, or labels that they have", final=True)
        return None

    def _ends(self, seen: SeenDrain, moment: Moment) -> Verdict:
        """What a drain has no use for any more is taken off, so that an uncordon makes the node whole again."""
        done = f"{counted(len(seen.old), 'node')} emptied, and left cordoned"
        left = tuple(each for each in seen.old if not rotating.is_rested(each, seen.found.rotation))
        if left and moment.following:
            return Wait(done)
        if left:
            text = f"leave {counted(len(left), 'node')} empty and cordoned ({some(each.name for each in left)})"
            return Act(text, moment.memory, again=rotating.poll(seen.found))
        return Done(done, keep=moment.memory)

    # ---- act, undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """By looks of its own: what was decided from may be some time ago.

        Nodes are closed by one turn and their first pods go by the next; both are of one act, for nothing happens in
        between that would have to be waited for.
        """
        with kube_of(world, subject) as kube:
            for _ in range(_TURNS):
                found = rotating.seen(kube, self._work(subject), moment)
                rules = self.manner.rules_for(len(found.old), self.manner.force_of(world, subject))
                seen, now = SeenDrain(found, rules), turn(found, rules)
                nodes = NodeWriter(kube, found.rotation, found.now)
                if _is_empty(seen, now):
                    for node in seen.old:
                        nodes.rest(node)
                    break
                carried = rotating.carry_out(kube, nodes, now, world.stopping)
                memory = rotating.with_answers(kept(memory, found, now), found, carried)
                if not carried.whole or not now.changes or now.evict or now.delete:
                    break
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Everything that is ours is taken off, also of nodes that are drained by now; pods that moved stay moved."""
        with kube_of(world, subject) as kube:
            ours, whole = rotating.release(kube, rotation_of(subject, self._mark), moment.now)
        if not whole:
            return Wait("a node was changed by somebody else meanwhile, and is looked at again", rotating.SOON)
        if not ours:
            return Undone("no node is marked by this drain")
        names = some(each.name for each in ours)
        return Undone(f"{counted(len(ours), 'node')} released ({names}): what this drain cordoned is schedulable again")


def _is_empty(seen: SeenDrain, now: Turn) -> bool:
    """Whether nothing is left to move from any node, and all of them are kept from taking more."""
    empty = {each.name for each in now.empty}
    return all(each.name in empty and not each.node.schedulable for each in seen.old)


def _settles(seen: SeenDrain, now: Turn, moment: Moment) -> Wait | None:
    """The last pods that moved are not Ready yet. No longer than others are waited for: in a large cluster some pod
    always starts, and one that fails elsewhere is not the drain's."""
    since = datetime.fromisoformat(moment.memory.get(EMPTY, seen.found.now.isoformat()))
    coming = now.progress.arriving
    if not coming or moment.following or seen.found.now - since >= seen.rules.patience:
        return None
    why = f"all of {counted(len(seen.old), 'node')} are empty; {counted(coming, 'pod')} elsewhere come up"
    return Wait(why, rotating.poll(seen.found), keep={**moment.memory, EMPTY: since.isoformat()})


def _no_room(now: Turn) -> Blocked | None:
    if now.wanting is None:
        return None
    room = now.wanting
    zones = f" (some of it in {some(now.wanting_in)}, where volumes are)" if now.wanting_in else ""
    much = f"{room.cpu}m CPU, {room.memory >> 20} MiB and {counted(room.pods, 'place')} for pods"
    why = f"the other nodes have no room for what moves next: {much} more are needed{zones}"
    return Blocked(why, "", "add nodes, or make a cordoned one schedulable again")


def _set_aside(seen: SeenDrain) -> str:
    aside: Iterable[str] = (f"{each.name} ({each.marks.quarantined})" for each in seen.old if each.marks.quarantined)
    return f"all is done but what was set aside: {some(aside)}"
