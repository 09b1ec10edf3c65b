"""The rows of addons as they are shipped: what they answer for versions that are in use, and that each has a source."""

from collections import Counter
from datetime import date

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Rule, Strength
from fleetkeeper.core.compat import AddonRow
from fleetkeeper.core.model import Addon, Addons, FoundBy
from fleetkeeper.core.versions import Minor, Version
from tests.core.checks.snapshots import found, hops, snapshot

SHIPPED = read_compat()
LBC, CA, EBS = "aws-load-balancer-controller", "cluster-autoscaler", "aws-ebs-csi-driver"
ESO, CSI, OTEL = "external-secrets", "secrets-store-csi-driver", "opentelemetry-operator"

# addon, its version, minor, answer, strength of the row that gave it
ANSWERS: tuple[tuple[str, str, str, bool | None, str], ...] = (
    (LBC, "v2.4.7", "1.18", False, "required"),
    (LBC, "v2.4.7", "1.19", True, "required"),
    (LBC, "v2.1.0", "1.22", False, "required"),
    (LBC, "v3.5.0", "1.36", True, "required"),
    (LBC, "v3.9.0", "1.37", True, "required"),
    ("karpenter", "0.37.1", "1.30", True, "required"),
    ("karpenter", "0.37.1", "1.31", False, "required"),
    ("karpenter", "1.0.4", "1.31", False, "required"),
    ("karpenter", "1.0.5", "1.31", True, "required"),
    ("karpenter", "1.9.1", "1.35", True, "required"),
    ("karpenter", "1.9.1", "1.36", False, "required"),
    ("karpenter", "1.13.0", "1.36", True, "required"),
    ("karpenter", "1.14.3", "1.28", False, "required"),
    ("karpenter", "1.15.0", "1.36", None, ""),
    (CA, "v1.34.2", "1.34", True, "recommended"),
    (CA, "v1.34.2", "1.35", None, "recommended"),
    (CA, "v1.36.0", "1.36", True, "recommended"),
    (CA, "v1.37.0", "1.37", None, ""),
    ("cert-manager", "v1.18.2", "1.33", True, "supported"),
    ("cert-manager", "v1.18.2", "1.34", False, "supported"),
    ("cert-manager", "v1.21.4", "1.36", True, "supported"),
    ("cert-manager", "v1.22.0", "1.36", None, ""),
    ("istio", "1.30.3", "1.36", True, "supported"),
    ("istio", "1.28.1", "1.35", False, "supported"),
    ("istio", "1.29.0", "1.30", False, "supported"),
    ("cilium", "v1.18.4", "1.33", True, "tested"),
    ("cilium", "v1.18.4", "1.34", None, "tested"),
    ("cilium", "v1.17.9", "1.34", True, "heuristic"),
    ("cilium", "v1.17.9", "1.35", None, "heuristic"),
    ("cilium", "v1.20.1", "1.34", None, ""),
    ("coredns", "v1.11.4-eksbuild.22", "1.36", True, "none"),
    ("coredns", "v1.8.7", "1.34", True, "none"),
    ("vpc-cni", "v1.11.4-eksbuild.1", "1.25", True, "required"),
    ("vpc-cni", "v1.11.4-eksbuild.1", "1.26", False, "required"),
    ("vpc-cni", "v1.12.0", "1.26", True, "supported"),
    ("calico", "v3.31.2", "1.35", True, "tested"),
    ("calico", "v3.31.2", "1.36", None, "tested"),
    (EBS, "v1.64.0", "1.37", True, "supported"),
    (EBS, "v1.11.0", "1.16", False, "required"),
    ("aws-efs-csi-driver", "v3.4.1", "1.36", True, "required"),
    (CSI, "v1.6.0", "1.29", False, "required"),
    (CSI, "v1.5.4", "1.29", True, "required"),
    ("rook-ceph", "v1.18.0", "1.34", False, "supported"),
    ("rook-ceph", "v1.13.0", "1.30", None, "heuristic"),
    ("ingress-nginx", "v1.15.1", "1.35", True, "tested"),
    ("ingress-nginx", "v1.15.1", "1.36", None, "tested"),
    ("metrics-server", "v0.8.0", "1.30", False, "supported"),
    ("external-dns", "0.17.0", "1.33", False, "required"),
    ("external-dns", "0.19.0", "1.36", True, "required"),
    ("knative", "1.22.0", "1.33", False, "required"),
    ("strimzi", "0.51.0", "1.29", False, "required"),
    ("linkerd", "2.18.0", "1.33", False, "supported"),
    ("flux", "2.8.1", "1.36", False, "supported"),
    ("argo-cd", "v3.4.0", "1.36", None, "tested"),
    ("keda", "2.20.0", "1.35", True, "tested"),
    ("velero", "v1.18.0", "1.36", True, "supported"),
    (OTEL, "0.158.0", "1.36", True, "supported"),
    ("kube-state-metrics", "v2.20.0", "1.36", None, ""),
    ("fluent-bit", "9.0.0", "1.37", True, "none"),
    ("goldpinger", "3.10.0", "1.36", None, ""),
    ("no-such-addon", "1.0.0", "1.36", None, ""),
)


