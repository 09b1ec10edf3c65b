"""What a step or a gate is made of: look reads the world, decide is pure, act and undo change the world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.plan import Header, Member
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.run import Run, StepState
from fleetkeeper.core.stepping import Tick
from fleetkeeper.core.verdict import Memory, Moment, Undoing, Verdict
from fleetkeeper.engine.world import World
from fleetkeeper.values import digest


@dataclass(frozen=True, slots=True)
class Subject:
    """What a step works on: a member of a run; for a gate the members of its stage or group.

    run None: a dry run, or a plan that is not started. member None: a gate.
    """

    header: Header
    run: Run | None
    member: Member | None
    stage: int
    group: str
    gate: str = ""
    members: tuple[Member, ...] = ()

    @property
    def cluster(self) -> ClusterId:
        """The member's cluster; TypeError for a gate, which has none."""
        if self.member is None:
            raise TypeError("a gate has no cluster")
        return self.member.cluster

    @property
    def scope(self) -> Scope | None:
        return self.member.scope if self.member else None


class Step(Protocol):
    """One kind of step or gate. Its fields are its parameters; `of` makes it from those of a playbook.

    names: the parameters that name something of the operator's settings.
    repeatable: an act that is called twice with one token has one effect, or look sees the effect of the first at once.
    One that is not is marked before its act, and asks a person after a crash when look cannot tell.
    cancellable: an abort may leave it in mid-work; one that is not is followed to its end.
    ReadErrors of look and act are waits with their reason, never failures of the member, until the step's timeout.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    names: ClassVar[Names]

    @property
    def repeatable(self) -> bool:
        """By kind, or by a parameter: ask the step, not its class."""
        ...

    @property
    def cancellable(self) -> bool: ...

    @classmethod
    def of(cls, params: Params) -> "Step":
        """Raises ParamError for every parameter that is missing, unknown or wrong."""
        ...

    def look(self, world: World, subject: Subject, moment: Moment) -> Any: ...

    def decide(self, seen: Any, moment: Moment) -> Verdict: ...

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """Carry out what decide said. memory: that of the Act; what is returned is kept, and is in the next moments."""
        ...

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        """Take back what is ours in the world; called again after a Wait. Called for every step that acted."""
        ...


Kinds = Mapping[str, type[Step]]
"""Kind → class: the steps or the gates that this release has."""


def moment_of(tick: Tick, code: Step) -> Moment:
    """Where the step of a tick is in its life."""
    step = tick.step
    begun = {StepState.ACTING, StepState.WAITING}
    tried = step.state in begun or (step.state is StepState.INTENDED and code.repeatable)
    return Moment(tick.now, step.started_at or tick.now, step.token, tried, step.attempt, step.memory)


def token_of(tick: Tick) -> str:
    """The idempotency key of an attempt: the same after a crash, another for every other attempt of anything."""
    key = tick.task.key
    return digest(f"{key.run}/{key.idx}/{tick.step.idx}/{tick.step.attempt}")[:32]
