"""Whether AWS itself is in trouble: AWS Health's DescribeEvents, and the zonal shifts of ARC, with the executor's role.

https://docs.aws.amazon.com/health/latest/APIReference/API_DescribeEvents.html needs a Business, Enterprise On-Ramp or
Enterprise support plan, and answers SubscriptionRequiredException without one. Its endpoint is one for all regions.
https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_ListZonalShifts.html is asked in each region. Both 2026-11.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Generic, TypeVar

import botocore.session
import structlog
from botocore.exceptions import ClientError

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.fields import listed, mapping, moment, text
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.core.aws_trouble import AUTOSHIFT, HealthIssue, ZonalShift
from fleetkeeper.core.model import Scope
from fleetkeeper.errors import InvalidAnswer

T = TypeVar("T")

_log = structlog.get_logger("engine")

_MOST_PAGES = 20
_NO_PLAN = "SubscriptionRequiredException"
_SERVICES = ("EKS", "EC2")


@dataclass(frozen=True, slots=True)
class _List(Generic[T]):
    """One list. ask: a page of it, by a client and its arguments; None where there is no support plan for it."""

    service: str
    permission: str
    member: str
    ask: Callable[[Any, Mapping[str, Any]], Mapping[str, Any] | None]
    parsed: Callable[[Mapping[str, Any]], T]


class Disruptions:
    """Of one account and region. That an account has no support plan is logged once, and asked anew all the same."""

    def __init__(self, sessions: Sessions, session: botocore.session.Session, scope: Scope) -> None:
        self._sessions, self._session, self._scope = sessions, session, scope
        self._lock = Lock()
        self._said = False

    def health_issues(self) -> tuple[HealthIssue, ...] | None:
        """None where the account has no support plan with AWS Health. Raises ReadErrors."""
        asked = {
            "services": list(_SERVICES),
            "regions": [self._scope.region],
            "eventTypeCategories": ["issue"],
            "eventStatusCodes": ["open"],
        }
        found = self._listed(_ISSUES, {"filter": asked})
        if found is None:
            self._say()
        return found

    def zonal_shifts(self) -> tuple[ZonalShift, ...]:
        """Those that are active, AWS's own among them. Raises ReadErrors."""
        active = {"status": "ACTIVE"}
        return (*(self._listed(_SHIFTS, active) or ()), *(self._listed(_AUTOSHIFTS, active) or ()))

    def _listed(self, each: _List[T], arguments: Mapping[str, Any]) -> tuple[T, ...] | None:
        """None where the first page is refused for want of a support plan."""
        action = f"{each.permission} of {self._scope}"
        found: list[T] = []
        more: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            call = partial(self._page, each, {**arguments, **more})
            page = self._sessions.once(self._session, action, self._scope, call)
            if page is None:
                return None
            found += page[0]
            if not page[1]:
                return tuple(found)
            more = {"nextToken": page[1]}
        raise InvalidAnswer(f"{action}: the list never ends")

    def _page(self, each: _List[T], arguments: Mapping[str, Any]) -> tuple[list[T], str] | None:
        answer = each.ask(self._sessions.client(self._session, each.service, self._scope), arguments)
        if answer is None:
            return None
        items = [each.parsed(mapping(item)) for item in listed(parse.member(answer, each.member))]
        return items, parse.token(answer.get("nextToken"))

    def _say(self) -> None:
        with self._lock:
            said, self._said = self._said, True
        if not said:
            _log.warning("aws_health_needs_a_support_plan", account=self._scope.account, region=self._scope.region)


def _events(client: Any, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        return mapping(client.describe_events(**arguments))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _NO_PLAN:
            return None
        raise


def _shifts(client: Any, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(client.list_zonal_shifts(**arguments))


def _autoshifts(client: Any, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(client.list_autoshifts(**arguments))


def _issue(event: Mapping[str, Any]) -> HealthIssue:
    code = text(event.get("eventTypeCode")) or text(event.get("arn"))
    zone = text(event.get("availabilityZone"))
    return HealthIssue(text(event.get("service")), code, moment(event.get("startTime")), zone)


def _shift(item: Mapping[str, Any]) -> ZonalShift:
    return ZonalShift(
        zone=text(item.get("awayFrom")),
        kind=text(item.get("shiftType")) or "ZONAL_SHIFT",  # absent in answers from before there were other kinds
        resource=text(item.get("resourceIdentifier")),
        ends_at=moment(item.get("expiryTime")),
        comment=text(item.get("comment")),
    )


def _autoshift(item: Mapping[str, Any]) -> ZonalShift:
    return ZonalShift(text(item.get("awayFrom")), AUTOSHIFT)


_ISSUES = _List("health", "health:DescribeEvents", "events", _events, _issue)
_SHIFTS = _List("arc-zonal-shift", "arc-zonal-shift:ListZonalShifts", "items", _shifts, _shift)
_AUTOSHIFTS = _List("arc-zonal-shift", "arc-zonal-shift:ListAutoshifts", "items", _autoshifts, _autoshift)
