"""A store on SQLite with this release's tables, and what was logged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from tests.sqlite import migrated


@pytest.fixture
def database(tmp_path: Path) -> StoreSettings:
    return migrated(tmp_path / "fleet.db")


@pytest.fixture
def store(database: StoreSettings) -> Iterator[SqlStore]:
    found = SqlStore(database)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found
