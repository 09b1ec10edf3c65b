"""One cluster with its controllers awake: who is woken by which write, work queues, and requests for later."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter, is_
from typing import Any, Protocol, TypeVar

from fleetkeeper.sim.controllers.hosts import Hosts
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.controllers.usage import Usage
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Event, Key, Listener, key_of
from fleetkeeper.sim.timeline import Due, Timeline
from fleetkeeper.sim.world import Object, SimCluster

Keys = Callable[["Live", Event], Iterable[Key]]
"""Which of its own objects a controller must look at after a write."""


def _at_every(_resource: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Controller:
    """A level-triggered controller: `reconcile` looks at one object and moves the world one step towards it.

    resource is what its keys name; watches says for each resource whose writes it sees which keys they wake. Where
    controlled names a resource, only writes to objects that a controller of these kinds has, or had, wake any; "" is
    an object without a controller. looks_at_status says of a resource whether a write to nothing but a status may wake
    any: it is most of what is written.
    """

    name: str
    resource: str
    reconcile: Callable[["Live", Key], None]
    watches: Mapping[str, Keys]
    controlled: Mapping[str, Collection[str]] = field(default_factory=dict)
    delay: Callable[[Timing], float] = attrgetter("reaction")  # from a write to the look that it asks for
    looks_at_status: Callable[[str], bool] = _at_every


class Follower(Protocol):
    """Something that is kept up to date write by write, for it is asked too often to be worked out each time."""

    @property
    def resources(self) -> Container[str]:
        """Those whose writes it hears."""
        ...

    def hear(self, event: Event) -> None: ...

    def forget(self) -> None:
        """Everything may have changed."""
        ...


F = TypeVar("F", bound=Follower)
T = TypeVar("T")
_MOST_MADE = 20_000
"""Of what was made of values that is kept; past that all is made again."""


@dataclass(slots=True)
class Live:
    """A cluster whose controllers run: everything that they share. Hold the world's lock."""

    cluster: SimCluster
    objects: Objects
    timeline: Timeline
    timing: Timing
    controllers: tuple[Controller, ...]
    used: Usage
    hosts: Hosts
    silent: set[str] = field(default_factory=set)  # nodes whose kubelet does not answer
    gone: dict[str, datetime] = field(default_factory=dict)  # nodes that were deleted under their pods, and when
    awake: bool = False
    followers: dict[type[Follower], Follower] = field(default_factory=dict)
    _queues: dict[str, dict[Key, None]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)  # controllers whose queues have everything that waits for them
    _watchers: dict[tuple[str, bool, str, str], list[tuple[Controller, Keys]]] = field(default_factory=dict)
    _hearing: dict[str, list[Listener]] = field(default_factory=dict)  # of the followers, by resource
    _made: dict[tuple[object, ...], tuple[tuple[object, ...], Any]] = field(default_factory=dict)
    _later: dict[tuple[str, Key], Due] = field(default_factory=dict)
    _settled: dict[tuple[str, Key], tuple[Object, ...]] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.timeline.now()

    def follower(self, kind: type[F]) -> F:
        """The one of its kind, which hears every write from the first question on."""
        found = self.followers.get(kind)
        if found is None:
            found = self.followers[kind] = kind()
            self._hearing.clear()
        assert isinstance(found, kind)
        return found

    def once(self, make: Callable[..., T], *values: object) -> T:
        """What this function makes of values, made once for the very same ones: objects that were read are not edited.

        They are kept with it, so that no other gets the identity of one of them.
        """
        asked = (make, *map(id, values))
        known = self._made.get(asked)
        if known is None:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            known = self._made[asked] = (values, make(*values))
        made: T = known[1]
        return made

    def wake(self) -> None:
        """Start the controllers: each looks at every object of its resource once, then at what changes."""
        if self.awake:
            return
        self.awake = True
        self.look_at_everything()

    def start_over(self) -> None:
        """Somebody wrote around the state: what was added up is void, and everything may have changed."""
        self.used.forget()
        self.hosts.forget()
        self._settled.clear()
        for follower in self.followers.values():
            follower.forget()
        if self.awake:
            self.look_at_everything()

    def look_at_everything(self) -> None:
        for controller in self.controllers:
            for obj in self.objects.of(controller.resource):
                self.enqueue(controller, key_of(obj))

    def hear(self, event: Event) -> None:
        """A write happened: the first one wakes the controllers."""
        self.wake()
        for tell in self._followed(event.resource):
            tell(event)
        for controller, keys in self._watching(event):
            for key in keys(self, event):
                self.enqueue(controller, key)

    def _followed(self, resource: str) -> list[Listener]:
        """Who is kept up to date by the writes of a resource, found once for each."""
        known = self._hearing.get(resource)
        if known is None:
            everybody: tuple[Follower, ...] = (self.used, self.hosts, *self.followers.values())
            known = self._hearing[resource] = [each.hear for each in everybody if resource in each.resources]
        return known

    def _watching(self, event: Event) -> list[tuple[Controller, Keys]]:
        """The controllers that such a write may wake, found once for each resource and kinds of owners."""
        resource, is_of_status = event.resource, event.is_of_status
        kind = then = _controller_kind(event.object)
        if event.before is not None and not is_of_status:
            then = _controller_kind(event.before)
        known = self._watchers.get((resource, is_of_status, kind, then))
        if known is None:
            found = [(each, keys) for each in self.controllers if (keys := each.watches.get(resource))]
            known = self._watchers[resource, is_of_status, kind, then] = [
                (each, keys)
                for each, keys in found
                if (each.looks_at_status(resource) or not is_of_status)
                and (resource not in each.controlled or not {kind, then}.isdisjoint(each.controlled[resource]))
            ]
        return known

    def enqueue(self, controller: Controller, key: Key) -> None:
        """Let a controller look at one of its objects in its next turn."""
        queue = self._queues.get(controller.name)
        if not queue:
            queue = self._queues[controller.name] = {}
            self.timeline.after(controller.delay(self.timing), partial(self._work, controller))
        queue[key] = None

    def asks_first(self, controller: str) -> bool:
        """Whether nobody has asked yet, since this controller's last turn, for everything that waits for it.

        What waits since then asked for itself: who asks again would only repeat what is queued.
        """
        if controller in self._asked and self._queues.get(controller):
            return False
        self._asked.add(controller)
        return True

    def requeue(self, controller: Controller, key: Key, seconds: float) -> None:
        """Look again after so many seconds; of several requests the earliest holds, for each look asks anew."""
        wanted = self.now() + timedelta(seconds=max(seconds, 0.001))
        known = self._later.get((controller.name, key))
        if known is not None:
            if known.at <= wanted:
                return
            known.cancel()

        def look() -> None:
            del self._later[controller.name, key]
            self.enqueue(controller, key)

        self._later[controller.name, key] = self.timeline.at(wanted, look)

    def settle(self, controller: Controller, key: Key, *seen: Object) -> None:
        """A look at these very versions of objects, and nothing else, left nothing to do, however late it is."""
        self._settled[controller.name, key] = seen

    def is_settled(self, controller: Controller, key: Key, *seen: Object) -> bool:
        """Whether a look at one of its objects would see what its last one left as it should be."""
        known = self._settled.get((controller.name, key))
        return known is not None and len(known) == len(seen) and all(map(is_, known, seen))

    def set_status(self, resource: str, obj: Object, status: Object) -> None:
        """Write a status that differs; zero counters that the real server leaves out are left to the caller."""
        self.objects.set_status(resource, key_of(obj), status)

    def _work(self, controller: Controller) -> None:
        """Everything that is queued now; what it wakes waits for its own delay."""
        self._asked.discard(controller.name)
        for key in self._queues.pop(controller.name):
            controller.reconcile(self, key)


def itself(_live: Live, event: Event) -> Iterable[Key]:
    """Keys of a controller for its own resource."""
    return (event.key,)


def of_controller(kind: str) -> Keys:
    """Wakes the controller of this kind that owns the written object, now or before."""

    def keys(_live: Live, event: Event) -> Iterable[Key]:
        reference = controller_of(event.object)
        found = [(event.key[0], reference["name"])] if reference and reference["kind"] == kind else []
        if event.before is not None and not event.is_of_status:
            reference = controller_of(event.before)
            found += [(event.key[0], reference["name"])] if reference and reference["kind"] == kind else []
        return found

    return keys


def controller_of(obj: Object) -> Object | None:
    """The owner reference of an object's controller."""
    references: list[Object] | None = obj["metadata"].get("ownerReferences")
    if references:
        for each in references:
            if each.get("controller"):
                return each
    return None


def _controller_kind(obj: Object) -> str:
    reference = controller_of(obj)
    return reference["kind"] if reference else ""


def controller_uid(obj: Object) -> str:
    reference = controller_of(obj)
    return reference["uid"] if reference else ""
