"""The mutable Kubernetes state of one cluster: writes as the API server's storage makes them, and the log of them.

`Objects` is what the API's write side, the controllers and the ports share. Everything happens under the world's lock,
which the caller holds; objects are values: one that was read is never edited, a write replaces it.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fleetkeeper.sim.kube.state_changes import GENERATED, NOT_ASKED, changed, grace_of, is_finished, with_servers
from fleetkeeper.sim.kube.state_errors import AlreadyExists, Conflict, NotFound, PreconditionFailed, TooOld
from fleetkeeper.sim.kube.state_log import Change, Event, Index, Indexer, Key, Listener, key_of, moves
from fleetkeeper.sim.objects.pods import suffix
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object, SimCluster

KEPT_EVENTS = 1000
"""Events that a resource's log keeps, about as many as the real watch cache starts with."""


class Propagation(StrEnum):
    """What a delete means for the objects that the deleted one owns."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


_FINALIZER = {Propagation.FOREGROUND: "foregroundDeletion", Propagation.ORPHAN: "orphan"}


@dataclass(frozen=True, slots=True)
class Expect:
    """Preconditions of a write; "" expects nothing."""

    uid: str = ""
    resource_version: str = ""


NOTHING = Expect()


class Objects:
    """The objects of one cluster, of any resource "group/plural"; `now` stamps what is written.

    get of find                   read; a lazy cluster stays lazy, and only what is written is kept for good
    create update edit delete     write: each takes a revision, is logged, and is told to the listeners, in order
    set_status                    the same for a status, which is most of what controllers write
    events subscribe              the log, for a watch from a revision, and callbacks

    A write that went around it (SimCluster.put) is noticed at the next call, or by `notice`: watches from before are
    then too old, and the `resync` listeners are told to look at everything again.
    """

    def __init__(self, cluster: SimCluster, now: Callable[[], datetime], kept_events: int = KEPT_EVENTS) -> None:
        self.cluster = cluster
        self.now = now
        self._kept_events = kept_events
        self._logs: dict[str, deque[Event]] = {}
        self._floors: dict[str, int] = {}
        self._base = self._seen = cluster.revision
        self._own: set[str] = set()
        self._answers: dict[str, dict[Hashable, tuple[Key, ...]]] = {}
        self._listeners: list[Listener] = []
        self._resync: list[Callable[[], None]] = []
        self._indexes: defaultdict[str, dict[str, Index]] = defaultdict(dict)  # by resource and name

    @property
    def revision(self) -> int:
        """The newest revision, which a list answers with."""
        return self.cluster.revision

    def resources(self) -> list[str]:
        """Every resource that has, or had, objects."""
        return list(self.cluster.objects)

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        listing = self.cluster.objects.get(resource)
        return None if listing is None else listing.get((namespace, name))

    def of(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects, or those of a namespace, in the order of their creation in this process."""
        listing = self.cluster.objects.get(resource, {})
        return [obj for (where, _), obj in listing.items() if not namespace or where == namespace]

    def index(self, name: str, resource: str, of: Indexer) -> None:
        """Keep an index of a resource for `find`; `of` gives an object's value, "" leaves it out."""
        if name not in self._indexes[resource]:
            self._indexes[resource][name] = Index(of)

    def find(self, name: str, resource: str, value: str) -> list[Object]:
        """The objects whose value in an index is this one."""
        found = self.keys(name, resource, value)
        listing = self.cluster.objects.get(resource, {})
        return [listing[key] for key in found]

    def keys(self, name: str, resource: str, value: str) -> Collection[Key]:
        """Where they are; to be read before the next write."""
        self.notice()
        return self._indexes[resource][name].keys(self.cluster.objects.get(resource, {}), value)

    def answers(self, resource: str) -> dict[Hashable, tuple[Key, ...]]:
        """What somebody has found out of a resource: kept until one of its objects has another name, spec, label or
        owner."""
        self.notice()
        return self._answers.setdefault(resource, {})

    def create(self, resource: str, obj: Object) -> Object:
        """Store a new object with what the server gives: name of generateName, uid, times, generation.

        AlreadyExists when there is one of its name. status and everything else is stored as it comes.
        """
        self.notice()
        metadata = {**obj["metadata"]}
        namespace = metadata.get("namespace", "")
        if not metadata.get("name"):
            metadata["name"] = self.free_name(resource, namespace, metadata["generateName"])
        name = metadata["name"]
        if self.get(resource, namespace, name) is not None:
            raise AlreadyExists(resource, name)
        metadata["uid"] = self.next_uid(resource, namespace, name)
        metadata["creationTimestamp"] = stamp(self.now())
        if resource in GENERATED or "kind" in obj:
            metadata["generation"] = 1
        for unset in ("deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"):
            metadata.pop(unset, None)
        return self._write(resource, {**obj, "metadata": metadata}, None)

    def update(self, resource: str, obj: Object, expect: Expect = NOTHING, *, counts_status: bool = False) -> Object:
        """Replace an object. Nothing is written, and no revision spent, when nothing differs.

        The server's own members of metadata stay as they are, generation rises when anything but metadata and status
        differs (`counts_status` counts that, too, where it is no subresource), and an object that is being deleted
        goes away with its last finalizer. Conflict when the object names a resourceVersion that is not the newest.
        """
        self.notice()
        wanted = obj["metadata"]
        namespace, name = key_of(obj)
        before = self._existing(resource, namespace, name)
        self._check(resource, before, expect)
        current = before["metadata"]
        if wanted.get("resourceVersion") not in (None, "", current.get("resourceVersion")):
            raise Conflict(resource, name)
        if wanted.get("uid") not in (None, "", current.get("uid")):
            raise PreconditionFailed(resource, name, "UID", wanted["uid"], current["uid"])
        metadata = with_servers(wanted, current)
        differing = changed(obj, before)
        if "generation" in current and not differing <= ({"metadata"} if counts_status else NOT_ASKED):
            metadata = {**metadata, "generation": current["generation"] + 1}
        after = {**obj, "metadata": metadata}
        if is_finished(resource, after):
            return self._drop(resource, after)
        is_same = metadata is current or metadata == current
        if is_same and differing <= {"metadata"}:
            return before
        return self._write(resource, after, before, is_of_status=is_same and differing <= NOT_ASKED)

    def set_status(self, resource: str, key: Key, status: Object) -> None:
        """Give an object another status, where there is one; the same as an update, which compares all of it."""
        self.notice()
        before = self.get(resource, *key)
        if before is None or before.get("status") == status:
            return
        after = {**before, "status": status}
        if "deletionTimestamp" in after["metadata"] and is_finished(resource, after):
            self._drop(resource, after)
        else:
            self._write(resource, after, before, is_of_status=True)

    def edit(self, resource: str, namespace: str, name: str, change: Callable[[Object], Object]) -> Object | None:
        """Replace an object by what `change` makes of it, which must be a new value; None when it is not there."""
        found = self.get(resource, namespace, name)
        return None if found is None else self.update(resource, change(found))

    def delete(
        self,
        resource: str,
        key: Key,
        expect: Expect = NOTHING,
        grace: int | None = None,
        propagation: Propagation = Propagation.BACKGROUND,
    ) -> Object:
        """Delete, or begin to: the object as it is afterwards, in its last state when it is gone.

        A scheduled pod that has not ended gets `grace` seconds (its own where None) for its kubelet to end it; 0 takes
        it at once. A namespace waits for its content, and every object for its finalizers; foreground and orphan
        deletion add one.
        """
        self.notice()
        before = self._existing(resource, *key)
        self._check(resource, before, expect)
        metadata, now = {**before["metadata"]}, self.now()
        seconds = grace_of(resource, before, grace)
        known = metadata.get("deletionGracePeriodSeconds", 0 if "deletionTimestamp" in metadata else None)
        if known is None:
            metadata["deletionTimestamp"] = stamp(now + timedelta(seconds=seconds))
            if resource != "/namespaces":
                metadata["deletionGracePeriodSeconds"] = seconds
        elif seconds < known:
            began = datetime.fromisoformat(metadata["deletionTimestamp"]) - timedelta(seconds=known)
            metadata["deletionTimestamp"] = stamp(max(now, began + timedelta(seconds=seconds)))
            metadata["deletionGracePeriodSeconds"] = seconds
        finalizer = _FINALIZER.get(propagation)
        if finalizer and finalizer not in metadata.get("finalizers", ()):
            metadata["finalizers"] = [*metadata.get("finalizers", ()), finalizer]
        if "generation" in metadata and known is None:
            metadata["generation"] += 1
        after = {**before, "metadata": metadata}
        if resource == "/namespaces":
            after["status"] = {**before.get("status", {}), "phase": "Terminating"}
        if is_finished(resource, after):
            return self._drop(resource, after if resource == "/pods" or known is not None else before)
        return before if after == before else self._write(resource, after, before)

    def events(self, resource: str, since: int, namespace: str = "") -> list[Event]:
        """What happened after a revision; TooOld when the log no longer knows."""
        self.notice()
        oldest = max(self._base, self._floors.get(resource, 0))
        if since < oldest:
            raise TooOld(resource, since, oldest)
        found = []
        for event in reversed(self._logs.get(resource, ())):
            if event.revision <= since:
                break
            if not namespace or event.key[0] == namespace:
                found.append(event)
        return found[::-1]

    def compact(self, resource: str) -> None:
        """Forget the log of a resource, past every revision that a client can have seen: all resume with a 410."""
        self.notice()
        self._floors[resource] = self._next_revision()
        self._logs.pop(resource, None)

    def subscribe(self, listener: Listener, resync: Callable[[], None] | None = None) -> Callable[[], None]:
        """Be told of every write, within it; the answer ends the subscription."""
        self._listeners.append(listener)
        if resync:
            self._resync.append(resync)

        def end() -> None:
            self._listeners.remove(listener)
            if resync:
                self._resync.remove(resync)

        return end

    def expect(self, resource: str, key: Key, expect: Expect) -> Object:
        """The object when it is there and the preconditions hold, as a write would check them."""
        found = self._existing(resource, *key)
        self._check(resource, found, expect)
        return found

    def _existing(self, resource: str, namespace: str, name: str) -> Object:
        found = self.get(resource, namespace, name)
        if found is None:
            raise NotFound(resource, name)
        return found

    def _check(self, resource: str, obj: Object, expect: Expect) -> None:
        if expect is NOTHING:
            return
        metadata = obj["metadata"]
        pairs = (
            ("UID", expect.uid, metadata.get("uid", "")),
            ("ResourceVersion", expect.resource_version, metadata.get("resourceVersion", "")),
        )
        for field, wanted, found in pairs:
            if wanted and wanted != found:
                raise PreconditionFailed(resource, metadata["name"], field, wanted, found)

    def _write(self, resource: str, obj: Object, before: Object | None, *, is_of_status: bool = False) -> Object:
        revision = self._next_revision()
        metadata = {**obj["metadata"], "resourceVersion": str(revision)}
        after = {**obj, "metadata": metadata}
        key = metadata.get("namespace", ""), metadata["name"]
        self._listing(resource)[key] = after
        change = Change.MODIFIED if before else Change.ADDED
        self._tell(Event(revision, change, resource, key, after, before, is_of_status))
        return after

    def _drop(self, resource: str, obj: Object) -> Object:
        """Take the object away; `obj` is its last state."""
        last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._next_revision())}}
        key = key_of(obj)
        before = self._listing(resource).pop(key)
        self._tell(Event(self._seen, Change.DELETED, resource, key, last, before))
        return last

    def _listing(self, resource: str) -> dict[Key, Object]:
        """The listing that may be written in place: ours since the first write, not the recipes'."""
        if resource not in self._own:
            self._own.add(resource)
            self.cluster.objects[resource] = dict(self.cluster.objects.get(resource, {}))
        return self.cluster.objects[resource]

    def _next_revision(self) -> int:
        self.cluster.revision += 1
        self._seen = self.cluster.revision
        return self._seen

    def _tell(self, event: Event) -> None:
        log = self._logs.get(event.resource)
        if log is None:
            log = self._logs[event.resource] = deque()
        log.append(event)
        if len(log) > self._kept_events:
            self._floors[event.resource] = log.popleft().revision
        if moves(event):
            self._answers.pop(event.resource, None)
            for index in self._indexes[event.resource].values():
                index.move(event)
        for listener in tuple(self._listeners):
            listener(event)

    def notice(self) -> None:
        """Look whether somebody wrote around us: nothing that was logged before can then be continued."""
        if self.cluster.revision == self._seen:
            return
        self._base = self._seen = self.cluster.revision
        self._logs.clear()
        self._answers.clear()
        for index in (index for named in self._indexes.values() for index in named.values()):
            index.forget()
        for listener in tuple(self._resync):
            listener()

    def next_uid(self, resource: str, namespace: str, name: str) -> str:
        """The identity that an object gets when it is created now."""
        seed = f"{self.cluster.key}|{resource}|{namespace}|{name}|{self.cluster.revision}"
        text = hashlib.blake2b(seed.encode(), digest_size=16).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def free_name(self, resource: str, namespace: str, prefix: str) -> str:
        """A name that the server makes up: the same in every run, and not taken."""
        listing = self.cluster.objects.get(resource, {})
        return next(name for name in self._names(prefix) if (namespace, name) not in listing)

    def _names(self, prefix: str) -> Iterator[str]:
        attempt = 0
        while True:
            yield prefix + suffix(f"{self.cluster.key}|{prefix}|{self.cluster.revision}|{attempt}")
            attempt += 1
