"""Judges stored clusters one by one: snapshot, policy, checks, the life of findings, decisions, readiness."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import NOT_SEEN, HopReport, Verdict, assess, hops_to, not_seen
from fleetkeeper.core.checks import Check, all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.lifecycle import Tracked
from fleetkeeper.core.policy import TargetRule, policy_for
from fleetkeeper.core.readiness import ClusterReport, Entry, Subject, entries_of, report_of
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Hop, Policy, Snapshot
from fleetkeeper.core.tracking import Tracking, track, unseen
from fleetkeeper.core.unowned import NO_OWNER
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Deciding, Decisions
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.errors import ConfigError, SchemaError, StoreUnavailable

_log = structlog.get_logger("assess")

_NOBODY = Minor(0, 0)  # stands for the minor of a cluster whose control plane was never seen

_NO_MINOR = "its control plane was never seen, so no hop can be judged"


Unowned = Callable[[model.SeenCluster, Sequence[Finding]], Sequence[Finding]]
"""Of the findings of a cluster, what is found of those that nobody owns. Raises ConfigError."""


@dataclass(frozen=True, slots=True)
class Assessor:
    """Assesses what is stored. rules say which minor a cluster should be on, decisions what was waived or reweighed.

    unowned: asked after the checks, for who owns a thing is no part of a snapshot.
    """

    store: Store
    clock: Clock
    compat: Compat
    stale_after: timedelta
    rules: tuple[TargetRule, ...] = ()
    decisions: Deciding = field(default_factory=Decisions)
    checks: tuple[Check, ...] = field(default_factory=all_checks)
    unowned: Unowned = lambda _cluster, _findings: ()

    def assess(self, selector: Selector, target: Minor | None = None) -> Iterator[ClusterReport]:
        """A report for each stored cluster that the selector wants, by name.

        A target of the caller's own is only tried: its findings are told, but not kept, for the next look towards the
        policy's target would take them as resolved.
        """
        shared: dict[model.Scope, Mapping[str, model.Part[Any]]] = {}
        for cluster in self.store.clusters(only={parts.CONTROL_PLANE}):
            if not selector.accepts(attributes_of(cluster)):
                continue
            if cluster.scope is not None and cluster.scope not in shared:
                shared[cluster.scope] = self.store.scope_parts(cluster.scope)
            yield self._spared(cluster, shared[cluster.scope] if cluster.scope else {}, target)

    def findings(self, selector: Selector, resolved: bool = False) -> tuple[tuple[Subject, Entry], ...]:
        """What the last assessments found, by cluster, the gravest first; with what is resolved when asked for."""
        wanted = {
            cluster.id: _subject(cluster)
            for cluster in self.store.clusters(only={parts.CONTROL_PLANE})
            if selector.accepts(attributes_of(cluster))
        }
        stored: dict[model.ClusterId, list[Tracked]] = {}
        for each in self.store.findings(resolved):
            stored.setdefault(each.cluster, []).append(each.tracked)
        return tuple(
            (subject, entry)
            for id, subject in wanted.items()
            for entry in entries_of(stored.get(id, ()), self.decisions, subject.attributes, self.clock.now())
        )

    def judged_by(self, cluster: model.SeenCluster, shared: Mapping[str, model.Part[Any]], now: datetime) -> Snapshot:
        """What is stored of a cluster with the policy that it is judged by. shared: of its account and region."""
        snap = Snapshot(cluster, now, shared, stale_after=self.stale_after)
        return replace(snap, policy=self._policy(snap, None))

    def _spared(
        self, cluster: model.SeenCluster, shared: Mapping[str, model.Part[Any]], target: Minor | None
    ) -> ClusterReport:
        """A fault of our own in one cluster must not cost the others their reports, and never reads as ready."""
        try:
            return self._assessed(cluster, shared, target)
        except (StoreUnavailable, SchemaError):
            raise
        except Exception as error:
            _log.exception("assessment_failed", cluster=cluster.name, arn=cluster.id.arn)
            return self._failed(cluster, error)

    def _assessed(
        self, cluster: model.SeenCluster, shared: Mapping[str, model.Part[Any]], target: Minor | None
    ) -> ClusterReport:
        whole = replace(cluster, parts=self.store.cluster_parts(cluster.id))
        snap = Snapshot(whole, self.clock.now(), shared, stale_after=self.stale_after)
        snap = replace(snap, policy=self._policy(snap, target))
        reports = self._reports(snap)
        found = {each.fingerprint: each for report in reports for each in report.findings}
        before = self.store.tracking(cluster.id, found.keys()) or Tracking(snap.now)
        more = self._unowned(whole, before, (*found.values(), *unseen(snap, found, before, self.checks)))
        if more:  # told beside the first hop; it keeps none from beginning
            reports = (replace(reports[0], findings=(*reports[0].findings, *more)), *reports[1:])
            prints = {each.fingerprint for each in more}
            if not prints <= before.findings.keys():  # one of them may have been resolved
                before = self.store.tracking(cluster.id, found.keys() | prints) or before
        if _minor(snap) is None:  # without its minor nothing was judged, so nothing that was known is over
            tracking = replace(before, at=snap.now)
        else:
            tracking = track(snap, reports, before, self.checks)
            if target is None:
                self.store.save_tracking(cluster.id, tracking)
        return report_of(_subject(whole), _minor(snap), snap.policy, reports, tracking, self.decisions)

    def _policy(self, snap: Snapshot, target: Minor | None) -> Policy:
        at = _minor(snap)
        if at is None:
            return Policy(target, reason="its minor was never seen")
        known = attributes_of(snap.cluster)
        found = policy_for(known, at, self.rules, snap.cluster_versions, self.compat, snap.now)
        return found if target is None else replace(found, target=target, reason="asked for")

    def _reports(self, snap: Snapshot) -> tuple[HopReport, ...]:
        """The hops to the target. Where there are none, one for what can be said of the cluster as it is."""
        at, target = _minor(snap), snap.policy.target
        if at is None:
            hidden = replace(not_seen(snap, parts.CONTROL_PLANE, self.checks), blocks=True, message=_NO_MINOR)
            return (HopReport(Hop(_NOBODY, _NOBODY.next()), Verdict.UNKNOWN, (hidden,)),)
        if hops := hops_to(at, target or at):
            return assess(snap, hops, self.compat, self.checks)
        lasting = [each for each in self.checks if not each.each_hop]
        return assess(snap, [Hop(at, at.next())], self.compat, lasting)

    def _unowned(
        self, cluster: model.SeenCluster, before: Tracking, findings: Sequence[Finding]
    ) -> tuple[Finding, ...]:
        """What is known of it stays while the owners cannot be read: nobody was found for it."""
        try:
            return tuple(self.unowned(cluster, findings))
        except ConfigError as error:  # whose file it is, hears of it from whoever asks for owners
            _log.warning("owners_unreadable", error=str(error))
            known = (each for each in before.findings.values() if each.counts)
            return tuple(each.finding for each in known if each.finding.code == NO_OWNER)

    def _failed(self, cluster: model.SeenCluster, error: Exception) -> ClusterReport:
        broken = Finding(
            code=NOT_SEEN,
            severity=Severity.UNKNOWN,
            subject=CLUSTER,
            key="assessment",
            message=f"it could not be assessed, by a fault of fleetkeeper's own: {type(error).__name__}",
            fix=f"report it with what `fleetkeeper -v assess -l name={cluster.name}` logs",
            blocks=True,
        )
        report = HopReport(Hop(_NOBODY, _NOBODY.next()), Verdict.UNKNOWN, (broken,))
        now = self.clock.now()
        tracking = Tracking(now, {})
        return report_of(_subject(cluster), None, Policy(), (report,), tracking, self.decisions)


def _minor(snap: Snapshot) -> Minor | None:
    return snap.control_plane.version if snap.control_plane else None


def _subject(cluster: model.SeenCluster) -> Subject:
    return Subject(cluster.id, cluster.name, cluster.scope, cluster.placement, attributes_of(cluster))
