"""From documents of the API to our own values: budgets, scalers, volumes, webhooks and aggregated APIs."""

from collections.abc import Iterable, Iterator

from fleetkeeper.adapters.kube.documents import around
from fleetkeeper.adapters.kube.templates import labels, node_terms
from fleetkeeper.core.observed import ApiService, Budget, PersistentVolume, Webhook, WebhookRule
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.text import safe

_LONGEST = 300  # of a message, which a controller of anybody's may have written
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone")
_NODE = "kubernetes.io/hostname"
_SOURCES = {
    "ebs": "awsElasticBlockStore",
    "local": "local",
    "host_path": "hostPath",
    "nfs": "nfs",
    "iscsi": "iscsi",
    "fc": "fc",
    "flex": "flexVolume",
}


def budget(document: around.Budget) -> Budget:
    meta, spec = document.metadata, document.spec or around.BudgetSpec()
    status = document.status or around.BudgetStatus()
    said = _said(status.conditions, "DisruptionAllowed")
    return Budget(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        selector=labels(spec.selector),
        minimum=_limit(spec.minimum),
        maximum_unavailable=_limit(spec.maximum_unavailable),
        unhealthy_policy=spec.unhealthy_policy or "",
        expected=status.expected,
        desired=status.desired,
        healthy=status.healthy,
        allowed=status.allowed,
        observed=status.observed >= meta.generation,
        reason=said.reason or "",
        message=safe(said.message or "", _LONGEST),
        owner=owner_keys(meta.labels, meta.annotations),
    )


def minimum(document: around.Scaler) -> tuple[tuple[str, str, str], int] | None:
    """(namespace, kind, name) of what a HorizontalPodAutoscaler scales, and its least size; None without a target."""
    spec = document.spec or around.ScalerSpec()
    if spec.target is None:
        return None
    least = 1 if spec.minimum is None else spec.minimum
    return (document.metadata.namespace, spec.target.kind, spec.target.name), least


def volume(document: around.Volume) -> PersistentVolume:
    spec = document.spec or around.VolumeSpec()
    terms = node_terms(spec.affinity.required if spec.affinity else None)
    source = next((name for field, name in _SOURCES.items() if getattr(spec, field) is not None), "")
    return PersistentVolume(
        name=document.metadata.name,
        source=spec.csi.driver if spec.csi else source,
        zones=_values(value for term in terms if term.key in _ZONES for value in term.values),
        claim=f"{spec.claim.namespace}/{spec.claim.name}" if spec.claim else "",
        nodes=_values(value for term in terms if term.key == _NODE for value in term.values),
        storage_class=spec.storage_class or "",
        keys=_values(term.key for term in terms),
    )


def webhooks(kind: str, document: around.WebhookConfiguration) -> Iterator[Webhook]:
    """Each webhook of a configuration, before its endpoints were looked at."""
    meta = document.metadata
    owner = owner_keys(meta.labels, meta.annotations)
    for each in document.webhooks or ():
        client = each.client or around.WebhookClient()
        yield Webhook(
            kind=kind,
            configuration=meta.name,
            name=each.name,
            fails_closed=each.failure != "Ignore",  # v1 defaults to Fail
            service=place(client.service),
            url=safe(client.url or "", _LONGEST),
            timeout_seconds=10 if each.timeout is None else each.timeout,
            equivalent=each.match != "Exact",
            rules=tuple(_rule(rule) for rule in each.rules or ()),
            namespaces=labels(each.namespaces) or Labels(),
            objects=labels(each.objects) or Labels(),
            owner=owner,
        )


def api_service(document: around.ApiService) -> ApiService | None:
    """None for what the API server serves by itself."""
    meta, spec = document.metadata, document.spec
    if spec is None or spec.service is None:
        return None
    said = _said(document.status.conditions if document.status else None, "Available")
    return ApiService(
        name=meta.name,
        group=spec.group,
        version=spec.version,
        service=place(spec.service),
        available=said.status == "True",
        reason=said.reason or "",
        message=safe(said.message or "", _LONGEST),
        owner=owner_keys(meta.labels, meta.annotations),
    )


def place(service: around.ServiceReference | None) -> str:
    """namespace/name of a service, "" for none."""
    return f"{service.namespace}/{service.name}" if service else ""


def ready_endpoints(document: around.EndpointSlice) -> Iterator[str]:
    """An address of each endpoint that is ready; what says nothing counts as ready, as kube-proxy has it."""
    for each in document.endpoints or ():
        if each.addresses and (each.conditions is None or each.conditions.ready is not False):
            yield each.addresses[0]


def _said(conditions: Iterable[around.Said] | None, kind: str) -> around.Said:
    return next((each for each in conditions or () if each.type == kind), around.Said(kind))


def _limit(given: around.Limit | None) -> str:
    return "" if given is None else str(given)


def _rule(given: around.Rule) -> WebhookRule:
    return WebhookRule(
        groups=tuple(given.groups or ()),
        versions=tuple(given.versions or ()),
        resources=tuple(given.resources or ()),
        operations=tuple(given.operations or ()),
        scope=given.scope or "*",
    )


def _values(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
