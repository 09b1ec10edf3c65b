"""START HERE: what fleetkeeper can do, each in a few lines; the command line and the daemon call nothing else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.fleet import Fleet
from fleetkeeper.core.owners import Directory
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.readiness import ClusterReport, Entry, Subject
from fleetkeeper.core.run import Applied, Command, Freeze, Rows, Run
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.discovery import not_listed
from fleetkeeper.engine.observe import Choice, Outcome, Progress, attributes_of, observe_fleet
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.owning import Ownership, Owning
from fleetkeeper.engine.planning import Planner
from fleetkeeper.engine.ports import Ports
from fleetkeeper.engine.run_ports import StoredEvent, StoredRun
from fleetkeeper.engine.start import Started, Starter

HEARTBEAT = timedelta(seconds=45)
"""An engine says every 20 s that it lives."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """The product over its ports. Made by wiring.py from the operator's settings.

    directory: the teams and files that say who owns what; it is read when it is asked for.
    """

    ports: Ports
    reader: ClusterReader
    compat: Compat
    choice: Choice
    stale_after: timedelta
    kube_threads: int
    assessor: Assessor
    planner: Planner
    starter: Starter
    directory: Callable[[], Directory] = Directory

    def observe(self, selector: Selector, progress: Progress) -> Outcome:
        """Read every cluster that the configuration and the selector want, and store what was seen."""
        return observe_fleet(self.ports, self.reader, self.choice.narrowed(selector), progress, self.kube_threads)

    def fleet(self, selector: Selector, only: tuple[str, ...], at: datetime | None = None) -> Fleet:
        """The fleet as last stored, or as history has it at a time; of each cluster only these parts and all gaps."""
        seen = self.ports.store.clusters(at, {parts.CONTROL_PLANE, *only})
        clusters = tuple(c for c in seen if selector.accepts(attributes_of(c)))
        scopes = {scope: self.ports.store.scope_parts(scope) for scope in self.ports.store.scopes()}
        return Fleet(clusters, scopes, self.compat, at or self.ports.clock.now(), self.stale_after)

    def changes(self, since: datetime, until: datetime | None, selector: Selector) -> tuple[model.Change, ...]:
        """What changed in the fleet, newest first."""
        chosen = {
            c.id for c in self.ports.store.clusters(only={parts.CONTROL_PLANE}) if selector.accepts(attributes_of(c))
        }
        found = self.ports.store.changes(since, until)
        return tuple(c for c in found if not selector.terms or c.cluster in chosen)

    def assess(self, selector: Selector, target: Minor | None = None) -> Iterator[ClusterReport]:
        """Judge every stored cluster for each hop to its target, one by one; with a target of its own as a trial."""
        return self.assessor.assess(selector, target)

    def findings(self, selector: Selector, resolved: bool = False) -> tuple[tuple[Subject, Entry], ...]:
        """What the last assessment of each cluster found and what is known of it since; reads no cluster."""
        return self.assessor.findings(selector, resolved)

    def owners(self, selector: Selector) -> Ownership:
        """Who owns what the last assessments found, and any object, as stored; reads no cluster."""
        seen = self.ports.store.clusters(only={parts.CONTROL_PLANE})
        clusters = tuple(each for each in seen if selector.accepts(attributes_of(each)))
        owning = Owning(self.ports.store, self.ports.clock, self.directory)
        return Ownership(owning, clusters, self.findings(selector))

    def plan(self, playbook: Playbook, selector: Selector, actor: str, expires_in: timedelta, of: str = "") -> Plan:
        """Make a plan of a playbook and what is stored of the fleet, and store it; changes no cluster."""
        return self.planner.plan(playbook, selector, actor, expires_in, of)

    def plans(self) -> tuple[Plan, ...]:
        """Every stored plan, newest first."""
        return self.planner.runs.plans()

    def stored_plan(self, id: str) -> Plan | None:
        """A plan by its id or the beginning of it; Tampered when it is not what was made."""
        return self.planner.runs.plan(id)

    def start(self, plan: str, actor: str, key: str = "", exported: Plan | None = None) -> Started:
        """Create a run of a stored plan; what moved since is dropped and named. One key gives one run.

        It waits for a `start` command of somebody who may.
        """
        return self.starter.start(plan, actor, key, exported)

    def runs(self, over: bool = True) -> tuple[Run, ...]:
        """Every run, newest first; without those that are over when asked so."""
        return self.planner.runs.runs(over)

    def run(self, id: str) -> StoredRun | None:
        """A run as it stands, by its id or the beginning of one that only one run has."""
        found = self.planner.runs.run(id)
        near = () if found else tuple(each.id for each in self.runs() if each.id.startswith(id))
        return self.planner.runs.run(near[0]) if len(near) == 1 else found

    def rows(self, id: str) -> Rows | None:
        """What can be read of a run by its whole id without its plan, which may not be what was approved."""
        return self.planner.runs.rows(id)

    def events(self, run: str, after: int = 0) -> tuple[StoredEvent, ...]:
        """The next events of a run's log after the one of this number, at most 1,000."""
        return self.planner.runs.events(run, after)

    def command(self, command: Command) -> bool:
        """Leave a verb for the engine; False when one of this id is there already."""
        return self.planner.runs.add_command(command)

    def applied(self, command: str) -> Applied | None:
        """What the engine made of a command; None while it waits."""
        return self.planner.runs.applied(command)

    def engines(self) -> tuple[str, ...]:
        """The engines that live: without one, commands and runs wait."""
        return self.planner.runs.living(HEARTBEAT)

    def freezes(self) -> tuple[Freeze, ...]:
        """The freezes that stand, also those whose time is over."""
        return self.planner.runs.freezes()

    def freeze(self, freeze: Freeze) -> bool:
        """Nothing new begins where it reaches; it counts within a second, whether an engine decides or not."""
        return self.planner.runs.add_freeze(freeze)

    def not_listed(self) -> Mapping[str, model.Gap]:
        """Accounts and regions whose clusters could not be listed at the last try."""
        return not_listed({scope: self.ports.store.scope_parts(scope) for scope in self.ports.store.scopes()})
