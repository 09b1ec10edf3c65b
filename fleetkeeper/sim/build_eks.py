"""The EKS face of a cluster from a scenario: addons, node groups, insights, networks, access."""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.objects.nodes import NodePlace
from fleetkeeper.sim.objects.platform import EXECUTORS, READERS
from fleetkeeper.sim.objects.recipes import Identity
from fleetkeeper.sim.scenario import AddonSpec, DeprecationSpec, InsightSpec, Look, NodeKind, NodeOs, NodesSpec
from fleetkeeper.sim.world import (
    SimAccount,
    SimAddon,
    SimAutoScalingGroup,
    SimCluster,
    SimDeprecatedCall,
    SimFargateProfile,
    SimInsight,
    SimIssue,
    SimNodeGroup,
    SimSubnet,
    World,
)

_REFRESHED = timedelta(hours=7)
# Name → what EKS says when there is nothing to say.
_PASSING = {
    "EKS add-on version compatibility": "All installed EKS add-on versions are compatible with the next Kubernetes.",
    "Kubelet version skew": "Node kubelet versions match the cluster control plane version.",
    "kube-proxy version skew": "kube-proxy versions match the cluster control plane version.",
    "Cluster health issues": "No cluster health issues detected.",
    "Deprecated APIs removed in Kubernetes v{minor}": "No deprecated API usage detected within the last 30 days.",
}


def fill(cluster: SimCluster, look: Look, places: list[NodePlace], account: SimAccount, identity: Identity) -> None:
    """Everything that EKS, EC2 and Auto Scaling know of a cluster, in agreement with its nodes."""
    _network(cluster)
    cluster.issues = _issues(look.issues)
    for spec in look.addons.values():
        cluster.addons[spec.name] = _addon(spec, look, cluster)
    for spec_nodes in look.nodes.values():
        instances = {
            identity.instance_id(place.name): place.zone for place in places if place.spec.name == spec_nodes.name
        }
        _group(cluster, look, spec_nodes, instances)
    for insight in _insights(look):
        made = _insight(cluster, insight, identity.now - _REFRESHED)
        cluster.insights[made.id] = made
    cluster.deprecated_calls = [
        SimDeprecatedCall(
            *(call.group, call.version, call.resource, call.removed),
            user=call.user,
            user_agent=call.user_agent,
            calls_a_day=call.calls_a_day,
        )
        for call in look.deprecated_calls.values()
    ]
    roles = f"arn:{cluster.partition}:iam::{account.id}:role"
    cluster.access = {
        f"{roles}/{account.role_name}": [READERS],
        f"{roles}/{account.executor_role_name}": [EXECUTORS],
    }


def set_prerequisites(world: World, cluster: SimCluster, look: Look) -> None:
    """What is out of the ordinary of the cluster's role, key and subnets."""
    if look.role_lost:
        world.lost_roles.add(cluster.role_arn)
    if look.secrets_key:
        digits = _digits(cluster.key, "kms")[:12]
        cluster.kms_key = (
            f"arn:{cluster.partition}:kms:{cluster.region}:{cluster.account}:key/5ec2e700-0000-4000-8000-{digits}"
        )
        world.keys[cluster.kms_key] = look.secrets_key
    if look.free_addresses is not None:
        tags = {f"kubernetes.io/cluster/{cluster.name}": "shared"}
        world.subnets |= {name: SimSubnet(name, look.free_addresses, dict(tags)) for name in cluster.subnets}


def addon_version(spec: AddonSpec, minor: Minor) -> str:
    """The version that a scenario names; "default" is what EKS would install on this minor."""
    if spec.version != "default":
        return spec.version
    offered = catalog().addons.get(spec.name)
    return (offered and offered.default(str(minor))) or "v0.0.0-eksbuild.1"


