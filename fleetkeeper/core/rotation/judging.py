"""The pods of nodes in work at one tick: which go, which wait and why, and what that means for their nodes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.rotation import obstacles
from fleetkeeper.core.rotation.asking import CRITICAL, Reason, reason
from fleetkeeper.core.rotation.facts import Facts, Mover, OldNode
from fleetkeeper.core.rotation.room import Headroom
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.core.rotation.turn import Held

_LAST = "pods that a cluster lives by go last, and others are still on its node"
_NO_KIND = "no new node is in a zone, or has the labels and taints, that it needs"
_NO_ROOM = "no new node has room for its replacement"


@dataclass(slots=True)
class Judged:
    """busy: nodes that something moves on, by name. stuck_since: of nodes on which nothing does, since when.

    placeless: pods for which no new node has room. going: those to evict, not in the order in which they go.
    """

    facts: Facts
    headroom: Headroom
    may_go: bool
    going: list[Mover] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    blocked: list[Obstacle] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    stuck_since: dict[str, datetime] = field(default_factory=dict)
    placeless: list[LivePod] = field(default_factory=list)

    def judge(self, homes: Sequence[OldNode], *, placed: bool = False) -> None:
        """Those with the lower priority first. placed: room was taken for them already."""
        pairs = [(home, mover) for home in homes for mover in home.movers]
        pairs.sort(key=lambda pair: (pair[1].pod.priority, pair[0].began_at or self.facts.seen.now, pair[1].pod.name))
        crowded = {home.name for home in homes if any(each.pod.priority < CRITICAL for each in home.movers)}
        for home in homes:
            self._judge_leaving(home)
        for home, mover in pairs:
            self._judge_mover(home, mover, mover.pod.priority >= CRITICAL and home.name in crowded, placed)

    def _judge_leaving(self, home: OldNode) -> None:
        if home.is_empty:
            return
        named = obstacles.of_leaving(home, self.facts)
        self.blocked += named
        names = {each.pod.place for each in named}
        if not home.movers and not home.leaving:
            self._judge_attached(home)
        for mover in home.leaving:
            if mover.pod.place in names:
                self._stands(home, mover.pod.leaving_since or self.facts.seen.now)
            else:
                self._moves(home)

    def _judge_attached(self, home: OldNode) -> None:
        """A volume that does not leave is told by the pod that waits for it."""
        now, began = self.facts.seen.now, home.began_at or self.facts.seen.now
        for volume in self.facts.seen.volumes:
            if home.name not in volume.attached_to:
                continue
            user = next((each for each in self.facts.claims.get(volume.claim, ()) if each.leaving_since is None), None)
            since = now if user is None else max(began, user.created_at or began)
            self._stands(home, since)
            self.busy.add(home.name)
            if user is not None and now - since >= self.facts.rules.patience:
                self.blocked.append(obstacles.of_attachment(user, volume, home, since))

    def _judge_mover(self, home: OldNode, mover: Mover, last: bool, placed: bool) -> None:
        facts, pod, began = self.facts, mover.pod, home.began_at or self.facts.seen.now
        if mover.is_stuck:
            self._stands(home, began)
            return
        has_room = placed or not pod.controller or self.headroom.place(pod, facts.zones(pod))
        if not has_room:
            self.placeless.append(pod)
        if last:
            self.held.append(Held(pod, _LAST))
            self._stands(home, began)
        elif found := reason(mover, began, facts):
            self._wait(home, mover, found)
        else:
            self._moves(home)
            if not has_room:
                self.held.append(Held(pod, self._no_room(pod)))
            elif self.may_go:
                mover.go()
                self.going.append(mover)

    def _wait(self, home: OldNode, mover: Mover, found: Reason) -> None:
        now = self.facts.seen.now
        budget = found.pool.place if found.pool is not None and found.pool.budget is not None else ""
        self.held.append(Held(mover.pod, found.why, budget, found.again))
        self._stands(home, found.since)
        if not found.passive:
            self.busy.add(home.name)
        if self._is_overdue(found, now - found.since):
            self.blocked.append(_named(mover, found, self.facts))

    def _is_overdue(self, found: Reason, waited: timedelta) -> bool:
        """Whether somebody has to see to it: at once where nothing is on its way that would help."""
        if found.passive:
            return waited >= timedelta()
        if waited >= self.facts.rules.patience:
            return True
        return _is_of_budget(found) and found.pool is not None and found.pool.is_idle

    def _no_room(self, pod: LivePod) -> str:
        return _NO_ROOM if self.headroom.has_kind_for(pod, self.facts.zones(pod)) else _NO_KIND

    def _moves(self, home: OldNode) -> None:
        self.busy.add(home.name)
        self.stuck_since[home.name] = self.facts.seen.now

    def _stands(self, home: OldNode, since: datetime) -> None:
        before = self.stuck_since.get(home.name)
        self.stuck_since[home.name] = since if before is None else max(before, since)


def _is_of_budget(found: Reason) -> bool:
    return found.refusal is None or found.refusal.eviction.outcome is Outcome.BUDGET


def _named(mover: Mover, found: Reason, facts: Facts) -> Obstacle:
    if found.passive:
        return obstacles.of_job(mover, found.since)
    if found.refusal is not None and not _is_of_budget(found):
        return obstacles.of_refusal(mover, found.refusal)
    return obstacles.of_waiting(mover, found.why, found.since, facts)


def stuck_for_good(homes: Iterable[OldNode], facts: Facts) -> list[Obstacle]:
    """Every pod on these nodes that no waiting moves."""
    stuck = ((mover, home.began_at) for home in homes for mover in home.movers if mover.is_stuck)
    return obstacles.for_good(stuck, facts)


def is_freed(home: OldNode, facts: Facts) -> bool:
    """Whether what kept a node that was set aside is gone."""
    now = facts.seen.now
    return not home.leaving and not any(each.is_stuck or reason(each, now, facts) for each in home.movers)


def held_aside(homes: Iterable[OldNode], facts: Facts) -> list[Obstacle]:
    """What keeps nodes that were set aside, besides what no waiting moves: as long as it does, and without patience."""
    found: list[Obstacle] = []
    for home in homes:
        found += obstacles.of_leaving(home, facts)
        for mover in home.movers:
            if not mover.is_stuck and (why := reason(mover, home.began_at or facts.seen.now, facts)):
                found.append(_named(mover, why, facts))
    return found
