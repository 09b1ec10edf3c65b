"""AWS Health's DescribeEvents, and ListZonalShifts and ListAutoshifts of ARC, as far as a world has trouble."""

from collections.abc import Callable, Mapping
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.paging import BadToken, page
from fleetkeeper.sim.troubles import SimHealthEvent, SimZonalShift

_EVENTS_PAGE = 100
_SHIFTS_PAGE = 100

_BY = {
    "services": "service",
    "regions": "region",
    "eventTypeCodes": "code",
    "eventTypeCategories": "category",
    "eventStatusCodes": "status",
}


def _describe_events(call: Call) -> dict[str, Any]:
    """The API is one for all regions; what it tells is filtered by the caller."""
    troubles = call.world.troubles
    if call.account in troubles.without_plan:
        raise AwsError("SubscriptionRequiredException", "", status=400)
    asked: Mapping[str, Any] = call.params.get("filter", {})
    if unknown := sorted(asked.keys() - _BY.keys()):
        raise Violation(f"events are not filtered by {', '.join(unknown)} here")
    chosen = [
        (f"{number:06d}", each)
        for number, each in enumerate(troubles.events)
        if each.account in ("", call.account) and all(getattr(each, _BY[name]) in asked[name] for name in asked)
    ]
    try:
        size = min(call.params.get("maxResults", _EVENTS_PAGE), _EVENTS_PAGE)
        found, token = page(chosen, lambda each: each[0], call.params.get("nextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidPaginationToken", "The nextToken is not valid.") from error
    return {"events": [_event(call, *each) for each in found]} | ({"nextToken": token} if token else {})


def _event(call: Call, number: str, event: SimHealthEvent) -> dict[str, Any]:
    name = f"{event.code}_{number}"
    return {
        "arn": f"arn:{call.partition}:health:{event.region}::event/{event.service}/{event.code}/{name}",
        "service": event.service,
        "eventTypeCode": event.code,
        "eventTypeCategory": event.category,
        "region": event.region,
        "startTime": event.started_at,
        "lastUpdatedTime": event.started_at,
        "statusCode": event.status,
        "eventScopeCode": "ACCOUNT_SPECIFIC" if event.account else "PUBLIC",
    }


def _list_zonal_shifts(call: Call) -> dict[str, Any]:
    return _listed(call, lambda each: bool(each.resource), _shift)


def _list_autoshifts(call: Call) -> dict[str, Any]:
    return _listed(call, lambda each: not each.resource, _autoshift)


def _listed(
    call: Call, wanted: Callable[[SimZonalShift], bool], shown: Callable[[str, SimZonalShift], dict[str, Any]]
) -> dict[str, Any]:
    status = call.params.get("status")
    chosen = [
        (f"{number:06d}", each)
        for number, each in enumerate(call.world.troubles.shifts)
        if (each.account, each.region) == (call.account, call.region) and wanted(each) and status in (None, each.status)
    ]
    try:
        size = min(call.params.get("maxResults", _SHIFTS_PAGE), _SHIFTS_PAGE)
        found, token = page(chosen, lambda each: each[0], call.params.get("nextToken"), size)
    except BadToken as error:
        raise AwsError(
            "ValidationException", "The nextToken is not valid.", {"reason": "InvalidToken"}, status=400
        ) from error
    return {"items": [shown(*each) for each in found]} | ({"nextToken": token} if token else {})


def _shift(number: str, shift: SimZonalShift) -> dict[str, Any]:
    return {
        "zonalShiftId": f"00000000-0000-4000-8000-000000{number}",
        "resourceIdentifier": shift.resource,
        "awayFrom": shift.away_from,
        "startTime": shift.started_at,
        "expiryTime": shift.ends_at,
        "status": shift.status,
        "comment": shift.comment,
        "shiftType": shift.type,
    }


def _autoshift(_number: str, shift: SimZonalShift) -> dict[str, Any]:
    return {"awayFrom": shift.away_from, "startTime": shift.started_at, "status": shift.status}


def health() -> dict[str, Operation]:
    return {"DescribeEvents": _describe_events}


def arc_zonal_shift() -> dict[str, Operation]:
    return {"ListZonalShifts": _list_zonal_shifts, "ListAutoshifts": _list_autoshifts}
