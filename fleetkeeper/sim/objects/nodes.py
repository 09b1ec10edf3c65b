"""Nodes of every compute kind, with the labels, images and addresses by which real ones are told apart."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.objects.recipes import Identity, Recipe, managed_fields, stamp
from fleetkeeper.sim.scenario import Look, NodeKind, NodeOs, NodesSpec
from fleetkeeper.sim.world import Object

# os → image, kernel, container runtime; as kubelets report them.
_SYSTEMS = {
    NodeOs.AL2023: ("Amazon Linux 2023.9.20261027", "6.12.55-74.119.amzn2023.x86_64", "containerd://2.1.4"),
    NodeOs.BOTTLEROCKET: ("Bottlerocket OS 1.52.0 (aws-k8s-{minor})", "6.12.53", "containerd://2.1.4+bottlerocket"),
    NodeOs.WINDOWS: ("Windows Server 2022 Datacenter", "10.0.20348.4294", "containerd://1.7.28"),
    NodeOs.UBUNTU: ("Ubuntu 24.04.3 LTS", "6.8.0-1041-aws", "containerd://1.7.28"),
}
_AUTO_SYSTEM = (
    "Bottlerocket (EKS Auto, Standard) 2026.11.3 (aws-k8s-{minor}-standard)",
    "6.12.53",
    "containerd://2.1.4+bottlerocket",
)
_FARGATE_SYSTEM = ("Amazon Linux 2", "5.10.245-241.976.amzn2.x86_64", "containerd://1.7.27")
_CAPACITY = {"m6i.large": ("2", "7934412Ki"), "m6i.xlarge": ("4", "16093192Ki"), "m7g.large": ("2", "7934412Ki")}


@dataclass(frozen=True, slots=True)
class NodePlace:
    """One node of a scenario: its name, where it stands, and the group that it belongs to."""

    name: str
    zone: str
    ip: str
    spec: NodesSpec
    ready: bool = True

    @property
    def schedules(self) -> bool:
        """Whether ordinary pods land here."""
        return self.spec.kind is not NodeKind.FARGATE and self.ready and not self.spec.taints

    @property
    def windows(self) -> bool:
        return self.spec.os is NodeOs.WINDOWS


def places(seed: str, look: Look, region: str) -> list[NodePlace]:
    """The nodes of a cluster of this look; their names hang on `seed`, which clusters that look alike share."""
    found = []
    for spec in look.nodes.values():
        for number in range(spec.count):
            digest = hashlib.blake2b(f"{seed}|{spec.name}|{number}".encode(), digest_size=8).digest()
            ip = f"10.{digest[0] % 64}.{digest[1]}.{digest[2] or 1}"
            zone = region + "abc"[number % 3]
            name = _name(spec, ip, region, digest)
            found.append(NodePlace(name, zone, ip, spec, ready=number >= spec.not_ready))
    return found


def _name(spec: NodesSpec, ip: str, region: str, digest: bytes) -> str:
    dashed = ip.replace(".", "-")
    match spec.kind:
        case NodeKind.FARGATE:
            return f"fargate-ip-{dashed}.{region}.compute.internal"
        case NodeKind.HYBRID:
            return f"mi-0{digest.hex()}"
        case NodeKind.AUTO:
            return f"i-0{digest.hex()}"
    return f"ip-{dashed}.{region}.compute.internal"


def recipes(cluster: str, look: Look, nodes: list[NodePlace], region: str, now: datetime) -> Iterator[Recipe]:
    for position, place in enumerate(nodes):
        minor = place.spec.version or look.version
        body = {"spec": _spec(place), "status": _status(place, minor, now)}
        labels = _labels(cluster, place, region)
        claims = {"metadata": {"labels": labels}, **body}
        yield Recipe(
            "/nodes",
            place.name,
            body,
            labels=labels,
            annotations=_annotations(place),
            age=timedelta(days=20 + position % 7),
            managed=[
                managed_fields("kubelet", "v1", claims, stamp(now)),
                managed_fields("kube-controller-manager", "v1", {"spec": {"taints": []}}, stamp(now)),
            ],
            finish=_provider(place),
        )


def _provider(place: NodePlace) -> "_Provider":
    return _Provider(place)


@dataclass(frozen=True, slots=True)
class _Provider:
    """Gives a node the instance that is this cluster's alone."""

    place: NodePlace

    def __call__(self, identity: Identity, body: Object) -> Object:
        place = self.place
        match place.spec.kind:
            case NodeKind.HYBRID:
                provider = f"eks-hybrid:///{place.zone[:-1]}/{identity.key}/{place.name}"
            case NodeKind.AUTO:
                provider = f"aws:///{place.zone}/{place.name}"
            case NodeKind.FARGATE:
                provider = f"aws:///{place.zone}/{identity.instance_id(place.name)[2:]}/{place.name}"
            case _:
                provider = f"aws:///{place.zone}/{identity.instance_id(place.name)}"
        return {"spec": {"providerID": provider, **body["spec"]}, "status": body["status"]}


