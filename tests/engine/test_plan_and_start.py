"""Plans made of a real store and started: what is stored, who is dropped, and what is refused."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.hosting import Home, Pod
from fleetkeeper.core.plan import Plan, Range
from fleetkeeper.core.playbook import Changes, GateSpec, StageSpec, StepSpec, When
from fleetkeeper.core.run import Cause, Control, Role, RunState, TaskState
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.planning import Planner, StoredFleet
from fleetkeeper.engine.ports import Observation
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.start import Started, Starter
from fleetkeeper.engine.step import Kinds
from fleetkeeper.errors import GapReason, Tampered, UsageError
from tests.contract.observed import NOON, PLACEMENT, SCOPE, cluster_id, control_plane, listed, snapshot
from tests.core.plans import CANARY, DIRECT, PLAYBOOK, RELEASES, STEPS, addon
from tests.engine.assessing import says
from tests.engine.fakes import TurnedClock
from tests.engine.memory_runs import MemoryRuns

WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)

PEM = "-----BEGIN CERTIFICATE-----\nT1RIRVI=\n-----END CERTIFICATE-----\n"


class World:
    """A store with clusters that each have an addon to update, and who plans and starts over it."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.clock = TurnedClock()
        self.runs: Any = MemoryRuns()
        self.home = Home()

    def see(
        self,
        name: str = "shop",
        values: Mapping[str, Any] | None = None,
        placement: model.Placement = PLACEMENT,
        created: timedelta = timedelta(days=300),
    ) -> None:
        """The cluster is observed now; values are parts by their names. It has what the tests' checks complain of."""
        now, id = self.clock.now(), cluster_id(name, NOON - created)
        seen = snapshot() | {
            parts.CONTROL_PLANE: control_plane(name=name),
            parts.MANAGED_ADDONS: (addon(),),
            parts.CUSTOMISED: (),
            **(values or {}),
        }
        own = [Observation(part, value, None, now) for part, value in seen.items()]
        shared = [Observation(parts.ADDON_RELEASES, RELEASES, None, now)]
        line = listed(id, now, scope=SCOPE, placement=placement)
        self.store.save_many([line], [(id, own), (SCOPE, shared)])

    @property
    def fleet(self) -> StoredFleet:
        return StoredFleet(self.store, self.clock, HOUR)

    def plan(self, selector: str = "", **changed: Any) -> Plan:
        checks = (says("FK104", parts.VOLUMES), says("FK422", parts.BUDGETS))
        assessor = Assessor(self.store, self.clock, Compat(), HOUR, checks=checks)
        runs, steps = cast(Runs, self.runs), cast(Kinds, changed.pop("steps_known", STEPS))
        planner = Planner(self.fleet, runs, Compat(), assessor, steps, {}, {}, {"*": 1}, lambda: self.home, DIRECT)
        return planner.plan(replace(PLAYBOOK, **changed), Selector.parse(selector), "ana", WEEK)

    def start(self, plan: Plan, key: str = "", exported: Plan | None = None) -> Started:
        return Starter(self.fleet, cast(Runs, self.runs)).start(plan.header.id, "bo", key, exported)


@pytest.fixture
def world(store: SqlStore) -> World:
    made = World(store)
    quiet(made, "shop")
    return made


def quiet(world: World, name: str, values: Mapping[str, Any] | None = None, **more: Any) -> None:
    """A cluster that has nothing of what the checks of these tests complain of."""
    world.see(name, {parts.VOLUMES: (), parts.BUDGETS: ()} | dict(values or {}), **more)


# ---- plan


def test_a_plan_is_stored_as_it_was_told(world: World) -> None:
    quiet(world, "other", placement=CANARY)
    made = world.plan()
    assert world.runs.plan(made.header.id) == made
    assert [(each.name, each.stage) for each in made.members] == [("other", 0), ("shop", 1)]
    assert made.header.service_limits == {"*": 1}
    assert (made.header.created_by, made.header.expires_at) == ("ana", NOON + WEEK)


def test_only_what_the_selector_wants_is_told_of(world: World) -> None:
    quiet(world, "other")
    made = world.plan("name=other")
    assert ([each.name for each in made.members], made.header.left) == (["other"], ())
    assert made.header.selector == "name=other"


def test_a_plan_of_nobody_is_not_stored(world: World) -> None:
    made = world.plan("name=nobody")
    assert made.members == ()
    assert world.runs.plans() == ()


def test_what_the_assessment_forbids_is_left_out(world: World) -> None:
    world.see("shop", {parts.BUDGETS: ()})
    (left,) = world.plan().header.left
    assert left.reason == "it is blocked: FK104 volumes 0"


def test_what_stands_in_the_way_of_nodes_is_nothing_to_an_addon(world: World) -> None:
    world.see("shop", {parts.VOLUMES: ()})
    assert len(world.plan().members) == 1
    (left,) = world.plan(changes=Changes.NODES).header.left
    assert left.reason == "it is blocked: FK422 budgets 0"


