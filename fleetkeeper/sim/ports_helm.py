"""What the Helm records of a simulated cluster demand and hold, as the Kube port gives it."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from fleetkeeper.core.api_search import ApiNames, digest
from fleetkeeper.core.observed import HelmUse, ReleaseChart, ReleaseTrace
from fleetkeeper.sim.world import Object

_BEFORE = 2  # revisions


def unpacked(secret: Object) -> dict[str, Any]:
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release: dict[str, Any] = json.loads(gzip.decompress(packed))
    return release


def helm_use(secrets: Iterable[Object], names: ApiNames) -> HelmUse:
    """Of each release its newest deployed revision and those before it."""
    releases: dict[tuple[str, str], list[Object]] = {}
    for secret in secrets:
        labels = secret["metadata"].get("labels") or {}
        if labels.get("owner") == "helm" and labels["status"] in ("deployed", "superseded"):
            releases.setdefault((secret["metadata"]["namespace"], labels["name"]), []).append(secret)
    charts: list[ReleaseChart] = []
    traces: list[ReleaseTrace] = []
    for (namespace, name), some in sorted(releases.items(), key=lambda item: item[0]):
        some.sort(key=_number, reverse=True)
        deployed = [n for n, each in enumerate(some) if each["metadata"]["labels"]["status"] == "deployed"]
        for secret in some[deployed[0] : deployed[0] + 1 + _BEFORE] if deployed else ():
            release, metadata = unpacked(secret), secret["metadata"]
            chart, key = release["chart"]["metadata"], f"{metadata['uid']}@{metadata['resourceVersion']}"
            versions = chart["name"], chart["version"], chart.get("kubeVersion") or ""
            charts.append(ReleaseChart(namespace, name, _number(secret), *versions, key=key))
            latest = secret is some[deployed[0]]
            traces += _traces((namespace, name, _number(secret), latest), release["manifest"], names)
    return HelmUse(tuple(charts), tuple(traces), digest(names))


def _number(secret: Object) -> int:
    return int(secret["metadata"]["labels"]["version"])


def _traces(revision: tuple[str, str, int, bool], manifest: str, names: ApiNames) -> Iterator[ReleaseTrace]:
    for each in yaml.safe_load_all(manifest):
        if isinstance(each, dict) and (each.get("apiVersion"), each.get("kind")) in names:
            metadata = each.get("metadata") or {}
            where = metadata.get("namespace") or "", metadata.get("name") or ""
            yield ReleaseTrace(*revision, each["apiVersion"], each["kind"], *where)
