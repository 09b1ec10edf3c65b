"""The demo's wave: ann plans and starts an upgrade, bob approves it, somebody is in its way, and one goes back."""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetkeeper import wiring
from fleetkeeper.cli.demo_run import APPROVER, REQUESTER, Story, Stuck, Told, engine
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_short
from fleetkeeper.core.plan_steps import listing_lines, listings
from fleetkeeper.core.run import OVER, Cause, Role, RunState, Task, TaskState, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.data import data_path
from fleetkeeper.engine.run_ports import StoredRun

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

FOLDER = "playbooks"

SCALE = 150.0
"""Simulated seconds in one of the wall's: an hour passes in 24 seconds."""

SETTINGS = f"""
[approvals]
local = true  # on this machine everybody is believed

[approvals.people]
{REQUESTER} = "approver"
{APPROVER} = "approver"

[[engine.direct]]
components = ["control-plane", "addons", "node-groups"]  # nobody keeps the demo's versions as code
"""

_AFTER, _RETRIED = 'params.when = "after"', 'timeout = "45m"\nretries = 1\nbackoff = "5m"'
_SHORTENED = {
    "minor-upgrade.toml": (
        ('params.for = "2h"', 'params.for = "5m"'),
        ('params.for = "1d"', 'params.for = "5m"'),
        ('max_concurrency = "10%"', "max_concurrency = 2"),
        ('group_concurrency = "25%"', "group_concurrency = 2"),
        ('max_failures = "5%"', "max_failures = 0"),
        (f"{_AFTER}\n{_RETRIED}", f'{_AFTER}\nparams.resolve = "NONE"\ntimeout = "45m"'),
    ),
    "rollback.toml": (('params.for = "30m"', 'params.for = "5m"'),),
}
"""What the demo's playbooks say otherwise than the shipped ones: minutes for hours, limits for a few clusters,
and addons that fail at once on what somebody changed by hand."""

_CANARY, _STOPPED, _BACK = "preview", "factory", "eksctl-test-7"
_BY_HAND = {"vpc-cni": [".spec.template.spec.containers[name=aws-node].env"]}
_PDBS = "policy/poddisruptionbudgets"


def write_playbooks(folder: Path) -> None:
    """The shipped playbooks of an upgrade and of its way back, with times that fit a demo."""
    folder.mkdir()
    for name, changes in _SHORTENED.items():
        text = (data_path("playbooks") / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has not one {old} any more"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")


def wave(settings: "Settings", keeper: "Keeper", fleet: "SimProcess") -> tuple[Told, ...]:
    """Plan, approve and carry out an upgrade, and take one cluster back; prints it as it goes."""
    print(f"\n{REQUESTER} plans to upgrade what is ready, in two stages (soaks last minutes here, not days):\n")
    print("$ fleetkeeper plan minor-upgrade --short")
    plan = _planned(keeper, "minor-upgrade", Selector())
    print(plan_short(plan))
    print(f"Of the whole page, what is done to {_CANARY}, and why:\n")
    print(_listing(plan, _CANARY))
    with engine(settings, keeper):
        up = _carried_out(keeper, plan, partial(_upgrade, fleet=fleet))
        print(f"\nSomething in {_BACK} does not go with its new minor, and nobody can mend it in time.")
        print("For seven days EKS takes the control plane back:\n")
        print(f"$ fleetkeeper run rollback {up.run.run.id} -l name={_BACK} --short")
        plan = _planned(keeper, "rollback", Selector.parse(f"name={_BACK}"), up.run.run.id)
        print(plan_short(plan))
        back = _carried_out(keeper, plan, _rollback)
    return up, back


def _planned(keeper: "Keeper", name: str, selector: Selector, of: str = "") -> Plan:
    playbook = wiring.playbooks((Path(os.environ["FLEETKEEPER_CONFIG"]).with_name(FOLDER),))[name]
    return keeper.plan(playbook, selector, REQUESTER, timedelta(days=7), of)


def _listing(plan: Plan, name: str) -> str:
    """The steps of one member, as the page tells them."""
    found = next(each for each in listings(plan.members) if any(member.name == name for member in each.members))
    return "\n".join(listing_lines(found))