def _labels(cluster: str, place: NodePlace, region: str) -> dict[str, str]:
    spec = place.spec
    labels = {
        "beta.kubernetes.io/arch": spec.arch,
        "beta.kubernetes.io/os": _os(spec),
        "kubernetes.io/arch": spec.arch,
        "kubernetes.io/hostname": place.name,
        "kubernetes.io/os": _os(spec),
        **_kind_labels(cluster, spec),
        **spec.labels,
    }
    if place.windows:
        labels["node.kubernetes.io/windows-build"] = "10.0.20348"
    if spec.kind is not NodeKind.HYBRID:
        labels |= {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": place.zone}
    if spec.kind not in (NodeKind.HYBRID, NodeKind.FARGATE):
        labels |= {"node.kubernetes.io/instance-type": spec.instance_type, "topology.k8s.aws/zone-id": "euw1-az1"}
    return dict(sorted(labels.items()))


def _kind_labels(cluster: str, spec: NodesSpec) -> dict[str, str]:
    """The labels that give away who made the node."""
    spot = spec.capacity == "SPOT"
    match spec.kind:
        case NodeKind.MANAGED:
            image = "ami-0" + hashlib.blake2b(f"{cluster}{spec.name}".encode(), digest_size=8).hexdigest()
            return {
                "eks.amazonaws.com/nodegroup": spec.name,
                "eks.amazonaws.com/nodegroup-image": image,
                "eks.amazonaws.com/capacityType": spec.capacity,
            }
        case NodeKind.SELF_MANAGED:
            return {
                "alpha.eksctl.io/cluster-name": cluster,
                "alpha.eksctl.io/nodegroup-name": spec.name,
                "node-lifecycle": "spot" if spot else "on-demand",
            }
        case NodeKind.KARPENTER:
            return {
                "karpenter.sh/nodepool": spec.name,
                "karpenter.sh/capacity-type": "spot" if spot else "on-demand",
                "karpenter.sh/initialized": "true",
                "karpenter.sh/registered": "true",
                "karpenter.k8s.aws/ec2nodeclass": "default",
                "karpenter.k8s.aws/instance-family": spec.instance_type.split(".")[0],
            }
        case NodeKind.AUTO:
            return {
                "eks.amazonaws.com/compute-type": "auto",
                "eks.amazonaws.com/nodeclass": "default",
                "karpenter.sh/nodepool": spec.name,
                "karpenter.sh/capacity-type": "spot" if spot else "on-demand",
                "karpenter.sh/initialized": "true",
                "karpenter.sh/registered": "true",
            }
    return {"eks.amazonaws.com/compute-type": spec.kind.value}


def _os(spec: NodesSpec) -> str:
    return "windows" if spec.os is NodeOs.WINDOWS else "linux"


def _annotations(place: NodePlace) -> dict[str, str]:
    return {
        "alpha.kubernetes.io/provided-node-ip": place.ip,
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }


def _spec(place: NodePlace) -> Object:
    taints = [_taint(text) for text in place.spec.taints]
    if place.spec.kind is NodeKind.FARGATE:
        taints.append({"key": "eks.amazonaws.com/compute-type", "value": "fargate", "effect": "NoSchedule"})
    if not place.ready:
        taints.append({"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"})
    return {"taints": taints} if taints else {}


def _taint(text: str) -> Object:
    """`key=value:Effect` or `key:Effect`."""
    pair, _, effect = text.rpartition(":")
    key, equals, value = pair.partition("=")
    return {"key": key, "value": value, "effect": effect} if equals else {"key": key, "effect": effect}


def _system(spec: NodesSpec) -> tuple[str, str, str]:
    if spec.kind is NodeKind.AUTO:
        return _AUTO_SYSTEM
    return _FARGATE_SYSTEM if spec.kind is NodeKind.FARGATE else _SYSTEMS[spec.os]


def kubelet(spec: NodesSpec, minor: Minor) -> str:
    """Such as v1.34.2-eks-8f2a1c0; a release names its own patch."""
    named = spec.release.partition("-")[0] if spec.release.startswith(f"{minor}.") else ""
    patch = named or f"{minor}.2"
    return f"v{patch}" if spec.kind is NodeKind.HYBRID else f"v{patch}-eks-8f2a1c0"


def _status(place: NodePlace, minor: Minor, now: datetime) -> Object:
    image, kernel, runtime = _system(place.spec)
    cpu, memory = _CAPACITY.get(place.spec.instance_type, ("4", "16093192Ki"))
    resources = {"cpu": cpu, "ephemeral-storage": "83873772Ki", "memory": memory, "pods": "58"}
    version = kubelet(place.spec, minor)
    arch = place.spec.arch
    return {
        "capacity": resources,
        "allocatable": resources,
        "conditions": list(_conditions(place, now)),
        "addresses": [{"type": "InternalIP", "address": place.ip}, {"type": "Hostname", "address": place.name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": "ec2a81bd04d5a1ae2b4aee7d5b6ae9d1",
            "systemUUID": "ec2a81bd-04d5-a1ae-2b4a-ee7d5b6ae9d1",
            "bootID": "0f4c3f0e-2c3f-4d88-9b6f-1f0c6f2a7b11",
            "kernelVersion": kernel.replace("x86_64", "aarch64") if arch == "arm64" else kernel,
            "osImage": image.format(minor=minor),
            "containerRuntimeVersion": runtime,
            "kubeletVersion": version,
            # Kubelets from 1.33 on report no kube-proxy version.
            "kubeProxyVersion": "" if minor >= Minor(1, 33) else version,
            "operatingSystem": _os(place.spec),
            "architecture": arch,
        },
    }


def _conditions(place: NodePlace, now: datetime) -> Iterator[Object]:
    at = stamp(now)
    for kind, reason, message in (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "KubeletReady", "kubelet is posting ready status"),
    ):
        healthy = "True" if kind == "Ready" else "False"
        yield {
            "type": kind,
            "status": healthy if place.ready else "Unknown",
            "lastHeartbeatTime": at,
            "lastTransitionTime": at,
            "reason": reason if place.ready else "NodeStatusUnknown",
            "message": message if place.ready else "Kubelet stopped posting node status.",
        }
