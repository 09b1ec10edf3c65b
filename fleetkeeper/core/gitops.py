"""Objects of Argo CD and Flux that deploy charts: what they say, which of them deploys what, and whether it is there.

Argo CD: argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml. Flux: fluxcd.io/flux/components/helm/api/v2.
Both read 2026-11-21.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleetkeeper.core.model import Crd
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.text import safe

APPLICATION = "Application"
HELM_RELEASE = "HelmRelease"

RESOURCES = {
    APPLICATION: ("argoproj.io", "v1alpha1", "applications"),
    HELM_RELEASE: ("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
}
"""Kind → group, version and plural, as they are read and asked for."""

_HERE = ("https://kubernetes.default.svc", "in-cluster", "")
"""What a destination of Argo CD calls the cluster that it runs in
(argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters)."""

_LONGEST = 200
_HELM_NAME = 53  # characters that a release's name may have
_DIGEST = 12

Document = Mapping[str, Any]


def served(crds: Iterable[Crd]) -> tuple[tuple[str, ...], str]:
    """The kinds that a cluster serves; and what is wrong where it serves one at another version only, "" else."""
    kinds: list[str] = []
    for crd in crds:
        group, version, _ = RESOURCES.get(crd.kind, ("", "", ""))
        if crd.group != group:
            continue
        versions = [name for name, is_served, *_ in crd.versions if is_served]
        if version not in versions:
            known = ", ".join(versions) or "nothing"
            return (), f"{crd.kind} of {group} is served as {known}, and can be read as {version} only"
        kinds.append(crd.kind)
    return tuple(sorted(kinds)), ""


def apps_of(kind: str, document: Document) -> Iterator[GitOpsApp]:
    """One for each chart that an object deploys into the cluster that it is in; an Application may have several."""
    yield from _applications(document) if kind == APPLICATION else _helm_release(document)


def deploying(apps: Iterable[GitOpsApp], namespace: str, release: str) -> GitOpsApp | None:
    """The object that deploys a release into a namespace; None where none does."""
    return next((app for app in apps if (app.destination, app.release) == (namespace, release)), None)


def is_there(app: GitOpsApp, version: str) -> bool:
    """Whether what the object deploys is this version, as its controller says it, and well."""
    return is_same(app.deployed or app.version, version) and app.ready


def is_same(deployed: str, version: str) -> bool:
    """Whether a chart's version is the wanted one; Flux appends the digest of what it fetched: `6.5.4+a1b2c3`
    (fluxcd.io/flux/components/helm/helmreleases/#chart-reference)."""
    return version in (deployed, deployed.partition("+")[0])


# ---- Argo CD


def _applications(document: Document) -> Iterator[GitOpsApp]:
    """A source without a chart is a folder of a Git repository, or the values of another source: `ref`."""
    spec, status = _inner(document, "spec"), _inner(document, "status")
    target, sync = _inner(spec, "destination"), _inner(status, "sync")
    if _text(target, "server") not in _HERE or _text(target, "name") not in _HERE:
        return
    several = _listed(spec, "sources")
    sources = several or [_inner(spec, "source")]
    revisions: list[object] = list(sync.get("revisions") or ()) if several else [sync.get("revision")]
    health, synced = _text(_inner(status, "health"), "status"), _text(sync, "status")
    automated = _inner(spec, "syncPolicy").get("automated")
    for number, source in enumerate(sources):
        chart = _text(source, "chart")
        if not chart and _text(source, "ref") and not _text(source, "path"):
            continue
        revision = revisions[number] if number < len(revisions) else ""
        yield _app(
            APPLICATION,
            document,
            chart=chart,
            repo=_text(source, "repoURL"),
            version=_text(source, "targetRevision") if chart else "",
            destination=_text(target, "namespace"),
            release=_text(_inner(source, "helm"), "releaseName") or _name(document),
            deployed=_shown(revision) if chart else "",
            ready=(synced, health) == ("Synced", "Healthy"),
            state=", ".join(filter(None, (synced, health))) or "not looked at yet",
            automated=isinstance(automated, Mapping) and automated.get("enabled") is not False,
            path=_text(source, "path"),
        )


# ---- Flux


def _helm_release(document: Document) -> Iterator[GitOpsApp]:
    spec, status = _inner(document, "spec"), _inner(document, "status")
    if spec.get("kubeConfig"):
        return  # it deploys into another cluster
    meta, chart = _inner(document, "metadata"), _inner(_inner(spec, "chart"), "spec")
    newest = next(iter(_listed(status, "history")), {})
    said = next((each for each in _listed(status, "conditions") if each.get("type") == "Ready"), {})
    current = _number(status, "observedGeneration") >= _number(meta, "generation")
    target = _text(spec, "targetNamespace")
    repo = _inner(chart, "sourceRef") or _inner(spec, "chartRef")
    yield _app(
        HELM_RELEASE,
        document,
        chart=_text(chart, "chart") or _text(newest, "chartName"),
        repo="/".join(filter(None, (_text(repo, "kind"), _text(repo, "name")))),
        version=_text(chart, "version"),
        destination=target or _text(meta, "namespace"),
        release=_text(spec, "releaseName") or _composed(_name(document), target),
        deployed=_text(newest, "chartVersion"),
        ready=said.get("status") == "True" and current,
        state=_flux_state(said, current, spec.get("suspend") is True),
        automated=spec.get("suspend") is not True,
    )


def _composed(name: str, target: str) -> str:
    """What Flux calls a release that is not named: `[TARGET-]NAME`, a longer one than Helm takes with a digest
    (fluxcd.io/flux/components/helm/helmreleases/#release-name)."""
    whole = f"{target}-{name}" if target else name
    if len(whole) <= _HELM_NAME:
        return whole
    return f"{whole[: _HELM_NAME - _DIGEST - 1]}-{hashlib.sha256(whole.encode()).hexdigest()[:_DIGEST]}"


def _flux_state(said: Document, current: bool, suspended: bool) -> str:
    if suspended:
        return "suspended"
    if not current:
        return "its present form was not looked at yet"
    words = ": ".join(filter(None, (_text(said, "reason"), _text(said, "message"))))
    if said.get("status") == "True":
        return "Ready"
    return f"not ready{f' ({words})' if words else ''}"


# ---- reading documents of which nothing is certain


def _app(kind: str, document: Document, **found: Any) -> GitOpsApp:
    meta = _inner(document, "metadata")
    owner = owner_keys(_texts(meta, "labels"), _texts(meta, "annotations"))
    texts: dict[str, Any] = {
        name: safe(value, _LONGEST) if isinstance(value, str) else value for name, value in found.items()
    }
    return GitOpsApp(kind=kind, namespace=_text(meta, "namespace"), name=_name(document), owner=owner, **texts)


def _name(document: Document) -> str:
    return _text(_inner(document, "metadata"), "name")


def _inner(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _listed(document: Document, name: str) -> list[Document]:
    value = document.get(name)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list | tuple) else []


def _text(document: Document, name: str) -> str:
    return _shown(document.get(name))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(document: Document, name: str) -> dict[str, str]:
    return {key: value for key, value in _inner(document, name).items() if isinstance(value, str)}


def _number(document: Document, name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0