def _carried_out(keeper: "Keeper", plan: Plan, tell: Callable[[Story], None]) -> Told:
    story = Story(keeper, plan, keeper.start(plan.header.id, REQUESTER).run)
    missed = ""
    try:
        tell(story)
    except Stuck as stuck:
        missed = str(stuck)
        story.show()
    return story.told(missed)


def _upgrade(story: Story, fleet: "SimProcess") -> None:
    print(f"\n{REQUESTER} starts it, and may not approve it:\n")
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, REQUESTER, about_plan=True)
    story.say(Verb.APPROVE, APPROVER, about_plan=True)
    story.until(f"{_CANARY} is done", lambda run: _is(run, _CANARY, TaskState.SUCCEEDED))
    story.until("the rest waits at its gate", lambda run: _asks(_gate(run, "go-ahead")))
    story.reached("held by a gate")
    print("\nThe canary is done and has soaked; the rest waits for a person. `run status` tells:")
    story.show()
    story.say(Verb.APPROVE, APPROVER, target="rest/go-ahead")
    story.until(f"{_STOPPED} is upgraded", lambda run: _at(run, _STOPPED) == "bake")
    story.say(Verb.PAUSE, REQUESTER, reason="a look at the graphs first")
    story.until("nothing is under way", lambda run: run.run.state is RunState.PAUSED)
    story.reached("paused")
    print(f"\nMeanwhile somebody protects a workload in {_STOPPED} so well that none of its pods may ever go.\n")
    fleet.control("POST", "/touch", {"cluster": _STOPPED, "set": {"put": {_PDBS: [_budget(0)]}}})
    fleet.control("POST", "/touch", {"cluster": _BACK, "set": {"conflicts": _BY_HAND}})
    story.say(Verb.RESUME, REQUESTER)
    story.until(f"{_STOPPED} is stopped", lambda run: _is(run, _STOPPED, TaskState.FAILED, TaskState.BLOCKED))
    story.reached("stopped by a budget")
    print("\nIts nodes are left alone, and the pod, the budget and the owner are named:")
    story.show()
    print("The owner lets one pod go at a time, and nobody has to say more:\n")
    fleet.control("POST", "/touch", {"cluster": _STOPPED, "set": {"put": {_PDBS: [_budget(1)]}}})
    story.until(f"{_BACK} fails", lambda run: _is(run, _BACK, TaskState.FAILED))
    story.until("the run pauses by itself", lambda run: run.run.state is RunState.PAUSED)
    story.reached("paused by a failure")
    print(f"\nAn addon of {_BACK} was changed by hand, which an update would take back. The run has paused by itself:")
    story.show()
    print(f"The owner takes the change back; then {REQUESTER}:\n")
    fleet.control("POST", "/touch", {"cluster": _BACK, "set": {"conflicts": {addon: [] for addon in _BY_HAND}}})
    story.say(Verb.RETRY, REQUESTER, target=f"member:{_BACK}")
    story.say(Verb.RESUME, REQUESTER)
    _ended(story)


def _rollback(story: Story) -> None:
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, APPROVER, about_plan=True)
    _ended(story)


def _ended(story: Story) -> None:
    story.until("the run is over", lambda run: run.run.state in OVER)
    story.show()


def _budget(spare: int) -> Mapping[str, Any]:
    """A PodDisruptionBudget that lets so many pods of the workload go."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "order-board", "namespace": "factory", "labels": {"squad": "factory-it"}},
        "spec": {"maxUnavailable": spare, "selector": {"matchLabels": {"app": "order-board"}}},
    }


def _is(run: StoredRun, name: str, *states: TaskState) -> bool:
    return any(task.name == name and task.state in states for task in run.tasks)


def _at(run: StoredRun, name: str) -> str:
    """The kind of the step at which a member is, "" when it is at none."""
    task = next(each for each in run.tasks if each.name == name and each.role is Role.MEMBER)
    steps = run.plan.members[task.key.idx].steps
    return steps[task.step].kind if task.step < len(steps) else ""


def _gate(run: StoredRun, name: str) -> Task:
    return next(task for task in run.tasks if task.role is Role.GATE and task.name == name)


def _asks(gate: Task) -> bool:
    return gate.why is not None and gate.why.cause in (Cause.APPROVAL, Cause.GATE) and gate.ended_at is None
