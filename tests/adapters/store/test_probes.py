"""The doctor's look at a database that is not as it should be."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.probes import store_probes
from fleetkeeper.config import StoreSettings
from fleetkeeper.errors import SchemaError, StoreUnavailable
from tests.sqlite import migrated


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    return migrated(tmp_path / "fleet.db")


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    schema_probe, writable = store_probes(StoreSettings(f"sqlite:///{tmp_path / 'none.db'}"))

    with pytest.raises(SchemaError, match="fleetkeeper db upgrade"):
        schema_probe.attempt()
    with pytest.raises(StoreUnavailable):
        writable.attempt()
    assert not list(tmp_path.iterdir())


def test_a_database_that_may_not_be_written_to_fails(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write to any file, so SQLite itself is told to refuse.
    connect = Database.__init__

    def read_only(self: Database, *arguments: object) -> None:
        connect(self, *arguments)  # type: ignore[arg-type]
        sa.event.listen(self.engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = ON"))

    monkeypatch.setattr(Database, "__init__", read_only)
    schema_probe, writable = store_probes(settings)

    schema_probe.attempt()
    with pytest.raises(StoreUnavailable, match="try to write"):
        writable.attempt()
