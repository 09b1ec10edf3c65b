"""KWOK plays the kubelets: nodes that turn Ready, and pods on them that run and end, without a container."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FAKE_NODE = {"kwok.x-k8s.io/node": "fake"}


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What one simulated node is like; kubelet is a version such as "v1.35.8"."""

    kubelet: str
    cpu: str = "8"
    memory: str = "32Gi"
    pods: str = "110"
    architecture: str = "amd64"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodPace:
    """Milliseconds from the scheduling of a pod until it is Ready, and from its deletion until it is gone.

    jitter is the most that KWOK adds to either, evenly spread.
    """

    ready: int
    end: int
    jitter: int = 0


def paced(stages: Sequence[Path], pace: PodPace, folder: Path) -> tuple[Path, ...]:
    """The stages, with those of pods as slow as that: copies in the folder. Stage.spec.delay is KWOK's."""
    delays = {"pod-ready": pace.ready, "pod-delete": pace.end}
    found = []
    for stage in stages:
        delay = delays.get(stage.stem)
        if delay is not None:
            document = yaml.safe_load(stage.read_text())
            most = delay + pace.jitter  # KWOK's jitter is the upper end, not what is added
            document["spec"]["delay"] = {"durationMilliseconds": delay, "jitterDurationMilliseconds": most}
            stage = folder / stage.name  # noqa: PLW2901
            stage.write_text(yaml.safe_dump(document))
        found.append(stage)
    return tuple(found)


def command(program: Path, kubeconfig: Path, stages: Sequence[Path]) -> list[str | Path]:
    """How KWOK is run over the nodes that carry its annotation, and over no others."""
    selector = ",".join(f"{key}={value}" for key, value in FAKE_NODE.items())
    return [
        program,
        f"--kubeconfig={kubeconfig}",
        f"--manage-nodes-with-annotation-selector={selector}",
        "--manage-all-nodes=false",
        "--node-port=0",  # its default listens on 0.0.0.0:10247, for everyone and only once per machine
        "--node-ip=10.0.0.1",
        "--cidr=10.0.0.1/16",
        *(f"--config={stage}" for stage in stages),
    ]


def node(name: str, shape: NodeShape) -> dict[str, Any]:
    """A Node that KWOK makes Ready, leaving the capacity and versions as they are given here."""
    capacity = {"cpu": shape.cpu, "memory": shape.memory, "pods": shape.pods}
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": shape.architecture,
        **shape.labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": FAKE_NODE},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "nodeInfo": _node_info(shape),
        },
    }


def _node_info(shape: NodeShape) -> dict[str, str]:
    empty = dict.fromkeys(("bootID", "machineID", "systemUUID"), "")
    return empty | {
        "architecture": shape.architecture,
        "containerRuntimeVersion": "containerd://2.1.4",
        "kernelVersion": "6.12.0",
        "kubeProxyVersion": shape.kubelet,
        "kubeletVersion": shape.kubelet,
        "operatingSystem": "linux",
        "osImage": "simulated",
    }
