"""Values as a healthy cluster gives them, for tests of the store; a case changes one thing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Listed, Observation
from fleetkeeper.errors import GapReason

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCOPE = model.Scope("123456789012", "eu-west-1")
PLACEMENT = model.Placement("production", "late", "shop", True, "tag environment")


def later(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def cluster_id(name: str = "shop", created: datetime = NOON - timedelta(days=300)) -> model.ClusterId:
    return model.ClusterId(f"arn:aws:eks:eu-west-1:123456789012:cluster/{name}", created)


def listed(id: model.ClusterId, at: datetime = NOON, **other: Any) -> Listed:
    return replace(Listed(id, id.arn.rpartition("/")[2], SCOPE, PLACEMENT, at), **other)


def control_plane(version: str = "1.34", **other: Any) -> model.ControlPlane:
    return replace(
        model.ControlPlane(
            name="shop",
            version=Minor.parse(version),
            status="ACTIVE",
            endpoint="https://ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
            ca_pem="-----BEGIN CERTIFICATE-----\n" + "MIIB" * 350,
            platform_version="eks.9",
            support_type="STANDARD",
            subnets=("subnet-a", "subnet-b"),
            tags={"environment": "production"},
        ),
        **other,
    )


def node(number: int = 1, **other: Any) -> model.Node:
    return replace(
        model.Node(
            name=f"ip-10-0-0-{number}.eu-west-1.compute.internal",
            uid=f"00000000-0000-0000-0000-{number:012}",
            kubelet="v1.34.2-eks-a1b2c3",
            os_image="Amazon Linux 2023.9.20261110",
            os="linux",
            arch="amd64",
            runtime="containerd://2.1.4",
            kernel="6.12.46",
            kind=model.ComputeKind.MANAGED,
            group="workers",
            ready=True,
            schedulable=True,
            instance_type="m6i.large",
            zone="eu-west-1a",
            provider_id=f"aws:///eu-west-1a/i-{number:017x}",
            created_at=NOON - timedelta(days=3),
        ),
        **other,
    )


def node_group(**other: Any) -> model.NodeGroup:
    return replace(
        model.NodeGroup(
            name="workers",
            status="ACTIVE",
            version=Minor(1, 34),
            release_version="1.34.2-20261110",
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=("m6i.large",),
            desired=3,
            minimum=1,
            maximum=9,
            subnets=("subnet-a", "subnet-b"),
        ),
        **other,
    )


def addon(id: str = "coredns", version: str = "v1.12.4-eksbuild.1", **other: Any) -> model.Addon:
    return replace(model.Addon(id, version, model.FoundBy.EKS, id, "ACTIVE"), **other)


def release(name: str = "ingress", **other: Any) -> model.HelmRelease:
    return replace(
        model.HelmRelease("web", name, 7, "deployed", "ingress-nginx", "4.13.3", "1.13.3", f"{name}-uid@1234"), **other
    )


def workload(number: int) -> model.Workload:
    return model.Workload(
        "Deployment",
        f"team-{number % 7}",
        f"service-{number}",
        f"11111111-0000-0000-0000-{number:012}",
        (f"registry.example/team/service-{number}:2.{number}.0",),
        3,
        {"team": f"team-{number % 7}"},
    )


def snapshot(nodes: int = 3, workloads: int = 5) -> dict[str, Any]:
    """Every part of a healthy cluster."""
    return {
        parts.CONTROL_PLANE: control_plane(),
        parts.MANAGED_ADDONS: (model.ManagedAddon("coredns", "v1.12.4-eksbuild.1", "ACTIVE"),),
        parts.NODE_GROUPS: (node_group(),),
        parts.FARGATE_PROFILES: (model.FargateProfile("batch", "ACTIVE", (("jobs", {"size": "small"}),)),),
        parts.INSIGHTS: (
            Insight(
                "i-1",
                "Deprecated APIs",
                "UPGRADE_READINESS",
                InsightStatus.PASSING,
                Minor(1, 35),
                "none seen",
                NOON - timedelta(hours=3),
            ),
        ),
        parts.UPDATES: (
            observed.EksUpdate("u-1", "VersionUpdate", "Successful", NOON - timedelta(days=90), Minor(1, 34)),
        ),
        parts.PREREQUISITES: observed.ClusterPrerequisites(
            subnets=(observed.Subnet("subnet-a", "eu-west-1a", 4000), observed.Subnet("subnet-b", "eu-west-1b", 4000)),
            role_arn="arn:aws:iam::123456789012:role/shop-cluster",
            role_exists=True,
        ),
        parts.LAUNCH_TEMPLATES: (observed.LaunchTemplate("lt-1", "workers", 3, 3, 3, "workers"),),
        parts.IMAGES: (observed.GroupImage("workers", created_at=NOON - timedelta(days=40)),),
        parts.AUDIT_CALLS: (
            observed.AuditCall("batch", "v1beta1", "cronjobs", "ci", "kubectl/v1.33", 7, NOON - timedelta(hours=1)),
        ),
        parts.NODES: tuple(node(n) for n in range(1, nodes + 1)),
        parts.WORKLOADS: tuple(workload(n) for n in range(workloads)),
        parts.PODS: model.Pods(40, ()),
        parts.NAMESPACES: (model.Namespace("web", {"team": "web"}),),
        parts.CRDS: (model.Crd("certs.example.io", "example.io", "Cert", (("v1", True, True, False),), ("v1",)),),
        parts.HELM_RELEASES: (release(),),
        parts.POD_NOTES: (observed.PodNote("web", "web-7", "do-not-disrupt", "karpenter.sh/do-not-disrupt=true"),),
        parts.BUDGETS: (observed.Budget("web", "web", minimum="50%", expected=4, desired=2, healthy=4, allowed=2),),
        parts.VOLUMES: (observed.PersistentVolume("pv-1", "ebs.csi.aws.com", ("eu-west-1a",), "web/store-0"),),
        parts.WEBHOOKS: (
            observed.Webhook("ValidatingWebhookConfiguration", "policy", "a.policy.io", True, "policy/p"),
        ),
        parts.API_SERVICES: (observed.ApiService("v1.metrics", "metrics", "v1", "kube-system/metrics", True),),
        parts.GITOPS: (
            observed.GitOpsApp(
                "Application", "argocd", "ingress", "ingress-nginx", "https://charts", "4.13.3", "web", "ingress"
            ),
        ),
        parts.API_USE: observed.ApiUse((observed.DeprecatedCall("batch", "v1beta1", "cronjobs", "", "1.25"),), NOON),
        parts.OBJECT_TRACES: (observed.ObjectTrace("last applied", "batch/v1beta1", "CronJob", "web", "nightly"),),
        parts.HELM_USE: observed.HelmUse((observed.ReleaseChart("web", "ingress", 7, "ingress-nginx", "4.13.3"),)),
        parts.CUSTOMISED: (
            observed.Customised("coredns", "ConfigMap", "kube-system", "coredns", "data.Corefile", "kubectl"),
        ),
        parts.ADDONS: model.Addons((addon(), addon("ingress-nginx", "1.13.3", found_by=model.FoundBy.HELM))),
    }


def seen(values: Mapping[str, Any], at: datetime = NOON) -> list[Observation]:
    return [Observation(part, value, None, at) for part, value in values.items()]


def missed(part: str, at: datetime, reason: GapReason = GapReason.TIMEOUT, detail: str = "no answer") -> Observation:
    return Observation(part, None, model.Gap(reason, detail, at), at)
