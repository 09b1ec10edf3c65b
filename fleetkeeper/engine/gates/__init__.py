"""The kinds of gates, and of holds that are asked beside them: one file each, found by being here."""

import sys
from functools import cache

from fleetkeeper.engine.kinds import kinds_of
from fleetkeeper.engine.step import Kinds


@cache
def all_gates() -> Kinds:
    """Every kind of this package by its name."""
    return kinds_of(sys.modules[__name__])
