"""Sets of steps that hold together: when one of them fails for good, those done before it are put back with it.

A set are updates of addons, side by side and in one hop, that say `undo = "restore"`.
"""

from collections.abc import Sequence

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Step
from fleetkeeper.core.verdict import Memory

_KINDS = frozenset({"update-addon"})
"""Others have an `undo` too, which names what an abort calls."""

OUTLIVES = "before."
"""Keys of a memory that begin so stay when an attempt ends: how the world was before the first one."""


def set_before(specs: Sequence[StepSpec], idx: int) -> range:
    """The steps of the set that ends with `idx`, this one included; none where it belongs to no set."""
    spec, first = specs[idx], idx + 1
    while first > 0 and _restores(before := specs[first - 1]) and (before.kind, before.hop) == (spec.kind, spec.hop):
        first -= 1
    return range(first, idx + 1)


def outliving(memory: Memory) -> Memory:
    """What of a memory the next attempt begins with."""
    return {key: value for key, value in memory.items() if key.startswith(OUTLIVES)}


def is_touched(row: Step) -> bool:
    """Whether the world may hold something of a step: this attempt meant to act, or one before it did."""
    return bool(row.intent) or bool(outliving(row.memory))


def _restores(spec: StepSpec) -> bool:
    return spec.kind in _KINDS and spec.params.get("undo") == "restore"
