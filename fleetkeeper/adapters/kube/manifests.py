"""What a Helm record's manifest holds of APIs that go away: found by its lines, and confirmed by a parser.

A manifest is up to some MiB of YAML, and few of them hold anything. So only a document with a line that names one of
the versions is parsed, and that one document alone.
"""

import re
from collections.abc import Iterator

from fleetkeeper.adapters.kube import yaml_text
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.helm import Revision
from fleetkeeper.core.api_search import ApiNames
from fleetkeeper.core.observed import ReleaseChart, ReleaseTrace
from fleetkeeper.core.text import safe

# Helm writes `---` before each of a chart's files, and one may be within a file as well.
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_VERSION = re.compile(r"""(?:^|[{,])[ \t-]*["']?apiVersion["']?[ \t]*:[ \t]*["']?([^\s"'#,}]+)""", re.MULTILINE)
_MOST = 200  # traces of one record
_LONGEST = 253


def chart(found: Revision, record: structs.Release | None, why: str) -> ReleaseChart:
    """What the record's chart demands; why it could not be read where there is no record."""
    told = (record.chart.metadata if record and record.chart else None) or structs.ChartMetadata()
    return ReleaseChart(
        namespace=found.namespace,
        release=found.name,
        revision=found.number,
        chart=told.name,
        chart_version=told.version,
        kube_version=told.kube_version or "",
        broken=why,
        key=found.key,
    )


def traces(found: Revision, manifest: str, names: ApiNames) -> tuple[ReleaseTrace, ...]:
    """One for each object in an old version, at most _MOST."""
    versions = {version for version, _ in names}
    kept: dict[tuple[str, str, str, str], ReleaseTrace] = {}
    for document in _documents(manifest):
        if not versions.intersection(_VERSION.findall(document)):
            continue
        for each in _objects(document):
            trace = _trace(found, each, names)
            if trace is not None and len(kept) < _MOST:
                kept[trace.api_version, trace.kind, trace.object_namespace, trace.object_name] = trace
    return tuple(kept.values())


def _documents(manifest: str) -> Iterator[str]:
    start = 0
    for separator in _SEPARATOR.finditer(manifest):
        yield manifest[start : separator.start()]
        start = separator.end()
    yield manifest[start:]


def _objects(document: str) -> Iterator[yaml_text.Node]:
    """The object of one document, or those of a list; none of what is no YAML, for Helm could not deploy it."""
    if (found := yaml_text.root(document)) is not None:
        yield found
        yield from yaml_text.items(yaml_text.member(found, "items"))


def _trace(found: Revision, given: yaml_text.Node, names: ApiNames) -> ReleaseTrace | None:
    api_version, kind = (yaml_text.scalar(yaml_text.member(given, key)) for key in ("apiVersion", "kind"))
    if (api_version, kind) not in names:
        return None
    meta = yaml_text.member(given, "metadata")
    return ReleaseTrace(
        namespace=found.namespace,
        release=found.name,
        revision=found.number,
        latest=False,
        api_version=api_version,
        kind=kind,
        object_namespace=safe(yaml_text.scalar(yaml_text.member(meta, "namespace")), _LONGEST),
        object_name=safe(yaml_text.scalar(yaml_text.member(meta, "name")), _LONGEST),
    )
