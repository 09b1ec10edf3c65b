"""A random world whose nodes are emptied, from a seed: what is in it, what happens, and what came of it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.playbook import Param
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Verdict, Wait
from fleetkeeper.errors import ReadError
from fleetkeeper.sim.aws.templates import publish
from fleetkeeper.sim.controllers import nodes as node_life
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAutoScalingGroup, SimTargetGroup
from tests.engine.steps.emptying import Rotation, Witness, marks, nodes, stateful
from tests.engine.steps.nodes import inside, join
from tests.engine.steps.walking import Place
from tests.sim.controllers.behaving import DEPLOYMENTS, NODES, PODS, SHOP

LIMIT = timedelta(hours=3)
"""A world takes a few minutes; one that is not at its end by then is stuck."""
PENDING = timedelta(minutes=4)
"""A replica has a node by then: the autoscaler looks each 10 seconds, and a new node takes some 90."""
GROUP = "shop-legacy"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:targetgroup/shop/0123456789abcdef"
_CLOUD = (
    *("DescribeAutoScalingGroups", "SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup", "SuspendProcesses"),
    *("ResumeProcesses", "DeregisterTargets", "DescribeTargetHealth"),
)
_HARMS = ("throttle", "error", "drop-before", "drop-after", "timeout", "unreachable")


@dataclass
class Outcome:
    seed: int
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    evictions: int = 0


@dataclass
class RandomWorld:
    """old: the nodes that are emptied. script: what happens at which second after the beginning."""

    seed: int
    place: Place = field(default_factory=Place)
    old: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    script: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    pending: dict[str, datetime] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    made: int = 0
    dead: bool = False
    tripled: bool = False
    ordered_at: datetime | None = None

    surges: bool = False
    """Whether the old nodes are of an Auto Scaling group, whose instances are replaced."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.surges = self.chance.random() < 0.3

    # ---- what is there

    def fill(self) -> None:
        count = self.chance.randint(2, 6)
        self.old = nodes(self.place, count)
        self.made = count
        if self.surges:
            self._group(count)
        for number in range(self.chance.randint(1, 5)):
            self._load(f"app{number}")
        if self.chance.random() < 0.5:
            self._stateful("data")
        self.place.later(seconds=90)
        if self.surges:
            with self.place.living.world.lock:
                publish(self.place.living.world, self.place.cluster, GROUP, "ami-0c0ffee0c0ffee002")
        else:
            self.join(count + self.chance.randint(0, 1))
        self.place.later(seconds=30)

    def _group(self, count: int) -> None:
        """The old nodes are the instances of the self-managed group."""
        own = self.group
        own.instances = {f"i-{number:04d}": "eu-west-1" + "ab"[number % 2] for number in range(count)}
        own.desired, own.minimum, own.maximum = count, count, count + self.chance.randint(1, 4)
        if self.chance.random() < 0.4:
            own.scaling.target_groups = [ARN]
            delay = timedelta(seconds=self.chance.randint(1, 120))
            self.place.living.world.target_groups[ARN] = SimTargetGroup(delay=delay)

    @property
    def group(self) -> SimAutoScalingGroup:
        return self.place.cluster.auto_scaling_groups[GROUP]

    @property
    def rotation(self) -> Rotation:
        parallel = self.chance.choice(["1", "2", "50%"])
        how: dict[str, Param] = {"parallel": parallel, "never_movable": "set-aside"}
        if self.surges:
            return Rotation(self.place, "surge-nodes", {"group": GROUP, **how})
        return Rotation(self.place, "drain-nodes", {"nodes": tuple(self.old), **how})

    def join(self, count: int) -> None:
        nodes(self.place, count, first=self.made)
        self.made += count

    def _load(self, name: str) -> None:
        replicas = self.chance.randint(1, 8)
        cpu = self.chance.choice(["50m", "100m", "250m", "500m"])
        pod = {
            "containers": [{"name": "main", "image": f"{name}:1", "resources": {"requests": {"cpu": cpu}}}],
            "terminationGracePeriodSeconds": self.chance.choice([1, 10, 30]),
        }
        inside(self.place).deploy(name, replicas, pod=pod)
        self.loads.append(name)
        self._budget(name, replicas)

    def _stateful(self, name: str) -> None:
        stateful(self.place, name, self.chance.randint(1, 3))
        inside(self.place).budget(name, maxUnavailable=1)

    def _budget(self, name: str, replicas: int) -> None:
        kind = self.chance.random()
        if kind < 0.25:
            return
        if kind < 0.55:
            inside(self.place).budget(name, maxUnavailable=self.chance.choice([1, 2, "25%", "50%"]))
        elif replicas > 1:
            inside(self.place).budget(name, minAvailable=self.chance.choice([1, replicas - 1, "50%"]))

    def make_room(self) -> None:
        """As the fix says."""
        if self.surges:
            self.group.maximum += 1
        else:
            self.join(1)

    # ---- what happens

    def plan(self) -> None:
        if self.chance.random() < 0.4:
            self._later(self._triple)
        if self.chance.random() < 0.3:
            self._later(self._new_budget)
        if self.chance.random() < 0.2 and not self.surges:  # there a new node that dies halts it, for a person
            self._later(self._kill_new_node)
        if self.chance.random() < 0.2:
            self._later(lambda: self.join(1))
        for _ in range(self.chance.randint(0, 3)):
            self._later(self._fault)
        self.script.sort(key=lambda each: each[0])

    def _later(self, happens: Callable[[], object]) -> None:
        self.script.append((self.chance.uniform(1, 300 if self.surges else 90), happens))

    def _triple(self) -> None:
        """As an autoscaler of pods does it, which finds three times the load."""
        name = self.chance.choice(self.loads)
        size = inside(self.place).get(DEPLOYMENTS, name)["spec"]["replicas"]
        inside(self.place).change(DEPLOYMENTS, name, replicas=3 * size)
        self.tripled = True
        self.happened.append(f"{name} from {size} to {3 * size}")

    def _new_budget(self) -> None:
        """Somebody makes a budget, or changes it, in mid-drain."""
        name = self.chance.choice(self.loads)
        objects = inside(self.place).live.objects
        if objects.get("policy/poddisruptionbudgets", SHOP, name) is None:
            inside(self.place).budget(name, maxUnavailable=1)
            self.happened.append(f"budget of {name}")

    def _kill_new_node(self) -> None:
        """One that is not emptied dies under its pods."""
        live = inside(self.place).live
        others = [each["metadata"]["name"] for each in live.objects.of(NODES)]
        others = sorted(each for each in others if each not in self.old)
        if len(others) > 1:
            self.dead = True
            name = self.chance.choice(others)
            self.happened.append(f"{name} dies")
            node_life.terminate(live, name)

    def _fault(self) -> None:
        harm, count = self.chance.choice(_HARMS), self.chance.randint(1, 4)
        if self.surges and self.chance.random() < 0.5:
            self._cloud_fault(harm, count)
            return
        operation = self.chance.choice(["/pods", "/nodes", "/pods/eviction", "policy/poddisruptionbudgets"])
        self.happened.append(f"{count} x {harm} of {operation}")
        self.place.living.world.order(Fault("kube", harm, operation=operation, count=count))

    def _cloud_fault(self, harm: str, count: int) -> None:
        operation = self.chance.choice(_CLOUD)
        self.happened.append(f"{count} x {harm} of {operation}")
        self.place.living.world.order(Fault("aws", harm, operation=operation, count=count))

    # ---- time

    def later(self, seconds: float) -> None:
        """Time passes to the next thing that happens, or so long; the autoscaler gives nodes to pods without one."""
        self.place.later(seconds=seconds)
        now = self.place.now
        waiting: dict[str, datetime] = {}
        for pod in inside(self.place).live.objects.of(PODS):
            if not pod["spec"].get("nodeName") and not pod["metadata"].get("deletionTimestamp"):
                uid = pod["metadata"]["uid"]
                waiting[uid] = self.pending.get(uid, now)
        self.pending = waiting
        if self.pending and max(now - since for since in self.pending.values()) > PENDING:
            self.late |= {uid for uid, since in self.pending.items() if now - since > PENDING}
        self._scale_up(now)

    def _scale_up(self, now: datetime) -> None:
        due = [since for since in self.pending.values() if now - since > timedelta(seconds=20)]
        if due and (self.ordered_at is None or now - self.ordered_at > timedelta(seconds=30)):
            self.ordered_at = now
            self.happened.append("the autoscaler adds a node")
            first = self.made
            self.made += 1
            self.place.living.timeline.after(75, lambda: _register(self.place, first))


