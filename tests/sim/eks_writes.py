"""A served world whose time only the test moves, with nodes, pods and budgets to be moved by EKS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws.workers import NodeOrder, node_of, ready_nodes
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.controllers.pods import is_ready
from fleetkeeper.sim.world import Object, SimCluster, World
from tests.sim.controllers.behaving import PODS, Behaving
from tests.sim.worlds import Aws, a_cluster, a_world, served

READY = 15
"""Seconds after which a node that has registered, or a pod that has a node, is Ready."""
NODE_REMOVAL = 11
"""Seconds after which the Node of a terminated instance is gone."""


@dataclass
class Driven:
    """The world's time stands still until `later` moves it. inside is the cluster as its controllers see it."""

    aws: Aws
    cluster: SimCluster
    inside: Behaving

    @property
    def world(self) -> World:
        return self.aws.world

    @property
    def eks(self) -> Any:
        return self.aws.client("eks")

    @property
    def asg(self) -> Any:
        return self.aws.client("autoscaling")

    def later(self, **by: float) -> None:
        """Let so much of the world's time pass, and everything happen that is due by then."""
        with self.world.lock:
            self.inside.live.timeline.advance(timedelta(**by))

    def status(self) -> tuple[str, str]:
        """Status and version of the cluster, as DescribeCluster shows them."""
        seen = self.eks.describe_cluster(name="shop")["cluster"]
        return seen["status"], seen["version"]

    def update(self, name: str, **subject: str) -> Any:
        return self.eks.describe_update(name="shop", updateId=name, **subject)["update"]

    def upgrade(self, version: str = "1.35", **more: Any) -> str:
        """Start an upgrade: the id of its update."""
        update = self.eks.update_cluster_version(name="shop", version=version, **more)["update"]
        return str(update["id"])

    def group(self, name: str = "main") -> Any:
        return self.eks.describe_nodegroup(clusterName="shop", nodegroupName=name)["nodegroup"]

    def nodes(self) -> dict[str, Object]:
        return {name: node for (_, name), node in self.cluster.objects.get("/nodes", {}).items()}

    def kubelets(self) -> list[str]:
        return sorted(node["status"]["nodeInfo"]["kubeletVersion"] for node in self.nodes().values())


@contextmanager
def driven(cluster: SimCluster | None = None) -> Iterator[Driven]:
    """A world of one cluster, "shop" on 1.34, that never answers what EKS could not."""
    made = cluster or a_cluster()
    made.insights.clear()
    world = a_world(made)
    living = LivingWorld(world, virtual=True)
    world.clock = living.timeline.now
    with served(world, living) as aws:
        yield Driven(aws, made, Behaving(living.of(made)))
        assert aws.server.violations == []


def refused(code: str, call: Any, **arguments: Any) -> Any:
    """The answer of a call that must fail with this code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response


def join_nodes(run: Driven, group: str = "main", kubelet: str = "v1.34.11-eks-8f2a1c0") -> list[str]:
    """Give every instance of a group its node, and let them become Ready; their names."""
    names, managed = [], run.cluster.node_groups.get(group)
    instances = managed.instances if managed else run.cluster.auto_scaling_groups[group].instances
    for number, (instance, zone) in enumerate(list(instances.items())):
        labels = {"eks.amazonaws.com/nodegroup": group} if managed else {"node-lifecycle": "on-demand"}
        names.append(join(run, NodeOrder(instance, zone, f"10.0.{len(group)}.{number + 4}", kubelet, labels)))
    run.later(seconds=READY)
    assert all(node_of(run.cluster, instance) for instance in instances)
    assert set(names) <= ready_nodes(run.cluster)
    return names


def join(run: Driven, order: NodeOrder) -> str:
    """A node registers now, and is Ready after READY seconds: its name."""
    return run.aws.server.stage.workers.create_node(run.cluster, order)


def deploy(run: Driven, name: str = "web", replicas: int = 1, **more: Any) -> list[str]:
    """A workload whose pods run on the nodes of any group, and the node of each pod, by the pods' names."""
    run.inside.deploy(name, replicas, pod={"tolerations": [{"key": "dedicated", "operator": "Exists"}]}, **more)
    run.later(seconds=READY)
    found = [pod for pod in run.inside.pods() if pod["metadata"]["labels"]["app"] == name]
    assert found
    assert all(is_ready(pod) for pod in found)
    return [pod["spec"]["nodeName"] for pod in found]


def put_bare_pod(run: Driven, node: str, name: str = "bare", app: str = "web") -> None:
    """A pod that no controller makes again."""
    spec = {"nodeName": node, "containers": [{"name": "main", "image": f"{app}:1"}]}
    run.inside.create(PODS, name, spec, metadata={"labels": {"app": app}}, status={"phase": "Pending"})
    run.later(seconds=READY)
    assert is_ready(run.inside.get(PODS, name))


def put_budget(run: Driven, app: str = "web", **spec: Any) -> None:
    """A budget for the pods of an app, counted by its controller."""
    run.inside.budget(app, **spec)
    run.later(seconds=1)
