"""Finds the addons of a cluster: one Addon for each installation, whatever number of traces it leaves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fleetkeeper.core import sightings
from fleetkeeper.core.compat import AddonRow, Compat
from fleetkeeper.core.model import Addon, Crd, FoundBy, HelmRelease, ManagedAddon, Workload
from fleetkeeper.core.sightings import Sighting
from fleetkeeper.core.versions import Version

_TRUST = tuple(FoundBy)
ALSO_LIMIT = 20  # of one installation; an image that runs in a thousand workloads is not told a thousand times


def find_addons(
    eks: Sequence[ManagedAddon] | None,
    helm: Sequence[HelmRelease] | None,
    workloads: Sequence[Workload] | None,
    crds: Sequence[Crd] | None,
    compat: Compat,
) -> tuple[Addon, ...]:
    """Every installation that the parts show, by id, trust and place; the order of the parts' items plays no role.

    A part that is None was not seen: nothing is found through it, and nothing may be concluded from that.
    """
    seen: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in (
        *sightings.of_eks(eks or (), compat),
        *sightings.of_helm(helm or (), compat),
        *sightings.of_workloads(workloads or (), compat),
        *sightings.of_crds(crds or (), compat),
    ):
        seen[sighting.addon].append(sighting)
    found = [a for id, traces in seen.items() for a in _addons(compat.addon(id), traces)]
    return tuple(sorted(found, key=lambda a: (a.id, _TRUST.index(a.found_by), a.where, a.version, a.also)))


def _addons(row: AddonRow | None, traces: list[Sighting]) -> list[Addon]:
    """The installations of one addon. Without a row there are only EKS addons or releases, each for itself."""
    if row is None:
        return [_addon(Installation(trace)) for trace in traces]
    merge = _Merge(sorted(set(traces), key=_order))
    return [_addon(installation) for installation in merge.installations] + [
        _addon(Installation(trace), sightings.unknown_chart(trace.chart)) for trace in merge.strange_releases
    ]


def _order(trace: Sighting) -> tuple[int, int, str, str, str, str]:
    place = (trace.where, trace.version, trace.release, trace.note)
    return (_TRUST.index(trace.found_by), trace.rank, *place)


@dataclass(slots=True)
class Installation:
    """One installation while it is put together: the most trusted trace, and the others."""

    head: Sighting
    others: list[Sighting] = field(default_factory=list)

    def version(self) -> str:
        """EKS says which version it manages. Else the oldest main image that runs, for a release may set its own tag;
        then what the chart says; then the other images."""
        if self.head.found_by is FoundBy.EKS:
            return self.head.version
        running = [t for t in (self.head, *self.others) if t.found_by is FoundBy.IMAGE and t.version and not t.part]
        main = [trace.version for trace in running if trace.rank == 0]
        if main or self.head.version:
            return _oldest(main) or self.head.version
        best = min((trace.rank for trace in running), default=0)
        return _oldest([trace.version for trace in running if trace.rank == best])


def _oldest(versions: Iterable[str]) -> str:
    return min(versions, key=lambda text: (Version.parse(text), text), default="")


class _Merge:
    """Gathers the traces of one addon, most trusted first, into installations."""

    def __init__(self, traces: list[Sighting]) -> None:
        self.installations: list[Installation] = []
        self._homes: dict[str, list[Installation]] = defaultdict(list)
        self._releases: dict[str, Installation] = {}
        whole = [trace for trace in traces if not trace.part]
        parts = [trace for trace in traces if trace.part]
        for trace in _by(FoundBy.EKS, whole):
            self._begin(trace)
        self._add_releases(_by(FoundBy.HELM, whole))
        late = self._add_parts(_by(FoundBy.HELM, parts))  # before the images, which may say that a part owns them
        self._add_images(_by(FoundBy.IMAGE, whole))
        self._add_crds(_by(FoundBy.CRD, whole))
        # What is left are sidecars of nothing, and releases of a chart name that any chart may have.
        self.strange_releases = _by(FoundBy.HELM, self._add_parts([*late, *_by(FoundBy.IMAGE, parts)]))

    def _begin(self, head: Sighting, others: Iterable[Sighting] = ()) -> Installation:
        installation = Installation(head)
        self.installations.append(installation)
        self._homes[head.home].append(installation)
        for trace in (head, *others):
            self._join(installation, trace)
        return installation

    def _join(self, installation: Installation, trace: Sighting) -> None:
        if trace is not installation.head:
            installation.others.append(trace)
        if trace.found_by is FoundBy.HELM:
            self._releases[trace.release] = installation

    def _add_releases(self, releases: list[Sighting]) -> None:
        """In one home two releases of one chart are two installations, and of two charts (istiod, ztunnel) are one.

        Where EKS has its addon, a release of it too is a record of who installed the same objects before.
        """
        for release in releases:  # the main chart comes first
            here = self._in_home(release.home)
            if here is None or here.head.chart == release.chart:
                self._begin(release)
            else:
                self._join(here, release)

    def _add_images(self, traces: list[Sighting]) -> None:
        lone: dict[str, list[Sighting]] = defaultdict(list)
        for trace in traces:
            if owner := self._owner_of(trace):
                self._join(owner, trace)
            else:
                lone[trace.home].append(trace)
        groups = [group for home in sorted(lone) for group in _by_release(lone[home])]
        managed = next((i for i in self.installations if i.head.found_by is FoundBy.EKS and not i.others), None)
        if managed and len(groups) == 1 and _same_version(managed.head, groups[0]):
            # EKS can put an addon into a namespace of the operator's choice, and ManagedAddon does not carry it.
            for trace in groups.pop():
                self._join(managed, trace)
        for group in groups:
            self._begin(group[0], group[1:])

    def _owner_of(self, trace: Sighting) -> Installation | None:
        """The release that says it owns the workload; else whatever is installed in its home, unless that is a release
        and the workload belongs to another."""
        here = self._homes.get(trace.home, [])
        if trace.release:
            managed = next((i for i in here if i.head.found_by is FoundBy.EKS), None)
            return self._releases.get(trace.release) or managed
        name = trace.where.rpartition("/")[2]
        named = [i for i in here if i.head.release and name.startswith(i.head.release.rpartition("/")[2])]
        return max(named, key=lambda i: len(i.head.release), default=here[0] if here else None)

    def _add_crds(self, traces: list[Sighting]) -> None:
        """CRDs belong to the whole cluster: to the most trusted installation, or alone to one of unknown version."""
        for trace in traces:
            if self.installations:
                self._join(self.installations[0], trace)
            else:
                self._begin(trace)

    def _add_parts(self, traces: list[Sighting]) -> list[Sighting]:
        """To the installation in the same home, a release also to one of its version; gives back what found none."""
        left = []
        for trace in traces:
            owner = self._owner_of(trace) or self._in_home(trace.home)
            if owner is None and trace.found_by is FoundBy.HELM:
                owner = next((i for i in self.installations if _same_version(trace, [i.head])), None)
            if owner:
                self._join(owner, trace)
            else:
                left.append(trace)
        return left

    def _in_home(self, home: str) -> Installation | None:
        return next(iter(self._homes.get(home, ())), None)


def _by(found_by: FoundBy, traces: Iterable[Sighting]) -> list[Sighting]:
    return [trace for trace in traces if trace.found_by is found_by]


def _by_release(traces: list[Sighting]) -> list[list[Sighting]]:
    """The traces of one home apart by the release that owns them; those without one belong to the first."""
    groups: dict[str, list[Sighting]] = defaultdict(list)
    for trace in traces:
        if trace.release:
            groups[trace.release].append(trace)
    unowned = [trace for trace in traces if not trace.release]
    if not groups:
        return [unowned] if unowned else []
    first = min(groups)
    groups[first] += unowned
    return [sorted(groups[release], key=_order) for release in sorted(groups)]


def _same_version(trace: Sighting, others: Iterable[Sighting]) -> bool:
    """Whether a version is there and is the others', whatever build of it the vendor made."""
    try:
        core = Version.parse(trace.version).core
        return any(other.version and Version.parse(other.version).core == core for other in others)
    except ValueError:
        return False


def _addon(installation: Installation, id: str = "") -> Addon:
    head = installation.head
    also = [head.note] if head.note else []
    also += list(dict.fromkeys(str(trace) for trace in sorted(installation.others, key=_order)))
    if len(also) > ALSO_LIMIT:
        also = [*also[: ALSO_LIMIT - 1], f"and {len(also) - ALSO_LIMIT + 1} more"]
    return Addon(id or head.addon, installation.version(), head.found_by, head.where, head.status, tuple(also))
