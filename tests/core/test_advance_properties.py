"""Whatever operators, executors, clocks and the rest of the fleet do to a run, its rules hold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fleetkeeper.core import transitions
from fleetkeeper.core.holds import hold_of
from fleetkeeper.core.plan import Need, Stage
from fleetkeeper.core.playbook import GateSpec, OnFailure, When, Window
from fleetkeeper.core.run import (
    OVER,
    TASK_OVER,
    UNIT_OVER,
    Busy,
    Cause,
    Changes,
    Control,
    Freeze,
    Hold,
    Role,
    RunState,
    RunView,
    Task,
    TaskState,
    Verb,
    Why,
)
from tests.core.runs import CONSENT, MINUTE, NOON, Story, member, view

CAPACITY = 6
SUBNET = "subnet:subnet-1"
GROUPS = ("", "blue", "green")
ENDING = TASK_OVER | {TaskState.ABORTING}
PASSED = {TaskState.SUCCEEDED, TaskState.SKIPPED}
ALIVE = (TaskState.RUNNING, TaskState.PENDING, TaskState.BLOCKED)

gates = st.builds(
    GateSpec,
    st.sampled_from(["ok", "soak"]),
    st.sampled_from(["approval", "change"]),
    st.sampled_from(When),
    each_group=st.booleans(),
)
windows = st.builds(
    Window,
    st.sets(st.integers(0, 6), min_size=1).map(tuple),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
stages = st.builds(
    Stage,
    st.sampled_from(["canary", "prod"]),
    st.integers(1, 4),
    st.integers(0, 2),
    st.sampled_from(OnFailure),
    st.dictionaries(st.sampled_from(GROUPS[1:]), st.integers(1, 3)),
    st.lists(gates, max_size=2, unique_by=lambda gate: gate.name).map(tuple),
    st.lists(windows, max_size=2).map(tuple),
)
bodies = st.tuples(
    st.integers(0, 2),
    st.sampled_from(GROUPS),
    st.sampled_from(["", "shop", "pay"]),
    st.sampled_from(["eu", "us", "ap"]),
    st.integers(0, CAPACITY),
)


def counts(task: Task) -> bool:
    """Whether a member takes a place: it began, is not over, and does not queue to be tried again.

    In an abort everything is undone side by side, also what queued: limits are of work that goes on.
    """
    if task.role is not Role.MEMBER or task.state in ENDING or task.started_at is None:
        return False
    paused = task.why is not None and task.why.cause is Cause.PAUSED
    return task.state is not TaskState.PENDING or task.due is not None or paused


def half_done(task: Task) -> bool:
    ended = task.state in (TaskState.FAILED, TaskState.ABORTED)
    queued = task.state is TaskState.PENDING and task.started_at is not None and not counts(task)
    return (ended or queued) and (task.step > 0 or task.acted)


def is_unfinished(task: Task) -> bool:
    """Whether a task failed, or is a member with some of its work done and some not."""
    half = task.role is Role.MEMBER and task.state not in TASK_OVER and (task.step > 0 or task.acted)
    return task.state is TaskState.FAILED or half


class RunRules(RuleBasedStateMachine):
    """Drives one run; every look is checked against what was before it."""

    story: Story

    @initialize(
        specs=st.lists(stages, min_size=1, max_size=3),
        members=st.lists(bodies, min_size=1, max_size=8),
        approved=st.booleans(),
        limits=st.sampled_from([{}, {"*": 1}, {"shop": 2}]),
    )
    def create(
        self, specs: list[Stage], members: list[tuple[int, str, str, str, int]], approved: bool, limits: dict[str, int]
    ) -> None:
        named = [replace(spec, name=f"{spec.name}-{idx}") for idx, spec in enumerate(specs)]
        tasks = [
            member(
                f"c{idx}-{region}", stage % len(named), group, service, (Need(SUBNET, need, CAPACITY),) if need else ()
            )
            for idx, (stage, group, service, region, need) in enumerate(members)
        ]
        self.story = Story(view(named, tasks, approved=approved, services=limits))
        self.cut_short: set[int] = set()

    # ---- what happens

    @rule()
    def look(self) -> None:
        before = self.story.view
        self.story.look()
        self._check(before)

    @rule(minutes=st.sampled_from([-30, 1, 20, 600, 3000, 9000]))
    def time_passes(self, minutes: int) -> None:
        self.story.now += minutes * MINUTE

    @rule(
        data=st.data(),
        outcome=st.sampled_from(
            ["step", "act", "succeed", "succeed", "fail", "fail", "retry", "block", "unknown", "hold"]
        ),
    )
    def executor_commits(self, data: st.DataObject, outcome: str) -> None:
        able = [task for task in self.story.view.tasks if task.due is not None and task.state in ALIVE]
        if able:
            self._commit(data.draw(st.sampled_from(able)), outcome)
            self.look()

    @precondition(lambda self: self.story.view.run.control is Control.PAUSE)
    @rule()
    def executor_holds_what_is_paused(self) -> None:
        for task in self.story.view.tasks:
            if task.state is TaskState.RUNNING and not task.acted:
                self._put(task, TaskState.PENDING, self._why(Cause.PAUSED), due=None)
        self.look()

    @rule(data=st.data(), left=st.booleans())
    def executor_undoes(self, data: st.DataObject, left: bool) -> None:
        able = [task for task in self.story.view.tasks if task.state is TaskState.ABORTING]
        if able:
            why = self._why(Cause.STEP) if left else None
            self._put(data.draw(st.sampled_from(able)), TaskState.ABORTED, why, due=None, ended_at=self.story.now)
            self.look()

    @rule(
        data=st.data(),
        verb=st.sampled_from(
            [Verb.START, Verb.PAUSE, Verb.RESUME, Verb.RESUME, Verb.RETRY, Verb.RETRY, Verb.SKIP, Verb.SKIP]
        ),
    )
    def operator_says(self, data: st.DataObject, verb: Verb) -> None:
        self._say(verb, data.draw(st.sampled_from(["", *self._targets()])))

    @precondition(lambda self: len(self.story.events) > 15)
    @rule()
    def operator_aborts(self) -> None:
        self._say(Verb.ABORT, "")

    @rule(approved=st.sampled_from([True, True, False]))
    def approval_comes_or_goes(self, approved: bool) -> None:
        self.story.view = replace(self.story.view, approved=CONSENT if approved else None)
        self.look()

    @rule(
        selector=st.sampled_from([None, None, "", "region=eu", "ring=x", "nonsense"]),
        held=st.booleans(),
        other=st.sampled_from(["", "", "c0-eu", "c1-us"]),
        reserved=st.integers(0, CAPACITY),
        minutes=st.sampled_from([None, 5, 500]),
    )
    def fleet_changes(self, selector: str | None, held: bool, other: str, reserved: int, minutes: int | None) -> None:
        until = None if minutes is None else self.story.now + minutes * MINUTE
        self.story.outside(
            freezes=() if selector is None else (Freeze("f", "sale", "eve", NOON, selector, until),),
            holds=(Hold(Cause.INCIDENT, "a page is open", until, "eve"),) if held and minutes else (),
            elsewhere=(Busy("r-9", other, f"arn:{other}", "shop", "sa"),) if other else (),
            reserved=((SUBNET, reserved),) if reserved else (),
        )
        self.look()

    # ---- at the end, everything is lifted: the run ends

    def teardown(self) -> None:
        if not hasattr(self, "story"):
            return
        self.story.outside()
        self.story.view = replace(self.story.view, approved=CONSENT)
        for _ in range(200):
            self.look()
            if self.story.run.state in OVER:
                break
            self._help()
        assert self.story.run.state in OVER, self.story.states()
        assert all(task.state in TASK_OVER for task in self.story.view.tasks)
        assert all(unit.state in UNIT_OVER for unit in self.story.view.units)
        self._check_failures_show()

    def _help(self) -> None:
        """What an executor without trouble and a willing operator would do."""
        story = self.story
        for task in story.view.tasks:
            if task.state is TaskState.ABORTING:
                self._put(task, TaskState.ABORTED, None, due=None, ended_at=story.now)
            elif task.due is not None and task.state in ALIVE:
                self._commit(task, "succeed")
        self.look()
        if story.run.control is not Control.ABORT and story.run.state not in OVER:
            self._say(Verb.RETRY, "")
            if story.run.control is Control.PAUSE:
                self._say(Verb.RESUME, "")
        if story.run.due and story.run.due > story.now:
            story.now = story.run.due

    # ---- the hands of others

    def _targets(self) -> Iterator[str]:
        for unit in self.story.view.units:
            name = self.story.view.header.stages[unit.stage].name
            yield f"group:{name}/{unit.group}" if unit.group else f"stage:{name}"
        for task in self.story.view.tasks:
            stage = self.story.view.header.stages[task.stage].name
            path = "/".join(part for part in (stage, task.group, task.name) if part)
            yield f"member:{task.name}" if task.role is Role.MEMBER else f"gate:{path}"

    def _say(self, verb: Verb, target: str) -> None:
        before = self.story.view
        _, answer = self.story.say(verb, target)
        assert answer
        self._check(before)

    def _why(self, cause: Cause) -> Why:
        return Why(cause, "told by the executor", self.story.now, "eve", "do this")

    def _put(self, task: Task, state: TaskState, why: Why | None, **more: object) -> None:
        assert transitions.is_legal(task.state, state)
        new = replace(task, state=state, why=why, since=self.story.now, **more)  # type: ignore[arg-type]
        tasks = tuple(new if each.key == task.key else each for each in self.story.view.tasks)
        self.story.view = replace(self.story.view, tasks=tasks)

    def _commit(self, task: Task, outcome: str) -> None:
        now = self.story.now
        if outcome == "step" and task.step + 1 < task.steps:
            self._put(task, TaskState.RUNNING, None, step=task.step + 1, due=now, acted=False)
        elif outcome == "act":
            self._put(task, TaskState.RUNNING, None, due=now + MINUTE, acted=True)
        elif outcome == "fail":
            self._put(task, TaskState.FAILED, self._why(Cause.FAILED), due=None, ended_at=now)
        elif outcome == "retry":
            self._put(task, TaskState.PENDING, self._why(Cause.RETRY), due=now + MINUTE)
        elif outcome == "block":
            self._put(task, TaskState.BLOCKED, self._why(Cause.STEP), due=now + MINUTE)
        elif outcome == "unknown":
            self._put(task, TaskState.BLOCKED, self._why(Cause.UNKNOWN), due=None, acted=True)
        elif outcome == "hold" and not task.acted:
            self._put(task, TaskState.PENDING, self._why(Cause.FREEZE), due=now + MINUTE)
        else:
            self._put(task, TaskState.SUCCEEDED, None, due=None, step=task.steps, ended_at=now, acted=False)

    # ---- the rules

    def _check(self, before: RunView) -> None:
        self._check_moves(before)
        self._check_limits(before)
        self._check_admissions(before)
        self._check_everything_says_why()
        pairs = zip(before.tasks, self.story.view.tasks, strict=True)
        self.cut_short |= {old.key.idx for old, new in pairs if new.state is TaskState.SKIPPED and is_unfinished(old)}
        self._check_failures_show()
        moment = self.story.now
        again = self.story.look()
        assert again == Changes(), f"a second look at the same time changed something: {again}"
        assert self.story.now == moment

    def _check_moves(self, before: RunView) -> None:
        after = self.story.view
        assert transitions.is_legal(before.run.state, after.run.state)
        for old, new in zip(before.units, after.units, strict=True):
            assert transitions.is_legal(old.state, new.state), (old, new)
        for task, later in zip(before.tasks, after.tasks, strict=True):
            assert transitions.is_legal(task.state, later.state), (task, later)

    def _admitted(self, before: RunView) -> list[Task]:
        pairs = zip(before.tasks, self.story.view.tasks, strict=True)
        return [new for old, new in pairs if counts(new) and not counts(old)]

    def _check_limits(self, before: RunView) -> None:
        tasks, header = self.story.view.tasks, self.story.view.header
        by_stage = Counter(task.stage for task in tasks if counts(task))
        assert all(number <= header.stages[stage].max_concurrency for stage, number in by_stage.items())
        for (stage, group), number in Counter((task.stage, task.group) for task in tasks if counts(task)).items():
            assert number <= header.stages[stage].group_concurrency.get(group, number)
        for task in self._admitted(before):
            assert task.arn not in {other.arn for other in self.story.view.elsewhere}
            self._check_service(before, task)
            if task.needs:
                held = sum(need.amount for each in tasks if counts(each) for need in each.needs)
                assert held + dict(self.story.view.reserved).get(SUBNET, 0) <= CAPACITY

    def _check_service(self, before: RunView, task: Task) -> None:
        limits = self.story.view.header.service_limits
        if not task.service or (limit := limits.get(task.service, limits.get("*"))) is None:
            return
        others = {each.region for each in before.elsewhere if each.service == task.service}

        def regions(tasks: tuple[Task, ...]) -> set[str]:
            return others | {t.region for t in tasks if t.service == task.service and (counts(t) or half_done(t))}

        assert task.region in regions(before.tasks) or len(regions(self.story.view.tasks)) <= limit

    def _check_admissions(self, before: RunView) -> None:
        after = self.story.view
        old = {task.key.idx: task for task in before.tasks}
        begun = [
            task for task in after.tasks if task.state is TaskState.RUNNING and old[task.key.idx].started_at is None
        ]
        for task in [*begun, *self._admitted(before)]:
            assert after.approved
            assert after.run.control is Control.RUN
            assert all(each.state in TASK_OVER for each in after.tasks if each.stage < task.stage)
            assert all(unit.state in UNIT_OVER for unit in after.units if unit.stage < task.stage)
            if task.role is Role.MEMBER:
                self._check_member_may_begin(task)

    def _check_member_may_begin(self, task: Task) -> None:
        after = self.story.view
        spec = after.header.stages[task.stage]
        attributes = {"region": task.region}
        assert hold_of(spec.windows, after.freezes, after.holds, attributes, self.story.now) is None
        gates = (each for each in after.tasks if each.role is Role.GATE and each.stage == task.stage)
        before = [each for each in gates if each.when == When.BEFORE and each.group in ("", task.group)]
        assert all(each.state in PASSED for each in before)

    def _check_everything_says_why(self) -> None:
        after = self.story.view
        for task in after.tasks:
            waits = task.state in (TaskState.PENDING, TaskState.BLOCKED, TaskState.FAILED, TaskState.SKIPPED)
            assert task.why or not waits, task
            assert task.state not in TASK_OVER or task.due is None
        run = after.run
        if run.state in OVER:
            assert run.due is None
            return
        moves = run.due or any(task.due for task in after.tasks)
        assert moves or (run.why and (run.why.owner or run.why.fix)), (run, self.story.states())
        assert run.due is None or run.due > self.story.now
        stands = run.state in (RunState.PENDING, RunState.BLOCKED, RunState.PAUSED, RunState.SOAKING)
        assert run.why or not stands, (run, self.story.states())

    def _check_failures_show(self) -> None:
        over = self.story.run.state in OVER
        tasks = {task.key.idx: task.state for task in self.story.view.tasks}
        broken = {idx for idx, state in tasks.items() if state is TaskState.FAILED}
        broken |= self.cut_short
        assert not (over and broken and self.story.run.state is RunState.SUCCEEDED)
        if over and broken:
            assert self.story.run.why is not None


TestRunRules = RunRules.TestCase
TestRunRules.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
