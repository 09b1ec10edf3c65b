"""The Store over SQLite or PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import clusters, findings, read, revisions, tables
from fleetkeeper.adapters.store.clusters import Subject
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.merge import Prepared
from fleetkeeper.adapters.store.notice_prune import forget_notices
from fleetkeeper.adapters.store.observations import record_observed
from fleetkeeper.adapters.store.rows import inserts
from fleetkeeper.adapters.store.workers import forget_runs
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.model import Change, ClusterId, Part, Placement, Scope, SeenCluster
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.engine.ports import Listed, Observation, StoredFinding

_LEDGER_DAYS = 30


class SqlStore:
    """engine.ports.Store on our tables. Raises StoreUnavailable or SchemaError, never a driver's error."""

    def __init__(self, settings: StoreSettings) -> None:
        self._database = Database(settings)

    def check_schema(self) -> None:
        revisions.check_schema(self._database)

    def save_cluster(
        self, cluster: ClusterId, name: str, scope: Scope | None, placement: Placement, at: datetime
    ) -> None:
        self.save_many([Listed(cluster, name, scope, placement, at)], [])

    def save(self, subject: Subject, observations: Sequence[Observation]) -> None:
        self.save_many([], [(subject, observations)])

    def save_many(self, listed: Sequence[Listed], observed: Sequence[tuple[Subject, Sequence[Observation]]]) -> None:
        """Raises TypeError for a value of the wrong type, ValueError for a cluster that was never listed."""
        newest = list({one.id: one for one in sorted(listed, key=lambda one: one.at)}.values())
        prepared = [(subject, Prepared.of(one)) for subject, some in observed for one in some]
        subjects = {one.id for one in newest} | {one.scope for one in newest if one.scope} | {s for s, _ in prepared}

        def work(connection: sa.Connection) -> None:
            clusters.adopt_undescribed(connection, newest)
            ids = clusters.lock_subjects(connection, subjects)
            clusters.record_listed(connection, ids, newest)
            clusters.demand_listed(connection, ids)
            record_observed(connection, ids, prepared)

        if subjects:
            self._database.write("save observations", work)

    def mark_gone(self, scope: Scope | None, seen: Sequence[ClusterId], at: datetime) -> None:
        self._database.write("mark clusters as gone", lambda c: clusters.mark_unseen(c, scope, seen, at))

    def clusters(self, at: datetime | None = None, only: Collection[str] | None = None) -> tuple[SeenCluster, ...]:
        def work(connection: sa.Connection) -> tuple[SeenCluster, ...]:
            return read.fleet_now(connection, only) if at is None else read.fleet_then(connection, at, only)

        return self._database.read("read the fleet", work)

    def cluster_part(self, cluster: ClusterId, part: str) -> Part[Any] | None:
        key = tables.subject_key(cluster)
        return self._database.read("read a part", lambda c: read.subject_parts(c, key, {part})).get(part)

    def cluster_parts(self, cluster: ClusterId) -> Mapping[str, Part[Any]]:
        key = tables.subject_key(cluster)
        return self._database.read("read a cluster", lambda c: read.subject_parts(c, key))

    def scope_parts(self, scope: Scope) -> Mapping[str, Part[Any]]:
        key = tables.subject_key(scope)
        return self._database.read("read a scope", lambda c: read.subject_parts(c, key))

    def scopes(self) -> tuple[Scope, ...]:
        return self._database.read("read the scopes", read.scopes)

    def changes(self, since: datetime, until: datetime | None = None) -> tuple[Change, ...]:
        return self._database.read("read the changes", lambda c: read.changes(c, since, until))

    def tracking(self, cluster: ClusterId, found: Collection[str] = ()) -> Tracking | None:
        key = tables.subject_key(cluster)
        return self._database.read("read the findings", lambda c: findings.read_tracking(c, key, found))

    def save_tracking(self, cluster: ClusterId, tracking: Tracking) -> None:
        """Raises ValueError for a cluster that was never listed."""
        rows = findings.prepared(tracking)

        def work(connection: sa.Connection) -> None:
            ids = clusters.lock_subjects(connection, [cluster])
            clusters.demand_listed(connection, ids)
            findings.write_tracking(connection, ids[cluster], tracking, rows)

        self._database.write("save findings", work)

    def findings(self, resolved: bool = False) -> tuple[StoredFinding, ...]:
        return self._database.read("read the findings", lambda c: tuple(findings.read_findings(c, resolved)))

    def win_slot(self, job: str, slot: datetime, who: str, at: datetime) -> bool:
        """After a connection that broke in the very commit, nobody may win: a slot is fired at most once."""
        row = {"job": job, "slot": slot, "who": who, "fired_at": at}
        return self._database.write("claim a cron slot", lambda c: inserts(c, tables.cron_fire, row))

    def prune(self, now: datetime, history_days: int) -> None:
        """Forget the cron ledger after 30 days; after history_days what is over: history, findings, clusters, runs,
        and the notices and answers of items that no longer count."""
        cron, history, cluster = tables.cron_fire, tables.history, tables.cluster
        horizon = now - timedelta(days=history_days)

        def work(connection: sa.Connection) -> None:
            gone = sa.select(cluster.c.id).where(cluster.c.gone_at < horizon)
            connection.execute(tables.subject.delete().where(tables.subject.c.id.in_(gone)))
            findings.forget_resolved(connection, horizon)
            connection.execute(history.delete().where(history.c.valid_to < horizon))
            forget_runs(connection, horizon)
            forget_notices(connection, horizon)
            connection.execute(cron.delete().where(cron.c.fired_at < now - timedelta(days=_LEDGER_DAYS)))

        self._database.write("forget old history", work)

    def close(self) -> None:
        self._database.close()
