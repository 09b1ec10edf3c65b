"""Random worlds in which nodes are emptied: budgets hold, each pod moves once, and new replicas always find a place.

A part of them is played with every run of the tests; FLEETKEEPER_WORLDS=2000 plays as many as it says (`make chaos`).
The process dies before and after acts, calls fail, a load triples in mid-drain, nodes come and die.
"""

import os
import time

import pytest

from tests.engine.rotation_worlds import Outcome, played

WORLDS = int(os.environ.get("FLEETKEEPER_WORLDS", "0"))
"""How many; 0 is as many as fit into the time below."""
FIRST = int(os.environ.get("FLEETKEEPER_FIRST_WORLD", "0"))
SECONDS = 40.0
PARTS = 2


def faults_of(outcome: Outcome) -> list[str]:
    return [f"seed {outcome.seed}: {each}" for each in outcome.faults]


@pytest.mark.parametrize("part", range(PARTS))
def test_budgets_hold_and_pods_move_once_in_random_worlds(part: int) -> None:
    until = time.monotonic() + SECONDS / PARTS
    wrong: list[str] = []
    seed, count = FIRST + part, 0
    while count * PARTS < WORLDS if WORLDS else time.monotonic() < until:
        wrong += faults_of(played(seed))
        seed, count = seed + PARTS, count + 1
    assert count > 0
    assert wrong == []
