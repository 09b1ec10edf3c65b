"""How hard the engine is hit: as CI does it, or whole (`make chaos`)."""

import os
import random

import pytest

from tests.contract.conftest import settings
from tests.postgres import postgres

__all__ = ["postgres", "settings"]

KILLS = "FLEETKEEPER_CHAOS_KILLS"
SEED = "FLEETKEEPER_CHAOS_SEED"


@pytest.fixture
def kills() -> int:
    """How many kill -9 in each of the two tests of random kills; what others repeat follows it."""
    return int(os.environ.get(KILLS, "8"))


@pytest.fixture
def seed() -> int:
    """Printed when a test fails: SEED set to it draws the same. (The machine's own timing stays its own.)"""
    drawn = int(os.environ.get(SEED) or random.SystemRandom().randrange(1_000_000))
    print(f"{SEED}={drawn}")
    return drawn


@pytest.fixture
def whole() -> bool:
    """Whether kills right before transitions of steps that only look are worth their time as well."""
    return KILLS in os.environ
