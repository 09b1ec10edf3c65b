"""Two simulated EKS clusters with real control planes, an engine as `serve` has it, and witnesses of what it does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from fleetkeeper import wiring
from fleetkeeper.adapters.store import schema
from fleetkeeper.clock import ENVIRONMENT, ScaledClock, clock_of
from fleetkeeper.config import Settings
from fleetkeeper.core import parts
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import OVER, Command, RunState, Step, Task, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.daemon import Daemon, EngineThread
from fleetkeeper.data import data_path
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.keeper import Keeper
from fleetkeeper.metrics import Metrics
from fleetkeeper.onboarding import shipped
from fleetkeeper.settings.load import load
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.backed import backed
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.following import Follower
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster
from tests.contract.karpenter_crds import node_class, node_class_crd, node_pool, node_pool_crd
from tests.control_plane.shop import is_complete
from tests.engine.live import world_of
from tests.waiting import wait_until

Object = dict[str, Any]

SCALE = 120.0
"""15 minutes pass in 7.5 seconds, in which KWOK and the controllers do their work."""
PATIENCE = 120.0
POOLS, CLASSES = "karpenter.sh/nodepools", "karpenter.k8s.aws/ec2nodeclasses"
OWN_BUDGETS: list[Object] = [{"nodes": "1", "reasons": ["Drifted", "Empty"]}, {"nodes": "50%"}]
POOL = "karpenter.sh/nodepool"
MERGE = "application/merge-patch+json"
RBAC = "rbac.authorization.k8s.io/v1"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"

_SCENARIO = """
[template.pair]
version = "1.35"
[[template.pair.nodes]]
name = "general"
count = 2
[[template.pair.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/web:4.2.0"]
replicas = 3
min_available = "2"
nodes = "general"

[[cluster]]
name = "shop"
key = "shop"
template = ["pair"]
account = "111122223333"
region = "eu-west-1"
tags = { environment = "prod", ring = "canary", service = "shop", owner = "team-shop" }
addons = { vpc-cni = "default", coredns = "default", kube-proxy = "default" }
[[cluster.nodes]]
name = "kept"
count = 1
custom_ami = true
[[cluster.workload]]
namespace = "shop"
name = "ledger"
images = ["ghcr.io/example/ledger:1.0.0"]
nodes = "kept"

[[cluster]]
name = "loft"
key = "loft"
template = ["pair"]
account = "111122223333"
region = "eu-west-1"
tags = { environment = "prod", ring = "production", service = "loft", owner = "team-loft" }
addons = { vpc-cni = "default", coredns = "v1.13.2-eksbuild.19", kube-proxy = "default" }
[[cluster.nodes]]
name = "flex"
kind = "karpenter"
count = 1
[[cluster.helm]]
chart = "karpenter"
version = "1.14.0"
app_version = "1.14.0"
namespace = "kube-system"
"""
_SETTINGS = """
playbook_folders = ["playbooks"]

[store]
url = "sqlite:///fleet.db"

[aws]
regions = ["eu-west-1"]
endpoint_url = "{url}"
requests_per_second = 100

[[aws.accounts]]
id = "111122223333"

[kubernetes]
timeout_seconds = 20

[observe]
schedule = "*/5 * * * *"
helm_secrets = true

[approvals]
local = true

[approvals.people]
ann = "operator"
bob = "approver"

[[assess.targets]]
minor = "1.36"

[[engine.direct]]
"""
_STAGES = """
[[stages]]
name = "canary"
clusters = "ring=canary"
max_failures = 0

[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
params.for = "5m"
timeout = "1d"

[[stages]]
name = "rest"
"""


@dataclass(frozen=True, slots=True)
class Sight:
    """A cluster at a time of the world. kubelets: node → version; flex: the nodes of that NodePool.

    pods: UID → node, of those whose node is there: the rest of a removed one are collected within a minute.
    """

    at: datetime
    version: str
    pods: dict[str, str]
    kubelets: dict[str, str]
    flex: frozenset[str]


@dataclass(slots=True)
class Witness:
    """Looks at one real API server again and again, as its admin, and follows its budgets and NodePools.

    budgets: (name, healthy pods, how many there must be) of each change. pools: the budgets of NodePool flex in turn.
    """

    simulator: Simulator
    cluster: SimCluster
    plane: ControlPlane
    sights: list[Sight] = field(default_factory=list)
    budgets: list[tuple[str, int, int]] = field(default_factory=list)
    pools: list[list[Object]] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"witness {self.cluster.key}", daemon=True)

    def start(self) -> None:
        self._follow(BUDGETS, self._budget)
        if self.cluster.key == "loft":
            for resource in (CLASSES, POOLS):
                self._mirror(resource)
            self._follow(f"/apis/karpenter.sh/v1/{POOLS.partition('/')[2]}", self._pool)
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        if self.thread.ident is not None:
            self.thread.join()
        for each in self.followers:
            each.close()

    def sight(self) -> Sight:
        """The cluster as it is now; ControlPlaneError while its API server is away."""
        version, pods, found = (self._read(path) for path in ("/version", "/api/v1/pods", "/api/v1/nodes"))
        nodes = {each["metadata"]["name"]: each for each in found["items"]}
        placed = {each["metadata"]["uid"]: each["spec"].get("nodeName", "") for each in pods["items"]}
        return Sight(
            self.simulator.world.now(),
            str(version["gitVersion"]),
            {uid: node for uid, node in placed.items() if node in nodes},
            {name: each["status"]["nodeInfo"]["kubeletVersion"] for name, each in nodes.items()},
            frozenset(name for name, each in nodes.items() if POOL in each["metadata"]["labels"]),
        )

    def between(self, begins: datetime, ends: datetime) -> list[Sight]:
        found = [each for each in self.sights if begins <= each.at < ends]
        assert found, f"{self.cluster.key} was not seen between {begins} and {ends}"
        return found

    def settled(self) -> Sight:
        """Once every Deployment and DaemonSet has its own Ready."""
        for kind in ("deployments", "daemonsets"):
            self.plane.wait_for(f"/apis/apps/v1/{kind}", lambda found: all(map(is_complete, found["items"])))
        return self.sight()

    def pool(self) -> Object:
        found: Object = self._read("/apis/karpenter.sh/v1/nodepools/flex")
        return found

    def _read(self, path: str) -> Any:
        answer = self.plane.request("GET", path)
        if not answer.ok:
            raise ControlPlaneError(f"GET {path}: {answer.status}")
        return answer.json()

    def _run(self) -> None:
        while not self.closing.wait(0.15):
            with suppress(ControlPlaneError):
                self.sights.append(self.sight())

    def _budget(self, found: Object) -> None:
        status = found.get("status", {})
        if status.get("observedGeneration"):
            self.budgets.append((found["metadata"]["name"], status["currentHealthy"], status["desiredHealthy"]))

    def _pool(self, found: Object) -> None:
        budgets = found["spec"]["disruption"]["budgets"]
        if not self.pools or self.pools[-1] != budgets:
            self.pools.append(budgets)

    def _mirror(self, resource: str) -> None:
        """The simulated Karpenter looks at what the real API server has."""
        group, _, plural = resource.partition("/")

        def put(found: Object) -> None:
            with self.simulator.world.lock:
                self.cluster.put(resource, found)

        self._follow(f"/apis/{group}/v1/{plural}", put)

    def _follow(self, path: str, told: Callable[[Object], None]) -> None:
        def listed(found: list[Object]) -> None:
            for each in found:
                told(each)

        follower = Follower(self.plane, path, listed, lambda kind, each: None if kind == "DELETED" else told(each))
        self.followers.append(follower)
        follower.start()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The clusters `shop` (a group with images of its own beside) and `loft` (Karpenter beside), both on 1.35."""

    simulator: Simulator
    settings: Settings
    keeper: Keeper
    witnesses: dict[str, Witness]

    def say(self, verb: Verb, subject: str, who: str) -> None:
        """Leave a verb for the engine, and wait until it is taken up."""
        id = f"{verb}-{uuid4().hex}"
        self.keeper.command(Command(id, subject, verb, "", who, "local", self.keeper.ports.clock.now()))
        applied = wait_until(lambda: self.keeper.applied(id), f"{verb} of {who} is taken up")
        assert applied.accepted, applied.result

    def plan(self, playbook: str, selector: str = "", of: str = "") -> Plan:
        """By ann, once the fleet was seen as it is now."""
        self.seen(self.keeper.ports.clock.now())
        found = wiring.playbooks(self.settings.playbook_folders)[playbook]
        return self.keeper.plan(found, Selector.parse(selector), "ann", timedelta(days=7), of)

    def seen(self, since: datetime) -> None:
        """Wait for an observation of everything that began after a time, and its assessment."""
        store = self.keeper.ports.store
        last = (parts.CONTROL_PLANE, parts.NODES, parts.WORKLOADS, parts.MANAGED_ADDONS)

        def is_seen(id: ClusterId) -> bool:
            found = [store.cluster_part(id, part) for part in last]
            tracking = store.tracking(id)
            times = [each.observed_at if each else None for each in found] + [tracking.at if tracking else None]
            return all(at is not None and at > since for at in times)

        def all_are() -> bool:
            clusters = store.clusters(only=())
            return len(clusters) == len(self.witnesses) and all(is_seen(each.id) for each in clusters)

        wait_until(all_are, f"the fleet is seen after {since}")

    def begin(self, plan: Plan) -> str:
        """ann starts it, bob approves; the id of its run."""
        run = self.keeper.start(plan.header.id, "ann").run
        self.say(Verb.START, run, "ann")
        self.say(Verb.APPROVE, plan.header.id, "bob")
        return run

    def rests(self, id: str) -> StoredRun:
        """The run when it is over, or waits for a person."""
        resting = OVER | {RunState.PAUSED, RunState.BLOCKED}
        return wait_until(
            lambda: found if (found := self.stored(id)).run.state in resting else None,
            f"{id} comes to rest",
            lambda: told(self.stored(id)),
            PATIENCE,
        )

    def stored(self, id: str) -> StoredRun:
        return self.keeper.run(id) or pytest.fail(f"no run {id}")

    def over(self, id: str) -> StoredRun:
        return wait_until(
            lambda: found if (found := self.stored(id)).run.state in OVER else None,
            f"{id} is over",
            lambda: told(self.stored(id)),
        )

    def updates(self, key: str, kind: str, group: str) -> list[SimUpdate]:
        """Those of a kind that EKS was brought to begin, in their order. group: "" for the control plane's own."""
        with self.simulator.world.lock:
            every = self.simulator.world.clusters[key].eks.updates.values()
            return [each for each in every if (each.type, each.node_group) == (kind, group) and not each.addon]

    def addons(self, key: str) -> dict[str, str]:
        with self.simulator.world.lock:
            return {name: each.version for name, each in self.simulator.world.clusters[key].addons.items()}


def told(run: StoredRun) -> str:
    """Where a run stands, for whoever reads that a test failed."""
    lines = [f"{run.run.state}: {run.run.why}"]
    lines += [f"{each.name} {each.state} at {each.step}: {each.why}" for each in run.tasks]
    lines += [f"  {each.key.idx} {each.name} {each.state} {each.error}" for each in run.steps]
    return "\n".join(lines)


def task_of(run: StoredRun, name: str) -> Task:
    (found,) = (each for each in run.tasks if each.name == name)
    return found


def steps_of(run: StoredRun, name: str) -> dict[str, Step]:
    """The steps of a member that were begun, by their names, in their order."""
    key = task_of(run, name).key
    return {each.name: each for each in run.steps if each.key == key}


@contextmanager
def fleet_of_two(folder: Path, environ: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Served until the block ends, with an engine and a daemon that observes every five minutes of the world."""
    world = world_of(_SCENARIO)
    world.scale = SCALE
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator(world))
        witnesses: dict[str, Witness] = {}
        stack.callback(_close, witnesses)  # after the planes: their end is that of open watches
        for key in world.clusters:
            plane = stack.enter_context(backed(simulator, key))
            onboard(plane)
            witnesses[key] = Witness(simulator, world.clusters[key], plane)
        install_karpenter(witnesses["loft"].plane)
        for each in witnesses.values():
            each.settled()
            each.start()
        settings = _settings(folder, environ, simulator)
        keeper = stack.enter_context(wiring.keeper(settings, "error", rests=True))
        with _serving(settings, keeper):
            yield Fleet(simulator, settings, keeper, witnesses)
        assert simulator.aws.violations == []


def _close(witnesses: dict[str, Witness]) -> None:
    for each in witnesses.values():
        each.close()


def onboard(plane: ControlPlane) -> None:
    """The RBAC that is shipped, of the reader and of the executor, in place of the scenario's own."""
    texts = (shipped.rbac(helm_secrets=True), shipped.text_of(shipped.KUBERNETES_EXECUTOR))
    for manifest in (each for text in texts for each in yaml.safe_load_all(text)):
        namespace = manifest["metadata"].get("namespace")
        inside = f"namespaces/{namespace}/" if namespace else ""
        path = f"/apis/{RBAC}/{inside}{manifest['kind'].lower()}s"
        plane.request("DELETE", f"{path}/{manifest['metadata']['name']}")
        plane.create(path, manifest)


def install_karpenter(plane: ControlPlane) -> None:
    """A NodePool and its class, of kinds with the rules that the real CRDs check, which the scenario's chart lacks."""
    for each in (node_pool_crd(), node_class_crd()):
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{each['metadata']['name']}"
        assert plane.request("PATCH", path, {"spec": each["spec"]}, content_type=MERGE).ok
    for resource in (POOLS, CLASSES):
        group, _, plural = resource.partition("/")
        plane.wait_for(f"/apis/{group}/v1/{plural}", lambda _: True)
    plane.create("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", node_class())
    plane.create("/apis/karpenter.sh/v1/nodepools", node_pool("flex", OWN_BUDGETS))


def _settings(folder: Path, environ: pytest.MonkeyPatch, simulator: Simulator) -> Settings:
    """A settings file, an environment with the world's clock, and an empty database."""
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "minor-upgrade.toml").write_text(_playbook(), "utf-8")
    file = folder / "fleetkeeper.toml"
    file.write_text(_SETTINGS.format(url=simulator.aws_url), "utf-8")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        environ.delenv(name, raising=False)
    environ.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    environ.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    environ.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    environ.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    environ.setenv("NO_PROXY", "*")
    clock = ScaledClock(simulator.world.now(), datetime.now(UTC), SCALE)
    environ.setenv(ENVIRONMENT, clock.to_text())
    settings = load(file, {})
    schema.upgrade(settings.store)
    return settings


def _playbook() -> str:
    """The steps that are shipped with less time to bake, and stages of our own."""
    text = (data_path("playbooks") / "minor-upgrade.toml").read_text("utf-8")
    steps, cut, _ = text.partition("# ---- who goes when")
    assert cut
    assert 'params.for = "2h"' in steps
    return steps.replace('params.for = "2h"', 'params.for = "10m"') + _STAGES


@contextmanager
def _serving(settings: Settings, keeper: Keeper) -> Iterator[None]:
    """What `serve` runs: a thread that observes and assesses on the schedule, and the engine."""
    clock, metrics, cancel = keeper.ports.clock, Metrics(), keeper.ports.cancel
    waiting = clock_of(clock.to_text()) if isinstance(clock, ScaledClock) else pytest.fail("the clock is not scaled")
    with wiring.engine(settings, keeper) as executor:
        assert executor is not None
        daemon = Daemon(keeper, settings, metrics, lambda until: waiting.wait(until, cancel))
        engine = EngineThread(executor, metrics, cancel)
        daemon.start()
        engine.start()
        try:
            yield
        finally:
            assert daemon.stop(30)
            assert engine.ended(30)
