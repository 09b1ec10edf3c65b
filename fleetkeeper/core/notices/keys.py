"""How an item names its cluster: the text that the store keys a cluster by."""

from datetime import UTC, datetime

from fleetkeeper.core.model import ClusterId


def cluster_key(cluster: ClusterId) -> str:
    """`arn created_at`; no ARN has a space."""
    return f"{cluster.arn} {cluster.created_at.astimezone(UTC).isoformat()}"


def cluster_of(key: str) -> ClusterId:
    """The cluster of such a key; ValueError for a text that is none."""
    arn, _, created = key.partition(" ")
    return ClusterId(arn, datetime.fromisoformat(created))
