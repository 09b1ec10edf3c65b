"""A small Karpenter: nodes drift when the minor that their image follows moves, and budgets hold them.

Serves self-installed Karpenter, whose AMI aliases resolve through the cluster's minor, and Auto Mode, whose nodes roll
at once. A node whose NodeClaim says Drifted goes as well, whatever its minor. Replacement first, then the drain; a
pool's terminationGracePeriod ends a drain that is blocked.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from math import ceil
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.capacity import kubelet_for
from fleetkeeper.sim.aws.drains import Drain
from fleetkeeper.sim.aws.fleet import private_address
from fleetkeeper.sim.aws.node_claims import is_drifted, remove_claim, replace_claim
from fleetkeeper.sim.aws.workers import NodeOrder, pods_of, ready_nodes
from fleetkeeper.sim.world import Object, SimCluster

POOLS = "karpenter.sh/nodepools"
_CLASSES = "karpenter.k8s.aws/ec2nodeclasses"
_POOL = "karpenter.sh/nodepool"
_KEEP = "karpenter.sh/do-not-disrupt"
_UNITS = {"h": 3600, "m": 60, "s": 1}
_OWN_LABELS = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


@dataclass(slots=True)
class Drift:
    """The nodes of one cluster on their way to a minor. A newer one takes its place: `current` says which counts."""

    stage: Backstage
    cluster: SimCluster
    target: Minor
    done: Callable[[], None] = lambda: None
    moving: set[str] = field(default_factory=set)  # until their Node is gone

    @property
    def current(self) -> bool:
        return self.stage.drifts.get(self.cluster.key) is self

    def tick(self) -> None:
        if not self.current:
            return
        self.moving &= {name for _, name in self.cluster.objects.get("/nodes", {})}
        left = False
        for name, pool in self.cluster.objects.get(POOLS, {}).items():
            nodes = _nodes(self.cluster, name[1])
            drifted = [node for node in nodes if self._is_drifted(pool, node)]
            left = left or bool(drifted)
            for node in self._chosen(pool, nodes, drifted):
                self._replace(pool, node)
        if left or self.moving:
            self.stage.after(self.stage.timing.drift_poll, self.tick)
            return
        del self.stage.drifts[self.cluster.key]
        self.done()

    def _is_drifted(self, pool: Object, node: Object) -> bool:
        if is_drifted(self.cluster, _name(node)):
            return True
        kubelet = node["status"]["nodeInfo"]["kubeletVersion"]
        return Minor.parse(kubelet) != self.target and _follows_minor(self.cluster, pool)

    def _chosen(self, pool: Object, nodes: list[Object], drifted: list[Object]) -> Iterator[Object]:
        """As many as the budgets allow, empty ones first, then the oldest."""
        ready = ready_nodes(self.cluster)
        out = sum(1 for node in nodes if _name(node) in self.moving or _name(node) not in ready)
        free = allowed(pool, len(nodes)) - out
        waiting = [
            node
            for node in drifted
            if _name(node) not in self.moving and _KEEP not in node["metadata"].get("annotations", {})
        ]
        waiting.sort(
            key=lambda node: (bool(pods_of(self.cluster, _name(node))), node["metadata"].get("creationTimestamp", ""))
        )
        yield from waiting[: max(0, free)]

    def _replace(self, pool: Object, node: Object) -> None:
        name = _name(node)
        self.moving.add(name)
        grace = _seconds(pool["spec"].get("template", {}).get("spec", {}).get("terminationGracePeriod", ""))
        drain = Drain(self.stage, self.cluster, name, grace, lambda _: self._remove(name), lambda: name in self.moving)

        def joined() -> None:
            if not self.current or ("", name) not in self.cluster.objects.get("/nodes", {}):
                self.moving.discard(name)
                return
            new = self.stage.workers.create_node(self.cluster, self._order(node))
            replace_claim(self.cluster, name, new)
            self.stage.workers.cordon(self.cluster, name, on=True)
            drain.step()

        self.stage.after(self.stage.timing.node_boot, joined)

    def _remove(self, name: str) -> None:
        self.stage.workers.remove_node(self.cluster, name)
        remove_claim(self.cluster, name)

    def _order(self, old: Object) -> NodeOrder:
        """A node like the old one, with the target's kubelet."""
        labels = {key: text for key, text in old["metadata"].get("labels", {}).items() if key not in _OWN_LABELS}
        zone = old["metadata"].get("labels", {}).get("topology.kubernetes.io/zone", f"{self.cluster.region}a")
        seed = f"{self.cluster.key}/{_name(old)}/{self.target}/{next(self.stage.numbers)}"
        instance = "i-0" + sha256(seed.encode()).hexdigest()[:16]
        taints = [taint for taint in old.get("spec", {}).get("taints", ()) if not taint["key"].startswith("node.kube")]
        system = old["status"]["nodeInfo"]
        was = Minor.parse(system["kubeletVersion"])
        return NodeOrder(
            instance,
            zone,
            private_address(instance),
            kubelet_for(str(self.target)),
            labels,
            tuple(taints),
            os_image=system["osImage"].replace(f"aws-k8s-{was}", f"aws-k8s-{self.target}"),
            os=system["operatingSystem"],
            arch=system["architecture"],
        )


def follow(stage: Backstage, cluster: SimCluster) -> None:
    """The minor has moved: Auto Mode's nodes drift at once, Karpenter's when it has noticed."""
    drift = stage.drifts[cluster.key] = Drift(stage, cluster, Minor.parse(cluster.version))
    if cluster.auto_mode:
        drift.tick()
    else:
        stage.after(stage.timing.drift_noticed, drift.tick)


def roll_to(stage: Backstage, cluster: SimCluster, target: Minor, done: Callable[[], None]) -> None:
    """Auto Mode's nodes go to a minor that the control plane is not at yet."""
    drift = stage.drifts[cluster.key] = Drift(stage, cluster, target, done)
    stage.after(timedelta(0), drift.tick)


def allowed(pool: Object, nodes: int) -> int:
    """Nodes of a pool that may be disrupted for drift: the strictest budget; one with a schedule counts as always."""
    budgets: list[dict[str, Any]] = pool["spec"].get("disruption", {}).get("budgets") or [{"nodes": "10%"}]
    limits = []
    for budget in budgets:
        if budget.get("reasons") and "Drifted" not in budget["reasons"]:
            continue
        text = str(budget["nodes"])
        limits.append(ceil(nodes * int(text[:-1]) / 100) if text.endswith("%") else int(text))
    return min(limits, default=nodes)


def _follows_minor(cluster: SimCluster, pool: Object) -> bool:
    """Whether the images of a pool change with the minor: by alias, or in Auto Mode; an image id does not."""
    reference = pool["spec"].get("template", {}).get("spec", {}).get("nodeClassRef", {})
    if reference.get("kind") == "NodeClass":
        return True
    found = cluster.objects.get(_CLASSES, {}).get(("", reference.get("name", "")))
    terms = found["spec"].get("amiSelectorTerms", ()) if found else ()
    return any("alias" in term for term in terms)


def _nodes(cluster: SimCluster, pool: str) -> list[Object]:
    nodes = cluster.objects.get("/nodes", {}).values()
    return [node for node in nodes if node["metadata"].get("labels", {}).get(_POOL) == pool]


def _name(node: Object) -> str:
    return str(node["metadata"]["name"])


def _seconds(text: str) -> timedelta | None:
    """A duration such as "1h30m"; None for an empty one, which never ends."""
    parts = re.findall(r"(\d+)([hms])", text)
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts)) if parts else None
