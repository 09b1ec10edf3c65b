"""CreateNodegroup and DeleteNodegroup."""

import uuid
from functools import partial
from typing import Any

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.capacity import joined, live, retire, settle
from fleetkeeper.sim.aws.eks import cluster_of
from fleetkeeper.sim.aws.eks_nodes import describe_nodegroup
from fleetkeeper.sim.aws.images import custom_image, is_offered, latest_release
from fleetkeeper.sim.aws.node_group_shape import sized, update_config
from fleetkeeper.sim.aws.node_group_updates import group_of
from fleetkeeper.sim.aws.updates import invalid, names_of, once
from fleetkeeper.sim.world import SimCluster, SimIssue, SimNodeGroup

_GROUPS_QUOTA = ("L-6D54EA21", 30)  # managed node groups per cluster
_DEFAULT_SIZE = {"minSize": 1, "maxSize": 2, "desiredSize": 2}


def _create(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = _cluster(call)

    def make() -> str:
        group = _new_group(stage, call, cluster)
        cluster.node_groups[group.name] = group
        settle(stage, cluster, group)
        _await_nodes(stage, cluster, group)
        return group.name

    def show(name: str) -> dict[str, Any]:
        return {"nodegroup": describe_nodegroup(cluster, cluster.node_groups[name])}

    return once(call, cluster, make, show)


def _cluster(call: Call) -> SimCluster:
    """CreateNodegroup lists no ResourceNotFoundException: a cluster that is not there is an invalid parameter."""
    try:
        return cluster_of(call)
    except AwsError as error:
        raise AwsError("InvalidParameterException", error.message, error.members) from error


def _new_group(stage: Backstage, call: Call, cluster: SimCluster) -> SimNodeGroup:
    params = call.params
    name = params["nodegroupName"]
    unknown = {"nodeRepairConfig", "remoteAccess", "warmPoolConfig"} & set(params)
    if unknown:
        raise Violation(f"CreateNodegroup of {min(unknown)} is not simulated")
    _refuse_new(stage, call, cluster, name)
    template: dict[str, str] = dict(params.get("launchTemplate") or {})
    image = _custom_image(stage, cluster, template)
    if image and ("version" in params or "releaseVersion" in params or "amiType" in params):
        raise invalid("You cannot specify version, releaseVersion or amiType with a custom AMI.", cluster, name)
    version = params.get("version", cluster.version)
    if version != cluster.version:
        message = f"Nodegroup version {version} must be the cluster's current version {cluster.version}"
        raise invalid(message, cluster, name)
    kind = "CUSTOM" if image else params.get("amiType", "AL2023_x86_64_STANDARD")
    if not image and not is_offered(kind, version):
        raise invalid(f"AMI Type {kind} is only supported for older versions", cluster, name)
    release = image or params.get("releaseVersion") or latest_release(kind, version, stage.now())
    group = SimNodeGroup(name, "" if image else version, release, ami_type=kind)
    group.minimum, group.maximum, group.desired = sized(cluster, group, params.get("scalingConfig") or _DEFAULT_SIZE)
    group.update_config = update_config(cluster, group, params.get("updateConfig") or {})
    group.instance_types = params.get("instanceTypes") or ["t3.medium"]
    group.capacity_type, group.subnets = params.get("capacityType", "ON_DEMAND"), list(params["subnets"])
    group.labels, group.tags = dict(params.get("labels") or {}), dict(params.get("tags") or {})
    group.taints, group.launch_template = list(params.get("taints") or []), template
    group.role_arn, group.disk_size = params["nodeRole"], params.get("diskSize", group.disk_size)
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.arn}/{name}/{stage.now().isoformat()}")
    group.auto_scaling_group, group.created_at = f"eks-{name}-{unique}", stage.now()
    group.status = "CREATING"
    return group


def _refuse_new(stage: Backstage, call: Call, cluster: SimCluster, name: str) -> None:
    if name in cluster.node_groups:
        message = f"NodeGroup already exists with name {name} and cluster name {cluster.name}"
        raise AwsError("ResourceInUseException", message, names_of(cluster, name))
    if cluster.status != "ACTIVE":
        message = f"Cluster is not in ACTIVE state: {cluster.status}"
        raise AwsError("InvalidRequestException", message, names_of(cluster, name))
    code, usual = _GROUPS_QUOTA
    limit = stage.world.quotas.get((call.account, call.region, code), usual)
    if len(cluster.node_groups) >= limit:
        message = f"The limit of {int(limit)} node groups per cluster is reached"
        raise AwsError("ResourceLimitExceededException", message, names_of(cluster, name))
    unknown = sorted(set(call.params["subnets"]) - set(cluster.subnets) - set(stage.world.subnets))
    if unknown:
        raise invalid(f"The subnet ID '{unknown[0]}' does not exist", cluster, name)


def _custom_image(stage: Backstage, cluster: SimCluster, template: dict[str, str]) -> str:
    """The custom image of a launch template; "" for a template without one."""
    if not template:
        return ""
    known = stage.world.eks.custom_templates
    named = known.get(template.get("id", "")) or known.get(template.get("name", ""))
    if named:
        return named
    for group in cluster.node_groups.values():
        same = any(template.get(key) and template[key] == group.launch_template.get(key) for key in ("id", "name"))
        if group.ami_type == "CUSTOM" and same:
            version = template.get("version", group.launch_template.get("version", ""))
            current = version == group.launch_template.get("version")
            return group.release_version if current else custom_image(f"{group.launch_template.get('id')}:{version}")
    return ""


def _await_nodes(stage: Backstage, cluster: SimCluster, group: SimNodeGroup) -> None:
    """ACTIVE when every instance is a Ready node, CREATE_FAILED when that takes too long."""
    if group.status != "CREATING":
        return
    waiting = sorted(set(live(group)) - set(joined(cluster, live(group))))
    began = group.created_at or stage.now()
    if not waiting:
        group.status, group.modified_at = "ACTIVE", stage.now()
    elif stage.now() - began >= stage.timing.node_creation_limit:
        message = "Instances failed to join the kubernetes cluster"
        group.status, group.issues = "CREATE_FAILED", [SimIssue("NodeCreationFailure", message, waiting)]
    else:
        stage.after(stage.timing.eviction_retry, lambda: _await_nodes(stage, cluster, group))


def _delete(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    group = group_of(call, cluster)
    if group.status == "UPDATING":
        message = f"Nodegroup {group.name} cannot be deleted while it is UPDATING"
        raise AwsError("ResourceInUseException", message, names_of(cluster, group.name))
    if group.status != "DELETING":
        group.status, group.desired, group.minimum = "DELETING", 0, 0
        for instance in live(group):
            retire(stage, cluster, group, instance, stage.timing.group_deletion_limit)
        _await_end(stage, cluster, group)
    return {"nodegroup": describe_nodegroup(cluster, group)}


def _await_end(stage: Backstage, cluster: SimCluster, group: SimNodeGroup) -> None:
    if group.instances:
        stage.after(stage.timing.eviction_retry, lambda: _await_end(stage, cluster, group))
    else:
        cluster.node_groups.pop(group.name, None)


def operations(stage: Backstage) -> dict[str, Operation]:
    return {"CreateNodegroup": partial(_create, stage), "DeleteNodegroup": partial(_delete, stage)}
