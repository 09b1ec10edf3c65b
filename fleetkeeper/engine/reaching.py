"""The member's API server, opened with the executor's rights and closed again, however the look or act ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import KubeWriter


@contextmanager
def kube_of(world: World, subject: Subject) -> Iterator[KubeWriter]:
    """ReadErrors of reaching it and of what is done with it; TypeError for a gate, which has no cluster."""
    member = subject.member
    if member is None:
        raise TypeError("a gate has no cluster")
    found = world.writers.kube(member.scope, member.name, member.cluster)
    try:
        yield found
    finally:
        found.close()
