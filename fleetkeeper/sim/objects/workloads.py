"""Workloads with what their controllers make of them: ReplicaSets, Jobs, pods and disruption budgets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.sim.objects import pods
from fleetkeeper.sim.objects.nodes import NodePlace
from fleetkeeper.sim.objects.pods import PodGroup, suffix
from fleetkeeper.sim.objects.recipes import Owner, Recipe, managed_fields, stamp
from fleetkeeper.sim.scenario import NodeKind, WorkloadSpec
from fleetkeeper.sim.world import Object

_API = {
    "Deployment": ("apps/deployments", "apps/v1"),
    "StatefulSet": ("apps/statefulsets", "apps/v1"),
    "DaemonSet": ("apps/daemonsets", "apps/v1"),
    "ReplicaSet": ("apps/replicasets", "apps/v1"),
    "CronJob": ("batch/cronjobs", "batch/v1"),
    "Job": ("batch/jobs", "batch/v1"),
    "Pod": ("/pods", "v1"),
}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_AGE = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where workloads run: the nodes of the cluster, and the moment that its ages count from."""

    nodes: tuple[NodePlace, ...]
    now: datetime

    def under(self, spec: WorkloadSpec) -> tuple[NodePlace, ...]:
        """The nodes that the pods of a workload run on."""
        if spec.nodes:
            return tuple(node for node in self.nodes if node.spec.name == spec.nodes)
        if spec.kind == "DaemonSet":
            return tuple(n for n in self.nodes if n.spec.kind is not NodeKind.FARGATE and not n.windows)
        fargate = tuple(node for node in self.nodes if spec.namespace in node.spec.namespaces)
        return fargate or tuple(node for node in self.nodes if node.schedules and not node.windows)


def recipes(spec: WorkloadSpec, ground: Ground) -> Iterator[Recipe]:
    """The workload and everything below it."""
    nodes = ground.under(spec)
    selector = {"app.kubernetes.io/name": spec.name}
    windows = bool(nodes) and all(node.windows for node in nodes)
    template = pods.template(spec.name, spec.images, {**selector, **spec.labels}, windows=windows)
    replicas = len(nodes) if spec.kind == "DaemonSet" else spec.replicas
    ready = min(replicas, replicas if spec.ready is None else spec.ready)
    made = _Made(spec, ground, nodes, selector, template, replicas, ready if nodes else 0)
    match spec.kind:
        case "Deployment":
            yield from made.deployment()
        case "CronJob":
            yield from made.cron_job()
        case "Job":
            yield from made.job(spec.name, None)
        case "Pod":
            yield from made.bare_pods()
        case _:
            yield from made.set()
    if spec.min_available or spec.max_unavailable:
        yield made.budget()


