"""Gathers every trace of a removed API in a cluster: who calls it, who wrote which object in it, and since when.

What each source proves: the audit log and EKS insights name a client and its last call; the API server's metric
proves a call since its start, by nobody in particular; managed fields name who wrote an object in which version;
last-applied says only how it was written once.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core import observed
from fleetkeeper.core.callers import Callers, is_own, subject_of
from fleetkeeper.core.compat import ApiRow, Compat
from fleetkeeper.core.finding import Evidence, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.snapshot import Hop, Snapshot

MANAGED_FIELDS, LAST_APPLIED, STORED = "managed fields", "last applied", "stored object"
USAGE = re.compile(r"/apis/(?P<group>[^/\s]+)/(?P<version>[^/\s]+)/(?P<resource>[^/\s]+)")
"""How an EKS insight writes the API that a client uses."""


@dataclass(slots=True)
class Caller:
    """A workload that uses an API, and why we think so."""

    workload: Workload
    evidence: list[Evidence] = field(default_factory=list)


@dataclass(slots=True)
class Uses:
    """All that speaks of one removed API in one cluster. calls are those whose caller no workload could be named for.

    written holds the objects by their subject, with the traces that no workload explains.
    """

    row: ApiRow
    calls: list[Evidence] = field(default_factory=list)
    callers: dict[Subject, Caller] = field(default_factory=dict)
    written: dict[Subject, list[observed.ObjectTrace]] = field(default_factory=dict)

    def add(self, workloads: Iterable[Workload], evidence: Evidence) -> bool:
        """Note a use by these workloads; False when there are none."""
        found = tuple(workloads)
        for workload in found:
            self.callers.setdefault(subject_of(workload), Caller(workload)).evidence.append(evidence)
        return bool(found)

    @property
    def last_call(self) -> datetime | None:
        return max((each.at for each in self.calls if each.at), default=None)


Note = Callable[[ApiRow | None], Uses | None]
"""The uses of an API, or None for one that does not matter here."""


def gather(snap: Snapshot, compat: Compat, hop: Hop) -> tuple[Uses, ...]:
    """Every API that the hop removes and that something in the cluster speaks of."""
    found: dict[tuple[str, str, str], Uses] = {}

    def note(row: ApiRow | None) -> Uses | None:
        if row is None or row.removed != hop.target:
            return None
        return found.setdefault((row.group, row.version, row.kind), Uses(row))

    callers = Callers.of(snap.workloads)
    _from_audit(snap, compat, note, callers)
    _from_insights(snap, compat, note, callers)
    _from_metric(snap, compat, note)
    _from_objects(snap, compat, note, callers)
    return tuple(found.values())


def _from_audit(snap: Snapshot, compat: Compat, note: Note, callers: Callers) -> None:
    for call in snap.audit_calls:
        uses = note(compat.api_of_resource(call.group, call.version, call.resource))
        if uses is None or is_own(call.user_agent):
            continue
        evidence = Evidence("audit log", f"{call.user} as {_agent(call.user_agent)}: {call.count} calls", call.last)
        if not uses.add(callers.of_user(call.user) or callers.of_agent(call.user_agent), evidence):
            uses.calls.append(evidence)


def _from_insights(snap: Snapshot, compat: Compat, note: Note, callers: Callers) -> None:
    for deprecation in (each for insight in snap.insights for each in insight.deprecations):
        usage = USAGE.search(deprecation.usage)
        uses = note(compat.api_of_resource(*usage.group("group", "version", "resource"))) if usage else None
        for client in deprecation.clients if uses else ():
            if uses is None or is_own(client.user_agent):
                continue
            text = f"{_agent(client.user_agent)}: {client.requests_30d} requests in 30 days"
            evidence = Evidence("EKS insight", text, client.last_request)
            if not uses.add(callers.of_agent(client.user_agent), evidence):
                uses.calls.append(evidence)


def _from_metric(snap: Snapshot, compat: Compat, note: Note) -> None:
    use = snap.api_use
    for call in use.calls if use else ():
        uses = note(compat.api_of_resource(call.group, call.version, call.resource))
        if uses is not None and use is not None:
            since = f" since the API server started ({use.since:%Y-%m-%d %H:%M} UTC)" if use.since else ""
            uses.calls.append(Evidence("metric", f"{call.resource} was asked for{since}", use.since))


def _from_objects(snap: Snapshot, compat: Compat, note: Note, callers: Callers) -> None:
    for trace in snap.object_traces:
        group, _, version = trace.api_version.rpartition("/")
        uses = note(compat.api(group, version, trace.kind))
        if uses is None or is_own(trace.manager):
            continue
        subject = Subject(trace.kind, trace.name, trace.namespace)
        if trace.source == MANAGED_FIELDS:
            evidence = Evidence(MANAGED_FIELDS, f"wrote {subject} as {trace.api_version}", trace.at)
            if uses.add(callers.of_agent(trace.manager), evidence):
                continue
        uses.written.setdefault(subject, []).append(trace)


def _agent(text: str) -> str:
    """A user agent as far as people need it."""
    return text if len(text) <= 60 else f"{text[:59]}…"
