"""The smoke test of a node: one pod of the operator's own image on it, and whether it succeeded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.rotation.marks import FENCE
from fleetkeeper.core.text import safe

NODE = "fleetkeeper.dev/smoke-test-of"
"""The annotation of the pod that names its node."""
TESTED = "fleetkeeper.dev/smoke-tested"
"""The label of a node that has passed, with the pod's name: what a rotation sees of it after the pod is gone."""

_MOUNT = "/smoke-test"
_SPARE = timedelta(minutes=1)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """What the operator says of it. command () is the image's own. storage_class "" asks for no volume.

    annotations: of the pod, such as those that keep sidecars out of it.
    """

    image: str
    command: tuple[str, ...] = ()
    namespace: str = "default"
    service_account: str = "default"
    timeout: timedelta = timedelta(minutes=5)
    storage_class: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        volume = f", with a volume of {self.storage_class}" if self.storage_class else ""
        return f"{self.image} in namespace {self.namespace}{volume}"


class Result(StrEnum):
    ABSENT = "absent"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SmokeRun:
    """One pod as it is. node: where it was sent. why: what it waits for or failed of, in the cluster's words."""

    name: str
    result: Result = Result.ABSENT
    node: str = ""
    why: str = ""


def run_of(test: SmokeTest, name: str, pod: Mapping[str, Any] | None, now: datetime) -> SmokeRun:
    """What a pod shows. One that neither ends nor starts in its time has failed."""
    if pod is None:
        return SmokeRun(name)
    metadata, status = pod["metadata"], pod.get("status") or {}
    node = (metadata.get("annotations") or {}).get(NODE, "")
    phase, why = status.get("phase", "Pending"), safe(_words(status), _LONGEST)
    if phase == "Succeeded":
        return SmokeRun(name, Result.PASSED, node)
    if phase == "Failed":
        return SmokeRun(name, Result.FAILED, node, why or "it ended with an error, and said nothing")
    began = datetime.fromisoformat(metadata["creationTimestamp"])
    if now - began > test.timeout + _SPARE:
        return SmokeRun(name, Result.FAILED, node, f"it did not end in time; {why or f'it is {phase}'}")
    return SmokeRun(name, Result.RUNNING, node, why)


def _words(status: Mapping[str, Any]) -> str:
    """The pod's own reason, the container's last words, why it waits, or why no node takes it: the first there is."""
    if status.get("reason") or status.get("message"):
        return _joined(status.get("reason"), status.get("message"))
    for each in status.get("containerStatuses") or ():
        state = each.get("state") or {}
        ended, waits = state.get("terminated") or {}, state.get("waiting") or {}
        if ended:
            return _joined(f"exit code {ended.get('exitCode', '?')}", ended.get("message"))
        if waits:
            return _joined(waits.get("reason"), waits.get("message"))
    for each in status.get("conditions") or ():
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return _joined(each.get("reason"), each.get("message"))
    return ""


def _joined(*texts: str | None) -> str:
    return ": ".join(" ".join(each.split()) for each in texts if each)


def pod_of(test: SmokeTest, name: str, node: LiveNode) -> Mapping[str, Any]:
    """The pod: on this node and no other, past our fence and the taints that the node always has."""
    field_ = {"key": "metadata.name", "operator": "In", "values": [node.name]}
    here = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [field_]}]}}
    container: dict[str, Any] = {
        "name": "smoke-test",
        "image": test.image,
        "env": [{"name": "NODE_NAME", "value": node.name}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False},
        "terminationMessagePolicy": "FallbackToLogsOnError",  # so that its last log lines are in its status
    }
    container |= {"command": list(test.command)} if test.command else {}
    spec: dict[str, Any] = {
        "affinity": {"nodeAffinity": here},
        "tolerations": [_tolerates(FENCE), *(_tolerates(key) for key in sorted({each.key for each in node.taints}))],
        "restartPolicy": "Never",
        "activeDeadlineSeconds": max(1, round(test.timeout.total_seconds())),
        "terminationGracePeriodSeconds": 5,
        "serviceAccountName": test.service_account,
        "containers": [container],
    }
    if test.storage_class:
        container["volumeMounts"] = [{"name": "volume", "mountPath": _MOUNT}]
        spec["volumes"] = [{"name": "volume", "persistentVolumeClaim": {"claimName": name}}]
    return {"metadata": {**_metadata(test, name), "annotations": {**test.annotations, NODE: node.name}}, "spec": spec}


def claim_of(test: SmokeTest, name: str) -> Mapping[str, Any]:
    return {
        "metadata": _metadata(test, name),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": test.storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def _metadata(test: SmokeTest, name: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "fleetkeeper-smoke-test", "app.kubernetes.io/managed-by": "fleetkeeper"}
    return {"name": name, "namespace": test.namespace, "labels": labels}


def _tolerates(key: str) -> Mapping[str, str]:
    return {"key": key, "operator": "Exists"}
