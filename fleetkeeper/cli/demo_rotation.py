"""The demo's drain: two nodes of a cluster are emptied, one budget stands in the way, and its owner frees it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fleetkeeper.cli.demo_run import APPROVER, REQUESTER, Story, Stuck, Told, engine
from fleetkeeper.core.node_drain import Drain, drain_playbook
from fleetkeeper.core.run import OVER, TaskState, Verb
from fleetkeeper.core.selector import Selector

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

DRAINED = "payments"
NODES = ("ip-10-40-62-230.eu-west-1.compute.internal", "ip-10-5-155-96.eu-west-1.compute.internal")
_REASON = "a disk alarm"
_PDBS = "policy/poddisruptionbudgets"


def rotation(settings: "Settings", keeper: "Keeper", fleet: "SimProcess") -> Told:
    """Plan, approve and carry out a drain by hand; prints it as it goes."""
    print(f"\nTwo nodes of {DRAINED} have to go for an afternoon, and nobody is to notice:\n")
    print(f'$ fleetkeeper nodes drain {DRAINED} {" ".join(NODES)} --parallel 2 --set-aside --reason "{_REASON}"')
    params = (("parallel", "2"), ("never_movable", "set-aside"))
    playbook = drain_playbook(Drain(DRAINED, NODES, _REASON, params))
    plan = keeper.plan(playbook, Selector.parse(f"name={DRAINED}"), REQUESTER, timedelta(days=1))
    story = Story(keeper, plan, keeper.start(plan.header.id, REQUESTER).run)
    missed = ""
    with engine(settings, keeper):
        try:
            _drained(story, fleet)
        except Stuck as stuck:
            missed = str(stuck)
            story.show()
    return story.told(missed)


def _drained(story: Story, fleet: "SimProcess") -> None:
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, APPROVER, about_plan=True)
    story.until("what never moves is named", lambda run: any(each.state is TaskState.BLOCKED for each in run.tasks))
    story.reached("named by its budget")
    print("\nAll that may go has gone. One pod may never go; it, its budget and its owner are named:")
    story.show()
    print("The owner lets one pod go at a time, and nobody has to say more:\n")
    fleet.control("POST", "/touch", {"cluster": DRAINED, "set": {"put": {_PDBS: [_spared()]}}})
    story.until("the run is over", lambda run: run.run.state in OVER)
    story.show()


def _spared() -> Mapping[str, Any]:
    """The budget of the workload in the way, as its owner mends it."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "ledger", "namespace": "payments", "labels": {"team": "payments"}},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": "ledger"}}},
    }