def test_durations_are_those_of_finished_steps(world: World) -> None:
    world.runs.took = {kind: (timedelta(minutes=2),) * 5 for kind in ("preflight", "update-addon")}
    (member,) = world.plan().members
    assert member.expected == Range(timedelta(minutes=4), timedelta(minutes=4), calibrated=True)


def test_the_cluster_that_fleetkeeper_runs_in_is_known_by_the_settings(world: World) -> None:
    quiet(world, "other")
    world.home = Home(cluster_id("other").arn)
    assert [each.name for each in world.plan().members] == ["shop", "other"]


def test_the_cluster_that_fleetkeeper_runs_in_is_known_by_its_pod_and_left_alone_on_sqlite(world: World) -> None:
    quiet(world, "other", {parts.CONTROL_PLANE: control_plane(name="other", ca_pem=PEM)})
    world.home = Home(pod=Pod(PEM))
    made = world.plan()
    assert [each.name for each in made.members] == ["shop", "other"]
    assert any("has the certificate that the pod trusts" in note for note in made.members[1].notes)
    world.home = Home(pod=Pod(PEM), on_sqlite=True)
    (left,) = world.plan().header.left
    assert (left.name, "its store is SQLite" in left.reason) == ("other", True)


def test_a_step_that_its_code_would_not_take_is_told_before_anybody_approves(world: World) -> None:
    with pytest.raises(UsageError, match="step update-coredns of shop cannot be made: addon: unknown parameter"):
        world.plan(steps_known=STEPS | {"update-addon": STEPS["preflight"]})
    assert world.runs.plans() == ()


def test_a_playbook_that_would_deafen_its_own_hold_or_bake_without_end_is_not_planned(world: World) -> None:
    hold = GateSpec("calm", "metric", When.BEFORE, {"query": 'ALERTS{alertname="NodeDown"}'})
    steps = (
        StepSpec("quiet", "silence-alerts", {"source": "am", "matchers": ('alertname="NodeDown"',)}),
        StepSpec("bake", "bake", {"for": "2h"}),
    )
    with pytest.raises(UsageError) as refused:
        world.plan(steps=steps, holds=(hold,))
    assert 'alertname="NodeDown" would silence NodeDown, which a gate or hold of this playbook reads' in str(
        refused.value
    )
    assert "step bake: timeout: must be longer than its `for`, 2h" in str(refused.value)
    assert world.runs.plans() == ()


# ---- start


def test_a_run_has_a_task_for_each_member_and_each_gate(world: World) -> None:
    quiet(world, "a", placement=CANARY)
    quiet(world, "b")
    gates = (
        GateSpec("go-ahead", "approval", When.BEFORE),
        GateSpec("soak", "soak", When.AFTER, {"for": "1h"}, each_group=True),
    )
    stages = (PLAYBOOK.stages[0], StageSpec("rest", group_by="region", gates=gates))
    made = world.plan(stages=stages)
    started = world.start(made)
    run, units, tasks, events = world.runs.created[started.run]
    assert (run.state, run.control, run.digest, run.due) == (RunState.NOT_STARTED, Control.START, made.digest, NOON)
    assert (run.created_by, started.created, started.dropped) == ("bo", True, ())
    assert [(t.key.idx, t.role, t.name, t.stage, t.group, t.rank, t.steps, t.when) for t in tasks] == [
        (0, Role.MEMBER, "a", 0, "", 0, 2, ""),
        (1, Role.MEMBER, "b", 1, "eu-west-1", 0, 2, ""),
        (2, Role.MEMBER, "shop", 1, "eu-west-1", 1, 2, ""),
        (3, Role.GATE, "soak", 0, "", 0, 1, "after"),
        (4, Role.GATE, "go-ahead", 1, "", 0, 1, "before"),
        (5, Role.GATE, "soak", 1, "eu-west-1", 0, 1, "after"),
    ]
    assert [(unit.stage, unit.group) for unit in units] == [(0, ""), (1, ""), (1, "eu-west-1")]
    assert {task.due for task in tasks} == {None}
    assert {task.state for task in tasks} == {TaskState.NOT_STARTED}
    assert [event.text for event in events] == [f"run of plan {made.header.id} created with 3 of 3 members"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda w: quiet(w, "shop", {parts.CONTROL_PLANE: control_plane("1.35")}),
            "its version is 1.35 now, the plan was made for 1.34",
            id="someone upgraded it",
        ),
        pytest.param(
            lambda w: quiet(w, "shop", {parts.CONTROL_PLANE: control_plane(status="UPDATING")}),
            "its status is UPDATING now, the plan was made for ACTIVE",
            id="someone works on it",
        ),
        pytest.param(
            lambda w: quiet(w, "shop", {parts.MANAGED_ADDONS: (addon(version="v1.12.4-eksbuild.1"),)}),
            "its addon coredns is v1.12.4-eksbuild.1 now, the plan was made for v1.12.1-eksbuild.1",
            id="someone updated its addon",
        ),
        pytest.param(
            lambda w: quiet(w, "shop", {parts.MANAGED_ADDONS: ()}),
            "its addon coredns cannot be seen now, the plan was made for v1.12.1-eksbuild.1",
            id="its addon is gone",
        ),
        pytest.param(
            lambda w: quiet(w, "shop", created=timedelta(days=1)),
            "its cluster is gone, or was made anew under the same name",
            id="a new cluster has its name",
        ),
        pytest.param(
            lambda w: w.store.mark_gone(SCOPE, [cluster_id("other")], w.clock.now()),
            "its cluster is gone, or was made anew under the same name",
            id="it is gone",
        ),
        pytest.param(
            lambda w: w.store.save(
                cluster_id("shop"),
                [Observation(parts.CONTROL_PLANE, None, model.Gap(GapReason.TIMEOUT, "slow", NOON), w.clock.now())],
            ),
            "its control plane cannot be seen now (timeout: slow)",
            id="nobody can see it now",
        ),
    ],
)
def test_a_member_that_moved_is_dropped_by_name(world: World, change: Callable[[World], object], told: str) -> None:
    quiet(world, "other")
    made = world.plan()
    world.clock.turn(10)
    quiet(world, "other")
    change(world)
    started = world.start(made)
    assert started.dropped == (("shop", told),)
    _, _, tasks, events = world.runs.created[started.run]
    other, shop = tasks[0], tasks[1]
    assert (other.state, shop.state, shop.ended_at) == (TaskState.NOT_STARTED, TaskState.SKIPPED, world.clock.now())
    assert shop.why is not None
    assert (shop.why.cause, shop.why.text, shop.why.fix) == (Cause.SKIPPED, told, "make a new plan for it")
    assert (events[1].task, events[1].text) == (1, f"shop is left out: {told}")


