"""The objects of bench/big_cluster.py, as large as real ones: what controllers and kubelets would have written."""

import base64
import gzip
import json
import random
from dataclasses import dataclass
from typing import Any

from one_cluster import deployment

Object = dict[str, Any]

NAMESPACES = 40
DAEMONS = ("aws-node", "kube-proxy")  # one pod of each on every node
KUBELET = "v1.35.2-eks-1a2b3c4"
SINCE = "2026-11-01T08:00:00Z"


@dataclass(frozen=True, slots=True)
class Size:
    """How many of what a cluster has. pods counts those of deployments and of the daemons."""

    nodes: int
    pods: int
    deployments: int
    releases: int
    config_maps: int
    crds: int

    @property
    def each(self) -> int:
        """Pods of each deployment."""
        return (self.pods - len(DAEMONS) * self.nodes) // self.deployments


WHOLE = Size(nodes=2_000, pods=14_000, deployments=2_000, releases=1_000, config_maps=1_500, crds=30)
QUICK = Size(nodes=200, pods=1_400, deployments=200, releases=100, config_maps=150, crds=3)


def space(number: int) -> str:
    return f"team-{number % NAMESPACES:02}"


def node_name(number: int) -> str:
    return f"ip-10-{number // 65536}-{number // 256 % 256}-{number % 256}.eu-west-1.compute.internal"


def node(number: int) -> Object:
    """A node with the 50 images that a kubelet reports, which are most of its 13 kB."""
    zone = f"eu-west-1{'abc'[number % 3]}"
    name = node_name(number)
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        "eks.amazonaws.com/nodegroup": f"group-{number % 12:02}",
        "eks.amazonaws.com/nodegroup-image": f"ami-{number % 12:017x}",
        "failure-domain.beta.kubernetes.io/region": "eu-west-1",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m7i.4xlarge",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": zone,
    }
    amounts = {"cpu": "15890m", "ephemeral-storage": "76224326324", "memory": "60034920Ki", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": {"node.alpha.kubernetes.io/ttl": "0"}},
        "spec": {"providerID": f"aws:///{zone}/i-{number:017x}"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": name}],
            "allocatable": amounts,
            "capacity": amounts,
            "conditions": [condition(kind) for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [stored_image(number, nth) for nth in range(50)],
            "nodeInfo": system(number),
        },
    }


def system(number: int) -> Object:
    return {
        "architecture": "amd64",
        "bootID": f"{number:08x}-8d5c-4f0e-9b6a-1f2e3d4c5b6a",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kernelVersion": "6.12.46-66.121.amzn2023.x86_64",
        "kubeProxyVersion": "",
        "kubeletVersion": KUBELET,
        "machineID": f"ec2{number:029x}",
        "operatingSystem": "linux",
        "osImage": "Amazon Linux 2023.9.20251105",
        "systemUUID": f"ec2{number:05x}-8d5c-4f0e-9b6a-1f2e3d4c5b6a",
    }


def condition(kind: str, heartbeat: str = SINCE) -> Object:
    return {
        "type": kind,
        "status": "True" if kind == "Ready" else "False",
        "lastHeartbeatTime": heartbeat,
        "lastTransitionTime": SINCE,
        "reason": f"Kubelet{kind}",
        "message": "kubelet is posting ready status" if kind == "Ready" else f"kubelet has no {kind}",
    }


def stored_image(number: int, nth: int) -> Object:
    drawn = random.Random((number * 50 + nth) % 1_000)  # nodes of a cluster share many of their images
    path = f"602401143452.dkr.ecr.eu-west-1.amazonaws.com/shop/app-{drawn.randrange(1_000):04}"
    digest = f"{drawn.getrandbits(256):064x}"
    return {"names": [f"{path}@sha256:{digest}", f"{path}:1.{nth}.0"], "sizeBytes": drawn.randrange(400_000_000)}


def workload(number: int) -> Object:
    """A deployment as Helm installs it: without a second copy of its manifest, and with fewer settings."""
    made = deployment(number)
    metadata, name = made["metadata"], made["metadata"]["name"]
    metadata["labels"]["app.kubernetes.io/managed-by"] = "Helm"
    metadata["annotations"] = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": space(number)}
    for container in made["spec"]["template"]["spec"]["containers"]:
        container["env"] = container["env"][:8]
    return made


def owned_by(kind: str, name: str, uid: str) -> list[Object]:
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid}
    return [{**owner, "controller": True, "blockOwnerDeletion": True}]


