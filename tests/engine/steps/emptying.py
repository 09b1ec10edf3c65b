"""Nodes that a step of our own empties, walked as the engine walks it, and what pods come through meanwhile."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.core.verdict import Act, Blocked, Memory, Moment, Undoing, Verdict, Wait
from fleetkeeper.engine.step import Step
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.writers import KubeWriter, Writers
from fleetkeeper.errors import ReadError
from fleetkeeper.sim.kube.state_log import Event
from fleetkeeper.sim.world import Object
from tests.engine.steps.nodes import inside, join
from tests.engine.steps.walking import TOKEN, Place
from tests.sim.controllers.behaving import BUDGETS, DEPLOYMENTS, NODES, PODS, STATEFUL
from tests.sim.controllers.test_placing import CLAIM, CLASS


@dataclass
class Rotation:
    """One step of the member from its first look to its end. memory is what is stored; nothing else outlives a tick.

    dies: an act ends before (it has not begun) or after (what it returned is not stored) as this says, each in turn.
    """

    place: Place
    kind: str
    params: dict[str, Param]
    memory: Memory = field(default_factory=dict)
    told: list[Verdict] = field(default_factory=list)
    dies: list[str] = field(default_factory=list)
    acted: bool = False

    @property
    def step(self) -> Step:
        """Made anew for each look: a step keeps nothing."""
        return all_steps()[self.kind].of(self.params)

    def moment(self, *, following: bool = False) -> Moment:
        return Moment(self.place.now, self.place.now, TOKEN, self.acted, 0, self.memory, following)

    def tick(self) -> Verdict:
        """One look; an act is stored, looked at once more, and carried out."""
        world, subject = self.place.world, self.place.subject()
        verdict = self._looked()
        if isinstance(verdict, Act):
            self.memory = verdict.memory
            again = self._looked()
            if not isinstance(again, Act):
                return again
            fate = self.dies.pop(0) if self.dies else ""
            if fate != "before":
                left = self.step.act(world, subject, self.moment(), again.memory)
                self.memory = self.memory if fate == "after" else left
            self.acted = True
        elif isinstance(verdict, Wait) and verdict.keep is not None:
            self.memory = verdict.keep
        return verdict

    def _looked(self) -> Verdict:
        moment = self.moment()
        verdict = self.step.decide(self.step.look(self.place.world, self.place.subject(), moment), moment)
        if not self.told or self.told[-1] != verdict:
            self.told.append(verdict)
        return verdict

    def until_it_rests(self, limit: float = 3600, every: float | None = None) -> Verdict:
        """Ticks at the step's own pace until it is over, blocked or so many seconds have passed: the last verdict.

        A read that fails costs its tick, as in the engine. every: seconds instead of the step's pace.
        """
        end = self.place.now + timedelta(seconds=limit)
        while True:
            try:
                verdict = self.tick()
            except ReadError:
                verdict = Wait("a read failed", timedelta(seconds=1))
            if not isinstance(verdict, Act | Wait) or self.place.now >= end:
                return verdict
            assert verdict.again is not None
            self.place.later(seconds=every or verdict.again.total_seconds())

    def through(self, seconds: float) -> Verdict:
        """The verdict after so much time, whatever it says meanwhile; blocked is looked at again each minute."""
        end = self.place.now + timedelta(seconds=seconds)
        while True:
            verdict = self.until_it_rests((end - self.place.now).total_seconds())
            if not isinstance(verdict, Blocked) or self.place.now >= end:
                return verdict
            self.place.later(seconds=60)

    def abort(self) -> Undoing:
        """What is under way is let go, then what is ours is undone."""
        moment = self.moment(following=True)
        followed = self.step.decide(self.step.look(self.place.world, self.place.subject(), moment), moment)
        assert not isinstance(followed, Act)
        undone = self.step.undo(self.place.world, self.place.subject(), moment)
        while isinstance(undone, Wait):
            self.place.later(seconds=1)
            undone = self.step.undo(self.place.world, self.place.subject(), self.moment(following=True))
        return undone


@dataclass
class Witness:
    """Counts what pods come through while nodes are emptied: it stands between the step and the API server.

    old: names of nodes that are emptied. evicted: accepted evictions by uid. exceeded: evictions of Ready pods that
    left fewer Ready than the budget wants, by the sizes of the controllers at that moment. landed: pods that were bound
    to a node of these after the first eviction. refuses: what dry runs are answered instead.
    """

    place: Place
    old: set[str]
    evicted: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    landed: list[str] = field(default_factory=list)
    exceeded: list[str] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    refuses: Eviction | None = None

    def __post_init__(self) -> None:
        objects = inside(self.place).live.objects
        there = (each for each in objects.of(PODS) if each["spec"].get("nodeName") in self.old and _is_drained(each))
        self.moved = {each["metadata"]["uid"] for each in there}
        objects.subscribe(self._hear)
        self.place.world = replace(self.place.world, writers=cast(Any, _Writers(self.place.world.writers, self)))

    @property
    def evictions_per_pod(self) -> float:
        return sum(self.evicted.values()) / len(self.moved) if self.moved else 1.0

    def asked(self, pod: LivePod, answer: Eviction, was_ready: bool) -> None:
        self.answers[answer.outcome] += 1
        if answer.outcome is Outcome.ACCEPTED:
            self.evicted[pod.uid] += 1
            if was_ready:
                self.exceeded += exceeded(self.place, pod)

    def _hear(self, event: Event) -> None:
        if event.resource != PODS or event.before is None or not self.evicted:
            return
        name = event.object["spec"].get("nodeName")
        if not event.before["spec"].get("nodeName") and name in self.old and _is_drained(event.object):
            self.landed.append(f"{event.object['metadata']['name']} on {name}")


@dataclass
class _Writers:
    real: Writers
    witness: Witness

    def kube(self, *where: Any) -> "_Kube":
        return _Kube(self.real.kube(*where), self.witness)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@dataclass
class _Kube:
    real: KubeWriter
    witness: Witness

    def evict(self, pod: LivePod, dry_run: bool = False) -> Eviction:
        if dry_run:
            return self.witness.refuses or self.real.evict(pod, dry_run)
        found = inside(self.witness.place).live.objects.get(PODS, pod.namespace, pod.name)
        was_ready = found is not None and _is_ready(found)
        answer = self.real.evict(pod)
        self.witness.asked(pod, answer, was_ready)
        return answer

    def delete_pod(self, pod: LivePod) -> Eviction:
        self.witness.forced.append(pod.place)
        return self.real.delete_pod(pod)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def exceeded(place: Place, pod: LivePod) -> list[str]:
    """The budgets of a pod that have fewer Ready pods than they want."""
    objects, found = inside(place).live.objects, []
    for budget in objects.of(BUDGETS):
        wanted = budget["spec"]["selector"].get("matchLabels") or {}
        if any(pod.labels.get(key) != value for key, value in wanted.items()):
            continue
        ready = sum(_is_ready(each) for each in objects.of(PODS) if _fits(each, wanted))
        least = _least(place, budget, wanted)
        if ready < least:
            found.append(f"{budget['metadata']['name']}: {ready} Ready, {least} wanted")
    return found


def _least(place: Place, budget: Object, wanted: dict[str, str]) -> int:
    """By the spec and the sizes of controllers, not by the status, which may be late."""
    loads = (each for resource in (DEPLOYMENTS, STATEFUL) for each in inside(place).live.objects.of(resource))
    size: int = sum(
        each["spec"].get("replicas", 1)
        for each in loads
        if all(each["spec"]["template"]["metadata"]["labels"].get(key) == value for key, value in wanted.items())
    )
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        return size - _number(spec["maxUnavailable"], size)
    return _number(spec["minAvailable"], size)


def _number(limit: object, of: int) -> int:
    return -(-int(limit[:-1]) * of // 100) if isinstance(limit, str) else int(str(limit))


def _fits(pod: Object, wanted: dict[str, str]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in wanted.items())


def _is_drained(pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return all(each["kind"] != "DaemonSet" for each in owners)


def _is_ready(pod: Object) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def nodes(place: Place, count: int, first: int = 0) -> list[str]:
    """Nodes of nobody's group, in two zones by turns."""
    found = [join(place, f"i-{first + number:04d}", first + number) for number in range(count)]
    place.later(seconds=20)
    return found


