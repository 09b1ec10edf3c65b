"""The error tree: each error is named by who must act on it, and says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class GapReason(StrEnum):
    """Why something was not seen. Each reason has one kind of fix, and one person who can do it."""

    UNREACHABLE = "unreachable"  # no connection: network, DNS, proxy, TLS
    TIMEOUT = "timeout"  # connected, no whole answer in time
    THROTTLED = "throttled"  # the API asked us to slow down, past our patience
    SERVER_ERROR = "server error"  # a 5xx that retries did not cure
    UNAUTHENTICATED = "unauthenticated"  # the credential is missing, expired or unknown
    FORBIDDEN = "forbidden"  # the credential is known and may not do this
    NOT_FOUND = "not found"  # the object or the API is not there
    WRONG_ENDPOINT = "wrong endpoint"  # this address or CA is not the cluster's
    INVALID_ANSWER = "invalid answer"  # truncated, of the wrong type, not what the API promises
    TOO_LARGE = "too large"  # past the size that we read
    IN_USE = "in use"  # something else is being done to it, so this cannot be begun now
    REJECTED = "rejected"  # it cannot be done as it was asked; the same again has no use
    NOT_CONFIGURED = "not configured"  # nobody asked for this to be read
    NOT_READ = "not read"  # no read was tried yet, or the last good one is too old to judge by


class FleetkeeperError(Exception):
    """Base of every error that fleetkeeper raises on purpose; its text is fit for people."""


class UsageError(FleetkeeperError):
    """The command line asked for something that cannot be; the caller must ask differently (exit code 2)."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file that people write: where it is, what is wrong, and how to mend it.

    line and column count from 1; 0 means that the whole file (or an environment variable) is meant.
    """

    file: str
    line: int
    key: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        fix = f" — {self.fix}" if self.fix else ""
        return f"{place}:{key} {self.message}{fix}"


class ConfigError(FleetkeeperError):
    """The operator's files are wrong; carries every mistake at once, in file order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(str(m) for m in mistakes))


class SchemaError(FleetkeeperError):
    """The database's schema is not this version's; the operator runs `fleetkeeper db upgrade` or a newer release."""


class StoreUnavailable(FleetkeeperError):
    """The database cannot be reached or is locked; nothing was written."""


class Tampered(FleetkeeperError):
    """What is stored of a plan, a step or an approval is not what was approved; nothing is done by it."""


class ParamError(FleetkeeperError):
    """Parameters of a playbook's step or gate are wrong: parameter name ("" for the whole) → what is wrong with it."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.wrong = wrong
        super().__init__("; ".join(f"{name}: {what}" if name else what for name, what in wrong.items()))


class AlreadyRunning(FleetkeeperError):
    """Another process holds the engine's lock; its text names the holder."""


class ReadError(FleetkeeperError):
    """One read of a cluster or an account failed; it becomes a Gap of that part, never a failed fleet."""

    reason: GapReason = GapReason.UNREACHABLE

    def __init__(self, detail: str, reason: GapReason | None = None) -> None:
        self.detail = detail
        if reason is not None:
            self.reason = reason
        super().__init__(f"{self.reason.value}: {detail}")


class Unreachable(ReadError):
    """Nobody answered well in time: retried by the adapter, then a Gap."""

    reason = GapReason.UNREACHABLE


class Refused(ReadError):
    """The other side said no: the owner of the account or the cluster must grant something."""

    reason = GapReason.FORBIDDEN


class InvalidAnswer(ReadError):
    """The other side answered something that its API does not promise."""

    reason = GapReason.INVALID_ANSWER
