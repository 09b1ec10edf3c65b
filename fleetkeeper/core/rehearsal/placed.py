"""What stands where in a cluster at the moment of asking: what a rehearsal begins with."""

from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget


@dataclass(frozen=True, slots=True)
class Placed:
    """Every node, pod, budget and bound volume of one cluster, read at `at` with the reader's credentials.

    The inventory keeps no pods, for their number; so this is read anew for each rehearsal, and never stored. volumes:
    attached_to may be empty, for the reader may not list attachments; where a pod runs, its volumes are.
    """

    at: datetime
    nodes: tuple[LiveNode, ...]
    pods: tuple[LivePod, ...]
    budgets: tuple[Budget, ...] = ()
    volumes: tuple[LiveVolume, ...] = ()
