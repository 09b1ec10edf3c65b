"""A served world whose time only the test moves, with nodes, pods and budgets to be moved by EKS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetkeeper.sim.aws.workers import NodeOrder, node_of
from fleetkeeper.sim.world import Object, SimCluster, World
from tests.sim.worlds import Aws, a_cluster, a_world, served


@dataclass
class Driven:
    """The world's time stands still until `later` moves it; whatever is due happens before the next answer."""

    aws: Aws
    cluster: SimCluster

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
            self.world.epoch += timedelta(**by)
            self.aws.server.stage.catch_up()

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
    world.scale = 0.0
    with served(world) as aws:
        yield Driven(aws, made)
        assert aws.server.violations == []


def refused(code: str, call: Any, **arguments: Any) -> Any:
    """The answer of a call that must fail with this code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response


def join_nodes(run: Driven, group: str = "main", kubelet: str = "v1.34.11-eks-8f2a1c0") -> list[str]:
    """Give every instance of a group its node; their names."""
    names, managed = [], run.cluster.node_groups.get(group)
    instances = managed.instances if managed else run.cluster.auto_scaling_groups[group].instances
    for number, (instance, zone) in enumerate(list(instances.items())):
        labels = {"eks.amazonaws.com/nodegroup": group} if managed else {"node-lifecycle": "on-demand"}
        order = NodeOrder(instance, zone, f"10.0.{len(group)}.{number + 4}", kubelet, labels)
        names.append(run.aws.server.stage.workers.create_node(run.cluster, order))
    assert all(node_of(run.cluster, instance) for instance in instances)
    return names


def a_pod(name: str, node: str, app: str = "web", owner: str = "ReplicaSet", **more: Any) -> Object:
    metadata: Object = {"name": name, "namespace": "shop", "uid": f"00000000-0000-4000-a000-{name:>012}"}
    metadata |= {"labels": {"app": app}, "generateName": f"{app}-"}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": app, "controller": True, "uid": "1"}]
    ready = {"type": "Ready", "status": "True"}
    spec = {"nodeName": node, "tolerations": [{"operator": "Exists"}]}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "conditions": [ready]}, **more}


def put_pods(run: Driven, *pods: Object) -> None:
    for pod in pods:
        run.cluster.put("/pods", pod)


def put_budget(run: Driven, app: str = "web", **spec: Any) -> None:
    body = {"metadata": {"name": f"{app}-budget", "namespace": "shop"}}
    selector = {"matchLabels": {"app": app}}
    run.cluster.put("policy/poddisruptionbudgets", {**body, "spec": {"selector": selector, **spec}})
