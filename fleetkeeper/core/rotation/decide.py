"""What a rotation does now: START HERE. Everything is told from what is seen; nothing of an earlier tick is known.

The order of a turn: read the cluster once (facts), see whether new nodes have room (room), judge the pods of the nodes
in work (judging, by asking and obstacles), and begin more nodes where there is a place for them (order).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod, Room
from fleetkeeper.core.rotation import nodes
from fleetkeeper.core.rotation.facts import Facts, OldNode, facts_of
from fleetkeeper.core.rotation.force import forced
from fleetkeeper.core.rotation.judging import Judged, held_aside, is_freed, stuck_for_good
from fleetkeeper.core.rotation.obstacles import find_stuck
from fleetkeeper.core.rotation.order import Candidate, Queue, candidates, longest_first
from fleetkeeper.core.rotation.room import Headroom
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import NodeChange, Progress, Turn

_SHOWN = 200


def preview(seen: Seen, rules: Rules) -> tuple[Obstacle, ...]:
    """The pods of old nodes that no waiting would move, before anything changes."""
    facts = _read(seen, rules)
    return tuple(stuck_for_good(facts.old.values(), facts))


def turn(seen: Seen, rules: Rules) -> Turn:
    """seen is of one moment. The same sight gives the same turn."""
    facts = _read(seen, rules)
    stage = _stage_of(facts)
    headroom = _headroom(facts)
    outside, is_short = _seat_what_comes(facts, headroom)
    judged = Judged(facts, headroom, may_go=stage.is_closed and not is_short)
    judged.judge(stage.begun)
    begun, left = _begin(stage, judged, may_begin=not is_short)
    seatless = [*outside, *judged.placeless, *(mover.pod for each in left for mover in each.movers)]
    aside, blocked = _aside(stage, judged)
    return Turn(
        progress=_progress(facts, stage),
        changes=nodes.one_each((*_changes(stage, judged, begun, is_short), *aside)),
        evict=tuple(each.pod for each in longest_first(judged.going, rules)),
        delete=forced((*stage.begun, *stage.aside), facts),
        forced_by=facts.rules.force.approved_by if facts.rules.force else "",
        empty=tuple(each.node for each in stage.begun if each.is_empty),
        held=tuple(judged.held),
        blocked=blocked,
        wanting=_lacking(seatless, headroom) if seatless or is_short else None,
        wanting_in=tuple(sorted({zone for pod in seatless if len(zones := facts.zones(pod)) == 1 for zone in zones})),
        others=tuple(facts.foreign),
        batch_is_over=stage.is_batch_over(judged.busy),
        is_over=not stage.waiting and not stage.freed and all(each.is_empty for each in stage.begun),
    )


def _read(seen: Seen, rules: Rules) -> Facts:
    facts = facts_of(seen, rules)
    find_stuck(facts)
    return facts


@dataclass(frozen=True, slots=True)
class _Stage:
    """Old nodes by how far they are. is_closed: none of them takes pods any more, but for those set aside.

    freed: of those set aside the ones that nothing holds any more.
    """

    facts: Facts
    begun: tuple[OldNode, ...]
    waiting: tuple[OldNode, ...]
    aside: tuple[OldNode, ...]
    freed: tuple[OldNode, ...]
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
    freed = tuple(each for each in aside if is_freed(each, facts))
    return _Stage(facts, begun, waiting, aside, freed, all(each.is_closed for each in (*begun, *waiting)))


def _headroom(facts: Facts) -> Headroom:
    share = facts.rules.reserve
    reserve = [int(each * share) for each in facts.requests]
    return Headroom(facts.fresh, facts.used, facts.chosen_by, reserve)


def _seat_what_comes(facts: Facts, headroom: Headroom) -> tuple[list[LivePod], bool]:
    """Take room for pods that have no node yet, and for those that come once another is gone.

    Answers pods for which only nodes that we closed have room, and whether new replicas need the old nodes: there are
    such pods, or the reserve is used up. A pod that no node at all would take keeps nothing up.
    """
    outside = [each for each in facts.waiting if not headroom.place(each, facts.zones(each), into_reserve=True)]
    for each in facts.leaving:
        if each.pod.controller and not each.load.replaces_at_once:
            headroom.place(each.pod, facts.zones(each.pod), into_reserve=True)
    if outside:
        ours = [each.node for each in facts.old.values() if each.began_at is None and not each.is_aside]
        kept = [each for each in ours if each.node.ready and (each.node.schedulable or each.marks.cordoned)]
        old = Headroom(kept, facts.used, facts.chosen_by)
        outside = [each for each in outside if old.place(each, facts.zones(each))]
    return outside, bool(outside) or (bool(facts.old) and not headroom.has_reserve)


def _changes(stage: _Stage, judged: Judged, begun: list[OldNode], is_short: bool) -> Iterator[NodeChange]:
    """Nodes are closed once something can move, and begun when all of them are seen closed."""
    homes = stage.facts.old.values()
    yield from nodes.fences(homes, stage.facts)
    if is_short:
        yield from nodes.openings(homes)
    elif stage.is_closed:
        yield from nodes.beginnings(begun)
    elif judged.busy or any(not each.is_empty for each in begun) or all(each.is_empty for each in stage.waiting):
        yield from nodes.closings(homes)


def _begin(stage: _Stage, judged: Judged, *, may_begin: bool) -> tuple[list[OldNode], list[Candidate]]:
    """The nodes that come next, whose pods are judged at once; and those that would, were there room for their pods."""
    begun: list[OldNode] = []
    if may_begin and not stage.is_canary and stage.places(set()) > 0:
        begun += [each for each in stage.waiting if each.is_empty]
    waiting = candidates(each for each in stage.waiting if not each.is_empty)
    waiting = waiting or candidates(stage.freed)
    places = stage.places(judged.busy)
    if may_begin and not waiting and stage.is_canary:
        begun += stage.waiting[:places]
    if not places or not waiting:
        return begun, []
    queue = Queue(waiting, stage.begun, stage.facts)
    if not may_begin:
        return [], [each for each in (queue.next() for _ in range(places)) if each is not None]
    chosen, left = _fitting(queue, judged, places)
    begun += chosen
    if stage.is_closed:
        judged.judge([each for each in begun if each.movers], placed=True)
    return begun, left[: places - len(chosen)]


def _fitting(queue: Queue, judged: Judged, places: int) -> tuple[list[OldNode], list[Candidate]]:
    """The first nodes for all of whose pods there is room; and those before them for which there is none, if too few
    others were found."""
    facts = judged.facts
    chosen: list[OldNode] = []
    left: list[Candidate] = []
    while len(chosen) < places and (each := queue.next()) is not None:
        pods = ((mover.pod, facts.zones(mover.pod)) for mover in each.movers if mover.pod.controller)
        if judged.headroom.place_all(pods):
            queue.begin(each)
            chosen.append(each.home)
        else:
            left.append(each)
    return chosen, left if len(chosen) < places else []


def _lacking(pods: Iterable[LivePod], headroom: Headroom) -> Room | None:
    """What pods and the reserve need beyond what is free; all that pods need where the free room is in wrong places."""
    asked = _sum(pods)
    return headroom.lacking(asked) or (asked if asked.pods else None)


def _sum(pods: Iterable[LivePod]) -> Room:
    cpu = memory = count = 0
    for each in pods:
        cpu, memory, count = cpu + each.wants.cpu, memory + each.wants.memory, count + 1
    return Room(cpu, memory, count)


def _aside(stage: _Stage, judged: Judged) -> tuple[tuple[NodeChange, ...], tuple[Obstacle, ...]]:
    """The nodes to set aside, and every pod that somebody has to see to."""
    facts = stage.facts
    for_good = stuck_for_good(facts.old.values(), facts)
    blocked = (*for_good, *judged.blocked, *held_aside(stage.aside, facts))
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
