"""What a node group has besides its version: sizes, update configuration, labels and taints, and their limits."""

from typing import Any

from fleetkeeper.sim.aws.updates import invalid
from fleetkeeper.sim.world import Object, SimCluster, SimNodeGroup, SimUpdateConfig

EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_LABEL = "eks.amazonaws.com/nodegroup"
_MOST = 100


def sized(cluster: SimCluster, group: SimNodeGroup, asked: dict[str, int]) -> tuple[int, int, int]:
    """minimum, maximum and desired after a scalingConfig; InvalidParameterException when they do not fit."""
    minimum, maximum = asked.get("minSize", group.minimum), asked.get("maxSize", group.maximum)
    desired = asked.get("desiredSize", group.desired)
    if minimum > maximum:
        raise invalid(f"Minimum capacity {minimum} can't be greater than max capacity {maximum}", cluster, group.name)
    if desired < minimum:
        message = f"Minimum capacity {minimum} can't be greater than desired size {desired}"
        raise invalid(message, cluster, group.name)
    if desired > maximum:
        raise invalid(f"desired capacity {desired} can't be greater than max size {maximum}", cluster, group.name)
    return minimum, maximum, desired


def update_config(cluster: SimCluster, group: SimNodeGroup, asked: dict[str, Any]) -> SimUpdateConfig:
    known = group.update_config
    nodes, percent = asked.get("maxUnavailable"), asked.get("maxUnavailablePercentage")
    if nodes is not None and percent is not None:
        message = "Only one of maxUnavailable and maxUnavailablePercentage may be specified"
        raise invalid(message, cluster, group.name)
    for value in (nodes, percent):
        if value is not None and not 1 <= value <= _MOST:
            raise invalid(f"maxUnavailable must be from 1 to {_MOST}, not {value}", cluster, group.name)
    strategy = asked.get("updateStrategy", known.strategy)
    if nodes is None and percent is None:
        return SimUpdateConfig(known.nodes, known.percent, strategy)
    return SimUpdateConfig(nodes or 0, percent or 0, strategy)


def _nodes(cluster: SimCluster, group: SimNodeGroup) -> list[Object]:
    nodes = cluster.objects.get("/nodes", {}).values()
    return [node for node in nodes if node["metadata"].get("labels", {}).get(_LABEL) == group.name]


def apply_labels(cluster: SimCluster, group: SimNodeGroup, asked: dict[str, Any]) -> None:
    """On the group and on the nodes that it has."""
    added, removed = asked.get("addOrUpdateLabels") or {}, set(asked.get("removeLabels") or ())
    if not added and not removed:
        return
    group.labels = _merged(group.labels, added, removed)
    for node in _nodes(cluster, group):
        metadata = node["metadata"]
        labels = _merged(metadata.get("labels", {}), added, removed)
        cluster.put("/nodes", {**node, "metadata": {**metadata, "labels": labels}})


def _merged(known: dict[str, str], added: dict[str, str], removed: set[str]) -> dict[str, str]:
    return {**{key: text for key, text in known.items() if key not in removed}, **added}


def apply_taints(cluster: SimCluster, group: SimNodeGroup, asked: dict[str, Any]) -> None:
    added, removed = asked.get("addOrUpdateTaints") or [], asked.get("removeTaints") or []
    if not added and not removed:
        return
    gone = {(each["key"], each["effect"]) for each in (*added, *removed)}
    group.taints = [each for each in group.taints if (each["key"], each["effect"]) not in gone] + added
    away = {(key, EFFECTS[effect]) for key, effect in gone}
    for node in _nodes(cluster, group):
        spec = node.get("spec", {})
        kept = [each for each in spec.get("taints", ()) if (each["key"], each["effect"]) not in away]
        taints = kept + [{**each, "effect": EFFECTS[each["effect"]]} for each in added]
        cluster.put("/nodes", {**node, "spec": {**spec, "taints": taints}})
