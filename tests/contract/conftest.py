"""A migrated database of each kind, as settings."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.run import Consent
from tests.postgres import Postgres, postgres
from tests.sqlite import migrated

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest) -> Iterator[StoreSettings]:
    """A database with this release's tables."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("tmp_path")
        yield migrated(path / "fleet.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.migrated()
    yield StoreSettings(url)
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[StoreSettings]:
    """A place for a database, without tables."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("tmp_path")
        yield StoreSettings(f"sqlite:///{path}/fleet.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.empty()
    yield StoreSettings(url)
    server.drop(url)


@pytest.fixture
def open_store(settings: StoreSettings) -> Iterator[Callable[[], SqlStore]]:
    """Opens stores on one database, each with connections of its own, as replicas have."""
    stores: list[SqlStore] = []

    def open_one() -> SqlStore:
        stores.append(SqlStore(settings))
        return stores[-1]

    yield open_one
    for one in stores:
        one.close()


@pytest.fixture
def store(open_store: Callable[[], SqlStore]) -> SqlStore:
    return open_store()


def everyone(_command: object) -> bool:
    """Known."""
    return True


def of_this_plan(approvals: Sequence[Approval], digest: str) -> Consent | None:
    found = (Consent(each.actor, each.identity, each.at) for each in approvals if each.digest == digest)
    return next(found, None)


@pytest.fixture
def open_runs(settings: StoreSettings) -> Iterator[Callable[[], SqlRuns]]:
    """Opens the plans and runs of one database, each with connections of its own, as replicas have."""
    opened: list[SqlRuns] = []

    def open_one() -> SqlRuns:
        opened.append(SqlRuns(settings, of_this_plan, everyone))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def runs(open_runs: Callable[[], SqlRuns]) -> SqlRuns:
    return open_runs()


@pytest.fixture
def open_notices(settings: StoreSettings) -> Iterator[Callable[[], SqlNotices]]:
    """Opens the notices of one database, each with connections of its own, as replicas have."""
    opened: list[SqlNotices] = []

    def open_one() -> SqlNotices:
        opened.append(SqlNotices(settings))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def notices(open_notices: Callable[[], SqlNotices]) -> SqlNotices:
    return open_notices()
