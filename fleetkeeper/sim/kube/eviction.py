"""The eviction subresource of pods, after pkg/registry/core/pod/storage/eviction.go (v1.36.4), answer by answer."""

from collections.abc import Mapping
from typing import Any

from fleetkeeper.sim.controllers.matching import condition, is_true, with_condition
from fleetkeeper.sim.kube import answers, bodies, managed, refusals
from fleetkeeper.sim.kube.answers import Answer, StatusError
from fleetkeeper.sim.kube.bodies import Served
from fleetkeeper.sim.kube.label_index import selecting
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Expect, Objects, Propagation
from fleetkeeper.sim.kube.state_errors import PreconditionFailed
from fleetkeeper.sim.kube.state_log import key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

NO_OPTIONS: Mapping[str, Any] = {}
PODS, BUDGETS = "/pods", "policy/poddisruptionbudgets"
_KINDS = (("policy/v1", "Eviction"), ("policy/v1beta1", "Eviction"))
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_TWO = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_MOST_DISRUPTED = 2000
_RETRY = 10  # seconds


def evict(objects: Objects, pods: Resource, key: tuple[str, str], request: Request, served: Served) -> Answer:
    """The answer to one eviction, and its effect. pods is the resource that the pod is of."""
    options, dry_run = _options(key, request, served)
    pod = objects.get(PODS, *key)
    if pod is None:
        return answers.not_found("", "pods", key[1])
    try:
        refusal = attempt(objects, pod, options, dry_run=dry_run)
    except PreconditionFailed as error:
        refusal = refusals.of_delete(error, pods)
    if refusal is not None:
        return refusal
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Answer(201, answers.encode(body))


def attempt(
    objects: Objects, pod: Object, options: Mapping[str, Any] = NO_OPTIONS, *, dry_run: bool = False
) -> Answer | None:
    """Spend a disruption of the pod's budget, where it has one, and begin its deletion: None when it goes.

    PreconditionFailed comes after the budget was spent, as in the real one.
    """
    budgets = [] if _is_free(pod) else _guarding(objects, pod)
    if len(budgets) > 1:
        return answers.status(500, "", _TWO)
    if budgets and _is_spare(budgets[0], pod):
        return _spared(objects, budgets[0], pod, options, dry_run)
    refusal = _spend(objects, budgets[0], pod, dry_run) if budgets else None
    if refusal is None:
        _delete(objects, key_of(pod), options, dry_run)
    return refusal


def _spared(objects: Objects, budget: Object, pod: Object, options: Mapping[str, Any], dry_run: bool) -> Answer | None:
    """Delete a pod that its budget does not need.

    The real server then sets a version of its own as precondition, in place of the client's, and takes a conflict for a
    pod that became ready meanwhile, unless the client had set one.
    """
    wanted = options.get("preconditions") or {}
    try:
        _delete(objects, key_of(pod), {**options, "preconditions": {"uid": wanted.get("uid")}}, dry_run)
    except PreconditionFailed:
        if wanted.get("resourceVersion"):
            raise
        return _processed(budget)
    return None


def _options(key: tuple[str, str], request: Request, served: Served) -> tuple[Mapping[str, Any], bool]:
    """The delete options of the body, and whether it is a dry run; StatusError for what cannot be."""
    asked_dry = bodies.is_dry_run(request.query.get("dryRun", ""), "CreateOptions")
    body = bodies.checked_kind(bodies.parsed(request, "Eviction"), _KINDS, served)
    metadata = body.get("metadata") or {}
    if metadata.get("namespace") not in (None, "", key[0]):
        raise bodies.bad("the namespace of the provided object does not match the namespace sent on the request")
    if metadata.get("name", "") != key[1]:
        raise bodies.bad("name in URL does not match name in Eviction object")
    options = body.get("deleteOptions") or {}
    bodies.checked_delete_options(options)
    return options, asked_dry or bool(options.get("dryRun"))


