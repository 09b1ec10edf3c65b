"""Two simulated EKS clusters with real control planes, an engine as `serve` has it, and witnesses of what it does."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
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
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.server import Simulator
from tests.contract.karpenter_crds import node_class, node_class_crd, node_pool, node_pool_crd
from tests.control_plane.readers import create, templated
from tests.control_plane.shop import Object
from tests.control_plane.witnesses import CLASSES, POOLS, Witness
from tests.engine.live import world_of
from tests.waiting import wait_until

SCALE = 120.0
"""15 minutes pass in 7.5 seconds, in which KWOK and the controllers do their work."""
PATIENCE = 120.0
OWN_BUDGETS: list[Object] = [{"nodes": "1", "reasons": ["Drifted", "Empty"]}, {"nodes": "50%"}]
MERGE = "application/merge-patch+json"
RBAC = "rbac.authorization.k8s.io/v1"

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
        pin(witnesses["shop"].plane)
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


def pin(plane: ControlPlane) -> None:
    """Two pods of a Deployment, on the node whose image is its owner's."""
    made = templated("ledger", replicas=2)
    made["spec"]["template"]["spec"]["nodeSelector"] = {"eks.amazonaws.com/nodegroup": "kept"}
    create(plane, "Deployment", "shop", made)


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
    clock, metrics, cancel = clock_of(os.environ[ENVIRONMENT]), Metrics(), keeper.ports.cancel
    with wiring.engine(settings, keeper) as executor:
        assert executor is not None
        daemon = Daemon(keeper, settings, metrics, lambda until: clock.wait(until, cancel))
        engine = EngineThread(executor, metrics, cancel)
        daemon.start()
        engine.start()
        try:
            yield
        finally:
            assert daemon.stop(30)
            assert engine.ended(30)
