"""Everything that a turn of notices rests on, read from the store: findings, owners, clocks, answers, what was told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from fleetkeeper.core import model, parts
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.notices.clocks import Clocks, clocks_of, waves_of
from fleetkeeper.core.notices.deadlines import Wave
from fleetkeeper.core.notices.items import Where, busy_of, item_of
from fleetkeeper.core.notices.keys import cluster_key, cluster_of
from fleetkeeper.core.notices.values import Answer, AnswerKind, Item, ItemKey, Policy, Sent, Situation, Told
from fleetkeeper.core.owners import Hit, Owned, Source
from fleetkeeper.core.readiness import Entry, entries_of
from fleetkeeper.core.waivers import Decisions
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.binding import Heard
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.owning import Owning
from fleetkeeper.engine.ports import Store
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.errors import Tampered

_log = structlog.get_logger("notices")

REMEMBERED = timedelta(days=35)
"""How far back all notices count; older ones only while something of them is open."""

MENDED = timedelta(days=90)
"""How far back a turn looks at what was told and is over: it was edited to done long ago, and it grows by the year."""

Disputed = Mapping[str, Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class Situations:
    """decisions: the operator's own waivers and severities; what extensions waive stays an item, for its owner.

    Extensions are told by their answers.
    """

    store: Store
    runs: Runs
    heard: Heard
    assessor: Assessor
    owning: Owning
    decisions: Decisions
    policy: Policy

    def at(self, now: datetime, since: datetime | None = None) -> Situation:
        """since: with what was told and is over since then, three months without."""
        notices = self.heard.notices
        answers, told = self.heard.answers(), notices.told()
        sent = notices.sent(now - REMEMBERED)
        directory = self.owning.resolver().directory
        look = _Look(self, now, told, _disputed(answers, sent, told), since or now - MENDED)
        return Situation(
            now=now,
            policy=self.policy,
            items=tuple(look.items()),
            told=told,
            answers=answers,
            sent=sent,
            teams=directory.teams,
            contacts=directory.contacts,
            first_live=notices.first_live(),
        )


class _Look:
    """One reading of the store, cluster by cluster."""

    def __init__(
        self,
        made: Situations,
        now: datetime,
        told: Mapping[ItemKey, Told],
        disputed: Mapping[str, Disputed],
        since: datetime,
    ) -> None:
        self._made, self._now, self._told, self._disputed, self._since = made, now, told, disputed, since
        self._shared: dict[model.Scope, Mapping[str, model.Part[Any]]] = {}
        self._waves, self._busy = self._at_work()

    def items(self) -> Iterable[Item]:
        found: dict[model.ClusterId, list[Tracked]] = {}
        for each in self._made.store.findings():
            found.setdefault(each.cluster, []).append(each.tracked)
        over: dict[str, set[str]] = {}
        for key, told in self._told.items():
            if told.mended is None or told.mended >= self._since:
                over.setdefault(key.cluster, set()).add(key.fingerprint)
        for cluster in self._made.store.clusters(only={parts.CONTROL_PLANE}):
            own = found.get(cluster.id, [])
            wanted = over.pop(cluster_key(cluster.id), set()) - {each.finding.fingerprint for each in own}
            yield from self._of(cluster, [*own, *self._resolved(cluster.id, wanted)])
        for gone, wanted in over.items():
            yield from self._gone(cluster_of(gone), wanted)

    def _of(self, cluster: model.SeenCluster, tracked: Sequence[Tracked]) -> Iterable[Item]:
        """What is waived and was never told is nobody's business."""
        if not tracked:
            return
        attributes, key = attributes_of(cluster), cluster_key(cluster.id)
        entries = entries_of(tracked, self._made.decisions, attributes, self._now)
        kept = [each for each in entries if not each.waiver or self._key(key, each) in self._told]
        findings: Sequence[Finding] = [each.finding for each in kept]
        owned = self._made.owning.owned(cluster, findings, self._disputed.get(key, {}))
        where = self._where(cluster)
        for entry in kept:
            yield item_of(entry, owned[entry.finding.fingerprint], where)

    def _where(self, cluster: model.SeenCluster) -> Where:
        shared: Mapping[str, model.Part[Any]] = {}
        if cluster.scope is not None:
            if cluster.scope not in self._shared:
                self._shared[cluster.scope] = self._made.store.scope_parts(cluster.scope)
            shared = self._shared[cluster.scope]
        snap = self._made.assessor.judged_by(cluster, shared, self._now)
        clocks = clocks_of(snap, self._made.assessor.compat, self._waves.get(cluster.id, ()))
        environment = cluster.placement.environment
        return Where(cluster.id, cluster.name, environment, clocks, self._busy.get(cluster.id, ""))

    def _resolved(self, cluster: model.ClusterId, wanted: set[str]) -> Iterable[Tracked]:
        """Of what was told, the findings that are over."""
        tracking = self._made.store.tracking(cluster, wanted) if wanted else None
        known = tracking.findings if tracking else {}
        return [each for key in sorted(wanted) if (each := known.get(key)) is not None]

    def _gone(self, cluster: model.ClusterId, wanted: set[str]) -> Iterable[Item]:
        """With its cluster a finding is over, whatever its last state was."""
        where = Where(cluster, cluster.arn.rpartition("/")[2], "", Clocks())
        for each in self._resolved(cluster, wanted):
            tracked = each if not each.counts else replace(each, state=State.RESOLVED, since=each.last_seen)
            told = self._told[ItemKey(cluster_key(cluster), each.finding.fingerprint)]
            owned = Owned(told.owner, Hit(Source.CLUSTER, told.owner, "a cluster that is gone", told.owner))
            for entry in entries_of([tracked], self._made.decisions, {}, self._now):
                yield replace(item_of(entry, owned, where), is_gone=True)

    def _key(self, cluster: str, entry: Entry) -> ItemKey:
        return ItemKey(cluster, entry.finding.fingerprint)

    def _at_work(self) -> tuple[Mapping[model.ClusterId, tuple[Wave, ...]], Mapping[model.ClusterId, str]]:
        """What is planned of each cluster, and where a run is at work. What was tampered with is nothing to go by."""
        runs = self._made.runs
        every = runs.runs()
        busy: dict[model.ClusterId, str] = {}
        for run in runs.runs(over=False):
            try:
                stored = runs.run(run.id)
            except Tampered as error:
                _log.warning("run_not_read", run=run.id, reason=str(error))
                continue
            if stored is not None:
                busy |= busy_of(run.id, stored.plan, stored.tasks, stored.steps)
        try:
            return waves_of(runs.plans(), every, self._now), busy
        except Tampered as error:
            _log.warning("plans_not_read", reason=str(error))
            return {}, busy


def _disputed(
    answers: Iterable[Answer], sent: Iterable[Sent], told: Mapping[ItemKey, Told]
) -> Mapping[str, dict[str, dict[str, datetime]]]:
    """Cluster → fingerprint → whose people said "not mine", and when."""
    notices = {each.notice.id: each.notice for each in sent}
    found: dict[str, dict[str, dict[str, datetime]]] = {}
    for answer in answers:
        if answer.kind is not AnswerKind.NOT_MINE:
            continue
        notice = notices.get(answer.notice)
        owners = {entry.item: entry.owner for entry in notice.entries} if notice else {}
        for key in answer.items:
            owner = owners.get(key) or (told[key].owner if key in told else "")
            if owner:
                found.setdefault(key.cluster, {}).setdefault(key.fingerprint, {})[owner] = answer.at
    return found
