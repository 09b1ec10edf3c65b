"""The demo's wave: ann plans and starts an upgrade, bob approves it, somebody is in its way, and one goes back."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetkeeper import wiring
from fleetkeeper.cli import tables
from fleetkeeper.cli.demo_run import APPROVER, REQUESTER, Story, Stuck, Told, engine
from fleetkeeper.cli.run_reading import stored
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.run import OVER, Cause, Role, RunState, StepState, Task, TaskState, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.data import data_path
from fleetkeeper.engine.run_ports import StoredRun

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

SCALE = 120.0
"""Simulated seconds in one of the wall's: two minutes pass in a second."""

SETTINGS = f"""
[approvals]
local = true  # on this machine everybody is believed

[approvals.people]
{REQUESTER} = "approver"
{APPROVER} = "approver"

[[engine.direct]]
components = ["control-plane", "addons", "node-groups"]  # nobody keeps the demo's versions as code
"""

_SHORTENED = {
    "minor-upgrade.toml": (
        ('params.for = "2h"', 'params.for = "5m"', 1),
        ('params.for = "1d"', 'params.for = "5m"', 1),
        ('max_concurrency = "10%"', "max_concurrency = 2", 1),
        ('group_concurrency = "25%"', "group_concurrency = 2", 1),
        ('max_failures = "5%"', "max_failures = 0", 1),
    ),
    "rollback.toml": (('params.for = "30m"', 'params.for = "5m"', 1),),
}
"""What the demo's playbooks say otherwise than the shipped ones: minutes for hours, limits for a few clusters."""

_CANARY, _STOPPED, _BACK = "preview", "factory", "eksctl-test-7"
_PDB = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "order-board", "namespace": "factory", "labels": {"squad": "factory-it"}},
    "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "order-board"}}},
}
_PDBS = "policy/poddisruptionbudgets"


def write_playbooks(folder: Path) -> None:
    """The shipped playbooks of an upgrade and of its way back, with times that fit a demo."""
    folder.mkdir()
    for name, changes in _SHORTENED.items():
        text = (data_path("playbooks") / name).read_text(encoding="utf-8")
        for old, new, times in changes:
            assert text.count(old) == times, f"{name} has no {old} any more"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")


def wave(settings: "Settings", keeper: "Keeper", fleet: "SimProcess") -> tuple[Told, ...]:
    """Plan, approve and carry out an upgrade, and take one cluster back; prints it as it goes."""
    told: list[Told] = []
    print(f"\nA wave of upgrades. {REQUESTER} plans it:\n\n$ fleetkeeper plan minor-upgrade")
    plan = _planned(keeper, "minor-upgrade", Selector())
    print(plan_page(plan))
    with engine(settings, keeper):
        told.append(_carried_out(keeper, plan, lambda story: _upgrade(story, plan, fleet)))
        run = told[0].run
        print(f"\nWeb teams see errors with 1.35 in {_BACK}. EKS takes a control plane back for seven days:\n")
        print(f"$ fleetkeeper run rollback {run.run.id} -l name={_BACK}")
        back = _planned(keeper, "rollback", Selector.parse(f"name={_BACK}"), run.run.id)
        print(plan_page(back))
        told.append(_carried_out(keeper, back, lambda story: _rollback(story, back)))
    return tuple(told)


def _planned(keeper: "Keeper", name: str, selector: Selector, of: str = "") -> Plan:
    playbook = wiring.playbooks((Path(os.environ["FLEETKEEPER_CONFIG"]).with_name("playbooks"),))[name]
    return keeper.plan(playbook, selector, REQUESTER, timedelta(days=7), of)


def _carried_out(keeper: "Keeper", plan: Plan, tell: Any) -> Told:
    told = Told(plan)
    story = Story(keeper, keeper.start(plan.header.id, REQUESTER).run, told)
    try:
        tell(story)
    except Stuck as stuck:
        told.missed.append(str(stuck))
        story.show()
    told.run = stored(keeper, story.run)
    return told


def _upgrade(story: Story, plan: Plan, fleet: "SimProcess") -> None:
    print(f"\n{REQUESTER} starts it, and may not approve it:\n")
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, REQUESTER, subject=plan.header.id)
    story.say(Verb.APPROVE, APPROVER, subject=plan.header.id)
    story.until(f"{_CANARY} is done", lambda run: _is(run, _CANARY, TaskState.SUCCEEDED))
    story.until("the rest waits at its gate", lambda run: _asks(_gate(run, "go-ahead")))
    story.seen.add("held by a gate")
    story.show()
    fleet.control("POST", "/touch", {"cluster": _STOPPED, "set": {"put": {_PDBS: [_PDB]}}})
    story.say(Verb.APPROVE, APPROVER, target="rest/go-ahead")
    story.until("the rest begins", _is_rest_busy)
    story.say(Verb.PAUSE, REQUESTER, reason="a look at the graphs first")
    story.until("nothing is under way", lambda run: run.run.state is RunState.PAUSED)
    story.seen.add("paused")
    story.say(Verb.RESUME, REQUESTER)
    story.until(f"{_STOPPED} is stopped", lambda run: _is(run, _STOPPED, TaskState.FAILED, TaskState.BLOCKED))
    story.until("the others are done", lambda run: _is(run, _BACK, TaskState.SUCCEEDED))
    story.show()
    fleet.control("POST", "/touch", {"cluster": _STOPPED, "set": {"remove": {_PDBS: ["factory/order-board"]}}})
    story.say(Verb.RETRY, REQUESTER, target=f"member:{_STOPPED}")
    story.until("the run is over", lambda run: run.run.state in OVER)
    story.show()


def _rollback(story: Story, plan: Plan) -> None:
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, APPROVER, subject=plan.header.id)
    story.until("the run is over", lambda run: run.run.state in OVER)
    story.show()


def failures(told: tuple[Told, ...]) -> Iterator[str]:
    for each in told:
        yield from each.missed


def _is(run: StoredRun, name: str, *states: TaskState) -> bool:
    return any(task.name == name and task.state in states for task in run.tasks)


def _is_rest_busy(run: StoredRun) -> bool:
    rest = {task.key.idx for task in run.tasks if task.stage == 1}
    return any(step.key.idx in rest and step.state is StepState.WAITING for step in run.steps)


def _gate(run: StoredRun, name: str) -> Task:
    return next(task for task in run.tasks if task.role is Role.GATE and task.name == name)


def _asks(gate: Task) -> bool:
    return gate.why is not None and gate.why.cause in (Cause.APPROVAL, Cause.GATE) and gate.ended_at is None
