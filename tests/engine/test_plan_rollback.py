"""Plans of the way back, made of a real store: whose way is open, what addons were before, and what a run upgraded."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.planning import texts_of
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.run import Control, Run, RunState, TaskKey
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.planning import Planner, StoredFleet
from fleetkeeper.engine.ports import Observation
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.step import Kinds
from fleetkeeper.errors import UsageError
from tests.contract.observed import NOON, SCOPE, cluster_id, control_plane, listed, snapshot
from tests.contract.observed import addon as found_addon
from tests.core.fleets import DATES
from tests.core.plans import DIRECT, STEPS, addon, kind, plan
from tests.core.runs import member
from tests.core.upgrades import OFFERED, ROLLBACK, SHIPPED, UPGRADE, climber, group, member_node, small
from tests.engine.fakes import TurnedClock
from tests.engine.memory_runs import MemoryRuns

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
KNOWN: dict[str, type[Any]] = STEPS | {
    "preflight": kind(readiness=""),
    "postflight": kind(),
    "bake": kind(**{"for": None}),
    "refresh-insights": kind(category=None),
    "update-nodegroup": kind(group=None, to=None, direction="up"),
    "update-addon": kind(addon=None, version=None, direction="up", undo="keep"),
}
BEFORE, NOW = "v1.12.1-eksbuild.1", "v1.13.2-eksbuild.1"


class World:
    """A store with clusters that are upgraded from 1.33 to 1.34, and who plans over it."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.clock = TurnedClock()
        self.runs: Any = MemoryRuns()

    def see(
        self, name: str, minor: str, coredns: str, moved: datetime | None = None, support: str = "EXTENDED"
    ) -> None:
        now, id = self.clock.now(), cluster_id(name)
        update = observed.EksUpdate("u-1", "VersionUpdate", "Successful", moved, Minor.parse(minor))
        values: Mapping[str, Any] = snapshot() | {
            parts.CONTROL_PLANE: control_plane(minor, name=name, support_type=support),
            parts.MANAGED_ADDONS: (addon("coredns", coredns),),
            parts.ADDONS: model.Addons((found_addon("coredns", coredns),)),
            parts.CUSTOMISED: (),
            parts.NODE_GROUPS: (group(version="1.33"),),
            parts.NODES: (member_node(1, "1.33"),),
            parts.UPDATES: (update,) if moved else (),
        }
        versions = tuple(
            model.SupportedVersion(Minor.parse(each), *ends, source="test") for each, ends in DATES.items()
        )
        shared = {parts.ADDON_RELEASES: OFFERED, parts.CLUSTER_VERSIONS: versions}
        own = [Observation(part, value, None, now) for part, value in values.items()]
        of_scope = [Observation(part, value, None, now) for part, value in shared.items()]
        self.store.save_many([listed(id, now, scope=SCOPE)], [(id, own), (SCOPE, of_scope)])

    def upgraded(self, name: str, after: float = 60) -> None:
        """Seen at 1.33, upgraded half an hour later, and seen again at 1.34."""
        self.see(name, "1.33", BEFORE)
        self.clock.turn(after)
        self.see(name, "1.34", NOW, self.clock.now() - timedelta(minutes=30))

    def plan(self, of: str = "", selector: str = "") -> Plan:
        assessor = Assessor(self.store, self.clock, SHIPPED, HOUR, checks=())
        fleet, runs, steps = StoredFleet(self.store, self.clock, HOUR), cast(Runs, self.runs), cast(Kinds, KNOWN)
        planner = Planner(fleet, runs, SHIPPED, assessor, steps, {}, {}, change_via=DIRECT)
        return planner.plan(ROLLBACK, Selector.parse(selector), "ana", WEEK, of)


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store)


def test_addons_go_back_to_what_history_has_from_before_the_upgrade(world: World) -> None:
    world.upgraded("shop")
    made = world.plan()
    assert made.header.left == ()
    (member,) = made.members
    (back,) = [each for each in member.steps if each.kind == "update-addon"]
    assert (back.params["addon"], back.params["version"]) == ("coredns", BEFORE)
    assert "it was v1.12.1-eksbuild.1 before the upgrade" in back.why
    assert member.hops == ("1.33",)


def test_a_cluster_that_nobody_upgraded_has_no_way_back(world: World) -> None:
    world.see("shop", "1.34", NOW)
    (left,) = world.plan().header.left
    assert left.reason.startswith("there is no way back: it was made at 1.34")


def test_after_seven_days_the_way_is_closed(world: World) -> None:
    world.see("shop", "1.34", NOW, NOON - timedelta(days=8))
    (left,) = world.plan().header.left
    assert "EKS took a rollback to 1.33 until" in left.reason


def test_what_must_be_done_first_is_told(world: World) -> None:
    world.see("shop", "1.34", NOW, NOON - timedelta(days=1), support="STANDARD")
    (left,) = world.plan().header.left
    assert left.reason.startswith("before it can go back to 1.33: 1.33 is in extended support, and the support policy")


# ---- of a run


def ran(world: World, *names: str, changes: Changes = Changes.MINOR, begun: bool = True) -> None:
    """The run run-1 of an upgrade of some clusters, as far as a plan asks of it."""
    steps = UPGRADE.steps if changes is Changes.MINOR else (UPGRADE.steps[0],)
    playbook = replace(UPGRADE, changes=changes, steps=steps)
    made = plan(*(climber(small(name)) for name in names), playbook=playbook, compat=SHIPPED)
    world.runs.save_plan(made, *texts_of(made))
    run = Run("run-1", made.header.id, made.digest, RunState.SUCCEEDED, NOON, Control.RUN, NOON, "ana", due=NOON)
    begin = NOON if begun else None
    tasks = [replace(member(each.name), key=TaskKey("run-1", each.idx), started_at=begin) for each in made.members]
    world.runs.create_run(run, (), tasks, ())


def test_only_what_the_run_upgraded_goes_back(world: World) -> None:
    world.upgraded("shop", after=60)
    world.upgraded("other", after=1)
    ran(world, "shop")
    made = world.plan("run-1")
    assert [each.name for each in made.members] == ["shop"]
    assert (made.header.of, made.header.left) == ("run-1", ())


def test_a_member_that_the_run_did_not_get_to_its_minor_stays(world: World) -> None:
    world.see("shop", "1.33", BEFORE, NOON - timedelta(days=1))
    ran(world, "shop")
    (left,) = world.plan("run-1").header.left
    assert left.reason == "there is no way back: this run did not upgrade it: it is at 1.33"


def test_a_member_that_the_run_did_not_begin_is_not_even_told(world: World) -> None:
    world.upgraded("shop")
    ran(world, "shop", begun=False)
    made = world.plan("run-1")
    assert (made.members, made.header.left) == ((), ())


def test_a_run_that_upgraded_nothing_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="there is no run run-1"):
        world.plan("run-1")
    ran(world, "shop", changes=Changes.NOTHING)
    with pytest.raises(UsageError, match="run run-1 upgraded no control plane: its plan changes nothing"):
        world.plan("run-1")
