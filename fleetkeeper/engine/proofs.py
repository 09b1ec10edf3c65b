"""What the doctor found, one thing a row: proven, missing or doubtful, and the exact fix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from fleetkeeper.engine.probing import Probe
from fleetkeeper.errors import FleetkeeperError, GapReason, ReadError

_NO_ACCESS = frozenset({GapReason.UNAUTHENTICATED, GapReason.FORBIDDEN})
_NO_ANSWER = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT, GapReason.SERVER_ERROR})
_PROVES_NOTHING = frozenset({GapReason.THROTTLED, GapReason.NOT_CONFIGURED})

Fix = Callable[[GapReason], str]


class Result(StrEnum):
    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Proof:
    """subject: an account, account/region, cluster or part of fleetkeeper; what: the permission or step by name.

    reason is None where nothing failed, or where what failed was no read.
    """

    result: Result
    subject: str
    what: str
    detail: str = ""
    fix: str = ""
    reason: GapReason | None = None


class Trouble(StrEnum):
    """The kind of the worst failure, worst last in the order of who can mend it."""

    NONE = "none"
    UNREACHABLE = "unreachable"  # nothing but networks and servers that did not answer
    OTHER = "other"
    ACCESS = "access"  # a credential or a permission is missing


def tried(subject: str, probe: Probe, fix: Fix) -> Proof:
    """Try one probe. What proves nothing (being asked to slow down, nothing there to try it on) is a warning."""
    try:
        return Proof(Result.PASS, subject, probe.permission, probe.attempt())
    except ReadError as error:
        return failed(subject, probe.permission, error, fix)
    except FleetkeeperError as error:
        return Proof(Result.FAIL, subject, probe.permission, str(error))
    except Exception as error:  # a bug of ours in one probe must not cost the other answers
        detail = f"a fault of fleetkeeper's own: {type(error).__name__}: {error}"
        return Proof(Result.FAIL, subject, probe.permission, detail, reason=GapReason.INVALID_ANSWER)


def failed(subject: str, what: str, error: ReadError, fix: Fix) -> Proof:
    result = Result.WARN if error.reason in _PROVES_NOTHING else Result.FAIL
    return Proof(result, subject, what, error.detail, fix(error.reason), error.reason)


def worst(proofs: Iterable[Proof]) -> Trouble:
    """What stands in the way: access before everything else, for nothing else is proven without it."""
    failures = [p for p in proofs if p.result is Result.FAIL]
    if any(p.reason in _NO_ACCESS for p in failures):
        return Trouble.ACCESS
    if any(p.reason not in _NO_ANSWER for p in failures):
        return Trouble.OTHER
    return Trouble.UNREACHABLE if failures else Trouble.NONE
