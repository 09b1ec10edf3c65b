"""What a pod takes of a node, as the scheduler counts it (kubernetes/kubernetes, component-helpers, resource, 1.36)."""

from collections.abc import Iterable

from fleetkeeper.core.live import Room

Asked = tuple[int, int]
"""Millicores and bytes."""


def wants(
    containers: Iterable[Asked],
    init: Iterable[tuple[Asked, bool]] = (),
    whole: tuple[int | None, int | None] = (None, None),
    overhead: Asked = (0, 0),
) -> Room:
    """The requests of one pod. init: its init containers in their order, and whether each is a sidecar.

    A sidecar (an init container that restarts always) runs on beside all that come after it. whole: what the pod asks
    for by itself, which counts in place of its containers' sum. overhead: of its runtime class.
    """
    cpu, memory = (sum(each) for each in zip((0, 0), *containers, strict=True))
    beside = first = (0, 0)
    for asked, is_sidecar in init:
        now = (beside[0] + asked[0], beside[1] + asked[1])
        beside = now if is_sidecar else beside
        first = (max(first[0], now[0]), max(first[1], now[1]))
    cpu, memory = max(cpu + beside[0], first[0]), max(memory + beside[1], first[1])
    cpu, memory = (sum_ if own is None else own for own, sum_ in zip(whole, (cpu, memory), strict=True))
    return Room(cpu + overhead[0], memory + overhead[1], 1)
