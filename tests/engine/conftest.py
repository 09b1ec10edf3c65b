"""A store on SQLite with this release's tables (they are made once and copied), and what was logged."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "fleet.db"
    schema.upgrade(StoreSettings(f"sqlite:///{path}"))
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> StoreSettings:
    shutil.copy(empty_database, tmp_path / "fleet.db")
    return StoreSettings(f"sqlite:///{tmp_path}/fleet.db")


@pytest.fixture
def store(database: StoreSettings) -> Iterator[SqlStore]:
    found = SqlStore(database)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found