@pytest.mark.parametrize(
    ("addon", "version", "on", "answer", "strength"), ANSWERS, ids=[f"{a} {v} on {m}" for a, v, m, *_ in ANSWERS]
)
def test_the_shipped_rows_answer(addon: str, version: str, on: str, answer: bool | None, strength: str) -> None:
    said = SHIPPED.accepts(addon, Version.parse(version), Minor.parse(on))
    assert (said.answer, said.strength.value if said.strength else "") == (answer, strength), said.reason


@pytest.mark.parametrize(
    ("addon", "chart", "on", "answer"),
    [
        ("kube-prometheus-stack", "73.0.0", "1.24", False),
        ("kube-prometheus-stack", "72.9.1", "1.24", True),
        ("traefik", "39.0.4", "1.24", True),
        ("traefik", "39.0.5", "1.24", False),
        ("vault", "0.34.1", "1.36", True),
        ("datadog-agent", "3.240.0", "1.36", True),
    ],
)
def test_charts_are_judged_by_their_own_number(addon: str, chart: str, on: str, answer: bool) -> None:
    version = Version.parse("0.90.0")
    assert SHIPPED.accepts(addon, version, Minor.parse(on), Version.parse(chart)).answer is answer
    assert SHIPPED.accepts(addon, version, Minor.parse(on)).answer is None


@pytest.mark.parametrize(
    ("addon", "version", "on", "fix"),
    [
        ("karpenter", "0.37.1", "1.31", ">=1.0.5,<1.2.0"),
        ("karpenter", "1.9.1", "1.36", ">=1.13.0,<1.15.0"),
        ("karpenter", "1.14.0", "1.37", None),
        ("cert-manager", "1.18.2", "1.34", ">=1.19.0,<1.20.0"),
        ("istio", "1.28.1", "1.35", ">=1.29.0,<1.30.0"),
        (LBC, "2.1.0", "1.22", ">=2.4.0,<2.5.0"),
        ("vpc-cni", "v1.11.4-eksbuild.1", "1.26", ">=1.12.0"),
        (CA, "1.34.2", "1.35", ">=1.35.0,<1.36.0"),
        ("rook-ceph", "1.18.0", "1.34", ">=1.19.0,<1.20.0"),
        ("calico", "3.30.0", "1.36", ">=3.32.0,<3.33.0"),
        ("coredns", "1.8.0", "1.36", None),
        ("no-such-addon", "1.0.0", "1.36", None),
    ],
)
def test_the_fix_is_the_nearest_version_that_goes_with_the_minor(
    addon: str, version: str, on: str, fix: str | None
) -> None:
    nearest = SHIPPED.addon_fix(addon, Minor.parse(on), Version.parse(version))
    assert (str(nearest) if nearest else None) == fix


def test_every_row_has_a_source_and_a_day_that_is_past() -> None:
    sources = [row.source for addon in SHIPPED.addons for row in addon.versions]
    sources += [end.source for addon in SHIPPED.addons for end in addon.ends]
    assert len(sources) > 480
    for source in sources:
        assert source.text, source
        assert date(2020, 1, 1) < source.date <= date(2026, 11, 20), source


def test_the_rows_are_as_many_as_were_collected() -> None:
    counted = Counter(row.strength for addon in SHIPPED.addons for row in addon.versions)
    assert counted[Strength.REQUIRED] >= 70
    assert counted[Strength.SUPPORTED] >= 100
    assert counted[Strength.TESTED] >= 130
    assert sum(1 for addon in SHIPPED.addons if addon.versions) >= 46


