"""A room that rehearsals share: its empty database is made once."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from fleetkeeper.rehearsal.playing import Room, room


@pytest.fixture(scope="session")
def place() -> Iterator[Room]:
    with room(cast(Any, None)) as made:
        yield made