@dataclass(frozen=True, slots=True)
class _Made:
    spec: WorkloadSpec
    ground: Ground
    nodes: tuple[NodePlace, ...]
    selector: dict[str, str]
    template: Object
    replicas: int
    ready: int

    def deployment(self) -> Iterator[Recipe]:
        spec, status = (
            self._desired(),
            self._counts("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
        )
        spec |= {
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }
        yield self._top(spec, {"observedGeneration": 4, **status, "conditions": self._conditions()})
        for generation in (1, 0):
            yield from self._replica_set(generation)

    def _replica_set(self, generation: int) -> Iterator[Recipe]:
        """The newest ReplicaSet with the pods, and an older, empty one."""
        hashed = suffix(f"{self.spec.namespace}{self.spec.name}{generation}{self.spec.images}", 9)
        labels = {**self.selector, **self.spec.labels, "pod-template-hash": hashed}
        name, count = f"{self.spec.name}-{hashed}", self.replicas if generation else 0
        template = {**self.template, "metadata": {"labels": labels}}
        selector = {"matchLabels": {**self.selector, "pod-template-hash": hashed}}
        yield Recipe(
            "apps/replicasets",
            name,
            {
                "spec": {"replicas": count, "selector": selector, "template": template},
                "status": {"replicas": count, "observedGeneration": 1},
            },
            namespace=self.spec.namespace,
            labels=labels,
            annotations={"deployment.kubernetes.io/desired-replicas": str(self.replicas)},
            owner=Owner("apps/deployments", "apps/v1", "Deployment", self.spec.name),
            age=timedelta(days=12 if generation else 60),
            generation=1,
            managed=[
                managed_fields("kube-controller-manager", "apps/v1", {"spec": {"template": template}}, self._at())
            ],
        )
        if count:
            yield from self._pods(
                tuple(f"{name}-{suffix(f'{name}{n}')}" for n in range(count)),
                Owner("apps/replicasets", "apps/v1", "ReplicaSet", name),
                labels,
            )

    def set(self) -> Iterator[Recipe]:
        """A StatefulSet, DaemonSet or bare ReplicaSet: its pods are its own."""
        kind = self.spec.kind
        if kind == "DaemonSet":
            spec: Object = {"selector": {"matchLabels": self.selector}, "template": self.template}
            spec |= {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}
            counted = ("currentNumberScheduled", "desiredNumberScheduled", "numberReady", "numberAvailable")
            status = {"numberMisscheduled": 0, **self._counts(*counted)}
        else:
            spec, status = self._desired(), self._counts("replicas", "readyReplicas", "availableReplicas")
        if kind == "StatefulSet":
            spec |= {"serviceName": self.spec.name, "podManagementPolicy": "OrderedReady"}
        yield self._top(spec, {"observedGeneration": 4, **status})
        resource, api = _API[kind]
        name = self.spec.name
        numbered = [
            f"{name}-{n}" if kind == "StatefulSet" else f"{name}-{suffix(f'{name}{n}')}" for n in range(self.replicas)
        ]
        labels = {**self.selector, **self.spec.labels, "controller-revision-hash": suffix(name, 9)}
        yield from self._pods(tuple(numbered), Owner(resource, api, kind, name), labels)

    def cron_job(self) -> Iterator[Recipe]:
        job = {"template": self._job_template()}
        spec = {
            "schedule": self.spec.schedule,
            "concurrencyPolicy": "Forbid",
            "suspend": False,
            "jobTemplate": {"metadata": {}, "spec": job},
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        }
        yield self._top(spec, {"lastScheduleTime": self._at(), "lastSuccessfulTime": self._at()})
        yield from self.job(
            f"{self.spec.name}-29401620", Owner("batch/cronjobs", "batch/v1", "CronJob", self.spec.name)
        )

    def job(self, name: str, owner: Owner | None) -> Iterator[Recipe]:
        """A Job that has finished, with its pod."""
        labels = {**self.selector, **self.spec.labels, "batch.kubernetes.io/job-name": name, "job-name": name}
        spec = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "template": self._job_template()}
        done = [{"type": "Complete", "status": "True", "lastProbeTime": self._at(), "lastTransitionTime": self._at()}]
        yield Recipe(
            "batch/jobs",
            name,
            {"spec": spec, "status": {"conditions": done, "succeeded": 1, "startTime": self._at()}},
            namespace=self.spec.namespace,
            labels=labels,
            annotations=dict(self.spec.annotations) or None,
            owner=owner,
            age=timedelta(hours=6),
            generation=1,
            managed=[managed_fields("kube-controller-manager", "batch/v1", {"spec": spec}, self._at())],
        )
        yield from self._pods((f"{name}-{suffix(name)}",), Owner("batch/jobs", "batch/v1", "Job", name), labels)

    def bare_pods(self) -> Iterator[Recipe]:
        names = [self.spec.name if n == 0 else f"{self.spec.name}-{n}" for n in range(self.replicas)]
        yield from self._pods(tuple(names), None, {**self.selector, **self.spec.labels})

    def budget(self) -> Recipe:
        """The PodDisruptionBudget with the status that the controller would compute."""
        asked = self.spec.min_available or self.spec.max_unavailable
        amount = _amount(asked, self.replicas)
        wanted = amount if self.spec.min_available else self.replicas - amount
        allowed = max(0, self.ready - wanted)
        sufficient = {"type": "DisruptionAllowed", "status": "True" if allowed else "False"}
        sufficient |= {"reason": "SufficientPods" if allowed else "InsufficientPods", "message": ""}
        key = "minAvailable" if self.spec.min_available else "maxUnavailable"
        value: int | str = asked if asked.endswith("%") else int(asked)
        status = {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "currentHealthy": self.ready,
            "desiredHealthy": max(0, wanted),
            "expectedPods": self.replicas,
            "conditions": [{**sufficient, "observedGeneration": 1, "lastTransitionTime": self._at()}],
        }
        body = {"spec": {key: value, "selector": {"matchLabels": self.selector}}, "status": status}
        return Recipe(
            "policy/poddisruptionbudgets",
            self.spec.name,
            body,
            namespace=self.spec.namespace,
            labels=dict(self.spec.labels) or None,
            generation=1,
            managed=[managed_fields("kube-controller-manager", "policy/v1", body, self._at())],
        )

    def _top(self, spec: Object, status: Object) -> Recipe:
        resource, api = _API[self.spec.kind]
        labels = {**self.selector, **self.spec.labels}
        applied_as = self.spec.applied_as or api
        annotations = {"deployment.kubernetes.io/revision": "4"} if self.spec.kind == "Deployment" else {}
        annotations |= self.spec.annotations
        if self.spec.manager == "kubectl-client-side-apply":
            annotations[_LAST_APPLIED] = self._last_applied(applied_as, labels)
        claims = {"metadata": {"annotations": annotations, "labels": labels}, "spec": spec}
        return Recipe(
            resource,
            self.spec.name,
            {"spec": spec, "status": status},
            namespace=self.spec.namespace,
            labels=labels,
            annotations=annotations or None,
            age=_AGE,
            generation=4,
            managed=[
                managed_fields(self.spec.manager, applied_as, claims, self._at()),
                managed_fields("kube-controller-manager", api, {"status": status}, self._at()),
            ],
        )

    def _last_applied(self, api: str, labels: Mapping[str, str]) -> str:
        metadata = {"annotations": self.spec.annotations, "labels": labels, "name": self.spec.name}
        applied = {
            "apiVersion": api,
            "kind": self.spec.kind,
            "metadata": {**metadata, "namespace": self.spec.namespace},
            "spec": {"selector": {"matchLabels": self.selector}, "template": self.template},
        }
        return json.dumps(applied, separators=(",", ":"), default=dict) + "\n"

    def _pods(self, names: tuple[str, ...], owner: Owner | None, labels: dict[str, str]) -> Iterator[Recipe]:
        done = owner is not None and owner.kind == "Job"
        group = PodGroup(
            namespace=self.spec.namespace,
            names=names,
            nodes=self.nodes,
            template=self._job_template() if done else self.template,
            owner=owner,
            ready=0 if done else self.ready,
            generate_name=f"{owner.name}-" if owner and owner.kind != "StatefulSet" else "",
            labels=labels,
            annotations=dict(self.spec.annotations) if owner is None else {},
            done=done,
        )
        yield from pods.recipes(group, self.ground.now)

    def _job_template(self) -> Object:
        return {**self.template, "spec": {**self.template["spec"], "restartPolicy": "OnFailure"}}

    def _desired(self) -> Object:
        return {"replicas": self.replicas, "selector": {"matchLabels": self.selector}, "template": self.template}

    def _counts(self, *names: str) -> dict[str, int]:
        """Status counters; those at zero are left out, as `omitempty` has it."""
        counts = {name: self.ready if "eady" in name or "vailable" in name else self.replicas for name in names}
        return {name: count for name, count in counts.items() if count}

    def _conditions(self) -> list[Object]:
        at, available = self._at(), "True" if self.ready == self.replicas else "False"
        times = {"lastUpdateTime": at, "lastTransitionTime": at}
        return [
            {"type": "Available", "status": available, **times, "reason": "MinimumReplicasAvailable", "message": ""},
            {"type": "Progressing", "status": "True", **times, "reason": "NewReplicaSetAvailable", "message": ""},
        ]

    def _at(self) -> str:
        return stamp(self.ground.now - timedelta(days=12))


def _amount(text: str, replicas: int) -> int:
    """A number, or a percentage of the replicas rounded up, as the disruption controller rounds."""
    return -(-replicas * int(text[:-1]) // 100) if text.endswith("%") else int(text)
