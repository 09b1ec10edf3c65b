"""Which parts of a cluster rest in a look of `serve`: those that change slowly, so that not each tick pays for them.

A part that rests keeps its value with the time of its last good read; nothing here makes it look newer. It is read
before it would count as stale, and at once wherever that is in doubt.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core import parts

SLOW = (
    *(parts.CRDS, parts.VOLUMES, parts.WEBHOOKS, parts.API_SERVICES),
    *(parts.GITOPS, parts.API_USE, parts.OBJECT_TRACES, parts.CUSTOMISED),
)
"""What only an installation or an upgrade changes, or what is looked at anew before it matters (what Git deploys).

The API server's metric remembers what happened unseen.
"""

_REST = 2 / 3
_FRESH = 0.9
"""Of the time after which a part is stale: how long it rests, and how old it may be at the look after this one."""
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a part was last seen, and from when on it is read again."""

    seen_at: datetime
    due: datetime


@dataclass(frozen=True, slots=True)
class Looks:
    """What one process remembers of its looks at a cluster: when the last was, and the turns of what it saw."""

    last: datetime
    turns: Mapping[str, Turn]


def resting(before: Looks | None, now: datetime, stale_after: timedelta) -> frozenset[str]:
    """The parts that are not read now. The next look is taken to be as far off as the last one is."""
    if before is None:
        return frozenset()
    pause = now - before.last
    return frozenset(
        part
        for part, turn in before.turns.items()
        if turn.seen_at <= now < turn.due and now - turn.seen_at + pause <= _FRESH * stale_after
    )


def after(
    before: Looks | None,
    cluster: str,
    seen: Iterable[str],
    missed: Iterable[str],
    now: datetime,
    stale_after: timedelta,
) -> Looks:
    """The looks after one at `now`. What was missed is read again at the next; what was neither keeps its turn.

    A part that is seen for the first time has a shorter rest, of another length for each cluster and part: else all of
    a fleet would come due in one tick, for ever.
    """
    rest = min(_REST * stale_after, _LONGEST)
    turns = dict(before.turns) if before else {}
    for part in missed:
        turns.pop(part, None)
    for part in seen:
        share = 1.0 if part in turns else _share(cluster, part)
        turns[part] = Turn(now, now + share * rest)
    return Looks(now, turns)


def _share(cluster: str, part: str) -> float:
    """Between 0 and 1, the same in every process."""
    digest = hashlib.blake2b(f"{cluster} {part}".encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32
