"""NodeClaims of the small Karpenter, where there are any: a node whose claim says Drifted is replaced with it."""

from fleetkeeper.sim.world import Object, SimCluster

CLAIMS = "karpenter.sh/nodeclaims"


def is_drifted(cluster: SimCluster, node: str) -> bool:
    found = _of(cluster, node)
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return any(each["type"] == "Drifted" and each["status"] == "True" for each in conditions)


def replace_claim(cluster: SimCluster, old: str, new: str) -> None:
    """A node of the same pool has joined: its claim is as the old one's was before it drifted."""
    found = _of(cluster, old)
    if found is None:
        return
    labels = found["metadata"].get("labels", {})
    metadata = {"name": f"{labels.get('karpenter.sh/nodepool', 'pool')}-{new}", "uid": f"claim-{new}", "labels": labels}
    cluster.put(CLAIMS, {**found, "metadata": metadata, "status": {"nodeName": new, "conditions": []}})


def remove_claim(cluster: SimCluster, node: str) -> None:
    found = _of(cluster, node)
    if found is not None:
        cluster.remove(CLAIMS, "", found["metadata"]["name"])


def _of(cluster: SimCluster, node: str) -> Object | None:
    claims = cluster.objects.get(CLAIMS, {}).values()
    return next((each for each in claims if each.get("status", {}).get("nodeName") == node), None)
