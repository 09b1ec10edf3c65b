"""UpdateNodegroupVersion and UpdateNodegroupConfig of managed node groups."""

from dataclasses import replace
from functools import partial
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.capacity import kubelet_for, minor_of, settle
from fleetkeeper.sim.aws.eks import cluster_of
from fleetkeeper.sim.aws.images import custom_image, is_offered, latest_release
from fleetkeeper.sim.aws.node_group_shape import apply_labels, apply_taints, sized, update_config
from fleetkeeper.sim.aws.node_roll import Release, Roll
from fleetkeeper.sim.aws.updates import begin, end, invalid, names_of, refuse_while_rolling_back, started
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.world import SimCluster, SimNodeGroup


def group_of(call: Call, cluster: SimCluster) -> SimNodeGroup:
    name = call.params["nodegroupName"]
    found = cluster.node_groups.get(name)
    if found is None:
        message = f"No node group found for name: {name}."
        raise AwsError("ResourceNotFoundException", message, names_of(cluster, name))
    return found


def refuse_busy_group(cluster: SimCluster, group: SimNodeGroup) -> None:
    refuse_while_rolling_back(cluster)
    if group.status not in {"ACTIVE", "DEGRADED"}:
        message = f"Nodegroup {group.name} cannot be updated as it is currently not in Active State"
        raise AwsError("ResourceInUseException", message, names_of(cluster, group.name))


