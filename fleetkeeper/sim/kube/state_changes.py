"""What a write makes of an object by itself: the members that are the server's own, and what differs."""

from fleetkeeper.sim.world import Object

GENERATED = frozenset(
    {
        "/pods",
        "apps/daemonsets",
        "apps/deployments",
        "apps/replicasets",
        "apps/statefulsets",
        "apiextensions.k8s.io/customresourcedefinitions",
        "batch/cronjobs",
        "batch/jobs",
        "flowcontrol.apiserver.k8s.io/flowschemas",
        "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
        "networking.k8s.io/ingresses",
        "networking.k8s.io/networkpolicies",
        "policy/poddisruptionbudgets",
        "scheduling.k8s.io/priorityclasses",
    }
)
"""Built-in resources that count metadata.generation; custom ones all do."""

_DEFAULT_GRACE = 30  # seconds, of a pod that does not say

_SERVERS = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
)


def with_servers(wanted: Object, current: Object) -> Object:
    """The metadata that is wanted, with the server's own members as they are."""
    if wanted is current:
        return current
    kept = {member: current[member] for member in _SERVERS if member in current}
    return {**{member: value for member, value in wanted.items() if member not in _SERVERS}, **kept}


NOT_ASKED = {"metadata", "status"}
"""Members in which nobody says what they want of an object."""


def changed(after: Object, before: Object) -> set[str]:
    """The members that differ."""
    return {
        member
        for member in after.keys() | before.keys()
        if (now := after.get(member, _ABSENT)) is not (then := before.get(member, _ABSENT)) and now != then
    }


_ABSENT = object()


def grace_of(resource: str, obj: Object, asked: int | None) -> int:
    """Seconds that a deleted object is given; only a pod that some kubelet still runs has any."""
    if resource != "/pods":
        return 0
    spec, phase = obj.get("spec", {}), obj.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    seconds: int = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE) if asked is None else asked
    return seconds if seconds >= 0 else 1


def is_finished(resource: str, obj: Object) -> bool:
    """Whether an object that is being deleted waits for nothing any more."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if resource == "/namespaces":
        return not obj.get("spec", {}).get("finalizers")
    return not (resource == "/pods" and metadata["deletionGracePeriodSeconds"])
