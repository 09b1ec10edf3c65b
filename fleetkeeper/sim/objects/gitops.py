"""Definitions and objects of Argo CD and Flux, of which a simulated cluster and a real API server take the same.

Written for fleetkeeper: groups, versions, kinds and the fields that are read are theirs, everything else is left open.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from fleetkeeper.core.gitops import APPLICATION, HELM_RELEASE, RESOURCES
from fleetkeeper.sim.objects.recipes import Recipe
from fleetkeeper.sim.scenario import Look
from fleetkeeper.sim.world import Object

_AGE = timedelta(days=60)
_OPEN: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT: Object = {"type": "string"}


def recipes(look: Look) -> Iterator[Recipe]:
    """Those of a scenario, as their controllers left them."""
    for spec in look.gitops.values():
        group, version, plural = RESOURCES[spec.kind]
        if spec.kind == APPLICATION:
            made = application(spec.name, spec.chart, spec.version, spec.namespace)
            said = synced(spec.deployed, "Healthy" if spec.ready else "Degraded")
        else:
            made = helm_release(spec.name, spec.chart, spec.version, spec.namespace)
            said = released(spec.chart, spec.deployed, 1, spec.ready)
        meta = made["metadata"]
        body: Object = {"apiVersion": f"{group}/{version}", "kind": spec.kind, "spec": made["spec"], "status": said}
        where, labels = meta["namespace"], meta["labels"]
        yield Recipe(f"{group}/{plural}", spec.name, body, where, labels, age=_AGE, generation=1)


def namespaces(look: Look) -> set[str]:
    """Those that they deploy into."""
    return {each.namespace for each in look.gitops.values()}


def definition(kind: str, versions: tuple[str, ...] = ()) -> Object:
    """The definition of Application or HelmRelease. versions: those that are served, the first stored; () theirs."""
    group, version, plural = RESOURCES[kind]
    # Argo CD's Application has no status subresource, Flux's HelmRelease has one: their controllers write as they can.
    subresources: Object = {"status": {}} if kind == HELM_RELEASE else {}
    served = [
        {
            "name": name,
            "served": True,
            "storage": number == 0,
            "schema": {"openAPIV3Schema": _schema(kind)},
            "subresources": subresources,
        }
        for number, name in enumerate(versions or (version,))
    ]
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": served}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": spec,
    }


def application(
    name: str, chart: str, version: str, target: str, namespace: str = "argocd", release: str = ""
) -> Object:
    """An Application that deploys a chart into the namespace `target` of its own cluster."""
    source: Object = {"repoURL": "https://charts.example.com", "chart": chart, "targetRevision": version}
    if release:
        source["helm"] = {"releaseName": release}
    spec = {
        "project": "default",
        "source": source,
        "destination": {"server": "https://kubernetes.default.svc", "namespace": target},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    }
    return _object(APPLICATION, name, namespace, spec)


def helm_release(name: str, chart: str, version: str, target: str, namespace: str = "flux-system") -> Object:
    """A HelmRelease that deploys a chart into the namespace `target`."""
    source = {"kind": "HelmRepository", "name": "charts"}
    spec = {
        "interval": "10m",
        "targetNamespace": target,
        "releaseName": name,
        "chart": {"spec": {"chart": chart, "version": version, "sourceRef": source}},
    }
    return _object(HELM_RELEASE, name, namespace, spec)


def synced(version: str, health: str = "Healthy", sync: str = "Synced") -> Object:
    """What Argo CD says of an Application that it brought to a version."""
    return {"sync": {"status": sync, "revision": version}, "health": {"status": health}}


def released(chart: str, version: str, generation: int, ready: bool = True, message: str = "") -> Object:
    """What Flux says of a HelmRelease whose generation it brought to a version."""
    said = {"True": "UpgradeSucceeded", "False": "UpgradeFailed"}
    status = str(ready)
    condition = {
        "type": "Ready",
        "status": status,
        "reason": said[status],
        "message": message or f"Helm upgrade to {chart}@{version}",
        "lastTransitionTime": "2026-11-20T12:00:00Z",
    }
    history = [{"chartName": chart, "chartVersion": version, "status": "deployed"}]
    return {"observedGeneration": generation, "history": history, "conditions": [condition]}


def _object(kind: str, name: str, namespace: str, spec: Mapping[str, object]) -> Object:
    group, version, _ = RESOURCES[kind]
    metadata = {"name": name, "namespace": namespace, "labels": {"team": "web"}}
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _schema(kind: str) -> Object:
    spec = _argo_spec() if kind == APPLICATION else _flux_spec()
    return {"type": "object", "properties": {"spec": spec, "status": _OPEN}, "required": ["spec"]}


def _argo_spec() -> Object:
    source = _of({"repoURL": _TEXT, "chart": _TEXT, "targetRevision": _TEXT, "path": _TEXT, "helm": _OPEN})
    place = _of({"server": _TEXT, "name": _TEXT, "namespace": _TEXT})
    fields = {
        "project": _TEXT,
        "source": source,
        "sources": {"type": "array", "items": source},
        "destination": place,
        "syncPolicy": _OPEN,
    }
    return {**_of(fields), "required": ["destination", "project"]}


def _flux_spec() -> Object:
    chart = _of({"chart": _TEXT, "version": _TEXT, "sourceRef": _OPEN})
    fields = {
        "interval": _TEXT,
        "releaseName": _TEXT,
        "targetNamespace": _TEXT,
        "suspend": {"type": "boolean"},
        "chart": _of({"spec": chart}),
        "chartRef": _OPEN,
        "kubeConfig": _OPEN,
    }
    return {**_of(fields), "required": ["interval"]}


def _of(fields: Mapping[str, Object]) -> Object:
    return {"type": "object", "properties": dict(fields), "x-kubernetes-preserve-unknown-fields": True}
