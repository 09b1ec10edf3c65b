"""Strict reading of what minors change: the APIs that go, the APIs of addons that go, and changes that are no API."""

import re

from fleetkeeper.core.behaviours import BREAKING, Detector
from fleetkeeper.core.compat import ApiRow, BehaviourRow, ThirdPartyApiRow
from fleetkeeper.core.compat_rows import check_order, exact_minor, row_source, wrong_id
from fleetkeeper.core.versions import Version
from fleetkeeper.documents import Check, Table

_GROUP = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*", re.ASCII)
_VERSION = re.compile(r"v[1-9][0-9]*(?:(?:alpha|beta)[1-9][0-9]*)?", re.ASCII)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*", re.ASCII)
_RESOURCE = re.compile(r"[a-z][a-z0-9]*", re.ASCII)
_API = re.compile(rf"(?:({_GROUP.pattern})/)?({_VERSION.pattern}) ({_KIND.pattern})", re.ASCII)
_KEY = re.compile(rf"{_GROUP.pattern}(?:/(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?)?", re.ASCII)
_CHANGES = (*sorted(BREAKING), "deprecated", "planned", "conflict")


def _must(pattern: re.Pattern[str], be: str) -> Check[str]:
    return lambda text: "" if pattern.fullmatch(text) else f"must be {be}"


_wrong_group = _must(_GROUP, "an API group such as networking.k8s.io")
_wrong_version = _must(_VERSION, "an API version such as v1beta1")
_wrong_kind = _must(_KIND, "one kind such as NetworkPolicy")
_wrong_resource = _must(_RESOURCE, "a plural in lower case such as networkpolicies")
_wrong_key = _must(_KEY, "a label, taint or annotation, or its prefix up to the slash")


def api_row(table: Table) -> ApiRow | None:
    """One [[api]]; None after a mistake that leaves no row."""
    if not table.has("group"):
        table.mistake("group", "is missing", 'write "" for the core group')
    row = ApiRow(
        group=table.text("group", "", check=_wrong_group),
        version=table.text("version", check=_wrong_version),
        kind=table.text("kind", check=_wrong_kind),
        resource=table.text("resource", check=_wrong_resource),
        source=row_source(table),
        introduced=table.parsed("introduced", exact_minor, optional=True),
        deprecated=table.parsed("deprecated", exact_minor, optional=True),
        removed=table.parsed("removed", exact_minor, optional=True),
        replacement=table.parsed("replacement", _replacement, optional=True),
        available=table.parsed("available", exact_minor, optional=True),
        served_by_default=table.boolean("served_by_default", True),
        virtual=table.boolean("virtual", False),
        scheduled=table.boolean("scheduled", False),
        note=_note(table),
    )
    _check_api(table, row)
    return row if row.version and row.kind else None


def _check_api(table: Table, row: ApiRow) -> None:
    check_order(table, [("introduced", row.introduced), ("deprecated", row.deprecated), ("removed", row.removed)])
    if not any(table.has(key) for key in ("deprecated", "removed", "replacement")):
        table.mistake("", "says of its API neither that it is deprecated nor that it goes", "add deprecated or removed")
    if table.has("available") and not table.has("replacement"):
        table.mistake("available", "stands without replacement")
    if row.scheduled and not table.has("removed"):
        table.mistake("scheduled", "stands without removed")
    if row.replacement == (row.group, row.version, row.kind):
        table.mistake("replacement", "is the API itself")


def third_party_row(table: Table) -> ThirdPartyApiRow | None:
    """One [[third_party]]; None after a mistake that leaves no row."""
    row = ThirdPartyApiRow(
        project=table.text("project", check=wrong_id),
        group=table.text("group", check=_wrong_group),
        version=table.text("version", check=_wrong_version),
        kinds=table.texts("kinds", check=_wrong_kind),
        replacement=table.text("replacement"),
        source=row_source(table),
        deprecated_in=table.parsed("deprecated_in", Version.parse, optional=True),
        removed_in=table.parsed("removed_in", Version.parse, optional=True),
        note=_note(table),
    )
    if row.deprecated_in and row.removed_in and row.removed_in < row.deprecated_in:
        table.mistake("removed_in", "must not come before deprecated_in")
    return row if row.group and row.version else None


def behaviour_row(table: Table) -> BehaviourRow | None:
    """One [[behaviour]]; None after a mistake that leaves no row."""
    id = table.text("id", check=wrong_id)
    minor = table.parsed("minor", exact_minor)
    change = table.text("type", choices=_CHANGES)
    text = table.text("text")
    check = table.text("check", choices=tuple(Detector)) if table.has("check") else ""
    key = table.text("key", check=_wrong_key) if table.has("key") else ""
    source = row_source(table)
    return BehaviourRow(id, minor, change, text, source, check, key) if id and minor else None


def _note(table: Table) -> str:
    return table.text("note") if table.has("note") else ""


def _replacement(text: str) -> tuple[str, str, str]:
    """`apps/v1 Deployment`, or `v1 Node` of the core group."""
    found = _API.fullmatch(text)
    if not found:
        raise ValueError(f'{text!r} is not an API such as "apps/v1 Deployment"')
    return found[1] or "", found[2], found[3]
