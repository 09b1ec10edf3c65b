"""Reads Helm's records: the releases, and what their manifests hold, each payload once for both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fleetkeeper.adapters.kube import endpoints, helm, manifests
from fleetkeeper.adapters.kube.changed import is_much
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.helm import Revision
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.adapters.kube.standouts import still_there
from fleetkeeper.core import model
from fleetkeeper.core.api_search import ApiNames, digest
from fleetkeeper.core.observed import HelmUse, ReleaseChart, ReleaseTrace

V = TypeVar("V")

# Helm records are up to 1 MiB in base64.
_LARGE_PAGE = 50
_FEW = 5
# A record is at most 1 MiB packed, and honest charts unpack to ten or fifteen times that.
_MOST_BYTES = 32 << 20
# What a rollback would most likely go back to; Helm keeps ten.
_BEFORE = 2
# Older revisions that are read in one tick, one by one: they break nothing but a rollback, and so may come later.
_MOST_OLDER = 300
_HISTORY = {"labelSelector": helm.HISTORY}


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one record demands and holds."""

    chart: ReleaseChart
    traces: tuple[ReleaseTrace, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where records are kept."""

    metadata: Resource[structs.Object]
    records: Resource[structs.ReleaseHolder]

    @property
    def in_secret(self) -> bool:
        return self.records is endpoints.SECRETS


_PLACES = (
    _Kept(endpoints.SECRET_METADATA, endpoints.SECRETS),
    _Kept(endpoints.CONFIG_MAP_METADATA, endpoints.CONFIG_MAPS),
)
"""Secrets are Helm's default; only a cluster that has none there is asked for ConfigMaps."""


class Releases:
    """The records of one cluster during one tick."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._scans: dict[tuple[str, str], _Scan] = {}  # by place
        self._listed: dict[str, tuple[Revision, ...]] = {}  # by the plural of where they are kept

    def releases(self, known: Mapping[str, model.HelmRelease], names: ApiNames) -> tuple[model.HelmRelease, ...]:
        reader = self._reader.for_one_part()
        for place in _PLACES:
            listed = [each for each in self._history(reader, place) if each.status == helm.DEPLOYED]
            wanted = helm.newest(listed)

            def keep(found: Revision, holder: structs.ReleaseHolder, place: _Kept = place) -> model.HelmRelease:
                return helm.release(found, self._read(place, found, holder, names))

            missing = [found for found in wanted if found.key not in known]
            read = _records(reader, place, missing, listed, keep)
            releases = (known.get(found.key) or read.get(found.place) for found in wanted)
            if there := tuple(release for release in releases if release is not None):
                return there
        return ()

    def use(self, known: HelmUse, names: ApiNames) -> HelmUse:
        """Of each release the newest deployed revision and those before it; what is known by its key is not read."""
        reader = self._reader.for_one_part()
        scans = _known(known) if known.looked_for == digest(names) else {}
        rewritten = _newest_by_uid(scans)
        for place in _PLACES:
            listed = self._history(reader, place)
            wanted = helm.kept(listed, _BEFORE)
            if wanted:
                scans |= {
                    each.key: _under(rewritten[each.uid], each.key)
                    for each, latest in wanted
                    if not latest and each.key not in scans and each.uid in rewritten
                }
                self._scan(reader, place, wanted, listed, scans, names)
                break
        else:
            wanted = ()
        found = [
            (scan, latest) for each, latest in wanted if (scan := scans.get(each.key) or self._scans.get(each.place))
        ]
        traces = (replace(trace, latest=latest) for scan, latest in found for trace in scan.traces)
        return HelmUse(tuple(scan.chart for scan, _ in found), tuple(traces), digest(names))

    def _history(self, reader: Reader, place: _Kept) -> tuple[Revision, ...]:
        """Listed once for both parts."""
        plural = place.records.plural
        if plural not in self._listed:
            self._listed[plural] = reader.list(place.metadata, helm.revision, selectors=_HISTORY).items
        return self._listed[plural]

    def _scan(
        self,
        reader: Reader,
        place: _Kept,
        wanted: Sequence[tuple[Revision, bool]],
        listed: Sequence[Revision],
        scans: Mapping[str, _Scan],
        names: ApiNames,
    ) -> None:
        """Read what is in no scan: the newest ones at once, of those before them some in each tick."""

        def keep(found: Revision, holder: structs.ReleaseHolder) -> None:
            self._read(place, found, holder, names)

        missing = [(each, latest) for each, latest in wanted if each.key not in scans and each.place not in self._scans]
        deployed = [each for each in listed if each.status == helm.DEPLOYED]
        _records(reader, place, [each for each, latest in missing if latest], deployed, keep)
        older = [each for each, latest in missing if not latest][:_MOST_OLDER]
        for start in range(0, len(older), helm.MOST_NAMES):
            some = older[start : start + helm.MOST_NAMES]
            _read_records(reader, place, some, helm.by_labels(some, listed, helm.HISTORY), keep)

    def _read(
        self, place: _Kept, found: Revision, holder: structs.ReleaseHolder, names: ApiNames
    ) -> structs.Release | None:
        """The record's payload, which is scanned on the way."""
        record, why = helm.payload(holder, place.in_secret, _MOST_BYTES)
        manifest = (record.manifest if record else None) or ""
        self._scans[found.place] = _Scan(manifests.chart(found, record, why), manifests.traces(found, manifest, names))
        return record


def _known(use: HelmUse) -> dict[str, _Scan]:
    """The scans of an earlier tick by the keys of their records."""
    traces: dict[tuple[str, str, int], list[ReleaseTrace]] = {}
    for trace in use.traces:
        traces.setdefault((trace.namespace, trace.release, trace.revision), []).append(trace)
    return {
        chart.key: _Scan(chart, tuple(traces.get((chart.namespace, chart.release, chart.revision), ())))
        for chart in use.charts
        if chart.key
    }


def _newest_by_uid(scans: Mapping[str, _Scan]) -> dict[str, _Scan]:
    """Of each release its newest revision as of the earlier tick, by the uid of its record.

    Helm writes a record once more when the next revision takes its place, and then changes nothing but its status.
    """
    newest: dict[tuple[str, str], tuple[str, _Scan]] = {}
    for key, scan in scans.items():
        release = scan.chart.namespace, scan.chart.release
        if release not in newest or scan.chart.revision > newest[release][1].chart.revision:
            newest[release] = key, scan
    return {key.partition("@")[0]: scan for key, scan in newest.values() if not scan.chart.broken}


def _under(scan: _Scan, key: str) -> _Scan:
    return _Scan(replace(scan.chart, key=key), scan.traces)


def _records(
    reader: Reader,
    place: _Kept,
    missing: Sequence[Revision],
    listed: Sequence[Revision],
    keep: Callable[[Revision, structs.ReleaseHolder], V],
) -> dict[tuple[str, str], V]:
    """What `keep` makes of deployed records by namespace and name; where many are missing, all are read."""
    selector = helm.by_labels(missing, listed, helm.SELECTOR)
    if is_much(len(missing), len(listed)) and not selector:
        selector = helm.SELECTOR
    return _read_records(reader, place, missing, selector, keep)


def _read_records(
    reader: Reader,
    place: _Kept,
    missing: Sequence[Revision],
    selector: str,
    keep: Callable[[Revision, structs.ReleaseHolder], V],
) -> dict[tuple[str, str], V]:
    """The same, by a list where a selector finds them; one that went away since it was listed is not there."""
    wanted = {found.place for found in missing}
    read: dict[tuple[str, str], V] = {}

    def take(holder: structs.ReleaseHolder) -> None:
        found = helm.revision(holder)
        if found.place in wanted:
            read[found.place] = keep(found, holder)

    if selector and len(missing) > _FEW:
        reader.list(place.records, take, page_items=_LARGE_PAGE, selectors={"labelSelector": selector})
    for found in missing:  # one by one, also what an upgrade hid from the list
        if found.place not in read and (holder := _one(reader, place, found)) is not None:
            take(holder)
    return read


def _one(reader: Reader, place: _Kept, found: Revision) -> structs.ReleaseHolder | None:
    return still_there(reader, place.records, found.namespace, found.record)
