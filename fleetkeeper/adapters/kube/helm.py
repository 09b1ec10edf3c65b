"""Helm's release records: which revision counts, and what its payload says about the chart.

A payload is base64 of gzip of JSON, and in a Secret base64 once more
(https://github.com/helm/helm/blob/main/pkg/storage/driver/util.go). Anybody who may write a Secret can forge one, so a
record that cannot be read is a release of unknown chart: it never costs us the sight of the others.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from fleetkeeper.adapters.kube.body import gunzip
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.core import model
from fleetkeeper.errors import ReadError

DEPLOYED, SUPERSEDED = "deployed", "superseded"
SELECTOR = f"owner=helm,status={DEPLOYED}"
HISTORY = f"owner=helm,status in ({DEPLOYED},{SUPERSEDED})"
UNREADABLE = "unreadable"

_DECODER = msgspec.json.Decoder(structs.Release)
_LONGEST = 200  # characters of why a payload is none
MOST_NAMES = 100  # of at most 53 letters, in one URL
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_RECORD = re.compile(r"sh\.helm\.release\.v1\.(?P<name>.+)\.v(?P<revision>\d{1,9})")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a release, by the metadata of the object that holds it."""

    namespace: str
    name: str
    number: int
    record: str  # the object's own name
    key: str  # uid@resourceVersion
    status: str = ""

    @property
    def uid(self) -> str:
        return self.key.partition("@")[0]

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace, self.record


def revision(document: structs.Object | structs.ReleaseHolder) -> Revision:
    """What labels say, else the record's name; number 0 when neither does."""
    meta, labels = document.metadata, document.metadata.labels or {}
    named = _RECORD.fullmatch(meta.name)
    number = labels.get("version", "")
    if not re.fullmatch(r"\d{1,9}", number):
        number = named["revision"] if named else "0"
    return Revision(
        namespace=meta.namespace,
        name=labels.get("name") or (named["name"] if named else meta.name),
        number=int(number),
        record=meta.name,
        key=f"{meta.uid}@{meta.resource_version}",
        status=labels.get("status", ""),
    )


def newest(revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """The highest revision of each release: an upgrade that was interrupted leaves several that say `deployed`."""
    latest: dict[tuple[str, str], Revision] = {}
    for found in revisions:
        known = latest.get((found.namespace, found.name))
        if known is None or found.number > known.number:
            latest[found.namespace, found.name] = found
    return tuple(latest[key] for key in sorted(latest))


def kept(revisions: Iterable[Revision], before: int) -> tuple[tuple[Revision, bool], ...]:
    """Of each release its newest deployed revision (True), and as many of those before it (False)."""
    releases: dict[tuple[str, str], list[Revision]] = {}
    for found in revisions:
        releases.setdefault((found.namespace, found.name), []).append(found)
    told: list[tuple[Revision, bool]] = []
    for place in sorted(releases):
        some = sorted(releases[place], key=lambda each: each.number, reverse=True)
        latest = next((n for n, each in enumerate(some) if each.status == DEPLOYED), None)
        if latest is not None:
            told += [(each, n == 0) for n, each in enumerate(some[latest : latest + 1 + before])]
    return tuple(told)


def by_labels(missing: Sequence[Revision], listed: Sequence[Revision], among: str) -> str:
    """A label selector that finds, among those listed by one, the missing records and few others; "" when none does.

    One answer for many is compressed, which the API server does only past 128 KiB. A release's name may be used in
    many namespaces, and all of those would be found.
    """
    names = {found.name for found in missing if _LABEL.fullmatch(found.name)}
    numbers = {found.number for found in missing}
    hits = sum(revision.name in names and revision.number in numbers for revision in listed)
    if not 0 < len(names) <= MOST_NAMES or hits > 2 * len(missing):
        return ""
    versions = ",".join(str(number) for number in sorted(numbers))
    return f"{among},name in ({','.join(sorted(names))}),version in ({versions})"


def release(found: Revision, record: structs.Release | None) -> model.HelmRelease:
    """The release with its chart; chart "" and status `unreadable` when the payload is no release."""
    chart = (record.chart.metadata if record and record.chart else None) or structs.ChartMetadata()
    return model.HelmRelease(
        namespace=found.namespace,
        name=found.name,
        revision=found.number,
        status=(record.info.status if record.info else "") if record else UNREADABLE,
        chart=chart.name,
        chart_version=chart.version,
        app_version=chart.app_version or "",
        key=found.key,
    )


def payload(holder: structs.ReleaseHolder, in_secret: bool, limit: int) -> tuple[structs.Release | None, str]:
    """What the record holds, and "", or None and why that is no release."""
    try:
        packed = base64.b64decode(holder.data.release if holder.data else "", validate=True)
        if in_secret:
            packed = base64.b64decode(packed, validate=True)
        # Helm 2.x-era records are not packed: the gzip magic decides, as in Helm itself.
        unpacked = gunzip(packed, limit, holder.metadata.name) if packed[:2] == b"\x1f\x8b" else packed
        return _DECODER.decode(unpacked), ""
    except ReadError as e:
        return None, e.detail
    except (ValueError, RecursionError, OverflowError) as e:
        return None, f"{holder.metadata.name}: {str(e)[:_LONGEST]}"
