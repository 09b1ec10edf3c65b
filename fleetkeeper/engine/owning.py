"""Who owns what was found: the stored parts of a cluster are read once for all of its findings."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

import structlog

from fleetkeeper.core import model, parts
from fleetkeeper.core import readiness as judged
from fleetkeeper.core.finding import Finding, Subject
from fleetkeeper.core.owner_sources import OBJECT_PARTS, Surroundings, needed, surroundings
from fleetkeeper.core.owners import Directory, Owned, Resolver
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.reports.owner_rows import ExplainedRow, Held, explained_row
from fleetkeeper.core.unowned import unowned
from fleetkeeper.core.wording import some
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.errors import ConfigError, UsageError

_log = structlog.get_logger("owners")

Disputed = Mapping[str, Collection[str]]
"""Fingerprint → owners who said that it is not theirs; where they are a mapping, its values say when."""

NOTHING: Disputed = {}

_FRESH = timedelta(seconds=5)
"""How long a directory serves before it is asked for anew: in one turn over a fleet it is not read for each cluster."""

_KEPT = timedelta(minutes=5)
"""How long what an account's tags say serves: many clusters share it, and reading it reads the whole scope."""


class Owning:
    """directory is asked for again and again, for files and contacts change while a daemon runs.

    Where it cannot be read any more, the last good one serves; a ConfigError is raised while there is none.
    """

    def __init__(self, store: Store, clock: Clock, directory: Callable[[], Directory]) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory
        self._resolver: Resolver | None = None
        self._asked_at: datetime | None = None
        self._accounts: dict[model.Scope, tuple[model.Account | None, datetime]] = {}

    def owned(
        self, cluster: model.SeenCluster, findings: Sequence[Finding], disputed: Disputed = NOTHING
    ) -> Mapping[str, Owned]:
        """Fingerprint → who is told, of the findings of one cluster."""
        resolver = self.resolver()
        around = self._around(cluster, needed(findings), resolver.directory)
        return {
            print: resolver.resolve(around.about(each), disputed.get(print, ()))
            for each in findings
            if (print := each.fingerprint)
        }

    def unowned(self, cluster: model.SeenCluster, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """What is found of those that nobody owns; nothing where no team is configured, for then nobody is told. Raises
        ConfigError."""
        if not self.resolver().directory.teams:
            return ()
        return unowned(findings, self.owned(cluster, findings))

    def look(self, cluster: model.SeenCluster) -> Surroundings:
        """Every object of a cluster that names its owner."""
        return self._around(cluster, OBJECT_PARTS, self.resolver().directory)

    def resolver(self) -> Resolver:
        """Of the present directory; the last one serves while nothing in it changed."""
        now, known = self._clock.now(), self._resolver
        if known is not None and self._asked_at is not None and now - self._asked_at < _FRESH:
            return known
        try:
            found = self._directory()
        except ConfigError as error:
            if known is None:
                raise
            _log.warning("owners_unreadable", error=str(error))
            found = known.directory
        self._asked_at = now
        if known is None or known.directory != found:
            known = self._resolver = Resolver(found)
        return known

    def _around(self, cluster: model.SeenCluster, names: Collection[str], directory: Directory) -> Surroundings:
        values = {name: self._value(cluster, name) for name in names}
        account = self._account(cluster.scope) if cluster.scope else None
        return surroundings(cluster.name, attributes_of(cluster), values.get, account, directory.keys)

    def _value(self, cluster: model.SeenCluster, name: str) -> Any:
        if (found := cluster.value(name)) is not None:
            return found
        part = self._store.cluster_part(cluster.id, name)
        return part.value if part else None

    def _account(self, scope: model.Scope) -> model.Account | None:
        now = self._clock.now()
        known = self._accounts.get(scope)
        if known is None or now - known[1] > _KEPT:
            part = self._store.scope_parts(scope).get(parts.ACCOUNT)
            value = part.value if part else None
            known = (value if isinstance(value, model.Account) else None, now)
            self._accounts[scope] = known
        return known[0]


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owners of a part of the fleet, with what is known to be wrong there."""

    owning: Owning
    clusters: tuple[model.SeenCluster, ...]
    entries: tuple[tuple[judged.Subject, Entry], ...]

    @property
    def directory(self) -> Directory:
        return self.owning.resolver().directory

    def held(self) -> Iterator[Held]:
        """Every finding that is not resolved, cluster by cluster."""
        by_cluster: dict[model.ClusterId, list[tuple[judged.Subject, Entry]]] = {}
        for subject, entry in self.entries:
            by_cluster.setdefault(subject.id, []).append((subject, entry))
        for cluster in self.clusters:
            entries = by_cluster.get(cluster.id, [])
            owned = self.owning.owned(cluster, [entry.finding for _, entry in entries])
            yield from (Held(subject, entry, owned[entry.finding.fingerprint]) for subject, entry in entries)

    def explain(self, name: str, subject: Subject) -> tuple[ExplainedRow, ...]:
        """Who owns an object of the clusters of a name; UsageError, with what is like it, where there is none."""
        clusters = [each for each in self.clusters if each.name == name]
        if not clusters:
            raise UsageError(f"no cluster is called {name}{_near(name, (each.name for each in self.clusters))}")
        looked = [(each, self.owning.look(each)) for each in clusters]
        found = [(each, around, same) for each, around in looked if (same := _same(subject, around)) is not None]
        if not found:
            raise UsageError(_not_there(subject, [around for _, around in looked]))
        return tuple(self._explained(*each) for each in found)

    def _explained(self, cluster: model.SeenCluster, around: Surroundings, subject: Subject) -> ExplainedRow:
        mine = [e.finding for c, e in self.entries if c.id == cluster.id and e.finding.subject == subject]
        about = around.about(mine[0]) if mine else around.of(subject)
        resolver = self.owning.resolver()
        where = judged.Subject(cluster.id, cluster.name, cluster.scope, cluster.placement, {})
        observed = bool(mine) or subject in around.subjects
        return explained_row(where, subject, resolver.resolve(about), resolver.directory, observed, len(mine))


def _same(wanted: Subject, around: Surroundings) -> Subject | None:
    """The object as the cluster calls it; one of a kind that is not observed goes by its namespace."""
    kinds = {each.kind.lower(): each.kind for each in around.subjects}
    kind = kinds.get(wanted.kind.lower())
    subject = Subject(kind or wanted.kind, wanted.name, wanted.namespace)
    if subject in around.subjects:
        return subject
    return subject if kind is None and wanted.namespace in around.namespaces else None


def _not_there(wanted: Subject, every: Iterable[Surroundings]) -> str:
    namespaces = {name for around in every for name in around.namespaces}
    if wanted.namespace and wanted.namespace not in namespaces:
        return f"there is no namespace {wanted.namespace}{_near(wanted.namespace, namespaces)}"
    known = [each for around in every for each in around.subjects]
    alike = [
        each.name for each in known if (each.kind.lower(), each.namespace) == (wanted.kind.lower(), wanted.namespace)
    ]
    return f"there is no {wanted}{_near(wanted.name, alike) or _near(wanted.kind, {each.kind for each in known})}"


def _near(text: str, known: Iterable[str]) -> str:
    every = sorted(set(known))
    near = get_close_matches(text, every, n=3)
    if near:
        return f": did you mean {' or '.join(near)}?"
    return f": there are {some(every)}" if every else ""
