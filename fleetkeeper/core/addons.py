"""The addons of a fleet as rows, each beside the newest version that EKS offers for the cluster's minor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fleetkeeper.core import model, parts
from fleetkeeper.core.fleet import Fleet, subject
from fleetkeeper.core.versions import Minor, Version


@dataclass(frozen=True, slots=True)
class AddonRow:
    """One addon of one cluster. newest is "" for an addon that EKS does not offer, or where EKS was not asked."""

    cluster: str
    account: str
    region: str
    minor: str
    addon: model.Addon
    newest: str


def addon_rows(fleet: Fleet) -> tuple[AddonRow, ...]:
    """Every addon of every cluster, by cluster, then by addon."""
    newest = _Newest(fleet)
    rows = [row for cluster in fleet.clusters for row in _of_cluster(cluster, newest)]
    return tuple(sorted(rows, key=lambda r: (r.cluster, r.account, r.region, r.addon.id, r.addon.where)))


def addons_not_seen(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Cluster, account and region → sources of addons that could not be looked at; `everything` when none ever was."""
    found = {}
    for cluster in fleet.clusters:
        addons: model.Addons | None = cluster.value(parts.ADDONS)
        missing = ("everything",) if addons is None else addons.not_seen
        if missing:
            scope = cluster.scope
            who = subject(cluster.name, scope.account if scope else "", scope.region if scope else "")
            found[who] = tuple(m.replace("_", " ") for m in missing)
    return found


class _Newest:
    """The newest version that EKS offers, by scope and minor: sorted out once, not for every cluster."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._found: dict[tuple[model.Scope, Minor], Mapping[str, str]] = {}

    def of(self, scope: model.Scope | None, minor: Minor | None) -> Mapping[str, str]:
        """EKS addon → version."""
        if scope is None or minor is None:
            return {}
        if (scope, minor) not in self._found:
            part = self._fleet.scopes.get(scope, {}).get(parts.ADDON_RELEASES)
            self._found[scope, minor] = _newest((part.value if part else None) or (), minor)
        return self._found[scope, minor]


def _of_cluster(cluster: model.SeenCluster, newest: _Newest) -> Iterator[AddonRow]:
    addons: model.Addons | None = cluster.value(parts.ADDONS)
    control_plane: model.ControlPlane | None = cluster.value(parts.CONTROL_PLANE)
    minor = control_plane.version if control_plane else None
    offered = newest.of(cluster.scope, minor)
    for addon in addons.found if addons else ():
        yield AddonRow(
            cluster=cluster.name,
            account=cluster.scope.account if cluster.scope else "",
            region=cluster.scope.region if cluster.scope else "",
            minor=str(minor or "?"),
            addon=addon,
            newest=offered.get(addon.where, "") if addon.found_by is model.FoundBy.EKS else "",
        )


def _newest(releases: tuple[model.AddonRelease, ...], minor: Minor) -> dict[str, str]:
    newest: dict[str, Version] = {}
    for release in releases:
        if any(m == minor for m, _ in release.minors):
            try:
                version = Version.parse(release.version)
            except ValueError:
                continue
            if release.addon not in newest or newest[release.addon] < version:
                newest[release.addon] = version
    return {name: str(version) for name, version in newest.items()}
