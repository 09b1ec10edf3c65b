"""The doctor's look at a database of either kind: it passes twice in a row, for nothing stays written."""

import sqlalchemy as sa

from fleetkeeper.adapters.store import tables
from fleetkeeper.adapters.store.probes import store_probes
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings


def test_a_database_that_is_ready_passes_and_nothing_stays_written(settings: StoreSettings, store: SqlStore) -> None:
    shown = {probe.attempt() for probe in (*store_probes(settings), *store_probes(settings))}

    counted = sa.select(sa.func.count()).select_from(tables.cron_fire)
    assert len(shown) == 1
    assert store._database.read("count", lambda connection: connection.scalar(counted)) == 0
