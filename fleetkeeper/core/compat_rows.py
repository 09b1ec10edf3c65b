"""Strict reading of compat documents into rows: mistakes are noted in the document, for all to be reported at once."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from fleetkeeper.core.compat import AddonRow, Confidence, Critical, Detect, MinorRow, SkewRow, Source
from fleetkeeper.core.image_index import is_pattern, tail_of
from fleetkeeper.core.versions import Minor
from fleetkeeper.documents import Table

_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.ASCII)
_WORKLOAD = re.compile(r"[a-z0-9-]+/(?:Deployment|DaemonSet|StatefulSet)/[a-z0-9.-]+", re.ASCII)
_MINOR = re.compile(r"1\.\d{1,3}", re.ASCII)
_CONFIDENCE = {confidence.value: confidence for confidence in Confidence}
_CRITICAL = {critical.value: critical for critical in Critical}
_IMAGES = ("images", "images_own_version", "companion_images")
_CHARTS = ("helm_charts", "helm_charts_own_version", "companion_charts")


def minor_row(table: Table) -> MinorRow | None:
    """One [[minor]]; None after a mistake that leaves no row."""
    minor = table.parsed("minor", exact_minor)
    source = _source(table)
    days = {
        "upstream_release": _day(table, "upstream_release"),
        "upstream_maintenance": _day(table, "upstream_maintenance"),
        "upstream_end": _day(table, "upstream_end"),
        "eks_release": _day(table, "eks_release"),
        "eks_end_of_standard": _day(table, "eks_end_of_standard"),
        "eks_end_of_extended": _day(table, "eks_end_of_extended"),
    }
    for provider in ("upstream", "eks"):
        _check_order(table, [(key, day) for key, day in days.items() if key.startswith(provider) and day])
    if days["eks_end_of_extended"] and not days["eks_end_of_standard"]:
        table.mistake("eks_end_of_extended", "stands without eks_end_of_standard")
    return MinorRow(minor, source, **days) if minor else None


def _check_order(table: Table, days: list[tuple[str, date]]) -> None:
    for (earlier, start), (later, end) in pairwise(days):
        if end <= start:
            table.mistake(later, f"must come after {earlier}")


def skew_row(table: Table) -> SkewRow | None:
    """One [[skew]]; `from` is a word of Python, so the row calls it start."""
    row = SkewRow(
        id=table.text("id", check=_wrong_id),
        component=table.text("component", check=_wrong_id),
        reference=table.text("reference", check=_wrong_id),
        older=table.integer("older", minimum=0, maximum=9),
        newer=table.integer("newer", minimum=0, maximum=9),
        source=_source(table),
        start=table.parsed("from", exact_minor, optional=True),
        before=table.parsed("before", exact_minor, optional=True),
    )
    return row if row.id else None


def addon_row(table: Table) -> AddonRow | None:
    """A whole addons/<id>.toml."""
    id = table.text("id", check=_wrong_id)
    critical = table.text("critical", choices=tuple(_CRITICAL)) if table.has("critical") else ""
    row = AddonRow(
        id=id,
        name=table.text("name"),
        detect=_detect(table.table("detect")),
        source=_source(table),
        critical=_CRITICAL.get(critical),
    )
    return row if id else None


def _detect(table: Table) -> Detect:
    lists = {key: table.texts(key, (), check=_wrong_pattern) for key in _IMAGES}
    lists |= {key: table.texts(key, ()) for key in (*_CHARTS, "crd_groups", "crds", "namespaces")}
    detect = Detect(
        **lists,
        eks_addon=table.text("eks_addon") if table.has("eks_addon") else "",
        workload=table.text("workload", check=_wrong_workload) if table.has("workload") else "",
        version_label=table.text("version_label") if table.has("version_label") else "",
    )
    findable = (detect.images, detect.images_own_version, detect.helm_charts, detect.helm_charts_own_version)
    if not any((*findable, detect.crd_groups, detect.crds, detect.eks_addon, detect.workload)):
        table.mistake("", "names nothing that the addon could be found by", "add images, helm_charts or eks_addon")
    return detect


def _source(table: Table) -> Source:
    confidence = table.text("confidence", choices=tuple(_CONFIDENCE))
    return Source(
        text=table.text("source"),
        date=table.day("date"),
        confidence=_CONFIDENCE.get(confidence, Confidence.LOW),
        file=table.file,
    )


def _day(table: Table, key: str) -> date | None:
    return table.day(key) if table.has(key) else None


def exact_minor(text: str) -> Minor:
    """A minor and nothing else, quoted in TOML: unquoted, 1.30 is the number 1.3."""
    if not _MINOR.fullmatch(text):
        raise ValueError(f'{text!r} is not a Kubernetes minor such as "1.36"')
    return Minor.parse(text)


def _wrong_id(text: str) -> str:
    return "" if _ID.fullmatch(text) else "must be lower-case letters, digits and single hyphens"


def _wrong_pattern(text: str) -> str:
    return "" if is_pattern(text) else "must be a repository with its host and without tag, such as quay.io/team/app"


def _wrong_workload(text: str) -> str:
    return "" if _WORKLOAD.fullmatch(text) else "must be namespace/Kind/name, such as kube-system/DaemonSet/aws-node"


@dataclass(frozen=True, slots=True)
class Contest:
    """A trace that two addons claim: the key and item of the later row, and the addon that had it before."""

    addon: str
    key: str
    item: int | None
    text: str
    claimed_by: str


def contests(rows: Iterable[AddonRow]) -> Iterator[Contest]:
    """Traces that two rows claim. An image is claimed with its mirrors: the last components of its path."""
    owner: dict[tuple[str, str], str] = {}
    for row in rows:
        for key, item, text in _traces(row.detect):
            for claim in _claims(key, text):
                first = owner.setdefault(claim, row.id)
                if first != row.id:
                    yield Contest(row.id, key, item, text, first)
                    break


def _traces(detect: Detect) -> Iterator[tuple[str, int | None, str]]:
    for key in (*_IMAGES, *_CHARTS, "crd_groups", "crds"):
        for item, text in enumerate(getattr(detect, key)):
            yield key, item, text
    if detect.eks_addon:
        yield "eks_addon", None, detect.eks_addon
    if detect.workload:
        yield "workload", None, detect.workload


def _claims(key: str, text: str) -> list[tuple[str, str]]:
    if key in _IMAGES:
        return [("image", claim) for claim in (text, tail_of(text)) if claim]
    return [("chart" if key in _CHARTS else key, text)]
