"""Instances of Auto Scaling groups: they launch, join as nodes after a while, and end with their nodes."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws import target_groups
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.drains import Drain
from fleetkeeper.sim.aws.fleet import private_address
from fleetkeeper.sim.aws.images import ami_id
from fleetkeeper.sim.aws.node_group_shape import EFFECTS
from fleetkeeper.sim.aws.workers import NodeOrder, node_of, nodes_by_instance, ready_nodes
from fleetkeeper.sim.world import SimAutoScalingGroup, SimCluster, SimNodeGroup

AnyGroup = SimNodeGroup | SimAutoScalingGroup
_ZONES = "abc"
_SET_LATER = ("node.kubernetes.io", "fleetkeeper.dev/")
"""Beginnings of taints that come to a node after its kubelet has made it."""
_SELF_MANAGED_LABELS = ("alpha.eksctl.io/cluster-name", "alpha.eksctl.io/nodegroup-name", "node-lifecycle")


def wanted_size(group: AnyGroup) -> int:
    """The Auto Scaling group's desired capacity, with what an update adds."""
    return group.desired + (group.surge if isinstance(group, SimNodeGroup) else 0)


def live(group: AnyGroup) -> list[str]:
    """The instances that are not on their way out, in the order of their launch."""
    ending = {name for name, life in group.life.items() if life.startswith("Terminating")}
    return [name for name in group.instances if name not in ending]


def kubelet_for(minor: str, release: str = "") -> str:
    """Such as v1.35.8-eks-8f2a1c0; a release of Amazon Linux names its own patch."""
    named = release.partition("-")[0] if release.startswith(f"{minor}.") else ""
    offered = catalog().minor(minor)
    return f"v{named or (offered.patch if offered else f'{minor}.0')}-eks-8f2a1c0"


def launch(stage: Backstage, cluster: SimCluster, group: AnyGroup, kubelet: str = "", release: str = "") -> str:
    """One more instance, in the zone with the fewest: its id. It joins after the time to boot, or never.

    kubelet and release are those of an update on its way; "" is what the group has.
    """
    seed = f"{cluster.key}/{group.name}/{next(stage.numbers)}/{stage.now().isoformat()}"
    name = "i-0" + sha256(seed.encode()).hexdigest()[:16]
    zones = group.zones or [f"{cluster.region}{letter}" for letter in _ZONES[: len(cluster.subnets) or 1]]
    count = Counter(dict.fromkeys(zones, 0))
    count.update(group.instances.values())
    order = NodeOrder(name, min(count, key=lambda each: (count[each], each)), private_address(name), kubelet)
    if isinstance(group, SimAutoScalingGroup):
        order = _like_its_elders(cluster, group, replace(order, kubelet=kubelet or group.kubelet))
    else:
        order = _managed(cluster, group, order, release or group.release_version)
        if release:
            group.images[name] = ami_id(cluster.region, group.ami_type, release)
    group.instances[name], group.life[name], group.launched[name] = order.zone, "Pending", stage.now()
    stage.after(stage.timing.node_boot, lambda: _boot(stage, cluster, group, order))
    return name


def _boot(stage: Backstage, cluster: SimCluster, group: AnyGroup, order: NodeOrder) -> None:
    if group.life.get(order.instance) != "Pending":
        return
    del group.life[order.instance]  # InService: EC2's own health check passes whether or not the node joins
    failing = stage.world.eks.failing_nodes
    if cluster.key not in failing and f"{cluster.key}/{group.name}" not in failing:
        stage.workers.create_node(cluster, order)


def _managed(cluster: SimCluster, group: SimNodeGroup, order: NodeOrder, release: str) -> NodeOrder:
    """The order with what EKS gives a node of a managed group."""
    kubelet = order.kubelet or kubelet_for(group.version or cluster.version, release)
    labels = {
        "eks.amazonaws.com/nodegroup": group.name,
        "eks.amazonaws.com/capacityType": group.capacity_type,
        "eks.amazonaws.com/nodegroup-image": ami_id(cluster.region, group.ami_type, release),
        "node.kubernetes.io/instance-type": group.instance_types[0],
        **group.labels,
    }
    taints = tuple({**each, "effect": EFFECTS[each["effect"]]} for each in group.taints)
    system = _system(group.ami_type, kubelet, release)
    return replace(order, kubelet=kubelet, labels=labels, taints=taints, **system)


def _system(ami_type: str, kubelet: str, release: str) -> dict[str, Any]:
    """What the kubelet of a managed node says of its operating system, as members of NodeOrder."""
    arch = "arm64" if "ARM" in ami_type else "amd64"
    if ami_type.startswith("BOTTLEROCKET"):
        version = release.partition("-")[0]
        return {"os_image": f"Bottlerocket OS {version} (aws-k8s-{Minor.parse(kubelet)})", "arch": arch}
    if ami_type.startswith("WINDOWS"):
        return {"os_image": f"Windows Server {ami_type.split('_')[2]} Datacenter", "os": "windows"}
    return {"arch": arch}