@pytest.mark.parametrize("addon", [addon for addon in SHIPPED.addons if addon.versions], ids=lambda addon: addon.id)
def test_rows_do_not_contradict_each_other(addon: AddonRow) -> None:
    """No version has two rows that may say no, unless they say it of the same minors."""
    rows = [row for row in addon.versions if row.strength in (Strength.REQUIRED, Strength.SUPPORTED)]
    for row in rows:
        starts = [bound.version for bound in row.versions.bounds if bound.operator in (">=", "=")]
        for start in starts:
            others = [
                each
                for each in rows
                if each is not row and each.strength is row.strength and each.versions.of_chart is row.versions.of_chart
            ]
            assert not [each for each in others if each.versions.accepts(start)], row


def test_what_asks_for_more_than_a_version_has_its_rule() -> None:
    assert {addon.id: addon.rules for addon in SHIPPED.addons if addon.rules} == {
        "cluster-autoscaler": (Rule.EQUAL_MINOR,),
        "kube-proxy": (Rule.NOT_AHEAD,),
        "vpc-cni": (Rule.ONE_MINOR_AT_A_TIME,),
    }


@pytest.mark.parametrize(
    ("addon", "version", "day"),
    [
        ("istio", "1.28.1", date(2026, 7, 1)),
        ("cert-manager", "1.18.2", date(2026, 3, 10)),
        ("knative", "1.22.1", date(2026, 11, 3)),
        ("kyverno", "1.15.0", date(2026, 4, 29)),
        ("ingress-nginx", "1.15.1", date(2026, 3, 31)),
        ("ingress-nginx", "0.30.0", date(2026, 3, 31)),
    ],
)
def test_the_end_of_a_line_is_known(addon: str, version: str, day: date) -> None:
    row = SHIPPED.addon(addon)
    assert row is not None
    assert [end.day for end in row.ends if end.versions.accepts(Version.parse(version))] == [day]


# ---- what the checks say of them


def judged(code: str, addon: str, version: str, source: str, target: str) -> list[tuple[str, bool, str, str]]:
    """(severity, blocks, message, fix) of what one check finds of one addon that EKS does not manage."""
    seen = {parts.ADDONS: Addons((Addon(addon, version, FoundBy.IMAGE, f"kube-system/DaemonSet/{addon}"),))}
    (hop,) = hops(source, target)
    findings = found(code, snapshot(seen), hop, SHIPPED)
    return [(finding.severity.value, finding.blocks, finding.message, finding.fix) for finding in findings]


def test_a_hard_requirement_of_a_shipped_row_blocks_with_its_fix() -> None:
    ((severity, blocks, message, fix),) = judged("FK201", "vpc-cni", "v1.9.3", "1.25", "1.26")
    assert (severity, blocks) == ("blocker", True)
    assert message == (
        "Amazon VPC CNI (aws-node) v1.9.3 does not go with 1.26: versions <1.12.0 go with 1.25 and older (required)"
    )
    assert fix == "before 1.25 → 1.26: upgrade Amazon VPC CNI (aws-node) to one of >=1.12.0"


def test_an_addon_that_moves_one_minor_at_a_time_is_told_each_step() -> None:
    ((severity, blocks, message, fix),) = judged("FK207", "vpc-cni", "v1.9.3", "1.25", "1.26")
    assert (severity, blocks) == ("warning", False)
    assert "3 steps to 1.12" in message
    assert "1.10, 1.11, 1.12" in fix


def test_a_retired_addon_only_warns_with_the_day() -> None:
    ((severity, blocks, message, _),) = judged("FK205", "ingress-nginx", "v1.15.1", "1.34", "1.35")
    assert (severity, blocks) == ("warning", False)
    assert "2026-03-31: the project is retired" in message


@pytest.mark.parametrize(
    ("addon", "version", "blocks"),
    [("cilium", "v1.18.4", True), ("cilium", "", True), ("argo-cd", "v3.1.0", False), ("goldpinger", "3.10.0", False)],
)
def test_what_nobody_says_blocks_only_where_a_cluster_can_go_down_with_it(
    addon: str, version: str, blocks: bool
) -> None:
    ((severity, found_to_block, message, _),) = judged("FK201", addon, version, "1.34", "1.35")
    assert (severity, found_to_block) == ("unknown", blocks)
    assert "is not known to go with 1.35" in message


@pytest.mark.parametrize(
    ("addon", "version"),
    [("karpenter", "1.13.0"), ("coredns", "v1.11.4"), ("calico", "v3.31.2"), ("aws-ebs-csi-driver", "v1.58.0")],
)
def test_what_goes_with_the_target_is_not_told(addon: str, version: str) -> None:
    assert judged("FK201", addon, version, "1.34", "1.35") == []
