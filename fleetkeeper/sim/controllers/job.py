"""Jobs: pods until enough of them ended well, or too many did not."""

from datetime import datetime

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, itself, of_controller
from fleetkeeper.sim.controllers.matching import is_true, with_condition
from fleetkeeper.sim.kube.state import Propagation
from fleetkeeper.sim.kube.state_log import Key, key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "batch/jobs"
_FORESHADOWED = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0


def is_finished(job: Object) -> bool:
    return is_true(job, "Complete") or is_true(job, "Failed")


def reconcile(live: Live, key: Key) -> None:
    job = live.objects.get(RESOURCE, *key)
    if job is None:
        return
    if is_finished(job):
        _expire(live, job)
        return
    spec = job["spec"]
    if "deletionTimestamp" in job["metadata"]:
        return
    have = pods.owned(live, job)
    active = [pod for pod in have if pods.is_active(pod)]
    phases = [pod.get("status", {}).get("phase") for pod in have]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    completions = spec.get("completions", 1 if "parallelism" not in spec else None)
    wanted = spec.get("parallelism", 1) if completions is None else min(spec.get("parallelism", 1), completions)
    if failed > spec.get("backoffLimit", 6):
        message = "Job has reached the specified backoff limit"
        _end(live, job, active, (succeeded, failed), ("Failed", "BackoffLimitExceeded", message))
    elif succeeded >= (completions or 1) and (completions is not None or not active):
        message = "Reached expected number of succeeded pods"
        _end(live, job, active, (succeeded, failed), ("Complete", "CompletionsReached", message))
    elif spec.get("suspend"):
        for pod in active:
            live.objects.delete(pods.PODS, key_of(pod))
        _count(live, job, [], (succeeded, failed))
    else:
        missing = wanted - len(active)
        if completions is not None:
            missing = min(missing, completions - succeeded - len(active))
        _start(live, job, missing, have, failed)
        _count(live, job, [pod for pod in pods.owned(live, job) if pods.is_active(pod)], (succeeded, failed))


def _start(live: Live, job: Object, missing: int, have: list[Object], failed: int) -> None:
    if missing <= 0:
        return
    if failed:
        ended = max(map(_ended_at, have))
        backoff = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** (failed - 1))
        left = backoff - (live.now() - datetime.fromisoformat(ended)).total_seconds()
        if left > 0:
            live.requeue(CONTROLLER, key_of(job), left)
            return
    name = job["metadata"]["name"]
    labels = {
        "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
        "batch.kubernetes.io/job-name": name,
        "controller-uid": job["metadata"]["uid"],
        "job-name": name,
    }
    for _ in range(missing):
        live.objects.create(pods.PODS, pods.from_template(live, job["spec"]["template"], "Job", job, labels=labels))


def _ended_at(pod: Object) -> str:
    states = (each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses") or ())
    ended = [state["terminated"]["finishedAt"] for state in states if "terminated" in state]
    return max(ended, default=str(pod["metadata"]["creationTimestamp"]))


def _count(live: Live, job: Object, active: list[Object], ended: tuple[int, int]) -> None:
    before = job.get("status") or {}
    status = {
        **{key: value for key, value in before.items() if key in ("startTime", "conditions")},
        **pods.counted(active=len(active), succeeded=ended[0], failed=ended[1]),
        "ready": sum(pods.is_ready(pod) for pod in active),
        "uncountedTerminatedPods": {},
    }
    if not job["spec"].get("suspend"):
        status.setdefault("startTime", stamp(live.now()))
    live.set_status(RESOURCE, job, status)


def _end(live: Live, job: Object, active: list[Object], ended: tuple[int, int], said: tuple[str, str, str]) -> None:
    for pod in active:
        live.objects.delete(pods.PODS, key_of(pod))
    at, before = stamp(live.now()), job.get("status") or {}
    kind, reason, message = said
    said_before = list(before.get("conditions") or ())
    for each in (_FORESHADOWED[kind], kind):
        condition = {"type": each, "status": "True", "lastProbeTime": at, "reason": reason, "message": message}
        said_before = with_condition(said_before, condition, at)
    status = {
        "conditions": said_before,
        "startTime": before.get("startTime", at),
        **({"completionTime": at} if kind == "Complete" else {}),
        **pods.counted(succeeded=ended[0], failed=ended[1]),
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    live.set_status(RESOURCE, job, status)


def _expire(live: Live, job: Object) -> None:
    """A finished Job goes away after its time to live, where it has one."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or "deletionTimestamp" in job["metadata"]:
        return
    ended = next(each["lastTransitionTime"] for each in job["status"]["conditions"] if each["status"] == "True")
    left = seconds - (live.now() - datetime.fromisoformat(ended)).total_seconds()
    if left > 0:
        live.requeue(CONTROLLER, key_of(job), left)
    else:
        live.objects.delete(RESOURCE, key_of(job), propagation=Propagation.FOREGROUND)


CONTROLLER = Controller(
    "job", RESOURCE, reconcile, {RESOURCE: itself, pods.PODS: of_controller("Job")}, {pods.PODS: ("Job",)}
)
