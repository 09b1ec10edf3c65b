"""A room that rehearsals share: its empty database is made once."""

from collections.abc import Iterator

import pytest

from fleetkeeper.rehearsal.playing import Room, room
from tests.contract.conftest import settings
from tests.postgres import postgres

__all__ = ["postgres", "settings"]


@pytest.fixture(scope="session")
def place() -> Iterator[Room]:
    with room() as made:
        yield made
