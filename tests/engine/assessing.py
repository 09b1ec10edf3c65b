"""One stored cluster with every part seen, and checks of the test's own, assessed over a real store."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.callers import state_of, subject_of
from fleetkeeper.core.checks import Check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, LiveUse, Severity
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.readiness import ClusterReport
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.ports import Observation
from fleetkeeper.errors import GapReason
from tests.contract.observed import PLACEMENT, cluster_id, listed
from tests.core.checks.snapshots import EMPTY, SCOPE, SHARED, control_plane
from tests.engine.fakes import TurnedClock

STARTED = datetime(2026, 11, 1, tzinfo=UTC)
"""When the API server started, before all that the tests do."""
CALL = observed.DeprecatedCall("batch", "v1beta1", "cronjobs")
TARGET = TargetRule(minor=Minor(1, 36), origin="fleetkeeper.toml:9")
NOTHING: Mapping[str, Any] = {}


def operator(image: str = "registry.example/legacy:1.0", schedule: str = "") -> model.Workload:
    kind = "CronJob" if schedule else "Deployment"
    return model.Workload(kind, "shop", "legacy", "uid-1", (image,), 1, {"team": "shop"}, schedule=schedule)


def calling(*calls: observed.DeprecatedCall, since: datetime = STARTED) -> observed.ApiUse:
    return observed.ApiUse(calls, since)


def live_use(snap: Snapshot, hop: Hop, _: Compat) -> Iterator[Finding]:
    """The workload is named by something that forgets, as the gauge does."""
    use = snap.api_use
    if hop.target != Minor(1, 36) or use is None or CALL not in use.calls:
        return
    for each in snap.workloads:
        subject = subject_of(each)
        yield Finding(
            code="FK991",
            severity=Severity.BLOCKER,
            subject=subject,
            message=f"{subject} uses batch/v1beta1",
            fix=f"update {subject}",
            blocks=True,
            minor=hop.target,
            owner=each.owner,
            use=LiveUse(
                (subject,), state_of([subject], snap.workloads), use.since, (each.schedule,) * bool(each.schedule)
            ),
        )


def says(code: str, part: str, *, critical: bool = True, each_hop: bool = False) -> Check:
    """A check that blocks while a part is not empty."""

    def look(snap: Snapshot, _hop: Hop, _compat: Compat) -> Iterator[Finding]:
        for number, _ in enumerate(snap.value(part) or ()):
            yield Finding(code, Severity.BLOCKER, CLUSTER, f"{part} {number}", f"mend {part}", str(number), blocks=True)

    return Check(code, f"Something about {part}", (part,), critical, each_hop, look, "a rule of the tests")


LIVE = Check("FK991", "An API in use", (parts.API_USE, parts.WORKLOADS), False, True, live_use, "a rule of the tests")
CHECKS = (LIVE, says("FK992", parts.BUDGETS), says("FK993", parts.INSIGHTS, each_hop=True))


class Assessed:
    """The cluster `shop`, observed and assessed by the test's clock."""

    def __init__(self, store: SqlStore, version: str = "1.34") -> None:
        self.store = store
        self.clock = TurnedClock()
        self.id = cluster_id()
        self.checks: tuple[Check, ...] = CHECKS
        self.rules: tuple[TargetRule, ...] = (TARGET,)
        self.decisions = Decisions()
        self.values: dict[str, Any] = {
            parts.CONTROL_PLANE: control_plane(version),
            **EMPTY,
            parts.API_USE: calling(CALL),
            parts.WORKLOADS: (operator(),),
        }

    def assessor(self) -> Assessor:
        hour = timedelta(hours=1)
        return Assessor(self.store, self.clock, Compat(), hour, self.rules, self.decisions, self.checks)

    def observe(self, changed: Mapping[str, Any] = NOTHING, unseen: Iterable[str] = ()) -> None:
        """A tick in which these parts are new, and those fail to be read."""
        self.values |= changed
        now, missing = self.clock.now(), set(unseen)
        gap = model.Gap(GapReason.FORBIDDEN, "not allowed", now)
        own = [
            Observation(name, None, gap, now) if name in missing else Observation(name, value, None, now)
            for name, value in self.values.items()
        ]
        shared = [Observation(name, value, None, now) for name, value in SHARED.items()]
        self.store.save_many(
            [listed(self.id, now, scope=SCOPE, placement=PLACEMENT)], [(self.id, own), (SCOPE, shared)]
        )

    def assess(self, target: Minor | None = None) -> ClusterReport:
        (made,) = self.assessor().assess(Selector(), target)
        return made

    def look(self, days: float = 0, changed: Mapping[str, Any] = NOTHING, unseen: Iterable[str] = ()) -> ClusterReport:
        """Time passes, then the cluster is observed and assessed."""
        self.clock.turn(days * 24 * 60)
        self.observe(changed, unseen)
        return self.assess()

    def known(self, code: str = "FK991") -> Tracked:
        (found,) = [each.tracked for each in self.store.findings(resolved=True) if each.tracked.finding.code == code]
        return found

    def state(self, code: str = "FK991") -> State:
        return self.known(code).state