def _like_its_elders(cluster: SimCluster, group: SimAutoScalingGroup, order: NodeOrder) -> NodeOrder:
    """The order with the labels, kubelet and system of a node that the group has."""
    named = nodes_by_instance(cluster)
    names = (named.get(each, "") for each in group.instances)
    elder = next((cluster.objects["/nodes"]["", name] for name in names if name), None)
    if elder is None:
        return replace(order, kubelet=order.kubelet or kubelet_for(cluster.version))
    labels, system = elder["metadata"].get("labels", {}), elder["status"]["nodeInfo"]
    kept = {key: labels[key] for key in _SELF_MANAGED_LABELS if key in labels}
    kept["node.kubernetes.io/instance-type"] = group.instance_type
    kubelet = order.kubelet or system["kubeletVersion"]
    taints = tuple(each for each in elder["spec"].get("taints", ()) if not each["key"].startswith(_SET_LATER))
    return replace(
        order,
        kubelet=kubelet,
        labels=kept,
        taints=taints,
        os_image=system["osImage"],
        os=system["operatingSystem"],
        arch=system["architecture"],
    )


def terminate(stage: Backstage, cluster: SimCluster, group: AnyGroup, instance: str) -> None:
    """End an instance: its node goes with it, its pods unasked; the drain comes before, where there is one."""
    if instance not in group.instances:
        return
    group.life[instance] = "Terminating"
    draining = target_groups.leave(stage, group.scaling.target_groups, instance)
    if draining:
        stage.after(draining, lambda: _end(stage, cluster, group, instance))
    else:
        _end(stage, cluster, group, instance)


def _end(stage: Backstage, cluster: SimCluster, group: AnyGroup, instance: str) -> None:
    stage.workers.remove_node(cluster, node_of(cluster, instance))
    stage.after(stage.timing.instance_end, lambda: _gone(group, instance))


def _gone(group: AnyGroup, instance: str) -> None:
    for kept in (group.instances, group.life, group.images, group.launched):
        kept.pop(instance, None)
    if isinstance(group, SimAutoScalingGroup):
        group.versions.pop(instance, None)


def retire(stage: Backstage, cluster: SimCluster, group: AnyGroup, instance: str, limit: timedelta) -> None:
    """End an instance of a managed group, drained first for at most that long."""
    group.life[instance] = "Terminating:Wait"
    node = node_of(cluster, instance)
    stage.workers.cordon(cluster, node, on=True)
    Drain(stage, cluster, node, limit, lambda _: terminate(stage, cluster, group, instance)).step()


def settle(stage: Backstage, cluster: SimCluster, group: AnyGroup) -> None:
    """Launch or end instances until there are as many as desired, unless the process for it is suspended."""
    missing = wanted_size(group) - len(live(group))
    if missing > 0 and "Launch" not in group.suspended:
        for _ in range(missing):
            launch(stage, cluster, group)
    elif missing < 0 and "Terminate" not in group.suspended:
        for instance in surplus(stage, cluster, group, -missing):
            end_instance(stage, cluster, group, instance)


def end_instance(stage: Backstage, cluster: SimCluster, group: AnyGroup, instance: str) -> None:
    """End an instance as its kind of group does: EKS drains a managed one first, Auto Scaling asks nobody but hooks."""
    if isinstance(group, SimNodeGroup):
        retire(stage, cluster, group, instance, stage.timing.eviction_limit)
    elif group.scaling.hooks:
        group.life[instance] = "Terminating:Wait"
        stage.after(stage.timing.termination_hook, lambda: terminate(stage, cluster, group, instance))
    else:
        terminate(stage, cluster, group, instance)


def surplus(stage: Backstage, cluster: SimCluster, group: AnyGroup, number: int) -> list[str]:
    """Which instances go: from the fullest zone, those that never joined and those with the fewest pods first."""
    left, chosen = live(group), []
    named, counted = nodes_by_instance(cluster), dict[str, int]()
    for _ in range(min(number, len(left))):
        zones = Counter(group.instances[name] for name in left)
        fullest = max(zones.values())
        there = [(place, name) for place, name in enumerate(left) if zones[group.instances[name]] == fullest]
        if asked := {named[name] for _, name in there if name in named} - counted.keys():
            counted |= dict.fromkeys(asked, 0) | dict(stage.workers.loads(cluster, asked))
        ranked = [(counted[named[name]] if name in named else -1, -place, name) for place, name in there]
        chosen.append(min(ranked)[2])
        left.remove(chosen[-1])
    return chosen


def joined(cluster: SimCluster, instances: list[str]) -> list[str]:
    """Those of the instances whose node is Ready."""
    ready, named = ready_nodes(cluster), nodes_by_instance(cluster)
    return [name for name in instances if named.get(name) in ready]


def minor_of(group: SimNodeGroup, cluster: SimCluster) -> Minor:
    """The minor of a managed group; one with a custom image says none and counts as the cluster's own."""
    return Minor.parse(group.version or cluster.version)
