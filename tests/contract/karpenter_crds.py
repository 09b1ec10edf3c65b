"""Karpenter's NodePool and EC2NodeClass as far as we read and write them, with the rules that the real CRDs check."""

from typing import Any

from fleetkeeper.engine.writers import ObjectRef

_TEXT = {"type": "string"}
_BUDGET = {
    "type": "object",
    "required": ["nodes"],
    "properties": {
        "nodes": {"type": "string", "default": "10%", "pattern": "^((100|[0-9]{1,2})%|[0-9]+)$"},
        "reasons": {"type": "array", "items": {"type": "string", "enum": ["Underutilized", "Empty", "Drifted"]}},
        "schedule": _TEXT,
        "duration": _TEXT,
    },
}
_DISRUPTION = {
    "type": "object",
    "default": {"consolidateAfter": "0s"},
    "properties": {
        "consolidateAfter": _TEXT,
        "budgets": {"type": "array", "maxItems": 50, "default": [{"nodes": "10%"}], "items": _BUDGET},
    },
}
_TEMPLATE = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "nodeClassRef": {"type": "object", "properties": {"group": _TEXT, "kind": _TEXT, "name": _TEXT}},
                "terminationGracePeriod": _TEXT,
            },
        }
    },
}
_TERM = {"type": "object", "properties": {"alias": _TEXT, "id": _TEXT, "name": _TEXT}}


def node_pool_crd() -> dict[str, Any]:
    spec = {"type": "object", "properties": {"disruption": _DISRUPTION, "template": _TEMPLATE}}
    return _crd("karpenter.sh", "nodepools", "NodePool", spec)


def node_class_crd() -> dict[str, Any]:
    spec = {"type": "object", "properties": {"amiSelectorTerms": {"type": "array", "items": _TERM}}}
    return _crd("karpenter.k8s.aws", "ec2nodeclasses", "EC2NodeClass", spec)


def node_claim_crd() -> dict[str, Any]:
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return _crd("karpenter.sh", "nodeclaims", "NodeClaim", spec)


def node_claim(node: str, pool: str = "general", drifted: str = "") -> dict[str, Any]:
    """The claim of a node. drifted: the reason of its condition, "" where it is not drifted."""
    conditions = [{"type": "Drifted", "status": "True", "reason": drifted}] if drifted else []
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {"name": f"{pool}-{node}", "labels": {"karpenter.sh/nodepool": pool}},
        "spec": {},
        "status": {"nodeName": node, "conditions": conditions},
    }


def _crd(group: str, plural: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    whole = {"type": "object", "properties": {"spec": spec, "status": loose}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": whole}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    }


def pool_ref(name: str) -> ObjectRef:
    return ObjectRef("karpenter.sh", "v1", "nodepools", "", name)


def node_pool(name: str = "general", budgets: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A NodePool of self-installed Karpenter."""
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    disruption = {"consolidateAfter": "0s", "budgets": budgets if budgets is not None else [{"nodes": "10%"}]}
    template = {"spec": {"nodeClassRef": reference, **more}}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {"disruption": disruption, "template": template},
    }


def node_class(name: str = "default", **term: str) -> dict[str, Any]:
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": name},
        "spec": {"amiSelectorTerms": [term or {"alias": "al2023@latest"}]},
    }
