"""Pod templates and the pods of a workload: the bulk of what a cluster holds."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.sim.objects.nodes import NodePlace
from fleetkeeper.sim.objects.recipes import Owner, Recipe, managed_fields, stamp
from fleetkeeper.sim.world import Object

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of names that Kubernetes makes up: no vowels, nothing ambiguous


@dataclass(frozen=True, slots=True)
class PodGroup:
    """The pods of one controller (owner None: bare pods), as many as names."""

    namespace: str
    names: tuple[str, ...]
    nodes: tuple[NodePlace, ...]
    template: Object
    owner: Owner | None
    ready: int
    age: timedelta = timedelta(days=12)
    generate_name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    done: bool = False


def suffix(seed: str, length: int = 5) -> str:
    digest = hashlib.blake2b(seed.encode(), digest_size=16).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def template(name: str, images: tuple[str, ...], labels: dict[str, str], *, windows: bool = False) -> Object:
    """spec.template of a workload: what a real server shows after defaulting."""
    spec: Object = {
        "containers": [_container(name, position, image) for position, image in enumerate(images)],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"kubernetes.io/os": "windows" if windows else "linux"},
        "serviceAccountName": name,
        "serviceAccount": name,
        "securityContext": {},
        "schedulerName": "default-scheduler",
    }
    return {"metadata": {"labels": labels}, "spec": spec}


def _container(name: str, position: int, image: str) -> Object:
    container = name if position == 0 else re.split("[:@]", image.rsplit("/", 1)[-1], maxsplit=1)[0]
    return {
        "name": container,
        "image": image,
        "ports": [{"name": f"http-{position}", "containerPort": 8080 + position, "protocol": "TCP"}],
        "env": [
            {
                "name": "POD_NAMESPACE",
                "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            },
            {"name": "GOMAXPROCS", "value": "2"},
        ],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "livenessProbe": _probe("/healthz"),
        "readinessProbe": _probe("/readyz"),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def _probe(path: str) -> Object:
    return {
        "httpGet": {"path": path, "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


def recipes(group: PodGroup, now: datetime) -> Iterator[Recipe]:
    """The pods, dealt out over the nodes; those past `ready` wait for an image that does not come."""
    managed: list[Object] = []
    for position, name in enumerate(group.names):
        node = group.nodes[position % len(group.nodes)] if group.nodes else None
        spec = _spec(group.template, node)
        body = {"spec": spec, "status": _status(group, position, node, now)}
        managed = managed or _managed(group, body, stamp(now - group.age))
        yield Recipe(
            "/pods",
            name,
            body,
            namespace=group.namespace,
            labels=group.labels or None,
            annotations=group.annotations or None,
            owner=group.owner,
            age=group.age,
            generate_name=group.generate_name,
            managed=managed,
        )


def _managed(group: PodGroup, body: Object, at: str) -> list[Object]:
    claims = {"metadata": {"labels": group.labels}, "spec": group.template["spec"]}
    return [
        managed_fields("kube-controller-manager", "v1", claims, at),
        managed_fields("kubelet", "v1", {"status": body["status"]}, at),
    ]


def _spec(template: Object, node: NodePlace | None) -> Object:
    spec = {
        "volumes": [
            {
                "name": "kube-api-access",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    ],
                    "defaultMode": 420,
                },
            }
        ],
        **template["spec"],
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    return {**spec, "nodeName": node.name} if node else spec


def _status(group: PodGroup, position: int, node: NodePlace | None, now: datetime) -> Object:
    ready, started = position < group.ready and node is not None, stamp(now - group.age)
    true = "True" if ready else "False"
    conditions = [
        {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": started}
        for kind, status in (
            ("PodReadyToStartContainers", true),
            ("Initialized", "True"),
            ("Ready", true),
            ("ContainersReady", true),
            ("PodScheduled", "True" if node else "False"),
        )
    ]
    phase = "Succeeded" if group.done else "Running" if ready else "Pending"
    status: Object = {"phase": phase, "conditions": conditions}
    if node is None:
        return status
    statuses = [_container_status(c, ready, started) for c in group.template["spec"]["containers"]]
    ip = f"100.64.{position % 250}.{len(group.names[position]) + position % 100}"
    return {
        **status,
        "hostIP": node.ip,
        "hostIPs": [{"ip": node.ip}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": started,
        "containerStatuses": statuses,
        "qosClass": "Burstable",
    }


def _container_status(container: Object, ready: bool, started: str) -> Object:
    image = container["image"]
    digest = hashlib.sha256(image.encode()).hexdigest()
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
    return {
        "name": container["name"],
        "state": {"running": {"startedAt": started}} if ready else waiting,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": image,
        "imageID": f"{image.split('@')[0].rsplit(':', 1)[0]}@sha256:{digest}" if ready else "",
        "started": ready,
    }