def _is_free(pod: Object) -> bool:
    """Whether no budget protects the pod: it does not run yet or any more, or is going already."""
    phase = pod.get("status", {}).get("phase", "Pending")
    return phase in ("Pending", "Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]


def _guarding(objects: Objects, pod: Object) -> list[Object]:
    """The budgets that select the pod."""
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels")
    return selecting(objects, BUDGETS, namespace, labels)


def _spend(objects: Objects, budget: Object, pod: Object, dry_run: bool) -> Answer | None:
    """Take one disruption from the pod's budget; None when the pod may go."""
    refusal = _refusal(budget)
    if refusal is None and not dry_run:
        after = _spent(budget, pod["metadata"]["name"], stamp(objects.now()))
        writer = ("kube-apiserver", "policy/v1", "status")
        objects.update(BUDGETS, managed.updated(budget, after, writer, objects.now()))
    return refusal


def _is_spare(budget: Object, pod: Object) -> bool:
    """Whether the pod is not ready, so that its going disrupts nobody, and the budget's policy lets it."""
    if is_true(pod, "Ready"):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _refusal(budget: Object) -> Answer | None:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        return _processed(budget)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        return _forbidden(name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or ()) > _MOST_DISRUPTED:
        return _forbidden(name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller")
    return None if allowed else _violates(_exhausted(name, budget), 0)


def _processed(budget: Object) -> Answer:
    name = budget["metadata"]["name"]
    return _violates(f"The disruption budget {name} is still being processed by the server.", _RETRY)


def _exhausted(name: str, budget: Object) -> str:
    status = budget.get("status") or {}
    said = condition(budget, "DisruptionAllowed") or {}
    message = said.get("message") if said.get("status") == "False" else ""
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    not_now = f"The disruption budget {name} does not allow evicting pods currently"
    if message and said.get("reason") == "SyncFailed":
        return f"{not_now} because it failed sync: {message}"
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    return f"{not_now} ({said.get('reason', '')}): {message}" if message else not_now


def _violates(cause: str, retry_after: int) -> Answer:
    causes = [{"reason": "DisruptionBudget", "message": cause}]
    details = {"causes": causes, "retryAfterSeconds": retry_after}
    return answers.status(429, "TooManyRequests", _VIOLATES, details)


def _forbidden(name: str, why: str) -> Answer:
    told = f'poddisruptionbudget.policy "{name}" is forbidden: {why}'
    return answers.status(403, "Forbidden", told, {"name": name, "group": "policy", "kind": "poddisruptionbudget"})


def _spent(budget: Object, pod: str, now: str) -> Object:
    status = budget["status"]
    left = status["disruptionsAllowed"] - 1
    status = {**status, "disruptionsAllowed": left}
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: now}
    if not left:
        said = {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods"}
        said |= {"observedGeneration": status.get("observedGeneration", 0), "message": ""}
        status["conditions"] = with_condition(status.get("conditions") or (), said, now)
    return {**budget, "status": status}


def _delete(objects: Objects, key: tuple[str, str], options: Mapping[str, Any], dry_run: bool) -> None:
    """Mark the pod and begin its deletion."""
    wanted = options.get("preconditions") or {}
    expect = Expect(wanted.get("uid") or "", wanted.get("resourceVersion") or "")
    if dry_run:
        objects.expect(PODS, key, expect)
        return
    said: Object = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    said |= {"message": "Eviction API: evicting", "lastProbeTime": None}
    pod = objects.get(PODS, *key)
    if pod is None:
        raise StatusError(answers.not_found("", "pods", key[1]))
    status = pod.get("status") or {}
    conditions = with_condition(status.get("conditions") or (), said, stamp(objects.now()))
    objects.update(PODS, {**pod, "status": {**status, "conditions": conditions}}, expect)
    policy = Propagation(options.get("propagationPolicy") or "Background")
    objects.delete(PODS, key, Expect(expect.uid), options.get("gracePeriodSeconds"), policy)
