"""The pods of each PodDisruptionBudget, counted write by write: with each write to a pod its budgets ask for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fleetkeeper.sim.controllers.live import controller_of
from fleetkeeper.sim.controllers.pods import PODS, is_leaving, is_ready
from fleetkeeper.sim.kube.label_index import selected, selecting_keys
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "policy/poddisruptionbudgets"

Labels = Mapping[str, str] | None


@dataclass(slots=True)
class Cover:
    """What one budget counts of its pods. healthy: Ready, and not leaving.

    makers: the owner reference of each controller of the pods, and of how many, by its uid. settled: the version of the
    budget, and what was expected, for which a look at these very pods left nothing to do.
    """

    pods: int = 0
    healthy: int = 0
    makers: dict[str, tuple[Object, int]] = field(default_factory=dict)
    settled: tuple[Object, object] | None = None

    def add(self, pod: Object, sign: int) -> None:
        self.settled = None
        self.pods += sign
        self.healthy += sign * is_healthy(pod)
        reference = controller_of(pod)
        if reference is None:
            return
        uid = reference["uid"]
        count = sign + (self.makers[uid][1] if uid in self.makers else 0)
        if count:
            self.makers[uid] = reference, count
        else:
            del self.makers[uid]


def is_healthy(pod: Object) -> bool:
    return not is_leaving(pod) and is_ready(pod)


def _counts_the_same(before: Object, after: Object) -> bool:
    """Whether a budget counts a pod after a write as before it."""
    then, now = before["metadata"], after["metadata"]
    is_its = then.get("labels") is now.get("labels") and then.get("ownerReferences") is now.get("ownerReferences")
    return is_its and is_healthy(before) == is_healthy(after)


class Covers:
    """The budgets of each pod, and what each budget counts; both are worked out at the first question."""

    resources = (PODS, RESOURCE)

    def __init__(self) -> None:
        self._guards: dict[Key, tuple[Labels, tuple[Key, ...]]] = {}  # a pod is written ten times in its life
        self._covers: dict[Key, Cover] = {}
        self._objects: Objects | None = None

    def guards(self, objects: Objects, key: Key, labels: Labels) -> tuple[Key, ...]:
        """The keys of the budgets that select a pod by its labels."""
        objects.notice()
        known = self._guards.get(key)
        if known is None or (known[0] is not labels and known[0] != labels):
            known = self._guards[key] = (labels, selecting_keys(objects, RESOURCE, key[0], labels))
        return known[1]

    def of(self, objects: Objects, budget: Object) -> Cover:
        """The cover itself, which goes on to follow the writes."""
        objects.notice()
        self._objects, key = objects, key_of(budget)
        known = self._covers.get(key)
        if known is None:
            known = self._covers[key] = Cover()
            for pod in selected(objects, PODS, key[0], budget["spec"].get("selector")):
                known.add(pod, 1)
        return known

    def drop(self, key: Key) -> None:
        """A pod is gone."""
        self._guards.pop(key, None)

    def hear(self, event: Event) -> None:
        if event.resource == PODS:
            self._of_pod(event)
        elif not event.is_of_status:
            self._guards.clear()
            self._covers.pop(event.key, None)

    def forget(self) -> None:
        self._guards.clear()
        self._covers.clear()

    def _of_pod(self, event: Event) -> None:
        before, after = event.before, event.object
        if not self._covers:
            return
        if before is not None:
            if event.is_of_status:
                if is_leaving(after) or is_ready(before) == is_ready(after):
                    return
            elif event.change is not Change.DELETED and _counts_the_same(before, after):
                return
            self._count(event.key, before, -1)
        if event.change is not Change.DELETED:
            self._count(event.key, after, 1)

    def _count(self, key: Key, pod: Object, sign: int) -> None:
        for cover in self._over(key, pod["metadata"].get("labels")):
            cover.add(pod, sign)

    def _over(self, key: Key, labels: Labels) -> Iterable[Cover]:
        """The covers of its budgets, of those that have asked."""
        if self._objects is None:
            return ()
        found = (self._covers.get(budget) for budget in self.guards(self._objects, key, labels))
        return [cover for cover in found if cover is not None]
