"""What is written to both API servers: the evictions of all kinds."""

from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import BUDGETS, MERGE, PODS, Object, budget, case, evict, pod

GET_POD, GET_BUDGET = Step("GET", f"{PODS}/web"), Step("GET", f"{BUDGETS}/web")
NO_MORE: Object = {"healthy": 2, "allowed": 0}
UNHEALTHY: Object = {"healthy": 1, "desired": 2, "allowed": 0}
SYNC_FAILED: Object = {"status": "False", "reason": "SyncFailed", "message": 'found no controllers for pod "web"'}


def preconditions(**wanted: str) -> Object:
    return {"deleteOptions": {"preconditions": wanted}}


ALLOWED = [
    case("a pod that no budget guards is evicted", 201, pod(), evict(), says='"code":201'),
    case("an evicted pod says so, and has its grace", 200, pod(), evict(), GET_POD, says="EvictionByEvictionAPI"),
    case("a pod of another budget is evicted", 201, pod(), budget(selector={"matchLabels": {"app": "x"}}), evict()),
    case("a missing selector guards nothing", 201, pod(), budget(selector=None, allowed=0), evict()),
    case("a budget lets one go", 201, pod(), budget(), evict()),
    case(
        "the budget remembers whom it let go", 200, pod(), budget(), evict(), GET_BUDGET, says='"disruptedPods":{"web"'
    ),
    case("a budget of two lets one go", 200, pod(), budget(allowed=2), evict(), GET_BUDGET, says="SufficientPods"),
    case("a pod that has no node goes at once", 404, pod(node=False), evict(), GET_POD),
    case("a grace of zero takes the pod at once", 404, pod(), evict(deleteOptions={"gracePeriodSeconds": 0}), GET_POD),
    case("an own grace", 200, pod(), evict(deleteOptions={"gracePeriodSeconds": 5}), GET_POD, says='Seconds":5'),
    case(
        "an eviction without its kind", 201, pod(), Step("POST", f"{PODS}/web/eviction", {"metadata": {"name": "web"}})
    ),
    case("a policy/v1beta1 eviction", 201, pod(), evict(apiVersion="policy/v1beta1")),
    case("a user with the right", 201, pod(), evict(user="evictor")),
    case(
        "a finalizer keeps the pod",
        200,
        pod(finalizers=["example.com/keep"]),
        evict(),
        GET_POD,
        says="example.com/keep",
    ),
    case(
        "foreground", 200, pod(), evict(deleteOptions={"propagationPolicy": "Foreground"}), GET_POD, says="foreground"
    ),
]

BLOCKED = [
    case("a budget that is exhausted", 429, pod(), budget(**NO_MORE), evict(), says="needs 2 healthy pods and has 2"),
    case("a dry run of an exhausted budget", 429, pod(), budget(**NO_MORE), evict(query="?dryRun=All")),
    case(
        "a budget of all pods",
        429,
        pod(),
        budget(minAvailable=3, desired=3, allowed=0),
        evict(),
        says="needs 3 healthy",
    ),
    case("a budget of none", 429, pod(), budget(minAvailable=None, maxUnavailable=0, desired=3, allowed=0), evict()),
    case("an empty selector guards every pod", 429, pod(), budget(selector={}, **NO_MORE), evict()),
    case("a budget that nobody has seen", 429, pod(), budget(observed=0), evict(), says='"retryAfterSeconds":10'),
    case("a dry run of an unseen budget", 429, pod(), budget(observed=0), evict(query="?dryRun=All")),
    case(
        "a budget that changed since it was seen",
        429,
        pod(),
        budget(),
        Step("PATCH", f"{BUDGETS}/web", {"spec": {"minAvailable": 1}}, MERGE),
        evict(),
        says="still being processed by the server",
    ),
    case("two budgets", 500, pod(), budget(), budget("other"), evict(), says="more than one PodDisruptionBudget"),
    case("two budgets, as a dry run", 500, pod(), budget(), budget("other"), evict(query="?dryRun=All")),
    case(
        "a failed sync that was seen",
        429,
        pod(),
        budget(allowed=0, condition=SYNC_FAILED),
        evict(),
        says="it failed sync",
    ),
    case(
        "a workload without a scale, which looks as if it would pass",
        429,
        pod(),
        budget(healthy=0, desired=0, expected=0, allowed=0, observed=0, condition=SYNC_FAILED),
        evict(),
        says="still being processed by the server",
    ),
    case("more disrupted than the server remembers", 403, pod(), budget(disrupted=2001), evict(), says="too big"),
    case("as many disrupted as the server remembers", 201, pod(), budget(disrupted=2000), evict()),
    case("more healthy than desired and yet none allowed", 429, pod(), budget(allowed=0), evict(), says="currently"),
    case(
        "a reason for none allowed",
        429,
        pod(),
        budget(allowed=0, condition={"reason": "Odd", "message": "because"}),
        evict(),
        says="(Odd): because",
    ),
    case("nobody expects the pod", 429, pod(), budget(healthy=2, desired=0, expected=0, allowed=0), evict()),
    case("a second one after the last", 429, pod(), pod("b"), budget(), evict(), evict("b"), says="DisruptionBudget"),
]

