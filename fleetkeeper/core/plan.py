"""A plan: a playbook frozen with its members, their steps and the resolved limits; what an approval covers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, StepSpec, Window

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Range:
    """An expected duration: what half of such work took, and what 95 of 100 took. calibrated: by runs of one's own."""

    p50: timedelta
    p95: timedelta
    calibrated: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """So much of something that members share, while the member is worked on: `subnet:subnet-1`, `quota:L-1216C47A`.

    capacity is what was free when the plan was made.
    """

    resource: str
    amount: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster of a plan, with the steps that it gets. attributes are those of `-l`: name, region, service, ring...

    facts: what the plan rests on, name → text (version, status, addon versions); when one of them moved by the start,
    the member is dropped. hops: the minors on the way, empty where the minor stays. notes: what the approver should
    read. traits: what needs an approval of its own (core/traits.py). mends: fingerprints of findings that hold a hop
    and that the member's own steps mend before it.
    """

    idx: int
    cluster: ClusterId
    name: str
    scope: Scope | None
    attributes: Mapping[str, str]
    stage: int
    group: str
    steps: tuple[StepSpec, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    hops: tuple[str, ...] = ()
    expected: Range | None = None
    deadline: datetime | None = None
    saved_per_month: float = 0.0  # USD of extended support that the upgrade ends
    notes: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        return self.attributes.get("service", "")

    @property
    def region(self) -> str:
        return self.attributes.get("region", "")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage with its limits as numbers. group_concurrency: group name → how many at once."""

    name: str
    max_concurrency: int
    max_failures: int
    on_failure: OnFailure
    group_concurrency: Mapping[str, int]
    gates: tuple[GateSpec, ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """A cluster that the selector wants and the plan leaves out, with the reason."""

    cluster: ClusterId
    name: str
    account: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """Everything of a plan but its members' bodies, of which it has the digests: its own digest so covers the whole.

    members: the digest of each member's body, by idx. service_limits: service (or * for all others) → in how many
    regions it may be unavailable at once. of: the run whose upgrades are taken back, "" for none.
    """

    id: str
    playbook: str
    playbook_title: str
    playbook_origin: str
    playbook_digest: str
    changes: Changes
    selector: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    stages: tuple[Stage, ...]
    members: tuple[str, ...]
    left: tuple[Left, ...]
    freezes: tuple[str, ...] = ()
    holds: tuple[GateSpec, ...] = ()
    service_limits: Mapping[str, int] = field(default_factory=dict)
    expected: Range | None = None
    playbook_purpose: str = ""
    of: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Plan:
    """digest: SHA-256 of the header's canonical JSON."""

    header: Header
    members: tuple[Member, ...]
    digest: str
