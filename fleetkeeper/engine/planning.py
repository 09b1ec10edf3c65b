"""Makes plans from what is stored: reads the fleet, has it judged, and stores the plan that comes of it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fleetkeeper.core import model, parts
from fleetkeeper.core.baking import never_end
from fleetkeeper.core.candidates import NO_WAY, Back, Candidate, Standing, needed, standing_of
from fleetkeeper.core.changing_via import ChangeVia
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.durations import Measured
from fleetkeeper.core.hosting import Home, hosting
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.planning import Order, make_plan, texts_of
from fleetkeeper.core.playbook import Changes, Params, Playbook
from fleetkeeper.core.references import Allowed, Names, not_there
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.run import Role
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.silencing import deafens
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.way_back import last_move, way_back_of
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.step import Kinds
from fleetkeeper.errors import ParamError, UsageError


@dataclass(frozen=True, slots=True)
class StoredFleet:
    """The stored fleet as plans are made of it: of each cluster only the parts that one rests on."""

    store: Store
    clock: Clock
    stale_after: timedelta

    def snapshots(self, selector: Selector, only: Collection[str]) -> Iterator[Snapshot]:
        now = self.clock.now()
        shared: dict[model.Scope | None, Mapping[str, model.Part[Any]]] = {None: {}}
        for cluster in self.store.clusters(only=only):
            if not selector.accepts(attributes_of(cluster)):
                continue
            if cluster.scope not in shared and cluster.scope is not None:
                shared[cluster.scope] = self.store.scope_parts(cluster.scope)
            yield Snapshot(cluster, now, shared[cluster.scope], stale_after=self.stale_after)


@dataclass(frozen=True, slots=True)
class Planner:
    """service_limits: service, or * → regions. home: where fleetkeeper runs, asked for with each plan.

    allowed: what the settings have for playbooks to name. change_via: who may change a version. charts: those that the
    engine may install. smoke: the test of new nodes in words, "" for none.
    """

    fleet: StoredFleet
    runs: Runs
    compat: Compat
    assessor: Assessor
    steps: Kinds
    gates: Kinds
    allowed: Allowed
    service_limits: Mapping[str, int] = field(default_factory=dict)
    home: Callable[[], Home] = Home
    change_via: ChangeVia = field(default_factory=ChangeVia)
    charts: tuple[ChartSource, ...] = ()
    smoke: str = ""

    def plan(self, playbook: Playbook, selector: Selector, actor: str, expires_in: timedelta, of: str = "") -> Plan:
        """Make a plan and store it; one without members is not stored, for there is nothing to run.

        of: a run; only what it upgraded is taken back. Raises UsageError for a run that upgraded nothing, and for what
        the playbook names and the settings do not have.
        """
        upgraded = self._upgraded(of, playbook) if of else None
        wrong = not_there(playbook, _names(self.steps), _names(self.gates), self.allowed)
        if missing := (*wrong, *deafens(playbook), *never_end(playbook)):
            raise UsageError(f"{playbook.name} ({playbook.origin}) cannot be planned:\n  " + "\n  ".join(missing))
        order = Order(
            playbook=playbook,
            selector=selector,
            actor=actor,
            at=self.fleet.clock.now(),
            expires_in=expires_in,
            service_limits=self.service_limits,
            measured=self._measured(playbook),
            charts=self.charts,
            of=of,
            change_via=self.change_via,
            smoke=self.smoke,
        )
        made = make_plan(order, self._candidates(playbook, selector, upgraded), self.compat)
        self._try_steps(made)
        if made.members:
            self.runs.save_plan(made, *texts_of(made))
        return made

    def _upgraded(self, of: str, playbook: Playbook) -> Mapping[model.ClusterId, tuple[str, ...]]:
        """Each cluster of a run that was begun → the minors that the run takes it to."""
        if playbook.changes is not Changes.ROLLBACK:
            raise UsageError(f"--of is for a playbook that takes upgrades back, and {playbook.name} does not")
        found = self.runs.run(of)
        if found is None:
            raise UsageError(f"there is no run {of}: `fleetkeeper get runs` lists them")
        if found.plan.header.changes is not Changes.MINOR:
            raise UsageError(f"run {of} upgraded no control plane: its plan changes {found.plan.header.changes}")
        begun = {each.key.idx for each in found.tasks if each.role is Role.MEMBER and each.started_at is not None}
        return {each.cluster: each.hops for each in found.plan.members if each.idx in begun}

    def _candidates(
        self, playbook: Playbook, selector: Selector, upgraded: Mapping[model.ClusterId, tuple[str, ...]] | None
    ) -> Iterator[Candidate]:
        standings: dict[model.ClusterId, Standing] = {}
        if playbook.changes is not Changes.NOTHING:
            for report in self.assessor.assess(selector):
                standings[report.cluster.id] = standing_of(
                    report, playbook.changes, {each.kind for each in playbook.steps}
                )
        home = self.home()
        for snap in self.fleet.snapshots(selector, needed(playbook.changes)):
            standing = standings.get(snap.cluster.id, Standing())
            if upgraded is not None and snap.cluster.id not in upgraded:
                continue
            own = hosting(home, snap.cluster.id, snap.control_plane)
            back = NO_WAY
            if playbook.changes is Changes.ROLLBACK:
                back = self.backs.of(snap, upgraded[snap.cluster.id] if upgraded is not None else None)
            yield Candidate(snap, attributes_of(snap.cluster), standing, own, back)

    @property
    def backs(self) -> "Backs":
        return Backs(self.fleet.store, self.compat)

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


@dataclass(frozen=True, slots=True)
class Backs:
    """The ways back of stored clusters, with the addons that they had before their upgrade."""

    store: Store
    compat: Compat

    def of(self, snap: Snapshot, hops: tuple[str, ...] | None) -> Back:
        """hops: the minors to which a run took the cluster, where only its upgrades are taken back."""
        plane = snap.control_plane
        if hops is not None and plane is not None and str(plane.version) not in hops:
            return Back(closed=f"this run did not upgrade it: it is at {plane.version}")
        found = way_back_of(snap.cluster, snap.cluster_versions, self.compat, snap.now)
        if found.to is None:
            return Back(closed=found.closed)
        first = tuple(f"{each.why}: {each.do}" for each in found.first)
        return Back(found.to, found.until, "", first, found.notes, self._before(snap))

    def _before(self, snap: Snapshot) -> Mapping[str, str]:
        """EKS addon → version, as history has it at the moment at which the upgrade began."""
        move = last_move(snap.updates)
        if move is None or move.created_at is None:
            return {}
        past = self.store.clusters(at=move.created_at, only={parts.ADDONS})
        for each in past:
            if each.id == snap.cluster.id and (addons := each.value(parts.ADDONS)) is not None:
                return {addon.where: addon.version for addon in addons.found if addon.found_by is model.FoundBy.EKS}
        return {}


def _names(kinds: Kinds) -> Mapping[str, Names]:
    return {kind: code.names for kind, code in kinds.items()}
