"""What stands where in a cluster now, read with the reader's credentials at the moment of asking."""

from typing import Protocol

from fleetkeeper.core.model import SeenCluster
from fleetkeeper.core.rehearsal.placed import Placed


class Placements(Protocol):
    """The reader's way to the pods of a cluster, which the inventory does not keep, for their number."""

    def of(self, cluster: SeenCluster) -> Placed:
        """Everything of one cluster. Raises a ReadError when any of it cannot be seen: half a cluster misleads."""
        ...
