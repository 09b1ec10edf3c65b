"""What an attempt of a step knows of itself: its own memory, not that of an attempt before, and further tokens."""

import hashlib

from fleetkeeper.core.verdict import Memory, Moment

_TOKEN = "token"


def remembered(moment: Moment) -> Memory:
    """What an act of this very attempt left; nothing before it, or when it was left by an earlier attempt."""
    return moment.memory if moment.memory.get(_TOKEN) == moment.token else {}


def leaving(memory: Memory, moment: Moment, **more: str) -> Memory:
    """What an act leaves, marked as this attempt's."""
    return {**memory, **more, _TOKEN: moment.token}


def token_of(token: str, purpose: str) -> str:
    """A second idempotency key of the same attempt, for another act of it: as long and as opaque as the first."""
    return hashlib.sha256(f"{token} {purpose}".encode()).hexdigest()[:32]
