"""What is written to both API servers: nodes as a drain writes them, and the budgets that it meets."""

from tests.contract.kube_write_objects import DRY
from tests.contract.kube_write_patches import merge, strategic
from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import BUDGETS, Object, budget, case

NODE = "/api/v1/nodes/{ns}"
TAINT: Object = {"key": "fleetkeeper/drain", "value": "yes", "effect": "NoSchedule"}


def node(*taints: Object) -> Step:
    return Step("POST", "/api/v1/nodes", {"metadata": {"name": "{ns}"}, "spec": {"taints": list(taints)}})


NODES = [
    case("a node", 201, node(), says="node.kubernetes.io/not-ready"),
    case(
        "a cordon by merge",
        200,
        node(),
        merge({"spec": {"unschedulable": True}}, NODE),
        Step("GET", NODE),
        says='"unschedulable":true',
    ),
    case(
        "a cordon by strategic merge",
        200,
        node(),
        strategic({"spec": {"unschedulable": True}}, NODE),
        Step("GET", NODE),
    ),
    case(
        "a dry run of a cordon", 200, node(), strategic({"spec": {"unschedulable": True}}, NODE, DRY), Step("GET", NODE)
    ),
    case(
        "an uncordon",
        200,
        node(),
        strategic({"spec": {"unschedulable": True}}, NODE),
        strategic({"spec": {"unschedulable": False}}, NODE),
        Step("GET", NODE),
    ),
    case(
        "a taint by strategic merge",
        200,
        node(),
        strategic({"spec": {"taints": [TAINT]}}, NODE),
        Step("GET", NODE),
        says="fleetkeeper/drain",
    ),
    case(
        "a taint that is there changes its effect",
        200,
        node(TAINT),
        strategic({"spec": {"taints": [{**TAINT, "effect": "NoExecute"}]}}, NODE),
    ),
    case(
        "a taint by strategic merge takes the place of all",
        200,
        node(TAINT, {**TAINT, "key": "other"}),
        strategic({"spec": {"taints": [TAINT]}}, NODE),
        Step("GET", NODE),
    ),
    case("a taint without an effect", 422, node(), strategic({"spec": {"taints": [{"key": "x"}]}}, NODE)),
    case("all taints by merge", 200, node(TAINT), merge({"spec": {"taints": None}}, NODE), Step("GET", NODE)),
    case("a node's label", 200, node(), strategic({"metadata": {"labels": {"zone": "a"}}}, NODE), Step("GET", NODE)),
    case(
        "a node's condition by strategic merge",
        200,
        node(),
        strategic(
            {"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}},
            f"{NODE}/status",
        ),
        Step("GET", NODE),
    ),
    case(
        "a node's status is not part of the node",
        200,
        node(),
        merge({"status": {"phase": "Running"}, "metadata": {"labels": {"a": "b"}}}, NODE),
    ),
    case("a deleted node", 200, node(), Step("DELETE", NODE)),
]

GUARDS = [
    case(
        "a budget's new limit moves its generation",
        200,
        budget(observed=0),
        merge({"spec": {"minAvailable": 1}}, f"{BUDGETS}/web"),
        says='"generation":2',
    ),
    case("a budget without a spec", 201, Step("POST", BUDGETS, {"metadata": {"name": "web"}})),
    case("a budget in percent", 201, budget(observed=0, minAvailable="50%")),
    case(
        "a budget's labels leave its generation",
        200,
        budget(),
        merge({"metadata": {"labels": {"a": "b"}}}, f"{BUDGETS}/web"),
        says='"generation":1',
    ),
    case(
        "a budget's status leaves its generation", 200, budget(), Step("GET", f"{BUDGETS}/web"), says='"generation":1'
    ),
    case(
        "a budget's status is no part of the budget",
        200,
        budget(),
        merge({"status": {"disruptionsAllowed": 9}}, f"{BUDGETS}/web"),
        says='Allowed":1',
    ),
    case(
        "a budget's status is patched",
        200,
        budget(),
        merge({"status": {"disruptionsAllowed": 0}}, f"{BUDGETS}/web/status"),
        says='Allowed":0',
    ),
    case(
        "a budget cannot be put without its version",
        422,
        budget(),
        Step("PUT", f"{BUDGETS}/web", budget()[0].body),
        says="must be specified for an update",
    ),
    case(
        "a budget with both limits by a patch",
        422,
        budget(observed=0),
        merge({"spec": {"maxUnavailable": 1}}, f"{BUDGETS}/web"),
    ),
    case("a budget's own policy", 201, budget(observed=0, unhealthyPodEvictionPolicy="AlwaysAllow")),
    case("a dry run of a budget", 201, Step("POST", BUDGETS + DRY, budget()[0].body)),
    case("a deleted budget", 200, budget(), Step("DELETE", f"{BUDGETS}/web")),
]
