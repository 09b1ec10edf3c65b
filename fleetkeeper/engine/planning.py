"""Makes plans from what is stored: reads the fleet, has it judged, and stores the plan that comes of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fleetkeeper.core import model
from fleetkeeper.core.candidates import NEEDED, Candidate, Standing, standing_of
from fleetkeeper.core.changing_via import ChangeVia
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.durations import Measured
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.planning import Order, make_plan, texts_of
from fleetkeeper.core.playbook import Changes, Params, Playbook
from fleetkeeper.core.references import Allowed, Names, not_there
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.step import Kinds
from fleetkeeper.errors import ParamError, UsageError


@dataclass(frozen=True, slots=True)
class StoredFleet:
    """The stored fleet as plans are made of it: of each cluster only the parts that they rest on."""

    store: Store
    clock: Clock
    stale_after: timedelta

    def snapshots(self, selector: Selector) -> Iterator[Snapshot]:
        now = self.clock.now()
        shared: dict[model.Scope | None, Mapping[str, model.Part[Any]]] = {None: {}}
        for cluster in self.store.clusters(only=set(NEEDED)):
            if not selector.accepts(attributes_of(cluster)):
                continue
            if cluster.scope not in shared and cluster.scope is not None:
                shared[cluster.scope] = self.store.scope_parts(cluster.scope)
            yield Snapshot(cluster, now, shared[cluster.scope], stale_after=self.stale_after)


@dataclass(frozen=True, slots=True)
class Planner:
    """service_limits: service, or * → regions. own_cluster: the ARN of the one that fleetkeeper runs in, "" unknown.

    allowed: what the settings have for playbooks to name. change_via: who may change a version.
    """

    fleet: StoredFleet
    runs: Runs
    compat: Compat
    assessor: Assessor
    steps: Kinds
    gates: Kinds
    allowed: Allowed
    service_limits: Mapping[str, int] = field(default_factory=dict)
    own_cluster: str = ""
    change_via: ChangeVia = field(default_factory=ChangeVia)

    def plan(self, playbook: Playbook, selector: Selector, actor: str, expires_in: timedelta) -> Plan:
        """Make a plan and store it; one without members is not stored, for there is nothing to run.

        Raises UsageError for what the playbook names and the settings do not have.
        """
        if missing := not_there(playbook, _names(self.steps), _names(self.gates), self.allowed):
            raise UsageError(f"{playbook.name} ({playbook.origin}) cannot be planned:\n  " + "\n  ".join(missing))
        order = Order(
            playbook=playbook,
            selector=selector,
            actor=actor,
            at=self.fleet.clock.now(),
            expires_in=expires_in,
            service_limits=self.service_limits,
            measured=self._measured(playbook),
            change_via=self.change_via,
        )
        made = make_plan(order, self._candidates(playbook, selector), self.compat)
        self._try_steps(made)
        if made.members:
            self.runs.save_plan(made, *texts_of(made))
        return made

    def _candidates(self, playbook: Playbook, selector: Selector) -> Iterator[Candidate]:
        standings: dict[model.ClusterId, Standing] = {}
        if playbook.changes is not Changes.NOTHING:
            for report in self.assessor.assess(selector):
                standings[report.cluster.id] = standing_of(report, playbook.changes)
        for snap in self.fleet.snapshots(selector):
            standing = standings.get(snap.cluster.id, Standing())
            own = bool(self.own_cluster) and snap.cluster.id.arn == self.own_cluster
            yield Candidate(snap, attributes_of(snap.cluster), standing, own)

    def _measured(self, playbook: Playbook) -> Measured:
        return {kind: self.runs.durations(kind) for kind in {each.kind for each in playbook.steps}}

    def _try_steps(self, plan: Plan) -> None:
        """What was filled in by member must be what the step's code takes, before anybody approves it."""
        tried: set[tuple[str, tuple[tuple[str, object], ...]]] = set()
        for member in plan.members:
            for step in member.steps:
                key = (step.kind, tuple(sorted(step.params.items())))
                if key not in tried:
                    tried.add(key)
                    self._try(member.name, step.name, step.kind, step.params)

    def _try(self, member: str, step: str, kind: str, params: Params) -> None:
        try:
            self.steps[kind].of(params)
        except ParamError as error:
            raise UsageError(f"step {step} of {member} cannot be made: {error}") from error


def _names(kinds: Kinds) -> Mapping[str, Names]:
    return {kind: code.names for kind, code in kinds.items()}
