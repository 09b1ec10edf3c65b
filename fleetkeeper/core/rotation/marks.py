"""What fleetkeeper writes on a node, by key; `marks_of` reads it back. Nothing without our mark is ever taken off."""

from collections.abc import Mapping
from datetime import datetime

from fleetkeeper.core.live import Marks

ROTATION = "fleetkeeper.io/rotation"
BEGAN = "fleetkeeper.io/drain-began"
CORDONED = "fleetkeeper.io/cordoned"
EXCLUDED = "fleetkeeper.io/excluded"
QUARANTINED = "fleetkeeper.io/quarantined"
FENCE = "fleetkeeper.io/rotating"
"""The key of the PreferNoSchedule taint."""
NO_LOAD_BALANCER = "node.kubernetes.io/exclude-from-external-load-balancers"
"""A label of Kubernetes (well-known labels, 2026)."""
NO_SCALE_DOWN = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
"""An annotation of Cluster Autoscaler (its FAQ, 2026); ours ends with `UNTIL`."""
UNTIL = "fleetkeeper.io/scale-down-held-until"


def marks_of(annotations: Mapping[str, str]) -> Marks:
    """A clock that cannot be read counts as none: the drain then begins anew."""
    return Marks(
        rotation=annotations.get(ROTATION, ""),
        began_at=_moment(annotations.get(BEGAN, "")),
        cordoned=annotations.get(CORDONED) == "true",
        excluded=annotations.get(EXCLUDED) == "true",
        quarantined=annotations.get(QUARANTINED, ""),
        keeps_until=_moment(annotations.get(UNTIL, "")),
        kept_by_others=NO_SCALE_DOWN in annotations and UNTIL not in annotations,
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
