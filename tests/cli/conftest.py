"""A simulated fleet that answers over HTTP, and a PostgreSQL."""

from collections.abc import Iterator

import pytest

from fleetkeeper.sim.process import SimProcess
from tests.postgres import postgres

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def fleet() -> Iterator[SimProcess]:
    """Three clusters in two accounts; a test that orders faults clears them."""
    with SimProcess("three") as found:
        yield found
