"""How many pods each controller has, followed write by write: with each of a pod's writes its controller asks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetkeeper.sim.controllers.live import controller_uid
from fleetkeeper.sim.controllers.pods import PODS, is_active, is_ready
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Tally:
    """The pods of one controller that have not ended and are not leaving. labelled: how many have the same labels."""

    active: int = 0
    ready: int = 0
    labelled: Counter[Labels] = field(default_factory=Counter)

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
        return self._by_uid.setdefault(uid, Tally())

    def hear(self, event: Event) -> None:
        if self._by_uid is None:
            return
        before, after = event.before, event.object
        if event.is_of_status and before is not None and is_active(before) and is_active(after):
            if change := is_ready(after) - is_ready(before):
                self._by_uid[controller_uid(after)].ready += change
            return
        if before is not None:
            self._add(before, -1)
        if event.change is not Change.DELETED:
            self._add(after, 1)

    def forget(self) -> None:
        self._by_uid = None

    def _add(self, pod: Object, sign: int) -> None:
        if self._by_uid is None or not is_active(pod):
            return
        tally = self._by_uid.setdefault(controller_uid(pod), Tally())
        tally.active += sign
        tally.ready += sign * is_ready(pod)
        labels = tuple((pod["metadata"].get("labels") or {}).items())
        tally.labelled[labels] += sign
        if not tally.labelled[labels]:
            del tally.labelled[labels]
