"""Objects for the cases of behaviour, and what is compared of them."""

from collections.abc import Callable
from typing import Any

from tests.control_plane.behaviour_sides import Object, Side

DEPLOYMENTS, SETS, STATEFUL, DAEMONS = "apps/deployments", "apps/replicasets", "apps/statefulsets", "apps/daemonsets"
PODS, BUDGETS, JOBS, CLAIMS = "/pods", "policy/poddisruptionbudgets", "batch/jobs", "/persistentvolumeclaims"


def pod_spec(side: Side, image: str = "example.invalid/app:1", **more: Any) -> Object:
    container = {"name": "main", "image": image, "resources": more.pop("resources", {})}
    return {"containers": [container], "nodeSelector": {"pool": side.namespace}, **more}


def template(side: Side, app: str = "web", **more: Any) -> Object:
    return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(side, **more)}


def workload(side: Side, app: str = "web", replicas: int | None = 3, more: Object | None = None, **pod: Any) -> Object:
    spec: Object = {"selector": {"matchLabels": {"app": app}}, "template": template(side, app, **pod), **(more or {})}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"metadata": {"name": app}, "spec": spec}


def budget(**spec: Any) -> Object:
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


def scaled(replicas: int) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "spec": {**obj["spec"], "replicas": replicas}}


def with_image(image: str) -> Callable[[Object], Object]:
    def change(obj: Object) -> Object:
        found = obj["spec"]["template"]
        container = {**found["spec"]["containers"][0], "image": image}
        spec = {**obj["spec"], "template": {**found, "spec": {**found["spec"], "containers": [container]}}}
        return {**obj, "spec": spec}

    return change


def ready(side: Side, resource: str, name: str = "web", wanted: int = 3) -> Callable[[], bool]:
    """The workload's newest generation is observed, and as many of its pods are ready."""

    def holds() -> bool:
        obj = side.get(resource, name) or {}
        status = obj.get("status") or {}
        seen = status.get("observedGeneration") == obj.get("metadata", {}).get("generation")
        count = status.get("numberReady") if resource == DAEMONS else status.get("readyReplicas", 0)
        return bool(seen) and count == wanted and len(live_pods(side)) == wanted

    return holds


def live_pods(side: Side) -> list[Object]:
    return [each for each in side.listed(PODS) if "deletionTimestamp" not in each["metadata"]]


def said(obj: Object | None, *kinds: str) -> dict[str, tuple[str, str]]:
    conditions = ((obj or {}).get("status") or {}).get("conditions") or ()
    return {each["type"]: (each["status"], each.get("reason", "")) for each in conditions if each["type"] in kinds}


def counts(obj: Object | None) -> Object:
    left_out = ("conditions", "collisionCount", "terminatingReplicas", "currentRevision", "updateRevision")
    return {key: value for key, value in ((obj or {}).get("status") or {}).items() if key not in left_out}
