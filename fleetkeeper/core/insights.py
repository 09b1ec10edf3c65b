"""What an EKS insight says of a cluster, and which clients call the deprecated APIs that it names."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.versions import Minor


class InsightStatus(StrEnum):
    PASSING = "PASSING"
    WARNING = "WARNING"
    ERROR = "ERROR"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ClientStat:
    """One client of a deprecated API, as an insight reports it over its 30-day window."""

    user_agent: str
    requests_30d: int
    last_request: datetime | None


@dataclass(frozen=True, slots=True)
class Deprecation:
    usage: str
    replaced_with: str
    stop_serving: str
    clients: tuple[ClientStat, ...] = ()


@dataclass(frozen=True, slots=True)
class Insight:
    """An EKS insight; deprecations only for those that do not pass."""

    id: str
    name: str
    category: str
    status: InsightStatus
    minor: Minor | None
    reason: str
    refreshed_at: datetime | None
    deprecations: tuple[Deprecation, ...] = ()
