"""Reads a whole fleet: every account and region at its own pace, cluster by cluster, failures as Gaps."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeVar

import structlog

from fleetkeeper.core import model, parts
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import may_go_back_to
from fleetkeeper.engine.discovery import remember_discovery
from fleetkeeper.engine.observe_cluster import ClusterReader, Described
from fleetkeeper.engine.ports import Cloud, Ports
from fleetkeeper.engine.reading import Reading
from fleetkeeper.errors import SchemaError, StoreUnavailable

T = TypeVar("T")

_log = structlog.get_logger("observe")

# Threads that wait for AWS, over all accounts and regions. The rate limit, not the threads, is the ceiling: at 10
# requests a second and 0.3 s an answer, 4 threads keep one account and region busy.
_MOST_THREADS = 64
_THREADS_PER_SCOPE = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """Which clusters are observed: the operator's configuration, then the command line's selector."""

    names: tuple[str, ...] = ()
    exclude_names: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    selector: Selector = Selector()

    def narrowed(self, selector: Selector) -> "Choice":
        return replace(self, selector=selector)

    def wants_name(self, name: str, scope: model.Scope | None) -> bool:
        """What can be decided before the cluster is described."""
        included = not self.names or any(fnmatchcase(name, p) for p in self.names)
        excluded = any(fnmatchcase(name, p) for p in self.exclude_names)
        known = {"name": name} | ({"account": scope.account, "region": scope.region} if scope else {})
        return included and not excluded and not self.selector.excludes(known)

    def wants(self, seen: Described) -> bool:
        """The rest, decided on the description now or last; a cluster that never was described stays in, as a Gap."""
        if seen.known is None:
            return True
        tags = seen.known.tags
        known = attributes(seen.id, seen.name, seen.cloud.scope, seen.placement, seen.known)
        return all(tags.get(k) == v for k, v in self.tags.items()) and self.selector.accepts(known)


def attributes(
    id: model.ClusterId,
    name: str,
    scope: model.Scope | None,
    placement: model.Placement,
    control_plane: model.ControlPlane | None,
) -> dict[str, str]:
    """What a selector can ask of a cluster."""
    tags = control_plane.tags if control_plane else {}
    return {
        "name": name,
        "arn": id.arn,
        "account": scope.account if scope else "",
        "region": scope.region if scope else "",
        "environment": placement.environment,
        "ring": placement.ring,
        "service": placement.service,
        "version": str(control_plane.version) if control_plane else "",
    } | {f"tag:{key}": value for key, value in tags.items()}


def attributes_of(cluster: model.SeenCluster) -> dict[str, str]:
    """The same of a stored cluster."""
    control_plane = cluster.value(parts.CONTROL_PLANE)
    return attributes(cluster.id, cluster.name, cluster.scope, cluster.placement, control_plane)


class Progress:
    """Counts clusters found, done and incomplete; `on_change` is called after each change, one call at a time."""

    def __init__(self, on_change: Callable[["Progress"], None] = lambda _: None) -> None:
        self._lock = threading.Lock()
        self._on_change = on_change
        self.found = 0
        self.done = 0
        self.incomplete = 0

    def find(self, count: int) -> None:
        with self._lock:
            self.found += count
            self._on_change(self)

    def finish(self, complete: bool) -> None:
        with self._lock:
            self.done += 1
            self.incomplete += not complete
            self._on_change(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an observation went. not_listed: an organization, account or scope that could not be listed → why."""

    clusters: int
    incomplete: int
    not_listed: Mapping[str, model.Gap]
    stopped: bool

    @property
    def complete(self) -> bool:
        return not self.incomplete and not self.not_listed and not self.stopped


