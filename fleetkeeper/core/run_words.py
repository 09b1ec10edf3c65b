"""The words of a run's log and reasons: counts, lists that end in time, and the commands that a person may type."""

from collections.abc import Sequence

SHOWN = 3


def counted(number: int, noun: str) -> str:
    """1 member, 2 members."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str]) -> str:
    """At most three names, then `and 7 more`."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def typed(verb: str, run: str, target: str = "") -> str:
    """The command that a person would type."""
    return f"fleetkeeper run {verb} {run} {target}".rstrip()


def taking_back(cluster: str) -> str:
    """The command that plans the way back of one cluster; `typed("rollback", run)` that of all that a run upgraded."""
    return f"fleetkeeper plan rollback -l name={cluster}"


def because(reason: str) -> str:
    """`: the reason` of an operator, or nothing when none was given."""
    return f": {reason}" if reason else ""
