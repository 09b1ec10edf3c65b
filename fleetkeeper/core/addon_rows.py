"""Strict reading of an addon's document: how it is found, and which of its versions go with which minors."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core.addon_versions import EndOfLife, Range, Rule, Strength, VersionRow
from fleetkeeper.core.compat import AddonRow, Critical, Detect
from fleetkeeper.core.compat_rows import exact_minor, row_source, wrong_id
from fleetkeeper.core.image_index import is_pattern, tail_of
from fleetkeeper.core.versions import Version
from fleetkeeper.documents import Table

_WORKLOAD = re.compile(r"[a-z0-9-]+/(?:Deployment|DaemonSet|StatefulSet)/[a-z0-9.-]+", re.ASCII)
_CRITICAL = {critical.value: critical for critical in Critical}
_STRENGTHS = tuple(strength.value for strength in Strength)
_RULES = tuple(rule.value for rule in Rule)
_IMAGES = ("images", "images_own_version", "companion_images")
_CHARTS = ("helm_charts", "helm_charts_own_version", "companion_charts")


def addon_row(table: Table) -> AddonRow | None:
    """A whole addons/<id>.toml."""
    id = table.text("id", check=wrong_id)
    critical = table.text("critical", choices=tuple(_CRITICAL)) if table.has("critical") else ""
    row = AddonRow(
        id=id,
        name=table.text("name"),
        detect=_detect(table.table("detect")),
        source=row_source(table),
        critical=_CRITICAL.get(critical),
        versions=tuple(row for each in table.tables("versions") if (row := version_row(each))),
        freshest=table.parsed("freshest", Version.parse, optional=True),
        ends=tuple(end for each in table.tables("end_of_life") if (end := end_of_life(each))),
        rules=tuple(Rule(text) for text in table.texts("rules", (), choices=_RULES) if text in _RULES),
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


def version_row(table: Table) -> VersionRow | None:
    """One [[versions]]; None after a mistake that leaves no row."""
    versions = table.parsed("range", Range.parse)
    strength = table.text("strength", choices=_STRENGTHS)
    source = row_source(table)
    oldest = table.parsed("oldest", exact_minor, optional=True)
    newest = table.parsed("newest", exact_minor, optional=True)
    note = table.text("note") if table.has("note") else ""
    if versions is not None and versions.is_empty:
        table.mistake("range", f"{versions} holds no version at all")
    if oldest and newest and newest < oldest:
        table.mistake("newest", f"must not be before oldest, {oldest}")
    if versions is None or strength not in _STRENGTHS:
        return None
    return VersionRow(versions, Strength(strength), source, oldest, newest, note)


def end_of_life(table: Table) -> EndOfLife | None:
    """One [[end_of_life]]; None after a mistake that leaves no row."""
    versions = table.parsed("range", Range.parse)
    day = table.day("day")
    source = row_source(table)
    note = table.text("note") if table.has("note") else ""
    return EndOfLife(versions, day, source, note) if versions is not None else None


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
