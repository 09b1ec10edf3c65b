"""Trouble on demand: what goes wrong, for whom, at which operation and when. Both faces of a world meet it."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    AWS = "aws"
    KUBE = "kube"


class Harm(StrEnum):
    """The kinds of trouble; docs/simulator.md says what a client sees of each."""

    THROTTLE = "throttle"
    FORBID = "forbid"
    ERROR = "error"
    SLOW = "slow"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    STALE = "stale"
    SKEW = "skew"
    EXPIRE = "expire"
    WATCH_GAP = "watch-gap"


HARMS: Mapping[str, tuple[Harm, ...]] = {
    Side.AWS: tuple(harm for harm in Harm if harm not in (Harm.EXPIRE, Harm.WATCH_GAP)),
    Side.KUBE: tuple(Harm),
}
"""What each side has."""

CACHED, ALL = "cached", "all"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
LONGEST_TIMEOUT = 120.0  # seconds of the wall for which a "timeout" without its own seconds keeps a client waiting

_LONGEST = 10 * 366 * 86400.0  # seconds; times past this are slips of the pen
_STATUSES = {Side.AWS: (500, 503), Side.KUBE: (500, 503, 504)}
_USED_BY: Mapping[str, tuple[Harm, ...]] = {
    "seconds": (Harm.SLOW, Harm.TIMEOUT, Harm.STALE, Harm.SKEW),
    "status": (Harm.ERROR,),
    "retry_after": (Harm.THROTTLE, Harm.ERROR),
    "reads": (Harm.STALE,),
}
_AWS_OPERATION = re.compile(r"[A-Z][A-Za-z0-9]+")
# A group without a dot that is none of these is a core resource whose leading slash was forgotten ("pods/eviction").
_GROUP = re.compile(r"(|apps|autoscaling|batch|extensions|policy|[a-z0-9-]+(\.[a-z0-9-]+)+)/.+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one field of a fault."""

    field: str
    message: str


class FaultError(ValueError):
    """A fault that cannot be; says of each field what is allowed."""

    def __init__(self, mistakes: tuple[Wrong, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in mistakes))


@dataclass(frozen=True, slots=True)
class Encounter:
    """A request as faults see it. cluster "" belongs to none; verb is Kubernetes' own, "" for AWS.

    operation is an AWS operation name, or "group/resource", "group/resource/subresource" or a path of Kubernetes;
    fits tells the faults that mean something to this request: the others pass it by, uncounted.
    """

    side: str
    account: str
    region: str
    cluster: str
    operation: str
    verb: str = ""
    fits: Callable[["Fault"], bool] = lambda _fault: True


