"""How many pods each controller has, followed write by write: with each of a pod's writes its controller asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from fleetkeeper.sim.controllers.live import controller_uid
from fleetkeeper.sim.controllers.pods import PODS, is_active, is_ready
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

Labels = tuple[tuple[str, str], ...]
T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """The pods of one controller that have not ended and are not leaving. labelled: how many have the same labels.

    on: how many are on each node, "" for none.
    settled: the version of the controller's object for which a look at these very pods left nothing to do; None as
    soon as one of them comes, goes, or changes by more than a step on its way to be Ready.
    """

    active: int = 0
    ready: int = 0
    labelled: dict[Labels, int] = field(default_factory=dict)
    on: dict[str, int] = field(default_factory=dict)
    settled: Object | None = None

    def having(self, labels: Mapping[str, str]) -> int:
        """How many of them have all these labels."""
        return sum(count for each, count in self.labelled.items() if labels.items() <= set(each))


class Tallies:
    """The tallies of a cluster by the controllers' uids; added up at the first question."""

    resources = (PODS,)

    def __init__(self) -> None:
        self._by_uid: dict[str, Tally] | None = None

    def of(self, objects: Objects, uid: str) -> Tally:
        """The tally itself, which goes on to follow the writes."""
        objects.notice()
        if self._by_uid is None:
            self._by_uid = {}
            for pod in objects.of(PODS):
                self._add(pod, 1)
        return self._tally(self._by_uid, uid)

    def hear(self, event: Event) -> None:
        if self._by_uid is None:
            return
        before, after = event.before, event.object
        if event.is_of_status and before is not None and is_active(before) and is_active(after):
            if change := is_ready(after) - is_ready(before):
                tally = self._by_uid[controller_uid(after)]
                tally.ready += change
                tally.settled = None
            return
        if before is not None:
            self._add(before, -1)
        self._add(after, 0 if event.change is Change.DELETED else 1)

    def forget(self) -> None:
        self._by_uid = None

    def _add(self, pod: Object, sign: int) -> None:
        if self._by_uid is None:
            return
        tally = self._tally(self._by_uid, controller_uid(pod))
        tally.settled = None
        if not sign or not is_active(pod):
            return
        tally.active += sign
        tally.ready += sign * is_ready(pod)
        node = pod["spec"].get("nodeName", "")
        _add_to(tally.on, node, sign)
        _add_to(tally.labelled, tuple((pod["metadata"].get("labels") or {}).items()), sign)

    @staticmethod
    def _tally(by_uid: dict[str, Tally], uid: str) -> Tally:
        found = by_uid.get(uid)
        if found is None:
            found = by_uid[uid] = Tally()
        return found


def _add_to(counts: dict[T, int], what: T, number: int) -> None:
    """Nothing is left of what there is none of."""
    count = counts.get(what, 0) + number
    if count:
        counts[what] = count
    else:
        del counts[what]
