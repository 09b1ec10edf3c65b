"""HorizontalPodAutoscalers, on a load that the world is given: there is no metrics server in a simulated cluster."""

from datetime import datetime

from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Controller, Live, itself
from fleetkeeper.sim.kube.state_log import Key
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

RESOURCE = "autoscaling/horizontalpodautoscalers"
LOAD = pods.ANNOTATION + "load"
"""The annotation of an autoscaler with the load on its target, in percent of one pod's request: at 400 and a target
utilization of 80 it asks for five pods."""

_TARGETS = {
    "Deployment": "apps/deployments",
    "StatefulSet": "apps/statefulsets",
    "ReplicaSet": "apps/replicasets",
}
_TOLERANCE = 0.1


def reconcile(live: Live, key: Key) -> None:
    scaler = live.objects.get(RESOURCE, *key)
    if scaler is None:
        return
    live.requeue(CONTROLLER, key, live.timing.autoscaler_period)
    aim = scaler["spec"]["scaleTargetRef"]
    resource = _TARGETS.get(aim["kind"], "")
    target = live.objects.get(resource, key[0], aim["name"])
    if target is None or not target["spec"].get("replicas", 1):
        return
    current = target["spec"].get("replicas", 1)
    wanted = _stabilized(live, scaler, current, _wanted(scaler, current))
    if wanted != current:
        live.objects.edit(resource, key[0], aim["name"], lambda obj: _with_replicas(obj, wanted))
    _write(live, scaler, current, wanted)


def _wanted(scaler: Object, current: int) -> int:
    """ceil(load / target), left alone within the tolerance, between the bounds."""
    spec, load = scaler["spec"], (scaler["metadata"].get("annotations") or {}).get(LOAD)
    found = current
    if load is not None:
        aim = _utilization(spec)
        ratio = float(load) / current / aim
        if abs(ratio - 1) > _TOLERANCE:
            found = -(-int(float(load) * 1000) // int(aim * 1000))
    least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    return max(least, min(most, found))


def _utilization(spec: Object) -> float:
    for metric in spec.get("metrics") or ():
        said = (metric.get("resource") or {}).get("target", {}).get("averageUtilization")
        if said:
            return float(said)
    return float(spec.get("targetCPUUtilizationPercentage", 80))


def _stabilized(live: Live, scaler: Object, current: int, wanted: int) -> int:
    """Fewer pods only some minutes after the last change, as the default behaviour has it."""
    last = (scaler.get("status") or {}).get("lastScaleTime")
    if wanted >= current or last is None:
        return wanted
    since = (live.now() - datetime.fromisoformat(last)).total_seconds()
    return wanted if since >= live.timing.scale_down_stabilization else current


def _with_replicas(obj: Object, replicas: int) -> Object:
    return {**obj, "spec": {**obj["spec"], "replicas": replicas}}


def _write(live: Live, scaler: Object, current: int, wanted: int) -> None:
    status = {**(scaler.get("status") or {}), "currentReplicas": current, "desiredReplicas": wanted}
    if wanted != current:
        status["lastScaleTime"] = stamp(live.now())
    live.set_status(RESOURCE, scaler, status)


CONTROLLER = Controller("autoscaler", RESOURCE, reconcile, {RESOURCE: itself})
