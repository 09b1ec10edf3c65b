"""A cluster as it should be, through all checks of control plane, addons and account at once: silence and ready."""

from datetime import timedelta

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core import parts
from fleetkeeper.core.assess import HopReport, Verdict, assess
from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.model import Addon, Addons, FoundBy, SupportedVersion
from fleetkeeper.core.observed import ClusterPrerequisites, HelmUse, Quota, ReleaseChart, Subnet
from fleetkeeper.core.snapshot import Policy
from fleetkeeper.core.versions import Minor
from tests.core.checks.addons import managed, release
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import HOP, NOW, control_plane, snapshot

FAMILIES = ("FK1", "FK2", "FK5")
SUBNETS = (Subnet("subnet-a", "eu-west-1a", 4000), Subnet("subnet-b", "eu-west-1b", 4000))
IDS = tuple(subnet.id for subnet in SUBNETS)
SUPPORT = (NOW + timedelta(days=300), NOW + timedelta(days=660))
STANDARD = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"

HEALTHY = {
    parts.CONTROL_PLANE: control_plane(git_version="v1.34.2-eks-0a1b2c3", support_type="EXTENDED", subnets=IDS),
    parts.CLUSTER_VERSIONS: tuple(
        SupportedVersion(minor, *SUPPORT, "STANDARD_SUPPORT") for minor in (HOP.source, HOP.target)
    ),
    parts.INSIGHTS: (Insight("i", "Kubelet skew", "UPGRADE_READINESS", InsightStatus.PASSING, HOP.target, "", NOW),),
    parts.NODES: (node("a"), node("b", zone="eu-west-1b")),
    parts.NODE_GROUPS: (group(subnets=IDS),),
    parts.MANAGED_ADDONS: (managed("vpc-cni", "v1.20.1-eksbuild.1"),),
    parts.ADDON_RELEASES: (release("v1.20.1-eksbuild.1", "1.34", "1.35", default="1.35"),),
    parts.ADDONS: Addons((Addon("kube-proxy", "v1.34.1-eksbuild.2", FoundBy.EKS, "kube-proxy"),)),
    parts.HELM_USE: HelmUse((ReleaseChart("shop", "api", 1, "api", "1.0.0", ">=1.25.0-0"),)),
    parts.PREREQUISITES: ClusterPrerequisites(
        SUBNETS, SUBNETS, "arn:aws:iam::111122223333:role/shop", True, "key", "Enabled"
    ),
    parts.QUOTAS: (Quota("ec2", "L-1216C47A", STANDARD, 1000.0, 12.0),),
}


def report(changes: dict[str, object] | None = None) -> HopReport:
    snap = snapshot({**HEALTHY, **(changes or {})}, policy=Policy(Minor(1, 34), NOW))
    chosen = [check for check in all_checks() if check.code.startswith(FAMILIES)]
    (made,) = assess(snap, (HOP,), read_compat(), chosen)
    return made


def test_of_a_healthy_cluster_nothing_is_told() -> None:
    made = report()
    assert [f"{finding.code} {finding.message}" for finding in made.findings] == []
    assert made.verdict is Verdict.READY


def test_one_change_for_the_worse_blocks_the_hop() -> None:
    made = report({parts.NODES: (node("a", kubelet="v1.30.0"),)})
    assert made.verdict is Verdict.BLOCKED
    assert {finding.code for finding in made.findings if finding.blocks} == {"FK107"}
