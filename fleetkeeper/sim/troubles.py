"""Trouble of AWS's own in a simulated world: events of AWS Health, zonal shifts, and accounts that may not ask."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class SimHealthEvent:
    """An event of AWS Health. account "": a public one, which every account sees."""

    region: str
    service: str
    code: str
    started_at: datetime
    account: str = ""
    category: str = "issue"
    status: str = "open"


@dataclass(slots=True)
class SimZonalShift:
    """A zonal shift of a resource, or, where resource is "", an autoshift of AWS."""

    account: str
    region: str
    away_from: str
    started_at: datetime
    ends_at: datetime
    resource: str = ""
    type: str = "ZONAL_SHIFT"
    status: str = "ACTIVE"
    comment: str = ""


@dataclass(slots=True)
class Troubles:
    """without_plan: accounts whose support plan has no AWS Health API."""

    events: list[SimHealthEvent] = field(default_factory=list)
    shifts: list[SimZonalShift] = field(default_factory=list)
    without_plan: set[str] = field(default_factory=set)
