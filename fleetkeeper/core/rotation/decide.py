"""What a rotation does now: START HERE. Everything is told from what is seen; nothing of an earlier tick is known.

The order of a turn: read the cluster once (facts), see whether new nodes have room (room), judge the pods of the nodes
in work (judging, by asking and obstacles), and begin more nodes where there is a place for them (order).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod, Room
from fleetkeeper.core.rotation import nodes
from fleetkeeper.core.rotation.asking import reason
from fleetkeeper.core.rotation.facts import Facts, OldNode, facts_of
from fleetkeeper.core.rotation.force import forced
from fleetkeeper.core.rotation.judging import Judged, stuck_for_good
from fleetkeeper.core.rotation.obstacles import is_stuck_for_good
from fleetkeeper.core.rotation.order import Candidate, Queue, candidates
from fleetkeeper.core.rotation.room import Headroom
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import NodeChange, Progress, Turn

_SHOWN = 200


def preview(seen: Seen, rules: Rules) -> tuple[Obstacle, ...]:
    """The pods of old nodes that no waiting would move, before anything changes."""
    facts = facts_of(seen, rules)
    return tuple(stuck_for_good(facts.old.values(), facts))


def turn(seen: Seen, rules: Rules) -> Turn:
    """seen is of one moment. The same sight gives the same turn."""
    facts = facts_of(seen, rules)
    stage = _stage_of(facts)
    headroom = _headroom(facts)
    is_short = _seat_what_comes(facts, headroom)
    judged = Judged(facts, headroom, may_go=stage.is_closed and not is_short)
    judged.judge(stage.begun)
    wanting = None
    begun: list[OldNode] = []
    if not is_short:
        begun, wanting = _begin(stage, judged)
    changes = [*nodes.fences(facts.old.values(), facts)]
    if is_short:
        changes += nodes.openings(facts.old.values())
    elif begun or judged.busy or not stage.waiting:
        changes += nodes.closings(facts.old.values())
    if stage.is_closed and not is_short:
        changes += nodes.beginnings(begun)
    aside, blocked = _aside(stage, judged)
    return Turn(
        progress=_progress(facts, stage),
        changes=nodes.one_each((*changes, *aside)),
        evict=tuple(judged.evict),
        delete=forced((*stage.begun, *stage.aside), facts),
        empty=tuple(each.node for each in stage.begun if each.is_empty),
        held=tuple(judged.held),
        blocked=blocked,
        wanting=wanting or _wanting(judged, is_short),
        batch_is_over=stage.is_batch_over(judged.busy),
        is_over=not stage.waiting and all(each.is_empty for each in stage.begun),
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """Old nodes by how far they are. is_closed: none of them takes pods any more, but for those set aside."""

    facts: Facts
    begun: tuple[OldNode, ...]
    waiting: tuple[OldNode, ...]
    aside: tuple[OldNode, ...]
    is_closed: bool

    @property
    def is_canary(self) -> bool:
        return self.facts.rules.canary and self.facts.seen.settled_at is None

    @property
    def batch(self) -> tuple[OldNode, ...]:
        """Those that were begun since the last batch was over."""
        settled = self.facts.seen.settled_at
        return tuple(each for each in self.begun if settled is None or (each.began_at and each.began_at > settled))

    def is_batch_over(self, busy: set[str]) -> bool:
        """Only where batches matter: for the canary, and where health is to settle between them."""
        if not self.is_canary and not self.facts.rules.settle:
            return False
        return any(each.is_empty for each in self.batch) and not any(each.name in busy for each in self.begun)

    def places(self, busy: set[str]) -> int:
        """How many nodes with pods may be begun now."""
        seen, rules = self.facts.seen, self.facts.rules
        if seen.settled_at is not None and seen.now < seen.settled_at + rules.settle:
            return 0
        if self.is_batch_over(busy) or (rules.settle and not self.is_canary and self.batch):
            return 0
        return max(0, (1 if self.is_canary else max(1, rules.parallel)) - len(busy))


def _stage_of(facts: Facts) -> _Stage:
    homes = facts.old.values()
    aside = tuple(each for each in homes if each.is_aside)
    begun = tuple(each for each in homes if each.began_at is not None and not each.is_aside)
    waiting = tuple(each for each in homes if each.began_at is None and not each.is_aside)
    return _Stage(facts, begun, waiting, aside, all(each.is_closed for each in (*begun, *waiting)))


def _headroom(facts: Facts) -> Headroom:
    share = facts.rules.reserve
    reserve = [int(each * share) for each in facts.requests]
    return Headroom(facts.fresh, facts.used, facts.chosen_by, reserve)


def _seat_what_comes(facts: Facts, headroom: Headroom) -> bool:
    """Take room for pods that have no node yet, and for those that come once another is gone. True where new replicas
    need the old nodes: the reserve is used up, or a pod waits that only a node would take that we closed."""
    outside = [each for each in facts.waiting if not headroom.place(each, facts.zones(each), into_reserve=True)]
    for each in facts.leaving:
        if each.pod.controller and not each.load.replaces_at_once:
            headroom.place(each.pod, facts.zones(each.pod), into_reserve=True)
    if facts.old and not headroom.has_reserve:
        return True
    if not outside:
        return False
    ours = [each.node for each in facts.old.values() if each.began_at is None and not each.is_aside]
    kept = [each for each in ours if each.node.ready and (each.node.schedulable or each.marks.cordoned)]
    old = Headroom(kept, facts.used, facts.chosen_by)
    return any(old.place(each, facts.zones(each)) for each in outside)


def _begin(stage: _Stage, judged: Judged) -> tuple[list[OldNode], Room | None]:
    """The nodes that come next, whose pods are judged at once; and what room they lack, None where they lack none."""
    facts, begun = stage.facts, []
    if not stage.is_canary and stage.places(set()) > 0:
        begun += [each for each in stage.waiting if each.is_empty]
    waiting = candidates((each for each in stage.waiting if not each.is_empty), facts)
    waiting = waiting or candidates((each for each in stage.aside if _is_freed(each, facts)), facts)
    if not waiting and stage.is_canary:
        begun += stage.waiting[:1] if stage.places(judged.busy) else ()
    places, wanting = stage.places(judged.busy), None
    queue = Queue(waiting, stage.begun, facts)
    while places > 0 and len(queue):
        chosen = _next_fitting(queue, judged)
        if chosen is None:
            wanting = _lacking(queue.ordered()[:places], judged.headroom)
            break
        queue.begin(chosen)
        begun.append(chosen.home)
        places -= 1
    if stage.is_closed:
        judged.judge([each for each in begun if each.movers], placed=True)
    return begun, wanting


def _next_fitting(queue: Queue, judged: Judged) -> Candidate | None:
    facts = judged.facts
    for each in queue.ordered():
        pods = ((mover.pod, facts.zones(mover.pod)) for mover in each.movers if mover.pod.controller)
        if judged.headroom.place_all(pods):
            return each
    return None


def _is_freed(home: OldNode, facts: Facts) -> bool:
    """Whether what kept a node that was set aside is gone."""
    if home.leaving:
        return False
    now = facts.seen.now
    return not any(is_stuck_for_good(each, facts) or reason(each, now, facts) for each in home.movers)


def _lacking(waiting: Iterable[Candidate], headroom: Headroom) -> Room:
    asked = _sum(mover.pod for each in waiting for mover in each.movers)
    return headroom.lacking(asked) or asked


def _wanting(judged: Judged, is_short: bool) -> Room | None:
    asked = _sum(judged.placeless)
    if judged.placeless:
        return judged.headroom.lacking(asked) or asked
    if is_short:
        outside = _sum(judged.facts.waiting)
        return judged.headroom.lacking(outside) or outside
    return None


def _sum(pods: Iterable[LivePod]) -> Room:
    cpu = memory = count = 0
    for each in pods:
        cpu, memory, count = cpu + each.wants.cpu, memory + each.wants.memory, count + 1
    return Room(cpu, memory, count)


def _aside(stage: _Stage, judged: Judged) -> tuple[tuple[NodeChange, ...], tuple[Obstacle, ...]]:
    """The nodes to set aside, and every pod that somebody has to see to."""
    facts = stage.facts
    for_good = stuck_for_good(facts.old.values(), facts)
    blocked = (*for_good, *judged.blocked)
    why: dict[str, str] = {}
    for each in blocked:
        why.setdefault(each.pod.node, f"{each.pod.place}: {each.why}"[:_SHOWN])
    aside = nodes.settings_aside(stage.begun, judged.stuck_since, why, facts)
    return tuple(aside), tuple(blocked)


def _progress(facts: Facts, stage: _Stage) -> Progress:
    homes = facts.old.values()
    return Progress(
        nodes=len(homes),
        empty=sum(each.is_empty for each in stage.begun),
        working=sum(not each.is_empty for each in stage.begun),
        quarantined=len(stage.aside),
        pods=sum(len(each.movers) for each in homes),
        leaving=sum(len(each.leaving) for each in homes),
        arriving=facts.arriving,
    )
