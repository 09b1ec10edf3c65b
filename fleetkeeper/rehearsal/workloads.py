"""A workload made again from its pods: its controller with a template, and the pods where they are."""

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core.live import LivePod, Toleration
from fleetkeeper.core.rehearsal.times import Luck, Times, workload_of
from fleetkeeper.sim.controllers.pods import ANNOTATION
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object
from fleetkeeper.values import from_json

_GENERATED = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)
"""Labels that controllers give to single pods or to a generation of them."""

_HASH, _SEED = "pod-template-hash", "seed"
_MIRROR = "kubernetes.io/config.mirror"
_STAYS = "karpenter.sh/do-not-disrupt"
_ENDS = {Luck.GOOD: 1.0, Luck.USUAL: 5.0, Luck.BAD: float("inf")}
"""Seconds from SIGTERM to the end of a pod; nothing shows it, so that bad luck takes the whole grace period."""
_STARTING = timedelta(minutes=5)
"""A pod that is so young and not Ready yet still may become so; an older one stays what it is."""
_JOB_LEFT = {Luck.GOOD: 60.0, Luck.USUAL: 600.0, Luck.BAD: 3600.0}
"""Seconds that a Job still runs, which nobody can know."""
_APIS = {
    "Deployment": ("apps/deployments", "apps/v1"),
    "ReplicaSet": ("apps/replicasets", "apps/v1"),
    "StatefulSet": ("apps/statefulsets", "apps/v1"),
    "DaemonSet": ("apps/daemonsets", "apps/v1"),
    "Job": ("batch/jobs", "batch/v1"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """The pods of one workload; controller is Kind/name, Pod/name for a bare or static one."""

    namespace: str
    controller: str
    pods: tuple[LivePod, ...]

    @property
    def kind(self) -> str:
        return self.controller.partition("/")[0]

    @property
    def name(self) -> str:
        return self.controller.partition("/")[2]


def objects_of_group(group: Group, times: Times, luck: Luck, at: datetime) -> Iterator[tuple[str, Object]]:
    """(resource, object): the controller, what stands between it and its pods, and the pods.

    A kind that the simulation has no controller for (a Rollout, a CronJob) is played by what brings its pods back: a
    ReplicaSet, a Job.
    """
    made = _Template(group, times, luck, at)
    match group.kind:
        case "Pod":
            yield from made.pods(None)
        case "StatefulSet" | "DaemonSet":
            yield from made.pods((yield from made.controller(group.kind, group.name, made.template(), None)))
        case "Job" | "CronJob":
            above = made.reference("CronJob", group.name) if group.kind == "CronJob" else None
            yield from made.pods((yield from made.controller("Job", group.name, made.template(), above)))
        case "ReplicaSet":
            yield from made.pods((yield from made.controller("ReplicaSet", group.name, made.template(), None)))
        case _:
            above = made.reference(group.kind, group.name)
            if group.kind == "Deployment":
                above = yield from made.controller("Deployment", group.name, made.template(), None)
            hashed = made.template({_HASH: _SEED})
            yield from made.pods((yield from made.controller("ReplicaSet", f"{group.name}-seed", hashed, above)))


Made = Generator[tuple[str, Object], None, Object]
"""Gives (resource, object) one by one, and in the end the reference to what it made."""


class _Template:
    """What the pods of a group have in common."""

    def __init__(self, group: Group, times: Times, luck: Luck, at: datetime) -> None:
        self._group, self._at, self._luck = group, at, luck
        first = group.pods[0]
        self._labels = _common(group.pods)
        self._spec = _spec(group)
        self._annotations = {
            **dict(first.owner),
            **self._behaviour(times.pods.get(workload_of(first), times.pod).at(luck)),
        }
        self._shared = {"name": "run", "state": {"running": {}}, "lastState": {}, "restartCount": 0, "started": True}

    def _behaviour(self, ready_after: float) -> dict[str, str]:
        """Pods of a workload of which none is Ready will not become so elsewhere either."""
        group = self._group
        hopeless = all(not each.ready for each in group.pods) and any(each.node for each in group.pods)
        told = {f"{ANNOTATION}ready-after": "never" if hopeless else f"{ready_after:.3f}"}
        if _ENDS[self._luck] == float("inf"):
            told[f"{ANNOTATION}terminates-after"] = "never"
        else:
            told[f"{ANNOTATION}terminates-after"] = str(_ENDS[self._luck])
        if group.kind in ("Job", "CronJob"):
            told[f"{ANNOTATION}runs-for"] = str(_JOB_LEFT[self._luck])
        if any(each.stays for each in group.pods):
            told[_STAYS] = "true"
        return told

    def template(self, more: Mapping[str, str] = {}) -> Object:  # never written
        return {
            "metadata": {"labels": {**self._labels, **more}, "annotations": self._annotations},
            "spec": self._spec,
        }

    def reference(self, kind: str, name: str, uid: str = "") -> Object:
        """The owner reference that a controller of this kind writes."""
        api = _APIS[kind][1] if kind in _APIS else "batch/v1" if kind == "CronJob" else "unknown/v1"
        named = {"apiVersion": api, "kind": kind, "name": name, "uid": uid or self._uid(kind, name)}
        return {**named, "controller": True, "blockOwnerDeletion": True}

    def _uid(self, kind: str, name: str) -> str:
        seed = f"{self._group.namespace}|{kind}|{name}"
        return f"seed-{hashlib.blake2b(seed.encode(), digest_size=8).hexdigest()}"

    def controller(self, kind: str, name: str, template: Object, above: Object | None) -> Made:
        """The object of a controller; what this generator returns is the reference to it."""
        count = len(self._group.pods)
        selector = template["metadata"]["labels"] or {"fleetkeeper.io/rehearsed": name}
        spec: Object = {"replicas": count, "selector": {"matchLabels": selector}, "template": template}
        if kind == "Job":
            spec = {"parallelism": count, "completions": count, "backoffLimit": 6, "template": template}
        if kind == "StatefulSet":
            ordinals = [int(end) for each in self._group.pods if (end := each.name.rpartition("-")[2]).isdigit()]
            spec |= {
                "serviceName": name,
                "podManagementPolicy": "Parallel",
                "ordinals": {"start": min(ordinals or [0])},
            }
            spec["volumeClaimTemplates"] = [
                {"metadata": {"name": each}, "spec": {"accessModes": ["ReadWriteOnce"]}} for each in self._templates()
            ]
        metadata: Object = {
            "name": name,
            "namespace": self._group.namespace,
            "uid": self._uid(kind, name),
            "generation": 1,
            "creationTimestamp": stamp(self._at),
            "labels": selector,
            "annotations": dict(self._group.pods[0].owner),
        }
        if above is not None:
            metadata["ownerReferences"] = [above]
        ready = sum(each.ready for each in self._group.pods)
        status = {"replicas": count, "readyReplicas": ready, "availableReplicas": ready, "observedGeneration": 1}
        yield _APIS[kind][0], {"metadata": metadata, "spec": spec, "status": status}
        return self.reference(kind, name)

    def _templates(self) -> tuple[str, ...]:
        """The names of a StatefulSet's claim templates: a claim of it is called template-pod."""
        found = (
            claim.removesuffix(f"-{pod.name}")
            for pod in self._group.pods
            for claim in pod.claims
            if claim.endswith(f"-{pod.name}")
        )
        return tuple(dict.fromkeys(found))

    def pods(self, owner: Object | None) -> Iterator[tuple[str, Object]]:
        hashed = {_HASH: _SEED} if owner is not None and owner["kind"] == "ReplicaSet" and self._is_between else {}
        for pod in self._group.pods:
            yield "/pods", self._pod(pod, owner, hashed)

    @property
    def _is_between(self) -> bool:
        return self._group.kind != "ReplicaSet"

    def _pod(self, pod: LivePod, owner: Object | None, more: Mapping[str, str]) -> Object:
        annotations = dict(self._annotations)
        if pod.static:
            annotations[_MIRROR] = "seed"
        metadata: Object = {
            "name": pod.name,
            "namespace": pod.namespace,
            "uid": pod.uid or self._uid("pod", pod.name),
            "creationTimestamp": stamp(pod.created_at or self._at),
            "labels": {**pod.labels, **more},
            "annotations": annotations,
        }
        if owner is not None:
            metadata["ownerReferences"] = [owner]
        if pod.finalizers:
            metadata["finalizers"] = list(pod.finalizers)
        if pod.leaving_since is not None:
            metadata |= {"deletionTimestamp": stamp(pod.leaving_since), "deletionGracePeriodSeconds": pod.grace}
        spec = {**self._spec, "volumes": [_volume(claim) for claim in pod.claims]}
        if not pod.node:
            return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}
        return {"metadata": metadata, "spec": {**spec, "nodeName": pod.node}, "status": self._status(pod)}

    def _status(self, pod: LivePod) -> Object:
        """Running since the moment of asking: a Job's time counts from there."""
        said = "True" if pod.ready else "False"
        since = stamp(pod.ready_since or pod.created_at or self._at)
        conditions = [
            {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": since}
            for kind, status in (
                ("PodScheduled", "True"),
                ("Initialized", "True"),
                ("PodReadyToStartContainers", "True"),
                ("ContainersReady", said),
                ("Ready", said),
            )
        ]
        state = {"running": {"startedAt": stamp(self._at)}}
        starts = not pod.ready and pod.created_at is not None and self._at - pod.created_at < _STARTING
        container = {**self._shared, "state": state, "ready": not starts, "image": "run", "imageID": "run"}
        begun = {"startTime": since, "podIP": "100.64.0.1", "hostIP": "10.0.0.1"}
        return {"phase": "Running", "conditions": conditions, **begun, "containerStatuses": [container]}


def _common(pods: Sequence[LivePod]) -> dict[str, str]:
    """The labels that all of them have, and that no controller gave."""
    counts = Counter(item for each in pods for item in each.labels.items() if item[0] not in _GENERATED)
    return {key: value for (key, value), count in counts.items() if count == len(pods)}


def _spec(group: Group) -> Object:
    """One for all its pods: as large as the largest of them."""
    pods = group.pods
    first, cpu, memory = pods[0], max(each.wants.cpu for each in pods), max(each.wants.memory for each in pods)
    requests = {"cpu": f"{cpu}m", "memory": str(memory)}
    spec: Object = {
        "containers": [{"name": "run", "image": "run", "resources": {"requests": requests}}],
        "terminationGracePeriodSeconds": max(1, *(each.grace for each in pods)),
        "priority": first.priority,
        "restartPolicy": "Never" if group.kind in ("Job", "CronJob") else "Always",
    }
    if first.selects:
        spec["nodeSelector"] = dict(first.selects)
    if first.tolerates:
        spec["tolerations"] = [_toleration(each) for each in first.tolerates]
    elif first.tolerant:
        spec["tolerations"] = [{"operator": "Exists"}]
    if first.around and group.kind != "DaemonSet":  # whose controller wrote the name of a node into it
        spec |= _of_any_generation(from_json(first.around, dict[str, Any]))
    shared = [] if group.kind == "StatefulSet" else [_volume(claim) for claim in first.claims]
    return {**spec, "volumes": shared} if shared else spec


def _of_any_generation(value: Any) -> Any:
    """Without what it asks of the labels of a generation of pods (matchLabelKeys does): the copies are of another."""
    if isinstance(value, list):
        return [_of_any_generation(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _of_any_generation(each) for name, each in value.items()}
    if isinstance(labels := found.get("matchLabels"), dict):
        found["matchLabels"] = {key: each for key, each in labels.items() if key not in _GENERATED}
    if isinstance(terms := found.get("matchExpressions"), list):
        found["matchExpressions"] = [each for each in terms if each.get("key") not in _GENERATED]
    return found


def _toleration(toleration: Toleration) -> Object:
    given = {"key": toleration.key, "value": toleration.value, "effect": toleration.effect}
    return {"operator": toleration.operator or "Equal", **{key: value for key, value in given.items() if value}}


def _volume(claim: str) -> Object:
    return {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
