"""What AWS itself says of trouble in an account and region: open issues of AWS Health, and zones that are left."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.model import Scope
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Wait
from fleetkeeper.core.wording import some

_LONGEST = 160
_SHIFTS = {
    "ZONAL_SHIFT": "a zonal shift",
    "PRACTICE_RUN": "a practice run of zonal autoshift",
    "FIS_EXPERIMENT": "an experiment of Fault Injection Service",
    "ZONAL_AUTOSHIFT": "an autoshift of AWS",
}
AUTOSHIFT = "ZONAL_AUTOSHIFT"


@dataclass(frozen=True, slots=True)
class HealthIssue:
    """An open issue of a service in the region, as AWS Health has it. zone "": of the whole region."""

    service: str
    code: str
    started_at: datetime | None = None
    zone: str = ""


@dataclass(frozen=True, slots=True)
class ZonalShift:
    """Traffic is moved out of a zone. resource: whose, "" for an autoshift. kind: as AWS calls it (shiftType)."""

    zone: str
    kind: str
    resource: str = ""
    ends_at: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class SeenScope:
    """One account and region. None: not asked. no_plan: the account has no support plan with AWS Health.

    unknown: why nobody can tell, "" where AWS answered.
    """

    scope: Scope
    issues: tuple[HealthIssue, ...] | None = None
    shifts: tuple[ZonalShift, ...] | None = None
    no_plan: bool = False
    unknown: str = ""


def waiting(seen: Iterable[SeenScope], again: timedelta) -> Wait | None:
    """The wait for what is open, else for what nobody can tell; None where nothing is open."""
    scopes = tuple(seen)
    if issues := [_issue(each.scope, issue) for each in scopes for issue in each.issues or ()]:
        return Wait(f"AWS Health has open issues: {some(issues)}", again, "AWS")
    if shifts := [_shift(each.scope, shift) for each in scopes for shift in each.shifts or ()]:
        return Wait(f"traffic is moved out of a zone: {some(shifts)}", again, "who moves it")
    if unknown := [each for each in scopes if each.unknown]:
        text = some(f"{each.scope}: {safe(each.unknown, _LONGEST)}" for each in unknown)
        owner = f"the owner of account {unknown[0].scope.account}"
        return Wait(f"nobody knows whether AWS is in trouble: {text}", again, owner)
    return None


def quiet(seen: Iterable[SeenScope]) -> str:
    """What is told where nothing is open, with what could not be asked for want of a support plan."""
    return "; ".join(_quiet(tuple(seen)))


def _quiet(scopes: tuple[SeenScope, ...]) -> Iterator[str]:
    if not scopes:
        yield "no cluster of AWS is left to work on"
    if asked := [each for each in scopes if each.issues is not None]:
        yield f"AWS Health has no open issue of EKS or EC2 in {_where(asked)}"
    if shifted := [each for each in scopes if each.shifts is not None]:
        yield f"no zonal shift is active in {_where(shifted)}"
    if lacking := tuple(dict.fromkeys(each.scope.account for each in scopes if each.no_plan)):
        yield f"AWS Health cannot be asked for {some(lacking)}: no support plan with its API"


def _where(scopes: Iterable[SeenScope]) -> str:
    return some(str(each.scope) for each in scopes)


def _issue(scope: Scope, issue: HealthIssue) -> str:
    where = f"{scope} ({issue.zone})" if issue.zone else str(scope)
    since = f" since {issue.started_at:%d %b %H:%M} UTC" if issue.started_at else ""
    return safe(f"{issue.service} in {where}: {issue.code}{since}", _LONGEST)


def _shift(scope: Scope, shift: ZonalShift) -> str:
    kind = _SHIFTS.get(shift.kind, shift.kind)
    of = f" of {shift.resource}" if shift.resource else ""
    until = f" until {shift.ends_at:%d %b %H:%M} UTC" if shift.ends_at else ""
    comment = f" ({shift.comment})" if shift.comment else ""
    return safe(f"{shift.zone} in {scope}: {kind}{of}{until}{comment}", _LONGEST)
