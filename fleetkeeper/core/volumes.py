"""The volumes of a cluster by the zones that they cannot leave."""

from collections import defaultdict
from collections.abc import Iterable

from fleetkeeper.core.observed import PersistentVolume


def by_zones(volumes: Iterable[PersistentVolume]) -> dict[tuple[str, ...], tuple[PersistentVolume, ...]]:
    """Those in use that are pinned to zones, by these, in order. A node's own disk is no matter of zones."""
    found: defaultdict[tuple[str, ...], list[PersistentVolume]] = defaultdict(list)
    for volume in volumes:
        if volume.zones and volume.claim and not volume.nodes:
            found[tuple(sorted(volume.zones))].append(volume)
    return {zones: tuple(found[zones]) for zones in sorted(found)}
