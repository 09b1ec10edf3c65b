"""The parts of a snapshot by name: which are read from where, and of which history is kept."""

from fleetkeeper.errors import GapReason

NEVER = GapReason.NOT_READ

CONTROL_PLANE = "control_plane"
MANAGED_ADDONS = "managed_addons"
NODE_GROUPS = "node_groups"
FARGATE_PROFILES = "fargate_profiles"
INSIGHTS = "insights"
NODES = "nodes"
WORKLOADS = "workloads"
PODS = "pods"
NAMESPACES = "namespaces"
CRDS = "crds"
HELM_RELEASES = "helm_releases"
ADDONS = "addons"
UPDATES = "updates"
PREREQUISITES = "prerequisites"
LAUNCH_TEMPLATES = "launch_templates"
IMAGES = "images"
BUDGETS = "budgets"
POD_NOTES = "pod_notes"
VOLUMES = "volumes"
WEBHOOKS = "webhooks"
API_SERVICES = "api_services"
GITOPS = "gitops"
API_USE = "api_use"
OBJECT_TRACES = "object_traces"
HELM_USE = "helm_use"
AUDIT_CALLS = "audit_calls"
CUSTOMISED = "customised"

CLOUD_PARTS = (
    *(MANAGED_ADDONS, NODE_GROUPS, FARGATE_PROFILES, INSIGHTS),
    *(UPDATES, PREREQUISITES, LAUNCH_TEMPLATES, IMAGES, AUDIT_CALLS),
)
"""Read from AWS after the control plane; the audit log only where the operator opted in, for its reads cost money."""

KUBE_PARTS = (
    *(NODES, WORKLOADS, PODS, NAMESPACES, CRDS, HELM_RELEASES, HELM_USE),
    *(POD_NOTES, BUDGETS, VOLUMES, WEBHOOKS, API_SERVICES, GITOPS, API_USE, OBJECT_TRACES, CUSTOMISED),
)
"""Read from the cluster's own API server, in this order."""

HELM_PARTS = (HELM_RELEASES, HELM_USE)
"""Read only where the operator opted in, for RBAC cannot tell Helm's Secrets from others."""

ALL_PARTS = (CONTROL_PLANE, *CLOUD_PARTS, *KUBE_PARTS, ADDONS)
"""What is read of every cluster, and found in it."""

MORE_PARTS = (
    *(UPDATES, PREREQUISITES, LAUNCH_TEMPLATES, IMAGES, BUDGETS, POD_NOTES, VOLUMES, WEBHOOKS),
    *(API_SERVICES, GITOPS, API_USE, OBJECT_TRACES, HELM_USE, AUDIT_CALLS, CUSTOMISED),
)
"""What decides, beside the inventory, whether a cluster can be upgraded."""

CLUSTER_PARTS = tuple(dict.fromkeys((*ALL_PARTS, *MORE_PARTS)))

ACCOUNT = "account"
CLUSTERS = "clusters"
AUTO_SCALING_GROUPS = "auto_scaling_groups"
CLUSTER_VERSIONS = "cluster_versions"
ADDON_RELEASES = "addon_releases"
QUOTAS = "quotas"

SCOPE_PARTS = (ACCOUNT, CLUSTERS, AUTO_SCALING_GROUPS, CLUSTER_VERSIONS, ADDON_RELEASES, QUOTAS)
"""What all clusters of one account and region share; `clusters` is the list of names itself."""

HISTORY_PARTS = (CONTROL_PLANE, ADDONS, NODE_GROUPS, NODES, HELM_RELEASES)
"""Parts whose changes are kept; of all others only the latest value is."""
