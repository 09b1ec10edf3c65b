"""Smoke tests of nodes, as steps run them: for the first new node of a rotation, or as a step of their own.

Everything is seen in the cluster: the pod by a name that only this work gives, and a node that passed by its label. So
a crash leaves nothing that the next look, or the undo, does not find.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.smoke import TESTED, Result, SmokeRun, SmokeTest, claim_of, pod_of, run_of
from fleetkeeper.core.verdict import Blocked
from fleetkeeper.engine.rotating import node_ref
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.values import digest

POLL = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class SeenSmoke:
    """The test of one work, None where none is configured. node: the node that is to be tested, None for none yet."""

    test: SmokeTest | None
    run: SmokeRun = field(default_factory=lambda: SmokeRun(""))
    node: LiveNode | None = None
    passed: str = ""  # the node that has passed already

    @property
    def is_open(self) -> bool:
        """Whether nothing stands in the way of going on: it was passed, or there is none."""
        return self.test is None or (bool(self.passed) and self.run.result is Result.ABSENT)

    @property
    def act(self) -> str:
        """What there is to do now, "" for nothing."""
        if self.test is None or self.is_open:
            return ""
        if self.run.result is Result.ABSENT:
            return f"run the smoke test on {self.node.name} ({self.test.text})" if self.node else ""
        if self.run.result is Result.PASSED:
            return f"take away the smoke test that {self.run.node} has passed"
        return ""

    @property
    def wait(self) -> str:
        if self.test is None or self.is_open:
            return ""
        if self.run.result is Result.RUNNING:
            return f"the smoke test runs on {self.run.node}" + (f": {self.run.why}" if self.run.why else "")
        return "" if self.run.result is not Result.ABSENT or self.node else "the smoke test waits for a new node"

    @property
    def obstacle(self) -> Blocked | None:
        """A failure, which stays to be looked at until somebody takes the pod away."""
        if self.test is None or self.run.result is not Result.FAILED:
            return None
        delete = f"kubectl --namespace {self.test.namespace} delete pod {self.run.name}"
        why = f"the smoke test failed on {self.run.node}: {self.run.why}"
        return Blocked(why, "", f"mend what it says, then {delete}: it runs once more")


def name_of(work: str) -> str:
    """Of the pod and its claim: another for every work, and the same after a crash."""
    return f"fleetkeeper-smoke-{digest(work)[:12]}"


def seen(kube: KubeWriter, test: SmokeTest | None, work: str, nodes: Iterable[LiveNode], now: datetime) -> SeenSmoke:
    """nodes: those of which one is to be tested; Ready ones alone count, the first by name."""
    if test is None:
        return SeenSmoke(None)
    name, each = name_of(work), sorted(nodes, key=lambda node: node.name)
    run = run_of(test, name, kube.read(_pod(test, name)), now)
    passed = next((node.name for node in each if node.labels.get(TESTED) == name), "")
    node = next((node for node in each if node.node.ready and not node.leaving), None)
    return SeenSmoke(test, run, node, passed)


def act(kube: KubeWriter, found: SeenSmoke) -> None:
    """Carry out what `act` says of what was just seen. A passed node is marked first, so that no crash forgets it."""
    if found.test is None or not found.act:
        return
    if found.run.result is Result.PASSED:
        kube.patch(node_ref(found.run.node), {"metadata": {"labels": {TESTED: found.run.name}}})
        remove(kube, found.test, found.run.name)
    elif found.node is not None:
        begin(kube, found.test, found.run.name, found.node)


def begin(kube: KubeWriter, test: SmokeTest, name: str, node: LiveNode) -> None:
    if test.storage_class:
        kube.create(_claim(test, name), claim_of(test, name))
    kube.create(_pod(test, name), pod_of(test, name, node))


def remove(kube: KubeWriter, test: SmokeTest, name: str) -> None:
    """The pod first: a claim that is in use stays until it is not."""
    kube.delete(_pod(test, name))
    if test.storage_class:
        kube.delete(_claim(test, name))


def sweep(kube: KubeWriter, test: SmokeTest | None, work: str) -> None:
    """At the end of the work, however it ends: pod, claim and the labels of nodes."""
    if test is None:
        return
    name = name_of(work)
    remove(kube, test, name)
    for node in kube.nodes():
        if node.labels.get(TESTED) == name:
            kube.patch(node_ref(node.name), {"metadata": {"labels": {TESTED: None}}})


def _pod(test: SmokeTest, name: str) -> ObjectRef:
    return ObjectRef("", "v1", "pods", test.namespace, name)


def _claim(test: SmokeTest, name: str) -> ObjectRef:
    return ObjectRef("", "v1", "persistentvolumeclaims", test.namespace, name)