def _register(place: Place, number: int) -> None:
    join(place, f"i-{number:04d}", number)


def played(seed: int, show: bool = False) -> Outcome:
    """Play the world of a seed to its end."""
    world, outcome = RandomWorld(seed), Outcome(seed)
    world.fill()
    witness = Witness(world.place, set(world.old))
    began = world.place.now
    world.plan()
    run = world.rotation
    run.dies = [world.chance.choice(["", "", "", "before", "after"]) for _ in range(200)]
    verdict = _to_its_end(world, run, show)
    world.later(120)
    outcome.seconds = (world.place.now - began).total_seconds()
    outcome.evictions = sum(witness.evicted.values())
    outcome.faults = list(_faults(world, witness, verdict))
    if show:
        print(world.happened, outcome)
    return outcome


def _to_its_end(world: RandomWorld, run: Rotation, show: bool) -> Verdict:
    began = world.place.now
    while True:
        try:
            verdict = run.tick()
        except ReadError as error:
            verdict = Wait(str(error), timedelta(seconds=1))
        passed = world.place.now - began
        if show:
            print(
                round(passed.total_seconds(), 1),
                type(verdict).__name__,
                getattr(verdict, "what", ""),
                getattr(verdict, "why", ""),
            )
        if isinstance(verdict, Done | Failed) or passed > LIMIT:
            return verdict
        while world.script and world.script[0][0] <= passed.total_seconds():
            world.script.pop(0)[1]()
        if isinstance(verdict, Blocked) and "no room" in verdict.why:
            world.make_room()
        pause = 60.0 if isinstance(verdict, Blocked) else 1.0
        if isinstance(verdict, Act | Wait) and verdict.again is not None:
            pause = verdict.again.total_seconds()
        world.later(pause)


