"""EKS, the read side of what runs pods: managed node groups and Fargate profiles."""

from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation, without_blanks
from fleetkeeper.sim.aws.eks import cluster_of, iam_role, issues_of, names, sub_arn
from fleetkeeper.sim.world import SimCluster, SimFargateProfile, SimNodeGroup, SimUpdateConfig


def group_name(cluster: SimCluster, group: SimNodeGroup) -> str:
    """The name of the Auto Scaling group behind a managed node group, as EKS forms it."""
    return group.auto_scaling_group or f"eks-{group.name}-{sub_arn(cluster, 'nodegroup', group.name)[-36:]}"


def _list_nodegroups(call: Call) -> dict[str, Any]:
    return names(call, "nodegroups", cluster_of(call).node_groups)


def _describe_nodegroup(call: Call) -> dict[str, Any]:
    cluster, name = cluster_of(call), call.params["nodegroupName"]
    group = cluster.node_groups.get(name)
    if group is None:
        members = {"clusterName": cluster.name, "nodegroupName": name}
        raise AwsError("ResourceNotFoundException", f"No node group found for name: {name}.", members)
    return {"nodegroup": describe_nodegroup(cluster, group)}


def describe_nodegroup(cluster: SimCluster, group: SimNodeGroup) -> dict[str, Any]:
    """A managed node group as DescribeNodegroup answers it."""
    created = group.created_at or cluster.created_at
    return without_blanks(
        {
            "nodegroupName": group.name,
            "nodegroupArn": sub_arn(cluster, "nodegroup", group.name),
            "clusterName": cluster.name,
            "version": group.version,
            "releaseVersion": group.release_version,
            "createdAt": created,
            "modifiedAt": group.modified_at or created,
            "status": group.status,
            "capacityType": group.capacity_type,
            "scalingConfig": {"minSize": group.minimum, "maxSize": group.maximum, "desiredSize": group.desired},
            "instanceTypes": group.instance_types,
            "subnets": group.subnets or cluster.subnets,
            "amiType": group.ami_type,
            "nodeRole": group.role_arn or iam_role(cluster, f"{cluster.name}-node"),
            "labels": group.labels,
            "taints": group.taints or None,
            "resources": {"autoScalingGroups": [{"name": group_name(cluster, group)}]},
            "diskSize": None if group.launch_template else group.disk_size,
            "health": issues_of(group.issues),
            "updateConfig": _update_config(group.update_config),
            "launchTemplate": group.launch_template or None,
            "tags": group.tags,
        }
    )


def _update_config(config: SimUpdateConfig) -> dict[str, Any]:
    share = {"maxUnavailablePercentage": config.percent} if config.percent else {"maxUnavailable": config.nodes}
    return {**share, **({"updateStrategy": config.strategy} if config.strategy else {})}


def _list_fargate_profiles(call: Call) -> dict[str, Any]:
    return names(call, "fargateProfileNames", cluster_of(call).fargate_profiles)


def _describe_fargate_profile(call: Call) -> dict[str, Any]:
    cluster, name = cluster_of(call), call.params["fargateProfileName"]
    profile = cluster.fargate_profiles.get(name)
    if profile is None:
        members = {"clusterName": cluster.name, "fargateProfileName": name}
        raise AwsError("ResourceNotFoundException", f"No Fargate Profile found with name: {name}.", members)
    return {"fargateProfile": _fargate_profile(cluster, profile)}


def _fargate_profile(cluster: SimCluster, profile: SimFargateProfile) -> dict[str, Any]:
    return {
        "fargateProfileName": profile.name,
        "fargateProfileArn": sub_arn(cluster, "fargateprofile", profile.name),
        "clusterName": cluster.name,
        "createdAt": cluster.created_at,
        "podExecutionRoleArn": iam_role(cluster, f"{cluster.name}-fargate"),
        "subnets": profile.subnets or cluster.subnets,
        "selectors": profile.selectors,
        "status": profile.status,
        "tags": profile.tags,
        "health": {"issues": []},
    }


def operations() -> dict[str, Operation]:
    return {
        "DescribeFargateProfile": _describe_fargate_profile,
        "DescribeNodegroup": _describe_nodegroup,
        "ListFargateProfiles": _list_fargate_profiles,
        "ListNodegroups": _list_nodegroups,
    }