def test_a_plan_that_changes_nothing_rests_on_nothing_that_moves(world: World) -> None:
    made = world.plan(changes=Changes.NOTHING, steps=(StepSpec("preflight", "preflight"),))
    quiet(world, "shop", {parts.CONTROL_PLANE: control_plane("1.35")})
    assert world.start(made).dropped == ()


def test_the_same_key_starts_once_even_when_the_plan_is_over_its_time(world: World) -> None:
    made = world.plan()
    first = world.start(made, key="click-1")
    world.clock.turn(8 * 24 * 60)
    assert world.start(made, key="click-1") == Started(first.run, created=False)
    assert len(world.runs.created) == 1


def test_a_run_after_another_has_the_next_number(world: World) -> None:
    made = world.plan()
    first = world.start(made).run
    run, *rest = world.runs.created[first]
    world.runs.created[first] = (replace(run, state=RunState.ABORTED), *rest)
    assert (first, world.start(made).run) == (f"{made.header.id}-1", f"{made.header.id}-2")


def test_a_plan_does_not_run_twice_at_once(world: World) -> None:
    made = world.plan()
    first = world.start(made).run
    for key in ("", "another"):
        with pytest.raises(UsageError, match=f"plan {made.header.id} runs already: {first}"):
            world.start(made, key=key)


def test_a_plan_over_its_time_is_refused_with_the_way_to_a_new_one(world: World) -> None:
    made = world.plan("name=shop")
    world.clock.turn(7 * 24 * 60)
    with pytest.raises(UsageError, match=r"expired on 2026-11-27 12:00 UTC: .*fleetkeeper plan addons-only -l 'name="):
        world.start(made)


def test_a_plan_that_is_not_there_is_told_so(world: World) -> None:
    made = world.plan()
    world.runs.saved.clear()
    with pytest.raises(UsageError, match=r"there is no plan .*fleetkeeper get plans"):
        world.start(made)


def test_a_stored_plan_that_was_changed_is_refused(world: World) -> None:
    made = world.plan()
    member = replace(made.members[0], steps=())
    world.runs.saved[made.header.id] = replace(made, members=(member,))
    with pytest.raises(Tampered):
        world.start(made)
    assert world.runs.created == {}


def test_a_file_must_be_the_stored_plan(world: World) -> None:
    made = world.plan()
    other = world.plan("name=shop")
    assert world.start(made, exported=made).created
    with pytest.raises(Tampered, match="their digests differ"):
        world.start(made, exported=other)


def test_the_database_gives_back_what_was_planned_and_started(world: World, database: StoreSettings) -> None:
    runs = world.runs = SqlRuns(database)
    try:
        made = world.plan()
        started = world.start(made, key="click")
        stored = runs.run(started.run)
        assert stored is not None
        assert (stored.plan, stored.run.digest) == (made, made.digest)
        assert [(task.name, task.role) for task in stored.tasks] == [("shop", Role.MEMBER), ("go-ahead", Role.GATE)]
        assert world.start(made, key="click") == Started(started.run, created=False)
        assert runs.due_runs(world.clock.now()) == (started.run,)
    finally:
        runs.close()


def test_what_a_playbook_names_and_the_settings_do_not_have_is_told_before_anything_is_planned(world: World) -> None:
    world.see()
    with pytest.raises(UsageError, match=r"freezes: retail is not in engine\.calendars: it has nothing"):
        world.plan(freezes=("retail",))
    assert world.runs.plans() == ()
