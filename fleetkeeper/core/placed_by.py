"""What a scheduler goes by for a pod, beside its requests, selectors and tolerations, as one text (LivePod.around)."""

from collections.abc import Mapping, Sequence
from typing import Any

from fleetkeeper.values import to_json


def placed_by(affinity: Mapping[str, Any] | None, spread: Sequence[Mapping[str, Any]] | None) -> str:
    """Canonical JSON of a spec's affinity and topologySpreadConstraints, "" for neither."""
    given = {"affinity": affinity, "topologySpreadConstraints": spread}
    found = {name: each for name, each in given.items() if each}
    return to_json(found) if found else ""