def observe_fleet(
    ports: Ports, reader: ClusterReader, choice: Choice, progress: Progress, kube_threads: int
) -> Outcome:
    """Read every account and region side by side, and every cluster in it; each cluster is saved as soon as it is read.

    One queue per account and region keeps each rate limit busy; API servers are read by a pool of their own, so that a
    slow one holds up nobody's AWS calls.
    """
    opened, not_discovered = ports.clouds.open()
    clouds = [c for c in opened if not choice.selector.excludes(_scope_attributes(c.scope))]
    threads = max(1, min(_THREADS_PER_SCOPE, _MOST_THREADS // max(1, len(clouds))))
    not_listed = dict(not_discovered)
    with ThreadPoolExecutor(kube_threads, "kube") as kube_pool:
        alone = [n for n in ports.kubes.standalone() if choice.wants_name(n, None)]
        progress.find(len(alone))
        stored = _stored(ports)
        waiting = [
            kube_pool.submit(_read_alone, ports, reader, name, stored.get((None, name)), progress) for name in alone
        ]
        with ThreadPoolExecutor(max(1, min(_MOST_THREADS, len(clouds))), "scope") as scope_pool:
            scopes = [_ScopeReader(ports, reader, choice, progress, cloud, kube_pool, stored) for cloud in clouds]
            for gaps in scope_pool.map(lambda scope: scope.read(threads), scopes):
                not_listed |= gaps
        known = [future.result() for future in waiting]
    for gap in list(not_discovered.values())[:1]:
        missing = {where for where, _ in stored if where is not None} - {cloud.scope for cloud in opened}
        _Stale(ports, reader, choice, progress, stored).mark(missing, gap)
    if not choice.selector.terms and not ports.cancel.is_set():
        ports.store.mark_gone(None, [id for id in known if id is not None], ports.clock.now())
        remember_discovery(ports, {cloud.scope for cloud in opened}, not_discovered)
    return Outcome(progress.done, progress.incomplete, not_listed, ports.cancel.is_set())


Stored = Mapping[tuple[model.Scope | None, str], model.ClusterId]
"""(scope, name) → the cluster's id as last stored."""


def _stored(ports: Ports) -> Stored:
    return {(c.scope, c.name): c.id for c in ports.store.clusters(only=())}


def _scope_attributes(scope: model.Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region}


def _read_alone(
    ports: Ports, reader: ClusterReader, name: str, stored: model.ClusterId | None, progress: Progress
) -> model.ClusterId | None:
    if ports.cancel.is_set():
        return stored

    def read() -> model.ClusterId:
        id, complete = reader.read_alone(name, stored)
        progress.finish(complete)
        return id

    return _spared(read, stored, progress, cluster=name)


def _spared(work: Callable[[], T], otherwise: T, progress: Progress, **cluster: str) -> T:
    """A fault of our own in one cluster must not cost the others their rows; without a database nothing goes on."""
    try:
        return work()
    except (StoreUnavailable, SchemaError):
        raise
    except Exception:
        _log.exception("cluster_failed", **cluster)
        progress.finish(complete=False)
        return otherwise


@dataclass(frozen=True, slots=True)
class _Stale:
    """Stored clusters of scopes that could not even be listed."""

    ports: Ports
    reader: ClusterReader
    choice: Choice
    progress: Progress
    stored: Stored

    def mark(self, scopes: Iterable[model.Scope], gap: model.Gap) -> None:
        """All of these clusters is old from here on, and why."""
        wanted = set(scopes)
        for (where, name), id in self.stored.items():
            if where in wanted and self.choice.wants_name(name, where) and not self.ports.cancel.is_set():
                self.progress.find(1)
                self.reader.miss(id, name, gap)
                self.progress.finish(complete=False)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A cluster that is not saved yet; only what the scope needs of it is kept in memory.

    minors: its own, None where it is not known now, and the one that its control plane may still go back to.
    """

    id: model.ClusterId
    minors: tuple[Minor | None, ...]
    saved: "Future[None]"


@dataclass(frozen=True, slots=True)
class _ScopeReader:
    """The clusters of one account in one region, and what they share."""

    ports: Ports
    reader: ClusterReader
    choice: Choice
    progress: Progress
    cloud: Cloud
    kube_pool: ThreadPoolExecutor
    stored: Stored

    def read(self, threads: int) -> Mapping[str, model.Gap]:
        """Read the scope and its clusters; the scope → why, when its clusters could not be listed."""
        scope = self.cloud.scope
        reading = Reading(self.ports.clock, self.ports.cancel, scope=str(scope))
        reading.keep(parts.ACCOUNT, self.cloud.account)
        names = reading.read(parts.CLUSTERS, self.cloud.cluster_names)
        gap = reading.gap(parts.CLUSTERS)
        if names is None or gap is not None:
            reading.save(self.ports.store, scope)
            if gap is None or self.ports.cancel.is_set():
                return {}
            _Stale(self.ports, self.reader, self.choice, self.progress, self.stored).mark([scope], gap)
            return {str(scope): gap}
        wanted = [n for n in names if self.choice.wants_name(n, scope)]
        self.progress.find(len(wanted))
        with ThreadPoolExecutor(threads, "cluster") as pool:
            seen = [s for s in pool.map(self._cluster, wanted) if s is not None]
        self._read_shared(reading, {minor for s in seen for minor in s.minors})
        for s in seen:
            s.saved.result()
        reading.save(self.ports.store, scope)
        if not self.choice.selector.terms and not self.ports.cancel.is_set():
            self.ports.store.mark_gone(scope, [s.id for s in seen], self.ports.clock.now())
        return {}

    def _cluster(self, name: str) -> "_Begun | None":
        """Read what EKS says, and beside it the API server in the other pool; None for a cluster that is not wanted."""
        if self.ports.cancel.is_set():
            return None
        known = self.stored.get((self.cloud.scope, name))
        otherwise = _Begun(known, (None,), _DONE) if known else None
        return _spared(
            lambda: self._begun(name, known), otherwise, self.progress, cluster=name, scope=str(self.cloud.scope)
        )

    def _begun(self, name: str, known: model.ClusterId | None) -> "_Begun | None":
        seen = self.reader.describe(self.cloud, name, known)
        if not self.choice.wants(seen):
            self.progress.find(-1)
            return None
        kube = self.kube_pool.submit(self.reader.read_kube_parts, seen)
        self.reader.read_cloud_parts(seen)
        done: Future[None] = Future()
        kube.add_done_callback(partial(self._finish, seen, done))  # in whichever thread is the last
        return _Begun(seen.id, tuple(self._minors(seen)), done)

    def _minors(self, seen: Described) -> Iterator[Minor | None]:
        """Of which its addons matter; the minor before too, for a rollback takes addons back to what goes with it."""
        yield seen.known.version if seen.known else None
        updates: Any = seen.reading.value(parts.UPDATES)
        if seen.known and updates and (back := may_go_back_to(seen.known.version, updates, self.ports.clock.now())):
            yield back

    def _finish(self, seen: Described, done: "Future[None]", kube: "Future[None]") -> None:
        """Both sides were read: save the cluster; after a cancel only what was seen by then."""

        def work() -> None:
            kube.result()
            complete = self.reader.finish(seen)
            if not self.ports.cancel.is_set():
                self.progress.finish(complete)

        try:
            done.set_result(_spared(work, None, self.progress, cluster=seen.name, scope=str(self.cloud.scope)))
        except Exception as error:  # the store is gone: for whoever waits for the scope
            done.set_exception(error)

    def _read_shared(self, reading: Reading, minors: set[Minor | None]) -> None:
        """What the scope's clusters share, asked once here: while their API servers are still being read."""
        if self.ports.cancel.is_set():
            return
        reading.read(parts.CLUSTER_VERSIONS, self.cloud.cluster_versions)
        reading.read(parts.AUTO_SCALING_GROUPS, self.cloud.auto_scaling_groups)
        if minors and not self.ports.cancel.is_set():
            reading.read(parts.QUOTAS, self.cloud.quotas)
        wanted = {m for m in minors if m is not None}
        if None in minors or self.choice.selector.terms:
            # Not every cluster's minor is known now: those that were asked for last time still count.
            wanted |= self._minors_of_last_releases()
        wanted |= _ahead_of(wanted, reading.value(parts.CLUSTER_VERSIONS))
        if not self.ports.cancel.is_set():
            reading.read(
                parts.ADDON_RELEASES,
                lambda: tuple(release for minor in sorted(wanted) for release in self.cloud.addon_releases(minor)),
            )

    def _minors_of_last_releases(self) -> set[Minor]:
        last = self.ports.store.scope_parts(self.cloud.scope).get(parts.ADDON_RELEASES)
        releases: Any = last.value if last else ()
        return {minor for release in releases or () for minor, _ in release.minors}


def _ahead_of(minors: set[Minor], offered: Any) -> set[Minor]:
    """Every minor that EKS offers from the oldest of these on: each hop's addons are judged, whatever the target is."""
    return {each.minor for each in offered or () if minors and each.minor >= min(minors)}


_DONE: "Future[None]" = Future()
_DONE.set_result(None)
