"""A cluster as a reader sees it, made up: nodes of a managed group, workloads with budgets, volumes and DaemonSets."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core import model, parts
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Room
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.plan import Header, Member, Plan, Stage
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, StepSpec
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.values import digest, to_json

GROUP, OLD, NEW = "main", Minor(1, 34), Minor(1, 35)
_REGION = "eu-west-1"
_REPLICAS, _STATEFUL = 10, 8
"""Replicas of a Deployment; every so manieth workload is a StatefulSet with a volume for each pod."""


def snapshot_of(placed: Placed, parallel: int) -> Snapshot:
    """What is stored of it: the control plane at the new minor, and the group at the old one."""
    arn = f"arn:aws:eks:{_REGION}:111122223333:cluster/big"
    plane = model.ControlPlane("big", NEW, "ACTIVE", "https://big.example.com", "", git_version="v1.35.8-eks-3cfe0ce")
    group = model.NodeGroup(
        name=GROUP,
        status="ACTIVE",
        version=OLD,
        release_version="1.34.2-20261027",
        ami_type="AL2023_x86_64_STANDARD",
        capacity_type="ON_DEMAND",
        instance_types=("m6i.xlarge",),
        desired=len(placed.nodes),
        minimum=1,
        maximum=len(placed.nodes) + 100,
        max_unavailable=str(parallel),
    )
    known: dict[str, model.Part[Any]] = {
        parts.CONTROL_PLANE: model.Part(plane, placed.at),
        parts.NODE_GROUPS: model.Part((group,), placed.at),
        parts.NODES: model.Part(tuple(each.node for each in placed.nodes), placed.at),
    }
    born = placed.at - timedelta(days=300)
    seen = model.SeenCluster(
        id=model.ClusterId(arn, born),
        name="big",
        scope=model.Scope("111122223333", _REGION),
        placement=model.Placement("production", "", "shop", mapped=True, reason="made up"),
        first_seen=born,
        last_seen=placed.at,
        gone_at=None,
        parts=known,
    )
    return Snapshot(seen, placed.at)


def placed(nodes: int, at: datetime, seed: int = 7, pods_each: int = 9) -> Placed:
    """So many nodes with so many pods each, and one of a DaemonSet."""
    chance = random.Random(seed)
    hosts = tuple(_node(number, at) for number in range(nodes))
    pods: list[LivePod] = []
    budgets: list[Budget] = []
    volumes: list[LiveVolume] = []
    number = 0
    while len(pods) < nodes * pods_each:
        for pod, volume in _workload(number, hosts, at, chance):
            pods.append(pod)
            volumes += [volume] if volume else []
        if number % 2 == 0:
            budgets.append(_budget(number))
        number += 1
    pods += [_agent(host, at) for host in hosts]
    return Placed(at, hosts, tuple(pods), tuple(budgets), tuple(volumes))


def blocked(seen: Placed) -> Placed:
    """One workload more, whose budget never lets a pod go."""
    first = next(each for each in seen.pods if each.controller.startswith("Deployment/"))
    alone = replace(first, name="ledger-0", uid="uid-ledger", controller="Deployment/ledger", labels={"app": "ledger"})
    budget = Budget("shop", "ledger", "", Labels({"app": "ledger"}), "1", expected=1, desired=1, healthy=1)
    owned = replace(budget, owner={"team": "payments"})
    return replace(seen, pods=(*seen.pods, alone), budgets=(*seen.budgets, owned))


def _node(number: int, at: datetime) -> LiveNode:
    zone = _REGION + "abc"[number % 3]
    name = f"ip-10-0-{number // 250}-{number % 250}.{_REGION}.compute.internal"
    born = at - timedelta(days=20, minutes=number)
    node = model.Node(
        name=name,
        uid=f"node-{number}",
        kubelet="v1.34.2-eks-8f2a1c0",
        os_image="Amazon Linux 2023",
        os="linux",
        arch="amd64",
        runtime="containerd://2.1.4",
        kernel="6.12",
        kind=ComputeKind.MANAGED,
        group=GROUP,
        ready=True,
        schedulable=True,
        instance_type="m6i.xlarge",
        zone=zone,
        provider_id=f"aws:///{zone}/i-{number:017x}",
        created_at=born,
    )
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": zone,
        "node.kubernetes.io/instance-type": "m6i.xlarge",
        "eks.amazonaws.com/nodegroup": GROUP,
    }
    ready = born + timedelta(seconds=15 + number % 20)
    return LiveNode(node, room=Room(3920, 15 * 2**30, 58), labels=labels, ready_since=ready, resource_version="1")


def _workload(
    number: int, hosts: tuple[LiveNode, ...], at: datetime, chance: random.Random
) -> Iterator[tuple[LivePod, LiveVolume | None]]:
    stateful = number % _STATEFUL == 0
    first = chance.randrange(len(hosts))
    for ordinal in range(_REPLICAS):
        host = hosts[(first + ordinal * 37) % len(hosts)]
        name = f"app-{number}-{ordinal}"
        pod = _pod(name, f"{'StatefulSet' if stateful else 'Deployment'}/app-{number}", host, at, chance)
        if not stateful:
            yield pod, None
            continue
        claim = f"data-{name}"
        volume = LiveVolume(f"pv-{name}", f"shop/{claim}", zones=(host.node.zone,), attached_to=(host.name,))
        yield _with_claim(pod, claim), volume


def _pod(name: str, controller: str, host: LiveNode, at: datetime, chance: random.Random) -> LivePod:
    born = at - timedelta(days=3, seconds=chance.randrange(86_400))
    ready = born + timedelta(seconds=8 + 40 * chance.random() ** 2)
    return LivePod(
        namespace="shop",
        name=name,
        node=host.name,
        labels={"app": controller.partition("/")[2], "team": "shop"},
        controller=controller,
        owner={"team": "shop"},
        uid=f"uid-{name}",
        wants=Room(250, 512 * 2**20, 1),
        created_at=born,
        scheduled_at=born,
        ready_since=ready,
    )


def _with_claim(pod: LivePod, claim: str) -> LivePod:
    return replace(pod, claims=(claim,))


def _agent(host: LiveNode, at: datetime) -> LivePod:
    return LivePod(
        namespace="kube-system",
        name=f"agent-{host.node.uid}",
        node=host.name,
        labels={"app": "agent"},
        controller="DaemonSet/agent",
        uid=f"uid-agent-{host.node.uid}",
        wants=Room(50, 64 * 2**20, 1),
        created_at=at - timedelta(days=20),
    )


def _budget(number: int) -> Budget:
    return Budget(
        namespace="shop",
        name=f"app-{number}",
        selector=Labels({"app": f"app-{number}"}),
        maximum_unavailable="2" if number % 4 else "20%",
        expected=_REPLICAS,
        desired=_REPLICAS - 2,
        healthy=_REPLICAS,
        allowed=2,
        owner={"team": "shop"},
    )


def plan_of(snapshot: Snapshot, *steps: StepSpec, gates: tuple[GateSpec, ...] = ()) -> Plan:
    """A plan of this one cluster; without steps one that updates its node group."""
    cluster, at = snapshot.cluster, snapshot.now
    update = StepSpec("nodes", "update-nodegroup", {"group": GROUP, "to": str(NEW)}, timeout=timedelta(days=1))
    place = {"name": cluster.name, "region": _REGION}
    member = Member(0, cluster.id, cluster.name, cluster.scope, place, 0, "", steps or (update,))
    stage = Stage("all", 1, 0, OnFailure.PAUSE, {"": 1}, gates, ())
    body = to_json(member)
    header = Header(
        id="plan-1",
        playbook="rotate",
        playbook_title="Rotate",
        playbook_origin="rotate.toml",
        playbook_digest="d",
        changes=Changes.NODES,
        selector="",
        created_at=at,
        created_by="ann",
        expires_at=at + timedelta(days=3),
        stages=(stage,),
        members=(digest(body),),
        left=(),
    )
    return Plan(header, (member,), digest(to_json(header)))
