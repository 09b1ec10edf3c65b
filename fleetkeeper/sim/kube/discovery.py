"""The documents that tell a client what the server serves: /api, /apis, /version, and the aggregated form."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.kube.answers import Answer, encode, no_such_resource, page_not_found
from fleetkeeper.sim.kube.resources import Resource, preference
from fleetkeeper.sim.world import SimCluster

Resources = Mapping[tuple[str, str, str], Resource]
_WITHOUT_NULL_TIMES = Minor(1, 34)  # seen: null in 1.31, absent in 1.35
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SINGULAR_SPECIAL = {"endpoints": "endpoints", "componentstatuses": "componentstatus"}


def version(cluster: SimCluster) -> Answer:
    """/version, indented as the real server writes it. The emulation members exist from 1.34 on."""
    minor = Minor.parse(cluster.version)
    body: dict[str, str] = {"major": str(minor.major), "minor": str(minor.minor)}
    if minor >= Minor(1, 34):
        before = minor.previous()
        body |= {"emulationMajor": str(minor.major), "emulationMinor": str(minor.minor)}
        body |= {"minCompatibilityMajor": str(before.major), "minCompatibilityMinor": str(before.minor)}
    body |= {
        "gitVersion": cluster.patch,
        "gitCommit": "8b0f5e5b7e1b7a1e6d0f6c8d2c4a9f3e5d7c9b1a",
        "gitTreeState": "clean",
        "buildDate": "2026-10-06T21:18:03Z",
        "goVersion": "go1.26.2",
        "compiler": "gc",
        "platform": "linux/amd64",
    }
    return Answer(200, json.dumps(body, indent=2).encode())


def is_custom(resources: Resources, parts: Sequence[str]) -> bool:
    """Whether a discovery path is about a group of custom resources, which no router serves."""
    group = parts[1] if parts[0] == "apis" and len(parts) > 1 else ""
    return not any((r.group, r.custom) == (group, False) for r in resources.values())


def core_versions(address: str) -> Answer:
    cidrs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return Answer(200, encode({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": cidrs}))


def groups(resources: Resources) -> Answer:
    listed = [_group(name, versions) for name, versions in _by_group(resources).items()]
    return Answer(200, encode({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}))


def group(resources: Resources, name: str) -> Answer:
    versions = _by_group(resources).get(name)
    if versions is None:
        return page_not_found()
    return Answer(200, encode({"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}))


def group_version(resources: Resources, name: str, version: str) -> Answer:
    """The APIResourceList of one group and version; a built-in group says Not Found for a version that it lacks."""
    served = [r for r in resources.values() if (r.group, r.version) == (name, version)]
    if not served:
        known = any((r.group, r.custom) == (name, False) for r in resources.values())
        return no_such_resource() if known else page_not_found()
    body: dict[str, Any] = {"kind": "APIResourceList"}
    if name:  # the core group's document has no apiVersion
        body["apiVersion"] = "v1"
    return Answer(200, encode(body | {"groupVersion": served[0].api_version, "resources": [_entry(r) for r in served]}))


def aggregated(resources: Resources, minor: Minor, *, core: bool) -> Answer:
    """All resources of /api or /apis in one document (apidiscovery.k8s.io/v2)."""
    items = []
    found = {"": ["v1"]} if core else _by_group(resources)
    for name, versions in found.items():
        listed = [
            {
                "version": version,
                "resources": [
                    _aggregated_entry(r) for r in resources.values() if (r.group, r.version) == (name, version)
                ],
                "freshness": "Current",
            }
            for version in versions
        ]
        metadata: dict[str, Any] = {"name": name} if name else {}
        if minor < _WITHOUT_NULL_TIMES:
            metadata["creationTimestamp"] = None
        items.append({"metadata": metadata, "versions": listed})
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    content = encode(body)
    tag = hashlib.sha512(content).hexdigest().upper()
    return Answer(200, content, AGGREGATED, (("Vary", "Accept"), ("Cache-Control", "public"), ("ETag", f'"{tag}"')))


def _by_group(resources: Resources) -> dict[str, list[str]]:
    """Group → its versions, the preferred one first; without the core group."""
    found: dict[str, list[str]] = {}
    for name, version, _ in resources:
        if name and version not in found.setdefault(name, []):
            found[name].append(version)
    return {name: sorted(versions, key=preference) for name, versions in found.items()}


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _singular(resource: Resource) -> str:
    return _SINGULAR_SPECIAL.get(resource.name, resource.kind.lower())


def _other_names(resource: Resource) -> dict[str, list[str]]:
    """What it is also called by; a member without a name is left out."""
    names = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {member: found for member, found in names.items() if found}


def _entry(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.name,
        "singularName": _singular(resource),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        **_other_names(resource),
    }


def _aggregated_entry(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.name,
        # Of a built-in kind only the name is told: the group and version are those above.
        "responseKind": {
            "group": resource.group if resource.custom else "",
            "version": resource.version if resource.custom else "",
            "kind": resource.kind,
        },
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": _singular(resource),
        "verbs": list(resource.verbs),
        **_other_names(resource),
    }