def stateful(place: Place, name: str = "data", replicas: int = 3) -> None:
    """A StatefulSet whose pods have a volume of one zone each."""
    objects = inside(place).live.objects
    if objects.get("storage.k8s.io/storageclasses", "", "gp3") is None:
        objects.create("storage.k8s.io/storageclasses", {"metadata": {"name": "gp3"}, **CLASS})
    claim = {**CLAIM, "metadata": {"name": "disk"}}
    inside(place).deploy(name, replicas, STATEFUL, serviceName=name, volumeClaimTemplates=[claim])


def drain(place: Place, *names: str, **params: Param) -> Rotation:
    return Rotation(place, "drain-nodes", {"nodes": names, **params})


def node(place: Place, name: str) -> Object:
    return inside(place).get(NODES, name)


def marks(place: Place) -> dict[str, list[str]]:
    """Node → keys of ours that are on it: annotations, the taint, the cordon, the label."""
    found: dict[str, list[str]] = {}
    for each in inside(place).live.objects.of(NODES):
        meta, spec = each["metadata"], each["spec"]
        own = [key for key in meta.get("annotations") or {} if "fleetkeeper" in key or "cluster-autoscaler" in key]
        own += [taint["key"] for taint in spec.get("taints") or () if "fleetkeeper" in taint["key"]]
        own += [key for key in meta.get("labels") or {} if key.endswith("exclude-from-external-load-balancers")]
        own += ["cordoned"] if spec.get("unschedulable") else []
        if own:
            found[meta["name"]] = sorted(own)
    return found


def on(place: Place, *names: str) -> list[str]:
    """The pods on these nodes that a drain would move."""
    objects = inside(place).live.objects
    return sorted(
        each["metadata"]["name"]
        for each in objects.of(PODS)
        if each["spec"].get("nodeName") in names and _is_drained(each)
    )


def change(place: Place, name: str, **spec: Any) -> None:
    inside(place).change(NODES, name, **spec)