@dataclass(slots=True)
class Fault:
    """One order for trouble; FaultError where it makes no sense. Empty selectors match everything.

    side, kind: a Side and one of its Harms, as text.
    account, region, cluster (its key), operation (as in Encounter; a resource includes its subresources), verb: select.
    rate is the share of the matching requests that fail (0..1, by a counter, not by chance); count ends it after so
    many hits, 0 never does.
    begins and ends are simulated times; after and lasts are simulated seconds from the moment it is set. None: always.
    seconds: how long "slow" waits or "timeout" holds (of the wall), how far "stale" lags (of the world's time), how
    much a "skew" clock is ahead (negative: behind).
    status and retry_after change the answer of "error" (500 unless given; see _STATUSES) and "throttle".
    reads: what "stale" touches on a Kubernetes face: CACHED, those that a watch cache may answer, or ALL.

    seen and struck count; set_at is when it was set, the first look at it unless `World.order` did.
    """

    side: str
    kind: str
    account: str = ""
    region: str = ""
    cluster: str = ""
    operation: str = ""
    rate: float = 1.0
    seconds: float = 0.0
    verb: str = ""
    count: int = 0
    status: int = 0
    retry_after: int = 0
    reads: str = CACHED
    begins: datetime | None = None
    ends: datetime | None = None
    after: float | None = None
    lasts: float | None = None
    seen: int = 0
    struck: int = 0
    set_at: datetime | None = None

    def __post_init__(self) -> None:
        mistakes = tuple(_mistakes(self))
        if mistakes:
            raise FaultError(mistakes)

    def selects(self, met: Encounter) -> bool:
        """Whether a request is meant at all."""
        wanted = (self.account, self.region, self.cluster, self.verb)
        asked = (met.account, met.region, met.cluster, met.verb)
        if self.side != met.side or any(want and want != have for want, have in zip(wanted, asked, strict=True)):
            return False
        return self._names(met.operation) and met.fits(self)

    def is_on(self, now: datetime) -> bool:
        """Whether its time has come and is not over."""
        begins, ends = self.window(now)
        return (begins is None or begins <= now) and (ends is None or now < ends)

    def window(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From when until when, None where it has no such end; the first look sets it."""
        if self.set_at is None:
            self.set_at = now
        begins = self.begins if self.after is None else self.set_at + timedelta(seconds=self.after)
        if self.lasts is None:
            return begins, self.ends
        return begins, (begins or self.set_at) + timedelta(seconds=self.lasts)

    def strikes(self) -> bool:
        """Count one matching request and say whether it fails: evenly spread, so that 0.5 is every second one."""
        if self.count and self.struck >= self.count:
            return False
        self.seen += 1
        hit = int(self.seen * self.rate) > int((self.seen - 1) * self.rate)
        self.struck += hit
        return hit

    def shown(self) -> dict[str, Any]:
        """Its fields as JSON has them."""
        return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in asdict(self).items()}

    def _names(self, operation: str) -> bool:
        if not self.operation or self.operation == operation:
            return True
        return self.side == Side.KUBE and operation.startswith(f"{self.operation}/")


_COUNTERS = ("seen", "struck", "set_at")
FIELDS = tuple(each.name for each in fields(Fault) if each.name not in _COUNTERS)
"""What may be said of a fault."""

_TEXTS = ("side", "kind", "account", "region", "cluster", "operation", "verb", "reads")
_WHOLE = ("count", "status", "retry_after")
_TIMES = ("begins", "ends")


def of_json(said: object) -> Fault:
    """The fault of a JSON object; FaultError with everything that is wrong with it."""
    if not isinstance(said, dict):
        raise FaultError((Wrong("fault", "must be an object"),))
    known = ", ".join(FIELDS)
    mistakes = [Wrong(str(name), f"unknown field; known are {known}") for name in said if name not in FIELDS]
    mistakes += [Wrong(name, "is missing") for name in ("side", "kind") if name not in said]
    typed: dict[str, Any] = {}
    for name, value in said.items():
        if name in FIELDS:
            typed[name], wrong = _typed(name, value)
            mistakes += [Wrong(name, wrong)] if wrong else []
    if mistakes:
        raise FaultError(tuple(mistakes))
    return Fault(**typed)


def _typed(name: str, value: object) -> tuple[object, str]:
    """A value of JSON as the field has it, and what is wrong with it, "" when nothing is."""
    if name in _TEXTS:
        return value, "" if isinstance(value, str) else "must be a text"
    if name in _TIMES:
        return _moment(value)
    if name in _WHOLE:
        return value, "" if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    return value, "" if isinstance(value, int | float) and not isinstance(value, bool) else "must be a number"


def _moment(value: object) -> tuple[datetime | None, str]:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        return None, "must be a time with an offset such as 2026-01-31T12:00:00Z"
    return moment, ""


def _mistakes(fault: Fault) -> Iterator[Wrong]:
    yield from _wrong_kind(fault)
    yield from _wrong_place(fault)
    yield from _wrong_amount(fault)
    yield from _unused(fault)
    yield from _wrong_time(fault)


def _wrong_kind(fault: Fault) -> Iterator[Wrong]:
    if fault.side not in HARMS:
        yield Wrong("side", f"must be one of {', '.join(HARMS)}")
    allowed = HARMS.get(fault.side, tuple(Harm))
    if fault.kind not in allowed:
        has_it = fault.kind in tuple(Harm)
        why = f"the side {fault.side} has no {fault.kind}; " if has_it else ""
        yield Wrong("kind", f"{why}must be one of {', '.join(allowed)}")


def _wrong_place(fault: Fault) -> Iterator[Wrong]:
    if fault.account and not (len(fault.account) == 12 and fault.account.isdigit()):
        yield Wrong("account", "must be an account id of 12 digits")
    if fault.side == Side.AWS:
        if fault.operation and not _AWS_OPERATION.fullmatch(fault.operation):
            yield Wrong("operation", "must be an AWS operation name such as DescribeCluster")
        if fault.verb:
            yield Wrong("verb", "is for the side kube only")
        return
    if fault.operation and not _GROUP.fullmatch(fault.operation):
        form = 'must be "group/resource" or "group/resource/subresource" (core: "/pods", "/pods/eviction") or a path'
        yield Wrong("operation", f"{form} such as /version")
    if fault.verb and fault.verb not in VERBS:
        yield Wrong("verb", f"must be one of {', '.join(VERBS)}")


def _wrong_amount(fault: Fault) -> Iterator[Wrong]:
    if not 0.0 <= fault.rate <= 1.0:
        yield Wrong("rate", "must be from 0 to 1")
    for name in ("count", "retry_after"):
        if getattr(fault, name) < 0:
            yield Wrong(name, "must not be negative")
    lowest = -_LONGEST if fault.kind == Harm.SKEW else 0.0
    for name, least in (("seconds", lowest), ("after", 0.0), ("lasts", 0.0)):
        value = getattr(fault, name)
        if value is None:
            continue
        if not math.isfinite(value) or value > _LONGEST:
            yield Wrong(name, f"must be at most {_LONGEST:.0f} seconds")
        elif value < least:
            yield Wrong(name, "must not be negative" if least == 0.0 else f"must be at least {least:.0f} seconds")
    if fault.kind in (Harm.STALE, Harm.SKEW) and fault.seconds == 0:
        yield Wrong("seconds", f"a {fault.kind} needs some")


def _unused(fault: Fault) -> Iterator[Wrong]:
    """Fields that this kind does not look at, or not with this value."""
    given = {"seconds": fault.seconds, "status": fault.status, "retry_after": fault.retry_after}
    given["reads"] = int(fault.reads != CACHED)
    for name, value in given.items():
        if value and fault.kind not in _USED_BY[name] and fault.kind in tuple(Harm):
            yield Wrong(name, f"{fault.kind} has none: it is for {', '.join(_USED_BY[name])}")
    statuses = _STATUSES.get(Side(fault.side)) if fault.side in HARMS else None
    if fault.status and statuses and fault.kind == Harm.ERROR and fault.status not in statuses:
        yield Wrong("status", f"must be one of {', '.join(map(str, statuses))}")
    if fault.reads not in (CACHED, ALL):
        yield Wrong("reads", f"must be one of {CACHED}, {ALL}")
    elif fault.reads != CACHED and fault.side == Side.AWS:
        yield Wrong("reads", "is for the side kube only")


def _wrong_time(fault: Fault) -> Iterator[Wrong]:
    for name in _TIMES:
        moment = getattr(fault, name)
        if moment is not None and moment.tzinfo is None:
            yield Wrong(name, "must have an offset such as 2026-01-31T12:00:00Z")
            return
    if fault.begins is not None and fault.after is not None:
        yield Wrong("after", "does not go with begins: give one of them")
    if fault.ends is not None and fault.lasts is not None:
        yield Wrong("lasts", "does not go with ends: give one of them")
    elif fault.ends is not None and fault.after is not None:
        yield Wrong("ends", "does not go with after: give lasts, or begins")
    if fault.begins is not None and fault.ends is not None and fault.ends <= fault.begins:
        yield Wrong("ends", "must be after begins")
    if fault.lasts == 0:
        yield Wrong("lasts", "must be more than 0 seconds")