POLICIES: dict[str, Object] = {
    "no policy": {},
    "IfHealthyBudget": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"},
    "AlwaysAllow": {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
}
COUNTS: dict[str, Object] = {
    "too few healthy": UNHEALTHY,
    "enough healthy": NO_MORE,
    "none desired": {"healthy": 0, "desired": 0, "allowed": 0},
}
UNREADY = [
    case(
        f"an unready pod under {name}, {what}",
        201 if name == "AlwaysAllow" or what == "enough healthy" else 429,
        pod(ready=False),
        budget(**counts, **policy),
        evict(),
    )
    for name, policy in POLICIES.items()
    for what, counts in COUNTS.items()
]
UNREADY += [
    case("an unready pod spends no budget", 200, pod(ready=False), budget(), evict(), GET_BUDGET, says='Allowed":1'),
    case(
        "an unready pod of another identity, which no budget needed, is asked for again",
        429,
        pod(ready=False),
        budget(),
        evict(**preconditions(uid="x")),
        says="still being processed by the server",
    ),
    case(
        "an unready pod of another version, which no budget needed, goes all the same",
        201,
        pod(ready=False),
        budget(),
        evict(**preconditions(resourceVersion="1")),
    ),
    case(
        "an unready pod of another identity as a dry run",
        429,
        pod(ready=False),
        budget(),
        evict(query="?dryRun=All", **preconditions(uid="x")),
    ),
    case("two budgets keep an unready pod", 500, pod(ready=False), budget(), budget("other"), evict()),
    case("an unready pod of an unseen budget", 429, pod(ready=False), budget(observed=0), evict()),
]

FREE = [
    case(f"a pod that is {phase} goes whatever the budget", 201, pod(phase=phase), budget(**NO_MORE), evict())
    for phase in ("Pending", "Succeeded", "Failed")
]
FREE += [
    case("two budgets do not keep a pending pod", 201, pod(phase="Pending"), budget(), budget("other"), evict()),
    case("a pod that goes already", 201, pod(), budget(), evict(), evict()),
    case("a pod that goes already spends no more", 200, pod(), budget(allowed=2), evict(), evict(), GET_BUDGET),
    case("a deleted pod that waits", 201, pod(), budget(**NO_MORE), Step("DELETE", f"{PODS}/web"), evict()),
    case("a pod that ended is gone", 404, pod(phase="Succeeded"), evict(), GET_POD),
]

DRY = [
    case("a dry run", 201, pod(), budget(), evict(query="?dryRun=All")),
    case("a dry run by its options", 201, pod(), budget(), evict(deleteOptions={"dryRun": ["All"]})),
    case("a dry run leaves the pod", 200, pod(), evict(query="?dryRun=All"), GET_POD),
    case(
        "a dry run leaves the budget", 200, pod(), budget(), evict(query="?dryRun=All"), GET_BUDGET, says='Allowed":1'
    ),
    case("five dry runs of one budget", 201, pod(), budget(), *[evict(query="?dryRun=All")] * 5),
    case("another kind of dry run", 422, pod(), evict(query="?dryRun=Some"), says="Unsupported value"),
    case("another kind of dry run in the options", 422, pod(), evict(deleteOptions={"dryRun": ["Some"]})),
    case("a dry run checks the identity", 409, pod(), evict(query="?dryRun=All", **preconditions(uid="other"))),
]

CONDITIONAL = [
    case("the right identity", 201, pod(), evict(**preconditions(uid="{uid}"))),
    case("the right version", 201, pod(), evict(**preconditions(resourceVersion="{version}"))),
    case("another identity", 409, pod(), evict(**preconditions(uid="other")), says="UID in the precondition (other)"),
    case("another version", 409, pod(), evict(**preconditions(resourceVersion="1")), says="might have been modified"),
    case(
        "another version spends the budget",
        200,
        pod(),
        budget(),
        evict(**preconditions(resourceVersion="1")),
        GET_BUDGET,
    ),
    case("another identity spends the budget", 200, pod(), budget(), evict(**preconditions(uid="x")), GET_BUDGET),
    case("a budget spent by a conflict", 429, pod(), budget(), evict(**preconditions(uid="x")), evict()),
    case("another identity of a pending pod", 409, pod(phase="Pending"), evict(**preconditions(uid="x"))),
    case("another version leaves the pod", 200, pod(), evict(**preconditions(resourceVersion="1")), GET_POD),
]

REFUSED = [
    case("no such pod", 404, evict("nope"), says='"details":{"name":"nope","kind":"pods"}'),
    case("another name", 400, pod(), evict(metadata={"name": "x"}), says="name in URL does not match name"),
    case("no name", 400, pod(), evict(metadata={})),
    case("another name, of a pod that is not there", 400, evict("nope", metadata={"name": "x"})),
    case("another namespace", 400, pod(), evict(metadata={"name": "web", "namespace": "other"})),
    case("no right", 403, pod(), evict(user="nobody"), says="pods/eviction"),
    case("no right, and no pod", 403, evict("nope", user="nobody")),
    case("another version of the kind", 400, pod(), evict(apiVersion="policy/v2"), says="no kind"),
    case("another kind", 400, pod(), evict(apiVersion="v1", kind="Pod"), says="unknown conversion"),
    case("no body", 400, pod(), Step("POST", f"{PODS}/web/eviction", b"")),
    case("an eviction is not read", 405, pod(), Step("GET", f"{PODS}/web/eviction")),
    case("an eviction is not put", 405, pod(), Step("PUT", f"{PODS}/web/eviction", {})),
    case("an eviction is not deleted", 405, pod(), Step("DELETE", f"{PODS}/web/eviction")),
    case("another policy of deletion", 422, pod(), evict(deleteOptions={"propagationPolicy": "Nope"})),
    case("both limits", 422, budget(maxUnavailable=1, observed=0), says="cannot be both set"),
]

EVICTIONS = [*ALLOWED, *BLOCKED, *UNREADY, *FREE, *DRY, *CONDITIONAL, *REFUSED]
