"""smoke-test: runs the smoke test of the settings on one node, and takes it away again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.smoke import Result
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.engine import smoke
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.rotating import rotation_of
from fleetkeeper.engine.smoke import SeenSmoke
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import KubeWriter

_RESULT, _NODE, _WHY = "result", "node", "why"


@dataclass(frozen=True, slots=True)
class SmokeTestStep:
    """selector: labels that its node has, as key=value,...; without any the first Ready node that takes pods."""

    kind: ClassVar[str] = "smoke-test"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # the pod has a name of its own, and is there once
    cancellable: ClassVar[bool] = True

    selector: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, params: Params) -> "SmokeTestStep":
        given = Given(params)
        made = cls(tuple(given.labels("selector").items()))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenSmoke:
        with kube_of(world, subject) as kube:
            return self._seen(kube, world, subject, moment)

    def _seen(self, kube: KubeWriter, world: World, subject: Subject, moment: Moment) -> SeenSmoke:
        nodes = () if world.smoke is None else kube.nodes()
        fit = (each for each in nodes if each.node.schedulable and self._means(each.labels))
        return smoke.seen(kube, world.smoke, _work(subject, self.selector), fit, moment.now)

    def _means(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.selector)

    def decide(self, seen: SeenSmoke, moment: Moment) -> Verdict:
        if seen.test is None:
            return Skip("no smoke test is configured: [engine.smoke] of the settings")
        if seen.run.result in (Result.PASSED, Result.FAILED):
            memory = {_RESULT: seen.run.result.value, _NODE: seen.run.node, _WHY: seen.run.why}
            return Act(f"take away the smoke test of {seen.run.node}, which {seen.run.result.value}", memory)
        ended = remembered(moment)
        if seen.run.result is Result.ABSENT and _RESULT in ended:
            if ended[_RESULT] == Result.PASSED.value:
                return Done(f"{ended[_NODE]} has passed the smoke test")
            why = f"the smoke test failed on {ended[_NODE]}: {ended[_WHY]}"
            return Failed(why, "mend what it says, then retry")
        if seen.act:
            return Act(seen.act)
        if seen.run.result is Result.ABSENT:
            return Failed("no Ready node has these labels and takes pods", "name labels of nodes that are there")
        return Wait(seen.wait, smoke.POLL)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """An end is written down with the act that takes the pod away; where that is lost, the test runs once more."""
        with kube_of(world, subject) as kube:
            found = self._seen(kube, world, subject, moment)
            if found.test is None:
                return leaving(memory, moment)
            if found.run.result in (Result.PASSED, Result.FAILED):
                smoke.remove(kube, found.test, found.run.name)
                more = {_RESULT: found.run.result.value, _NODE: found.run.node, _WHY: found.run.why}
                return leaving(memory, moment, **more)
            smoke.act(kube, found)
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # it has no past
        with kube_of(world, subject) as kube:
            smoke.sweep(kube, world.smoke, _work(subject, self.selector))
        return Undone("no smoke test is left")


def _work(subject: Subject, selector: tuple[tuple[str, str], ...]) -> str:
    return rotation_of(subject, f"smoke-test {subject.member.name if subject.member else ''} {selector}")
