"""What extends an API server and can hold an upgrade: admission webhooks with their endpoints, and aggregated APIs."""

from collections.abc import Iterator
from datetime import timedelta

from fleetkeeper.sim.objects.recipes import Recipe
from fleetkeeper.sim.scenario import ApiServiceSpec, Look, WebhookSpec
from fleetkeeper.sim.world import Object

_AGE = timedelta(days=210)
_ADMISSION = "admissionregistration.k8s.io"
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def recipes(look: Look) -> Iterator[Recipe]:
    for webhook in look.webhooks.values():
        kind = "mutatingwebhookconfigurations" if webhook.mutates else "validatingwebhookconfigurations"
        labels = dict(webhook.labels) or None
        body: Object = {"webhooks": [_webhook(webhook)]}
        yield Recipe(f"{_ADMISSION}/{kind}", webhook.name, body, labels=labels, age=_AGE, generation=1)
        yield _endpoints(webhook)
    for api in look.api_services.values():
        labels = dict(api.labels) or None
        yield Recipe(
            "apiregistration.k8s.io/apiservices", f"{api.version}.{api.group}", _api(api), labels=labels, age=_AGE
        )


def namespaces(look: Look) -> set[str]:
    """Those of the services behind them."""
    services = [each.service for each in look.webhooks.values()] + [each.service for each in look.api_services.values()]
    return {service.partition("/")[0] for service in services}


def _webhook(spec: WebhookSpec) -> Object:
    spared = {"key": _NAMESPACE_NAME, "operator": "NotIn", "values": list(spec.spares)}
    rules = [_rule(each, spec.operations) for each in spec.resources]
    return {
        "name": f"{spec.name}.example.com",
        "clientConfig": {"service": _reference(spec.service), "caBundle": "Y2E="},
        "rules": rules,
        "failurePolicy": spec.policy,
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchExpressions": [spared]} if spec.spares else {},
        "objectSelector": {},
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "admissionReviewVersions": ["v1"],
    }


def _rule(resource: str, operations: tuple[str, ...]) -> Object:
    group, _, plural = resource.rpartition("/")
    where: Object = {"apiGroups": [group], "apiVersions": ["*"], "resources": [plural], "scope": "*"}
    return {**where, "operations": list(operations)}


def _endpoints(spec: WebhookSpec) -> Recipe:
    """The slice of a service: it is there also when nobody is."""
    namespace, _, name = spec.service.partition("/")
    ready = {"ready": True, "serving": True, "terminating": False}
    found = [{"addresses": [f"10.0.200.{number + 10}"], "conditions": ready} for number in range(spec.ready)]
    body: Object = {"addressType": "IPv4", "endpoints": found, "ports": [{"name": "", "port": 9443, "protocol": "TCP"}]}
    labels = {"kubernetes.io/service-name": name}
    return Recipe("discovery.k8s.io/endpointslices", f"{name}-slice", body, namespace, labels, age=_AGE, generation=1)


def _api(spec: ApiServiceSpec) -> Object:
    down = {"status": "False", "reason": spec.reason, "message": spec.message}
    up = {"status": "True", "reason": "Passed", "message": "all checks passed"}
    return {
        "spec": {
            "service": _reference(spec.service),
            "group": spec.group,
            "version": spec.version,
            "caBundle": "Y2E=",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
        "status": {"conditions": [{"type": "Available", **(down if spec.reason else up)}]},
    }


def _reference(service: str) -> Object:
    namespace, _, name = service.partition("/")
    return {"namespace": namespace, "name": name, "port": 443}
