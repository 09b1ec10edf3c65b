"""Which objects an admission webhook is asked about: by its rules and selectors, as the API server matches them.

Matching is that of admissionregistration.k8s.io/v1 (Kubernetes documentation, Dynamic Admission Control, 2026).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import Webhook, WebhookRule

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has (Kubernetes 1.21 and later)."""

SYSTEM = "kube-system"
ANY = "*"


@dataclass(frozen=True, slots=True)
class Request:
    """A write that the API server may ask about; namespace "" is that of an object without one.

    labels are the objects' own, any of which is enough; none given: an object without labels.
    """

    words: str
    group: str
    resource: str
    operations: tuple[str, ...]
    namespace: str = ""
    labels: tuple[Mapping[str, str], ...] = ({},)


NODES = Request("nodes", "", "nodes", ("CREATE", "UPDATE"))
NODE_STATUS = Request("nodes", "", "nodes/status", ("UPDATE",))
NODE_LEASES = Request("node leases", "coordination.k8s.io", "leases", ("CREATE", "UPDATE"), "kube-node-lease")
SYSTEM_LEASES = Request("leases of kube-system", "coordination.k8s.io", "leases", ("CREATE", "UPDATE"), SYSTEM)
EVICTIONS = Request("evictions", "", "pods/eviction", ("CREATE",), SYSTEM)


def perils(webhook: Webhook, workloads: Iterable[Workload]) -> tuple[str, ...]:
    """The words for what an upgrade cannot do without that the webhook is asked about, each once."""
    asked = (NODES, NODE_STATUS, NODE_LEASES, SYSTEM_LEASES, _system_pods(workloads), EVICTIONS)
    return tuple(dict.fromkeys(each.words for each in asked if is_asked(webhook, each)))


def takes_pods(webhook: Webhook) -> bool:
    """Whether it is asked about new pods, of some namespace and with some labels."""
    return any(_matches(rule, Request("pods", "", "pods", ("CREATE",)), webhook) for rule in webhook.rules)


def is_asked(webhook: Webhook, request: Request) -> bool:
    """A namespace is known by its name alone: a selector of other labels is judged as if it had none."""
    if not any(_matches(rule, request, webhook) for rule in webhook.rules):
        return False
    if request.namespace and not webhook.namespaces.accepts({NAMESPACE_NAME: request.namespace}):
        return False
    return any(webhook.objects.accepts(labels) for labels in request.labels)


def _system_pods(workloads: Iterable[Workload]) -> Request:
    labels = tuple(each.template.labels for each in workloads if each.namespace == SYSTEM and each.template)
    return Request("pods of kube-system", "", "pods", ("CREATE",), SYSTEM, labels or ({},))


def _matches(rule: WebhookRule, request: Request, webhook: Webhook) -> bool:
    is_group = bool({ANY, request.group} & set(rule.groups))
    is_version = webhook.equivalent or bool({ANY, "v1"} & set(rule.versions))
    is_operation = bool({ANY, *request.operations} & set(rule.operations))
    return is_group and is_version and is_operation and _names(rule.resources, request.resource)


def _names(resources: tuple[str, ...], resource: str) -> bool:
    """`*` is every resource without its subresources, `pods/*` pods with theirs, `*/*` all of them."""
    kind, _, sub = resource.partition("/")
    accepted = {"*/*", f"{kind}/*", resource} | ({f"*/{sub}"} if sub else {ANY})
    return bool(accepted & set(resources))
