"""What EKS remembers of its own work in a world: updates, idempotency tokens, upgrades, and how long things take."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ROLLBACK_WINDOW = timedelta(days=7)
"""After an upgrade has completed: docs/simulator-eks.md, source RB2."""


@dataclass(frozen=True, slots=True)
class EksTiming:
    """How long EKS takes, in the world's time. The limits that EKS documents are so marked; the rest are plausible."""

    status_lag: timedelta = timedelta(0)  # until DescribeCluster shows UPDATING
    control_plane: timedelta = timedelta(minutes=8)
    configuration: timedelta = timedelta(seconds=45)
    addon: timedelta = timedelta(seconds=60)
    insights_refresh: timedelta = timedelta(minutes=2)
    group_setup: timedelta = timedelta(seconds=30)
    node_boot: timedelta = timedelta(seconds=90)
    node_creation_limit: timedelta = timedelta(minutes=15)
    eviction_retry: timedelta = timedelta(seconds=10)
    eviction_limit: timedelta = timedelta(minutes=15)  # documented, per node
    after_drain: timedelta = timedelta(seconds=60)  # documented
    scale_down_step: timedelta = timedelta(seconds=20)
    group_deletion_limit: timedelta = timedelta(minutes=5)  # documented
    instance_end: timedelta = timedelta(seconds=30)
    termination_hook: timedelta = timedelta(seconds=30)  # until whoever asked for it lets the instance go
    drift_noticed: timedelta = timedelta(minutes=5)
    drift_poll: timedelta = timedelta(seconds=30)


@dataclass(slots=True)
class EksRules:
    """The switches of a world, where documents are silent or contradict each other, and failures on demand.

    Failing sets hold a cluster's key, or "KEY/NODEGROUP" for one group.
    """

    timing: EksTiming = field(default_factory=EksTiming)
    insights_block_upgrade: bool = False  # launched 2025-03-27 and rolled back a day later; unproven since
    node_groups_roll_back: bool = False  # the API reference says no, the rollback guide says yes
    node_group_lag: int = 3  # minors that a managed group may lag behind after an upgrade; 0: all must match before
    failing_control_planes: set[str] = field(default_factory=set)  # new API servers never become healthy
    failing_nodes: set[str] = field(default_factory=set)  # instances that launch and never join
    custom_templates: dict[str, str] = field(default_factory=dict)  # launch template id or name → its custom image


@dataclass(frozen=True, slots=True)
class SimUpdateError:
    code: str
    message: str
    resource_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class SimUpdate:
    """An EKS update. node_group or addon name its subject; both are "" for the cluster's own.

    phase is "nodes" or "control-plane" while an Auto Mode cluster rolls back, else "".
    """

    id: str
    number: int
    type: str
    params: tuple[tuple[str, str], ...]
    created_at: datetime
    node_group: str = ""
    addon: str = ""
    status: str = "InProgress"
    errors: list[SimUpdateError] = field(default_factory=list)
    phase: str = ""
    cancellation: str = ""  # a CancellationStatus

    @property
    def is_running(self) -> bool:
        return self.status == "InProgress"


@dataclass(frozen=True, slots=True)
class SimUpgrade:
    """The last in-place upgrade of a control plane. forced: EKS did it at the end of extended support."""

    previous: str
    completed_at: datetime
    forced: bool = False


@dataclass(slots=True)
class SimInsightsRefresh:
    started_at: datetime
    status: str = "IN_PROGRESS"
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SimTrace:
    """A write that CloudTrail has recorded. who is the ARN of its principal; part: the addon or node group, if any."""

    operation: str
    who: str
    at: datetime
    id: str
    part: str = ""


@dataclass(slots=True)
class EksRecord:
    """What EKS remembers of one cluster.

    tokens: operation and clientRequestToken → what they were sent with, and what that made.
    newer_features are those that are on and that the previous minor lacks: they forbid a rollback.
    trail: what began updates, the oldest first.
    """

    updates: dict[str, SimUpdate] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    upgrade: SimUpgrade | None = None
    refresh: SimInsightsRefresh | None = None
    newer_features: list[str] = field(default_factory=list)
    logs: list[str] | None = None  # types that are exported; None: as SimCluster.audit_logs says
    trail: list[SimTrace] = field(default_factory=list)
