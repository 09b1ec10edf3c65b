"""The files that are shipped in this folder, as they are: policies, templates and RBAC."""

import json
from pathlib import Path
from typing import Any

READER_POLICY = "reader-policy.json"
AUDIT_LOG_POLICY = "audit-log-policy.json"
ORGANIZATIONS_POLICY = "organizations-policy.json"
READER_ROLE = "reader-role.yaml"
ACCESS_ENTRY = "access-entry.yaml"
KUBERNETES_READER = "kubernetes-reader.yaml"
KUBERNETES_HELM = "kubernetes-helm.yaml"
EXECUTOR_POLICY = "executor-policy.json"
EXECUTOR_SURGE_POLICY = "executor-surge-policy.json"
EXECUTOR_BLUE_GREEN_POLICY = "executor-blue-green-policy.json"
KUBERNETES_EXECUTOR = "kubernetes-executor.yaml"
KUBERNETES_EXECUTOR_HELM = "kubernetes-executor-helm.yaml"

GROUP = "fleetkeeper:readers"
"""The Kubernetes group that the shipped RBAC gives its rights to."""

EXECUTOR_GROUP = "fleetkeeper:executors"
"""The group of the engine, which changes what an approved plan says; the reader is never in it."""


def text_of(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def document_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of(name))
    return found


def reader_policy(audit_logs: bool) -> dict[str, Any]:
    """The reader's IAM policy; with audit_logs also the statements that let it query the audit logs in CloudWatch."""
    policy = document_of(READER_POLICY)
    more = document_of(AUDIT_LOG_POLICY)["Statement"] if audit_logs else []
    return {**policy, "Statement": [*policy["Statement"], *more]}


def rbac(helm_secrets: bool) -> str:
    """The reader's ClusterRole and binding; with helm_secrets also the role that reads every Secret."""
    reader = text_of(KUBERNETES_READER)
    return f"{reader}---\n{text_of(KUBERNETES_HELM)}" if helm_secrets else reader