def replica_set(wanted: Object, age: int) -> Object:
    """One of a deployment as it is stored; age 0 is the one in use."""
    uid, name = wanted["metadata"]["uid"], wanted["metadata"]["name"]
    marked = {"pod-template-hash": f"{age:09x}"}
    labels = {**wanted["metadata"]["labels"], **marked}
    template = wanted["spec"]["template"]
    return {
        "metadata": {
            "name": f"{name}-{age:09x}",
            "labels": labels,
            "ownerReferences": owned_by("Deployment", name, uid),
        },
        "spec": {
            "replicas": 0 if age else 3,
            "selector": {"matchLabels": labels},
            "template": {**template, "metadata": {"labels": labels}},
        },
    }


def pod(name: str, on: str, labels: Object, owner: list[Object], containers: list[Object]) -> Object:
    """A pod that a controller made and the scheduler placed, before its kubelet says anything."""
    volume = {"name": "kube-api-access", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    return {
        "metadata": {"name": name, "labels": labels, "ownerReferences": owner},
        "spec": {
            "nodeName": on,
            "serviceAccountName": "default",
            "containers": containers,
            "volumes": [volume],
            "automountServiceAccountToken": False,
        },
    }


def running(names: list[str], image: str, restarts: int = 0) -> Object:
    """The status of a pod that runs."""
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ready = [{"type": kind, "status": "True", "lastTransitionTime": SINCE} for kind in kinds]
    containers = [
        {
            "name": name,
            "image": image,
            "imageID": f"{image}@sha256:{'0a1b2c3d' * 8}",
            "containerID": f"containerd://{'4e5f6a7b' * 8}",
            "ready": True,
            "started": True,
            "restartCount": restarts,
            "state": {"running": {"startedAt": SINCE}},
        }
        for name in names
    ]
    addresses = {"hostIP": "10.0.0.1", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}]}
    return {"phase": "Running", "conditions": ready, "containerStatuses": containers, "startTime": SINCE, **addresses}


def daemon_set(name: str) -> Object:
    labels = {"k8s-app": name}
    image = f"602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/{name}:v1.35.0-eksbuild.1"
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def release(number: int, revision: int, status: str) -> Object:
    """A Helm release of 20 to 100 kB packed: most of a real one are its chart's templates and its manifest."""
    name = f"app-{number:05}"
    drawn = random.Random(number)
    kilobytes = 100 if drawn.random() < 0.1 else 20 + drawn.randrange(20)
    noise = drawn.randbytes(kilobytes * 750).hex()  # hexadecimal digits pack to half, so three quarters of 1,000 remain
    document = {
        "name": name,
        "namespace": space(number),
        "version": revision,
        "info": {"status": status, "first_deployed": SINCE, "last_deployed": SINCE, "notes": "Thank you."},
        "chart": {
            "metadata": {"name": f"chart-{number % 80}", "version": f"4.{revision}.3", "appVersion": "1.30.0"},
            "templates": [{"name": "templates/deployment.yaml", "data": noise}],
        },
        "manifest": json.dumps(deployment(number)) * 10,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(document).encode(), 1)).decode()
    labels = {"name": name, "owner": "helm", "status": status, "version": str(revision), "modifiedAt": "1790000000"}
    return {
        "metadata": {"name": f"sh.helm.release.v1.{name}.v{revision}", "labels": labels},
        "type": "helm.sh/release.v1",
        "stringData": {"release": packed},
    }


def config_map(number: int) -> Object:
    lines = "\n".join(f"setting.{nth} = value of {number * nth}" for nth in range(60))
    return {"metadata": {"name": f"settings-{number:05}"}, "data": {"application.conf": lines}}


def crd(number: int) -> Object:
    """A custom resource with a schema of some 40 kB."""
    fields = {f"field{nth:03}": {"type": "string", "description": "What this field is for. " * 6} for nth in range(200)}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    group = f"group-{number:02}.example.com"
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"things.{group}"}, "spec": spec}


def job(number: int) -> Object:
    """A job that a cron job made; it never begins, for no controller runs."""
    container = {"name": "job", "image": "registry.example/job:1"}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": f"{number:036}"}
    return {
        "metadata": {"name": f"nightly-{number:05}", "ownerReferences": [owner]},
        "spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
    }
