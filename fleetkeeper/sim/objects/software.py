"""Well-known software as it looks in a cluster: the catalogue in software.toml, and objects made from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from fleetkeeper import documents
from fleetkeeper.documents import Table
from fleetkeeper.sim.objects.recipes import Recipe, managed_fields
from fleetkeeper.sim.scenario import WorkloadSpec
from fleetkeeper.sim.world import Object

_FILE = Path(__file__).parent.parent / "software.toml"
_CRDS = "apiextensions.k8s.io/customresourcedefinitions"
_AT = "2026-08-12T10:14:51Z"


@dataclass(frozen=True, slots=True)
class Crd:
    """versions are (name, deprecated); the first one is stored."""

    plural: str
    group: str
    kind: str
    scope: str
    versions: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Software:
    """A piece of software: where it lives, and its workloads with {v}, {region} and {ecr} still in their images."""

    name: str
    namespace: str
    workloads: tuple[WorkloadSpec, ...]
    crds: tuple[Crd, ...]


@cache
def catalogue() -> Mapping[str, Software]:
    root = documents.read(_FILE)
    found = {name: _software(name, table) for name, table in root.named("software").items()}
    root.finish()
    return found


def _software(name: str, table: Table) -> Software:
    namespace = table.text("namespace")
    workloads = tuple(
        WorkloadSpec(
            kind=inner.text("kind", "Deployment"),
            namespace=namespace,
            name=inner.text("name"),
            images=inner.texts("images"),
            replicas=inner.integer("replicas", 1, minimum=1),
            min_available=inner.text("min_available", ""),
            max_unavailable=inner.text("max_unavailable", ""),
        )
        for inner in table.tables("workload")
    )
    return Software(name, namespace, workloads, table.each("crds", _crd, optional=True))


def _crd(text: str) -> Crd:
    name, kind, scope, versions = text.split()
    plural, _, group = name.partition(".")
    listed = tuple((version.rstrip("!"), version.endswith("!")) for version in versions.split(","))
    return Crd(plural, group, kind, scope, listed)


def installed(name: str, version: str, region: str, namespace: str = "") -> tuple[WorkloadSpec, ...]:
    """The workloads of a version of it; none for software that the catalogue lacks."""
    software = catalogue().get(name)
    if software is None:
        return ()
    words = {
        "v": version.removeprefix("v"),
        "region": region,
        "ecr": f"602401143452.dkr.ecr.{region}.amazonaws.com",
    }
    return tuple(
        replace(
            workload,
            namespace=namespace or workload.namespace,
            images=tuple(image.format(**words) for image in workload.images),
            manager="eks" if "/eks/" in workload.images[0] or name == "vpc-cni" else workload.manager,
        )
        for workload in software.workloads
    )


def crds(name: str) -> Iterator[Recipe]:
    software = catalogue().get(name)
    for crd in software.crds if software else ():
        yield crd_recipe(crd)


def crd_recipe(crd: Crd) -> Recipe:
    names = {"kind": crd.kind, "listKind": f"{crd.kind}List", "plural": crd.plural, "singular": crd.kind.lower()}
    stored = crd.versions[0][0]
    versions = [_version(version, stored, deprecated) for version, deprecated in crd.versions]
    spec = {"group": crd.group, "names": names, "scope": crd.scope, "versions": versions}
    spec["conversion"] = {"strategy": "None"}
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": _AT, "reason": reason, "message": message}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    status = {"conditions": conditions, "acceptedNames": names, "storedVersions": [stored]}
    return Recipe(
        _CRDS,
        f"{crd.plural}.{crd.group}",
        {"spec": spec, "status": status},
        generation=1,
        managed=[managed_fields("helm", "apiextensions.k8s.io/v1", {"spec": spec}, _AT)],
    )


def _version(name: str, stored: str, deprecated: bool) -> Object:
    text = {"type": "string", "description": "A reference by name. More info: the documentation of this resource."}
    named = ("apiVersion", "kind", "issuer", "secretName", "target", "duration", "owner")
    properties: Object = dict.fromkeys(named, text)
    properties |= {"spec": {"type": "object", "properties": dict.fromkeys(("template", "selector", "policy"), text)}}
    version: Object = {"name": name, "served": True, "storage": name == stored}
    if deprecated:
        version["deprecated"] = True
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    version["subresources"] = {"status": {}}
    return version
