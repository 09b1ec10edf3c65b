"""restart-fargate: restarts the workloads whose pods run on Fargate with an older kubelet, and waits for new ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.restarts import PLURALS, Restartable, change, restartable
from fleetkeeper.core.verdict import Act, Blocked, Done, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import KubeWriter, ObjectRef

POLL = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SeenFargate:
    """How many Fargate nodes there are, those that are behind, what runs on them, and the workloads that made that."""

    nodes: int
    behind: tuple[LiveNode, ...] = ()
    pods: tuple[LivePod, ...] = ()
    workloads: tuple[Restartable, ...] = ()

    def to_restart(self, token: str) -> tuple[Restartable, ...]:
        """Those that move, and that this attempt did not restart yet. A token of "" is none."""
        return tuple(each for each in self.workloads if not each.stays and (each.restarted_by != token or not token))

    @property
    def left(self) -> tuple[LivePod, ...]:
        """Pods that no new template makes anew: of a DaemonSet, of a Job, of nothing, or of a workload that stays."""
        moving = {(each.namespace, f"{each.kind}/{each.name}") for each in self.workloads if not each.stays}
        return tuple(pod for pod in self.pods if (pod.namespace, pod.controller) not in moving)


@dataclass(frozen=True, slots=True)
class RestartFargate:
    """A Fargate pod is a node of its own, which keeps its kubelet as long as the pod lives: only a new pod is newer."""

    kind: ClassVar[str] = "restart-fargate"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # a template carries the token of its restart
    cancellable: ClassVar[bool] = True

    to: Minor

    @classmethod
    def of(cls, params: Params) -> "RestartFargate":
        given = Given(params)
        made = cls(given.minor("to"))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenFargate:  # noqa: ARG002  # it has no past
        with kube_of(world, subject) as kube:
            return self._seen(kube)

    def _seen(self, kube: KubeWriter) -> SeenFargate:
        nodes = [each for each in kube.nodes() if each.node.kind is ComputeKind.FARGATE and not each.leaving]
        behind = tuple(each for each in nodes if each.is_behind(self.to))
        if not behind:
            return SeenFargate(len(nodes))
        found = kube.pods([each.name for each in behind])
        pods = tuple(each for each in found if not each.has_ended and each.leaving_since is None)
        return SeenFargate(len(nodes), behind, pods, tuple(_workloads(kube, pods)))

    def decide(self, seen: SeenFargate, moment: Moment) -> Verdict:
        if not seen.nodes:
            return Skip("nothing runs on Fargate")
        if not seen.behind:
            return Done(f"{counted(seen.nodes, 'Fargate node')} at {self.to} or newer")
        if due := seen.to_restart(moment.token):
            return Act(f"restart {some(each.text for each in due)}: their pods on Fargate get kubelets of {self.to}")
        return self._waiting(seen)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """Each workload by a patch of its own template's notes, which nobody else's change can be lost by."""
        with kube_of(world, subject) as kube:
            for each in self._seen(kube).to_restart(moment.token):
                kube.patch(_ref(each.kind, each.namespace, each.name), change(moment.token, moment.now))
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # says so
        return Undone("nothing to take back: pods that were made anew run on")

    def _waiting(self, seen: SeenFargate) -> Verdict:
        """Jobs end by themselves, and workloads roll; only when nothing but the rest is left must a person come."""
        moving = [each for each in seen.workloads if not each.stays]
        jobs = [each for each in seen.left if each.kind in PASSING]
        left = [each for each in seen.left if each.kind not in PASSING]
        stays = {(each.namespace, f"{each.kind}/{each.name}"): each for each in seen.workloads if each.stays}
        text = "; ".join(
            [
                f"{len(seen.behind)} of {counted(seen.nodes, 'Fargate node')} older than {self.to}",
                *_listed("restarted, and not all of it is new yet: ", (each.text for each in moving)),
                *_listed("these jobs end by themselves: ", (each.place for each in jobs)),
                *_listed("no restart moves ", (_told(each, stays) for each in left)),
            ]
        )
        if late := next((each for each in moving if each.late), None):
            fix = f"kubectl --namespace {late.namespace} describe {late.kind} {late.name}"
            return Blocked(f"{text}; {late.text} does not get on: {late.late}", late.whose, fix)
        if moving or jobs or not left:
            return Wait(text, POLL)
        owner = next((each.whose for each in stays.values() if each.whose), "")
        fix = f"kubectl --namespace {left[0].namespace} delete pod {left[0].name}, when it may go; or skip"
        return Blocked(text, owner, fix)


def _workloads(kube: KubeWriter, pods: Iterable[LivePod]) -> Iterable[Restartable]:
    """The Deployments and StatefulSets that made the pods, each once; one that is gone since is none."""
    for namespace, controller in sorted({(each.namespace, each.controller) for each in pods}):
        kind, _, name = controller.partition("/")
        if kind in PLURALS and (found := kube.read(_ref(kind, namespace, name))) is not None:
            yield restartable(kind, found)


def _ref(kind: str, namespace: str, name: str) -> ObjectRef:
    return ObjectRef("apps", "v1", PLURALS[kind], namespace, name)


def _told(pod: LivePod, stays: dict[tuple[str, str], Restartable]) -> str:
    found = stays.get((pod.namespace, pod.controller))
    if found:
        return f"{pod.place} ({found.text}: {found.stays})"
    return f"{pod.place} ({f'of {pod.controller}' if pod.controller else 'of no controller'})"


def _listed(before: str, texts: Iterable[str]) -> list[str]:
    found = some(texts)
    return [before + found] if found else []