def _digits(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest() + "0"


def _network(cluster: SimCluster) -> None:
    """A VPC of its own, as most clusters have, with a subnet per zone."""
    cluster.vpc = f"vpc-{_digits(cluster.key, 'vpc')}"
    cluster.subnets = [f"subnet-{_digits(cluster.key, zone)}" for zone in "abc"]
    cluster.security_group = f"sg-{_digits(cluster.key, 'sg')}"
    cluster.role_arn = f"arn:{cluster.partition}:iam::{cluster.account}:role/{cluster.name}-cluster"


def _issues(texts: tuple[str, ...]) -> list[SimIssue]:
    """Each is written `Code: message`."""
    pairs = [text.partition(": ") for text in texts]
    return [SimIssue(code, message or code) for code, _, message in pairs]


def _addon(spec: AddonSpec, look: Look, cluster: SimCluster) -> SimAddon:
    return SimAddon(
        name=spec.name,
        version=addon_version(spec, look.version),
        status=spec.status,
        issues=_issues(spec.issues),
        configuration=spec.configuration,
        created_at=cluster.created_at + timedelta(minutes=20),
    )


def _group(cluster: SimCluster, look: Look, spec: NodesSpec, instances: dict[str, str]) -> None:
    match spec.kind:
        case NodeKind.MANAGED:
            cluster.node_groups[spec.name] = _managed(cluster, look, spec, instances)
        case NodeKind.SELF_MANAGED:
            cluster.auto_scaling_groups[spec.name] = _self_managed(cluster, spec, instances)
        case NodeKind.FARGATE:
            selectors = [{"namespace": namespace} for namespace in spec.namespaces]
            cluster.fargate_profiles[spec.name] = SimFargateProfile(spec.name, selectors, tags=dict(spec.tags))
        case NodeKind.AUTO:
            cluster.auto_mode = True
        case NodeKind.KARPENTER | NodeKind.HYBRID:
            pass  # EKS knows neither: their instances are Karpenter's, or stand in somebody's cellar


def _managed(cluster: SimCluster, look: Look, spec: NodesSpec, instances: dict[str, str]) -> SimNodeGroup:
    minor = spec.version or look.version
    template = {}
    if spec.custom_ami:
        template = {
            "id": f"lt-{_digits(cluster.key, spec.name)}",
            "name": f"{cluster.name}-{spec.name}",
            "version": "7",
        }
    return SimNodeGroup(
        name=spec.name,
        version="" if spec.custom_ami else str(minor),
        release_version="ami-" + _digits(cluster.key, spec.name, "ami") if spec.custom_ami else _release(spec, minor),
        ami_type=_ami_type(spec),
        capacity_type=spec.capacity,
        instance_types=[spec.instance_type],
        desired=spec.count,
        minimum=min(spec.minimum, spec.count),
        maximum=max(spec.maximum, spec.count),
        labels=dict(spec.labels),
        taints=[_taint(text) for text in spec.taints],
        tags=dict(spec.tags),
        status=spec.status,
        issues=_issues(spec.issues),
        launch_template=template,
        auto_scaling_group=f"eks-{spec.name}-{uuid.uuid5(uuid.NAMESPACE_URL, f'{cluster.arn}/{spec.name}')}",
        instances=instances,
        created_at=cluster.created_at + timedelta(minutes=25),
    )


def _release(spec: NodesSpec, minor: Minor) -> str:
    if spec.release:
        return spec.release
    return "1.52.0-5e9a8d2f" if spec.os is NodeOs.BOTTLEROCKET else f"{minor}.2-20261027"


def _ami_type(spec: NodesSpec) -> str:
    if spec.custom_ami:
        return "CUSTOM"
    arm = spec.arch == "arm64"
    return {
        NodeOs.AL2023: "AL2023_ARM_64_STANDARD" if arm else "AL2023_x86_64_STANDARD",
        NodeOs.BOTTLEROCKET: "BOTTLEROCKET_ARM_64" if arm else "BOTTLEROCKET_x86_64",
        NodeOs.WINDOWS: "WINDOWS_CORE_2022_x86_64",
        NodeOs.UBUNTU: "CUSTOM",
    }[spec.os]


def _taint(text: str) -> dict[str, str]:
    """EKS's words for `key=value:NoSchedule`."""
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    effects = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}
    return {"key": key, "value": value, "effect": effects.get(effect, effect)}


def _self_managed(cluster: SimCluster, spec: NodesSpec, instances: dict[str, str]) -> SimAutoScalingGroup:
    return SimAutoScalingGroup(
        name=f"eksctl-{cluster.name}-nodegroup-{spec.name}-NodeGroup",
        ami_id=f"ami-{_digits(cluster.key, spec.name)}",
        instance_type=spec.instance_type,
        desired=spec.count,
        minimum=min(spec.minimum, spec.count),
        maximum=max(spec.maximum, spec.count),
        subnets=list(cluster.subnets),
        tags={
            f"kubernetes.io/cluster/{cluster.name}": "owned",
            "Name": f"{cluster.name}-{spec.name}-Node",
            **spec.tags,
        },
        instances=instances,
    )


def _insights(look: Look) -> list[InsightSpec]:
    """What EKS always reports for the next minor, overridden by name and version by what the scenario says."""
    after = look.version.next()
    found: dict[tuple[str, str], InsightSpec] = {}
    for pattern, reason in _PASSING.items():
        name = pattern.format(minor=after)
        found[(name, str(after))] = InsightSpec(name, "UPGRADE_READINESS", "PASSING", str(after), reason)
    for spec in look.insights.values():
        found[(spec.name, spec.version)] = spec
    return list(found.values())


def _insight(cluster: SimCluster, spec: InsightSpec, refreshed_at: datetime) -> SimInsight:
    seen = SimInsight(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.arn}/{spec.name}/{spec.version}")),
        name=spec.name,
        category=spec.category,
        status=spec.status,
        kubernetes_version=spec.version,
        reason=spec.reason,
        description=f"{spec.name}, before an upgrade to Kubernetes {spec.version}.",
        recommendation="" if spec.status == "PASSING" else "Resolve this before you upgrade the cluster.",
        refreshed_at=refreshed_at,
        transitioned_at=refreshed_at - timedelta(days=16),
        resources=[{"kubernetesResourceUri": uri} for uri in spec.resources],
    )
    if spec.deprecations:
        seen.summary = {"deprecationDetails": [_deprecation(each, refreshed_at) for each in spec.deprecations]}
    return seen


def _deprecation(spec: DeprecationSpec, refreshed_at: datetime) -> dict[str, Any]:
    return {
        "usage": spec.usage,
        "replacedWith": spec.replaced_with,
        "stopServingVersion": spec.stop_serving,
        "clientStats": [
            {
                "userAgent": agent,
                "numberOfRequestsLast30Days": int(requests),
                "lastRequestTime": refreshed_at - timedelta(hours=2),
            }
            for agent, requests in spec.clients.items()
        ],
    }
