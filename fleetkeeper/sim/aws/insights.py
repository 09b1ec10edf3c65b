"""Insights as EKS finds them anew: after a version change, and when StartInsightsRefresh asks for it."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.eks import cluster_of
from fleetkeeper.sim.aws.updates import names_of
from fleetkeeper.sim.eks_state import ROLLBACK_WINDOW, SimInsightsRefresh
from fleetkeeper.sim.world import SimCluster, SimInsight

UPGRADE, ROLLBACK = "UPGRADE_READINESS", "ROLLBACK_READINESS"
_DEPRECATED = "Deprecated APIs removed in Kubernetes v"
_REMEMBERED = timedelta(days=30)  # the rolling window of the deprecated-API insight
_SKEW = 3  # minors that a kubelet may be behind its API server
_KUBE_PROXY = "kube-proxy"  # it follows the control plane, and upwards has an insight of its own skew
_CORE_ADDONS = ("coredns", "kube-proxy", "vpc-cni")  # the ones that a rollback checks
_KEEP_NODE = "karpenter.sh/do-not-disrupt"


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    category: str
    target: Minor
    status: str = "PASSING"
    reason: str = "No issue was found."
    resources: tuple[str, ...] = ()


def recompute(cluster: SimCluster, now: datetime) -> None:
    """Replace what EKS computes for the next minor, and for the way back while there is one."""
    current = Minor.parse(cluster.version)
    checks = [*_upgrade_checks(cluster, current, now), *_rollback_checks(cluster, now)]
    wanted = {(check.name, check.category, str(check.target)) for check in checks}
    for key, known in list(cluster.insights.items()):
        ours = (known.name, known.category, known.kubernetes_version) in wanted
        if not ours and _is_past(known, current):
            del cluster.insights[key]
    for check in checks:
        _store(cluster, check, now)


def _is_past(insight: SimInsight, current: Minor) -> bool:
    if insight.category == ROLLBACK:
        return True
    return insight.category == UPGRADE and Minor.parse(insight.kubernetes_version) <= current


def _store(cluster: SimCluster, check: _Check, now: datetime) -> None:
    key = (check.name, check.category, str(check.target))
    known = next(
        (each for each in cluster.insights.values() if (each.name, each.category, each.kubernetes_version) == key), None
    )
    if known is None:
        unique = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.arn}/{check.name}/{check.target}"))
        known = SimInsight(unique, check.name, check.category, "", str(check.target), "", transitioned_at=now)
        known.description = f"{check.name}, Kubernetes {check.target}."
        cluster.insights[unique] = known
    if known.status != check.status:
        known.transitioned_at = now
    known.status, known.reason, known.refreshed_at = check.status, check.reason, now
    if not known.name.startswith(_DEPRECATED):
        known.resources = [{"kubernetesResourceUri": uri} for uri in check.resources]
    known.recommendation = "" if check.status == "PASSING" else "Resolve this before you change the version."


def _upgrade_checks(cluster: SimCluster, current: Minor, now: datetime) -> Iterator[_Check]:
    target = current.next()
    yield _deprecated(cluster, target, now)
    others = tuple(name for name in cluster.addons if name != _KUBE_PROXY)
    yield _addons(cluster, "EKS add-on version compatibility", UPGRADE, target, others)
    kubelets = _kubelets(cluster)
    lag = max((target.minor - kubelet.minor for kubelet in kubelets.values()), default=0)
    behind = tuple(uri for uri, kubelet in kubelets.items() if target.minor - kubelet.minor == lag)
    status = "ERROR" if lag > _SKEW else "WARNING" if lag == _SKEW else "PASSING"
    reason = f"Kubelets are up to {lag} minor versions behind {target}."
    yield _Check("Kubelet version skew", UPGRADE, target, status, reason, behind if status != "PASSING" else ())
    yield _Check("kube-proxy version skew", UPGRADE, target)
    yield _health(cluster, UPGRADE, target)


def _health(cluster: SimCluster, category: str, target: Minor) -> _Check:
    codes = ", ".join(issue.code for issue in cluster.issues)
    if not codes:
        return _Check("Cluster health issues", category, target, reason="No cluster health issues detected.")
    return _Check("Cluster health issues", category, target, "ERROR", f"Cluster health issues: {codes}.")


def _deprecated(cluster: SimCluster, target: Minor, now: datetime) -> _Check:
    """What callers did in the last 30 days: it stays red that long after the last call."""
    name = f"{_DEPRECATED}{target}"
    known = next((each for each in cluster.insights.values() if each.name == name), None)
    details: list[dict[str, Any]] = known.summary.get("deprecationDetails", []) if known else []
    calls = [client["lastRequestTime"] for detail in details for client in detail.get("clientStats", ())]
    if known is not None and any(now - called < _REMEMBERED for called in calls):
        return _Check(name, UPGRADE, target, known.status, known.reason)
    return _Check(name, UPGRADE, target, reason="No deprecated API usage detected within the last 30 days.")


def _addons(cluster: SimCluster, name: str, category: str, target: Minor, wanted: tuple[str, ...]) -> _Check:
    """ERROR for a version that EKS does not offer for the target; an addon that it does not know at all passes."""
    wrong = []
    for addon in cluster.addons.values():
        offered = catalog().addons.get(addon.name)
        known = offered is not None and any(each.version == addon.version for each in offered.versions)
        if addon.name in wanted and known and offered and addon.version not in offered.serving(str(target)):
            wrong.append(addon.name)
    if not wrong:
        return _Check(name, category, target, reason=f"All installed EKS add-on versions are compatible with {target}.")
    return _Check(name, category, target, "ERROR", f"Not compatible with {target}: {', '.join(wrong)}.")


def _kubelets(cluster: SimCluster) -> dict[str, Minor]:
    """Kubernetes URI → minor of every node, and of managed groups whose nodes the world does not hold."""
    found = {}
    for (_, name), node in cluster.objects.get("/nodes", {}).items():
        text = node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
        if text:
            found[f"/api/v1/nodes/{name}"] = Minor.parse(text)
    for group in cluster.node_groups.values():
        if group.version and group.instances and not found:
            return {f"/api/v1/nodes/{name}": Minor.parse(group.version) for name in group.instances}
    return found


def _rollback_checks(cluster: SimCluster, now: datetime) -> Iterator[_Check]:
    upgrade = cluster.eks.upgrade
    if upgrade is None or now - upgrade.completed_at > ROLLBACK_WINDOW:
        return
    target = Minor.parse(upgrade.previous)
    # Auto Mode's own nodes go back with the control plane; what they need is judged below.
    auto = {
        f"/api/v1/nodes/{name}"
        for (_, name), node in cluster.objects.get("/nodes", {}).items()
        if node["metadata"].get("labels", {}).get("eks.amazonaws.com/compute-type") == "auto"
    }
    newer = tuple(uri for uri, kubelet in _kubelets(cluster).items() if kubelet > target and uri not in auto)
    reason = f"{len(newer)} kubelets are newer than {target}." if newer else f"No kubelet is newer than {target}."
    status = "ERROR" if newer else "PASSING"
    yield _Check("Kubelet version rollback compatibility", ROLLBACK, target, status, reason, newer)
    yield _addons(cluster, "EKS add-on version rollback compatibility", ROLLBACK, target, _CORE_ADDONS)
    yield _Check("Incompatible API usage", ROLLBACK, target)
    yield _Check("kube-proxy version rollback compatibility", ROLLBACK, target)
    yield _health(cluster, ROLLBACK, target)
    if cluster.auto_mode:
        yield _disruption(cluster, target)


def _disruption(cluster: SimCluster, target: Minor) -> _Check:
    """Whether Auto Mode can move its nodes: a budget of 0 or a node that may not go is an ERROR, the rest a WARNING."""
    name = "EKS Auto Mode node disruption"
    for (_, pool), obj in cluster.objects.get("karpenter.sh/nodepools", {}).items():
        budgets = obj["spec"].get("disruption", {}).get("budgets", ())
        if any(str(budget["nodes"]) in {"0", "0%"} for budget in budgets):
            return _Check(name, ROLLBACK, target, "ERROR", f"NodePool {pool} has a budget of 0.")
    for (_, node), obj in cluster.objects.get("/nodes", {}).items():
        if _KEEP_NODE in obj["metadata"].get("annotations", {}):
            return _Check(name, ROLLBACK, target, "ERROR", f"Node {node} must not be disrupted.")
    for (_, budget), obj in cluster.objects.get("policy/poddisruptionbudgets", {}).items():
        if str(obj["spec"].get("maxUnavailable", "")) in {"0", "0%"}:
            return _Check(name, ROLLBACK, target, "WARNING", f"PodDisruptionBudget {budget} allows no disruption.")
    for (_, pod), obj in cluster.objects.get("/pods", {}).items():
        if _KEEP_NODE in obj["metadata"].get("annotations", {}):
            return _Check(name, ROLLBACK, target, "WARNING", f"Pod {pod} must not be disrupted.")
    return _Check(name, ROLLBACK, target, reason="Nothing keeps nodes from being replaced.")


def blocking(cluster: SimCluster, category: str, target: Minor, statuses: frozenset[str]) -> list[SimInsight]:
    """The insights of a category that stand in the way of a target."""
    return [
        each
        for each in cluster.insights.values()
        if each.category == category and each.kubernetes_version == str(target) and each.status in statuses
    ]


def _start_refresh(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster, now = cluster_of(call), stage.now()
    if cluster.status != "ACTIVE":
        message = f"Insights of a cluster that is {cluster.status} cannot be refreshed."
        raise AwsError("InvalidRequestException", message, names_of(cluster))
    known = cluster.eks.refresh
    if known is None or known.ended_at is not None:
        fresh = cluster.eks.refresh = SimInsightsRefresh(now)
        stage.after(stage.timing.insights_refresh, lambda: _finish_refresh(stage, cluster, fresh))
    return {"message": "Insights refresh is in progress", "status": "IN_PROGRESS"}


def _finish_refresh(stage: Backstage, cluster: SimCluster, refresh: SimInsightsRefresh) -> None:
    recompute(cluster, stage.now())
    refresh.status, refresh.ended_at = "COMPLETED", stage.now()


def _describe_refresh(call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    refresh = cluster.eks.refresh
    if refresh is None:
        message = f"No insights refresh found for cluster: {cluster.name}"
        raise AwsError("ResourceNotFoundException", message, names_of(cluster))
    answer: dict[str, Any] = {"status": refresh.status, "startedAt": refresh.started_at}
    answer["message"] = f"Insights refresh is {refresh.status.lower().replace('_', ' ')}"
    return answer | ({"endedAt": refresh.ended_at} if refresh.ended_at else {})


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "DescribeInsightsRefresh": _describe_refresh,
        "StartInsightsRefresh": partial(_start_refresh, stage),
    }
