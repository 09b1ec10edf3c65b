"""Which states may follow which, of runs, of stages and groups, and of members and gates: the only legal moves."""

from collections.abc import Mapping

from fleetkeeper.core.run import RunState as R
from fleetkeeper.core.run import TaskState as T
from fleetkeeper.core.run import UnitState as U

_GOING = frozenset({R.PENDING, R.RUNNING, R.BLOCKED, R.SOAKING})
_ENDS = frozenset({R.SUCCEEDED, R.COMPLETED_WITH_FAILURES, R.FAILED, R.ABORTED})

RUN: Mapping[R, frozenset[R]] = {
    R.NOT_STARTED: _GOING | _ENDS | {R.PAUSING, R.PAUSED, R.ABORTING},
    R.PENDING: _GOING | _ENDS | {R.PAUSING, R.PAUSED, R.ABORTING},
    R.RUNNING: _GOING | _ENDS | {R.PAUSING, R.PAUSED, R.ABORTING},
    R.BLOCKED: _GOING | _ENDS | {R.PAUSING, R.PAUSED, R.ABORTING},
    R.SOAKING: _GOING | _ENDS | {R.PAUSING, R.PAUSED, R.ABORTING},
    # A resume may find all of its work done, and end it in the same look.
    R.PAUSING: _GOING | _ENDS | {R.PAUSED, R.ABORTING},
    R.PAUSED: _GOING | _ENDS | {R.PAUSING, R.ABORTING},
    R.ABORTING: frozenset({R.ABORTED}),
    R.SUCCEEDED: frozenset(),
    R.COMPLETED_WITH_FAILURES: frozenset(),
    R.FAILED: frozenset(),
    R.ABORTED: frozenset(),
}

_CLOSED = frozenset({U.SUCCEEDED, U.COMPLETED_WITH_FAILURES, U.FAILED, U.SKIPPED, U.ABORTED})

UNIT: Mapping[U, frozenset[U]] = {
    # Work is what makes a unit succeed: one that never ran can only be left out.
    U.NOT_STARTED: frozenset({U.PENDING, U.RUNNING, U.SKIPPED, U.COMPLETED_WITH_FAILURES, U.FAILED, U.ABORTED}),
    U.PENDING: frozenset({U.RUNNING, U.SKIPPED, U.COMPLETED_WITH_FAILURES, U.FAILED, U.ABORTED}),
    U.RUNNING: _CLOSED | {U.SOAKING},
    U.SOAKING: _CLOSED | {U.RUNNING},  # a failed member is retried
    U.COMPLETED_WITH_FAILURES: frozenset({U.RUNNING, U.PENDING}),  # likewise
    U.SUCCEEDED: frozenset(),
    U.FAILED: frozenset(),
    U.SKIPPED: frozenset(),
    U.ABORTED: frozenset(),
}

TASK: Mapping[T, frozenset[T]] = {
    T.NOT_STARTED: frozenset({T.PENDING, T.RUNNING, T.SKIPPED}),
    T.PENDING: frozenset({T.RUNNING, T.BLOCKED, T.ABORTING, T.SUCCEEDED, T.FAILED, T.SKIPPED}),
    T.RUNNING: frozenset({T.PENDING, T.BLOCKED, T.ABORTING, T.SUCCEEDED, T.FAILED, T.SKIPPED}),
    T.BLOCKED: frozenset({T.PENDING, T.RUNNING, T.ABORTING, T.SUCCEEDED, T.FAILED, T.SKIPPED}),
    T.ABORTING: frozenset({T.ABORTED}),
    # A retry, an operator who goes on without it, or an abort that takes back what it left half done.
    T.FAILED: frozenset({T.PENDING, T.RUNNING, T.SKIPPED, T.ABORTING}),
    T.SUCCEEDED: frozenset({T.ABORTING}),  # a gate whose ticket is closed, as the run ends before its end
    T.SKIPPED: frozenset(),
    T.ABORTED: frozenset({T.ABORTING}),  # what it left is undone once more
}


def is_legal(old: R | U | T, new: R | U | T) -> bool:
    """Whether a state may follow another; staying is always legal."""
    if old is new:
        return True
    if isinstance(old, R):
        return new in RUN[old]
    return new in (UNIT[old] if isinstance(old, U) else TASK[old])


def demand(who: str, old: R | U | T, new: R | U | T) -> None:
    """Raises ValueError for a move that is not legal: better no decision than a state that means nothing."""
    if not is_legal(old, new):
        raise ValueError(f"{who} cannot go from {old} to {new}")