def _faults(world: RandomWorld, witness: Witness, verdict: Verdict) -> Iterator[str]:
    if not isinstance(verdict, Done):
        yield f"it ended as {verdict}, after {world.happened}"
    yield from (f"budget exceeded: {each}" for each in witness.exceeded)
    again = sum(witness.evicted.values()) - len(set(witness.evicted) | witness.moved)
    strangers = set(witness.evicted) - witness.moved
    if again > 0:
        yield f"{again} evictions too many"
    if strangers and not world.tripled and not world.dead:
        yield f"{len(strangers)} pods were evicted that were on no old node at the beginning"
    if witness.landed and not world.tripled and not world.dead:
        yield f"came back to old nodes: {witness.landed}"
    if world.late:
        yield f"{len(world.late)} replicas had no node for {PENDING}"
    if witness.forced:
        yield f"deleted by force: {witness.forced}"
    if isinstance(verdict, Done):
        yield from (_surge_faults(world) if world.surges else _drain_faults(world))


def _drain_faults(world: RandomWorld) -> Iterator[str]:
    """Of the end: nothing is left on old nodes, and all of them are cordoned."""
    objects = inside(world.place).live.objects
    there = [name for name in world.old if objects.get(NODES, "", name)]
    for name in there:
        if left := [each for each in inside(world.place).pods(name) if not each["metadata"].get("deletionTimestamp")]:
            yield f"{len(left)} pods are left on {name}"
        if "cordoned" not in marks(world.place)[name]:
            yield f"{name} is not cordoned"


def _surge_faults(world: RandomWorld) -> Iterator[str]:
    """Of the end: no old instance, as many as before or more, and nothing of ours."""
    own = world.group
    running = [each for each in own.instances if not own.life.get(each, "").startswith("Terminating")]
    if set(running) & {f"i-{number:04d}" for number in range(len(world.old))}:
        yield f"old instances are left: {running}"
    if not len(world.old) <= len(running) <= own.maximum or own.desired != len(running):
        yield f"{len(running)} instances run, {own.desired} are desired, {len(world.old)} were there"
    if left := marks(world.place):
        yield f"marks are left: {left}"
    if own.suspended:
        yield f"suspended: {own.suspended}"