def _update_version(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    return started(call, cluster, lambda: _start_version(stage, call, cluster, group_of(call, cluster)))


def _start_version(stage: Backstage, call: Call, cluster: SimCluster, group: SimNodeGroup) -> SimUpdate:
    refuse_busy_group(cluster, group)
    if cluster.status != "ACTIVE":
        message = f"Cluster is not in ACTIVE state: {cluster.status}"
        raise AwsError("InvalidRequestException", message, names_of(cluster, group.name))
    template = _template(call, cluster, group)
    custom = group.ami_type == "CUSTOM"
    target = _custom(stage, call, cluster, group, template) if custom else _offered(stage, call, cluster, group)
    params = {
        "Version": target.version or None,
        "ReleaseVersion": target.release,
        "LaunchTemplateName": template.get("name"),
        "LaunchTemplateVersion": template.get("version"),
    }
    update = begin(cluster, "VersionUpdate", params, stage.now(), node_group=group.name)
    force = bool(call.params.get("force", False))
    Roll(stage, cluster, group, update, replace(target, template=template), force).start()
    return update


def _template(call: Call, cluster: SimCluster, group: SimNodeGroup) -> dict[str, str]:
    """The launch template that is asked for, with id, name and version; {} for none."""
    asked: dict[str, str] = call.params.get("launchTemplate") or {}
    if not asked:
        return {}
    if not group.launch_template:
        message = "You can only update with a launch template if the node group was deployed with a launch template"
        raise invalid(message, cluster, group.name)
    if any(asked.get(key, group.launch_template.get(key)) != group.launch_template.get(key) for key in ("id", "name")):
        raise invalid("The launch template does not match the one of the node group", cluster, group.name)
    return {**group.launch_template, **asked}


def _custom(
    stage: Backstage, call: Call, cluster: SimCluster, group: SimNodeGroup, template: dict[str, str]
) -> Release:
    """A group with an image of its owner's: only another version of its launch template changes it."""
    if "version" in call.params or "releaseVersion" in call.params:
        message = "You cannot specify the field version or releaseVersion when using custom AMIs."
        raise invalid(message, cluster, group.name)
    if not template:
        raise invalid("A node group with a custom AMI is updated by its launch template", cluster, group.name)
    templates = stage.world.eks.custom_templates
    named = f"{template.get('id', '')}:{template.get('version', '')}"
    image = templates.get(named) or templates.get(template.get("id", ""))
    release = image or custom_image(named)
    return Release("", release, kubelet_for(cluster.version))


def _offered(stage: Backstage, call: Call, cluster: SimCluster, group: SimNodeGroup) -> Release:
    version = call.params.get("version") or cluster.version
    minor = _checked(stage, cluster, group, version)
    latest = latest_release(group.ami_type, version, stage.now())
    release = call.params.get("releaseVersion") or latest
    if not group.ami_type.startswith(("BOTTLEROCKET", "WINDOWS")) and not release.startswith(f"{minor}."):
        message = f"Requested release version {release} is not valid for kubernetes version {minor}."
        raise invalid(message, cluster, group.name)
    older = release.rpartition("-")[2] < group.release_version.rpartition("-")[2]
    if minor == minor_of(group, cluster) and older and not group.ami_type.startswith("BOTTLEROCKET"):
        _refuse_going_back(stage, cluster, group, release)
    return Release(version, release, kubelet_for(version, release))


def _checked(stage: Backstage, cluster: SimCluster, group: SimNodeGroup, version: str) -> Minor:
    """The minor that is asked for: not newer than the control plane, not older than the group, with an image."""
    try:
        minor = Minor.parse(version)
    except ValueError as error:
        raise invalid("unsupported Kubernetes version", cluster, group.name) from error
    if minor > Minor.parse(cluster.version):
        message = f"Nodegroup Kubernetes version {minor} must not be newer than the cluster's {cluster.version}"
        raise invalid(message, cluster, group.name)
    if minor < minor_of(group, cluster):
        _refuse_going_back(stage, cluster, group, str(minor))
    if not is_offered(group.ami_type, version):
        raise invalid(f"AMI Type {group.ami_type} is only supported for older versions", cluster, group.name)
    return minor


def _refuse_going_back(stage: Backstage, cluster: SimCluster, group: SimNodeGroup, to: str) -> None:
    if not stage.world.eks.node_groups_roll_back:
        message = f"Nodegroup {group.name} cannot be rolled back to {to}"
        raise AwsError("InvalidRequestException", message, names_of(cluster, group.name))


def _update_config(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    return started(call, cluster, lambda: _start_config(stage, call, cluster, group_of(call, cluster)))


def _start_config(stage: Backstage, call: Call, cluster: SimCluster, group: SimNodeGroup) -> SimUpdate:
    refuse_busy_group(cluster, group)
    params = call.params
    unknown = {"nodeRepairConfig", "warmPoolConfig"} & set(params)
    if unknown:
        raise Violation(f"UpdateNodegroupConfig of {min(unknown)} is not simulated")
    size = sized(cluster, group, params.get("scalingConfig") or {})
    config = update_config(cluster, group, params.get("updateConfig") or {})
    labels, taints = params.get("labels") or {}, params.get("taints") or {}
    told = {
        "LabelsToAdd": labels.get("addOrUpdateLabels"),
        "LabelsToRemove": labels.get("removeLabels"),
        "TaintsToAdd": taints.get("addOrUpdateTaints"),
        "TaintsToRemove": taints.get("removeTaints"),
        "MinSize": (params.get("scalingConfig") or {}).get("minSize"),
        "MaxSize": (params.get("scalingConfig") or {}).get("maxSize"),
        "DesiredSize": (params.get("scalingConfig") or {}).get("desiredSize"),
        "MaxUnavailable": (params.get("updateConfig") or {}).get("maxUnavailable"),
        "MaxUnavailablePercentage": (params.get("updateConfig") or {}).get("maxUnavailablePercentage"),
        "UpdateStrategy": (params.get("updateConfig") or {}).get("updateStrategy"),
    }
    if all(value is None for value in told.values()):
        raise invalid("No changes were requested", cluster, group.name)
    update = begin(cluster, "ConfigUpdate", told, stage.now(), node_group=group.name)
    group.status = "UPDATING"

    def finish() -> None:
        group.minimum, group.maximum, group.desired = size
        group.update_config = config
        apply_labels(cluster, group, labels)
        apply_taints(cluster, group, taints)
        group.status, group.modified_at = "ACTIVE", stage.now()
        settle(stage, cluster, group)
        end(update)

    stage.after(stage.timing.configuration, finish)
    return update


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "UpdateNodegroupConfig": partial(_update_config, stage),
        "UpdateNodegroupVersion": partial(_update_version, stage),
    }
