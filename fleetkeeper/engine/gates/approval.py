"""approval: a person with the role approver, who did not ask for the plan, says that the run may go on."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.verdict import Done, Failed, Moment, Verdict, Wait
from fleetkeeper.engine.decisions import gate_name
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_EVERY = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class SeenDecision:
    """What was decided of a gate. reason: why no approval counts, "" when nobody decided; run "": a dry run."""

    gate: str
    run: str
    requester: str
    approval: Approval | None
    rejection: Approval | None
    reason: str
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApprovalGate(OnlyLooks):
    """question: what the approver should look at, told with the wait."""

    kind: ClassVar[str] = "approval"
    version: ClassVar[int] = 1

    question: str = ""

    @classmethod
    def of(cls, params: Params) -> "ApprovalGate":
        given = Given(params)
        made = cls(given.text("question", ""))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenDecision:  # noqa: ARG002  # it has no past
        plan, run = subject.header.id, subject.run.id if subject.run else ""
        gate = gate_name(subject.header, subject.stage, subject.group, subject.gate)
        # Without a run there is no decision of a gate: "" would ask for the plan's own approval.
        found, reason = world.approvals.standing(plan, run, gate) if run else (None, "")
        rejection = world.approvals.rejection(plan, run, gate) if run and found is None else None
        return SeenDecision(
            gate, run, subject.header.created_by, found, rejection, reason, tuple(world.approvals.approvers())
        )

    def decide(self, seen: SeenDecision, moment: Moment) -> Verdict:  # noqa: ARG002  # it is now as it is
        if seen.approval is not None:
            note = f": {seen.approval.note}" if seen.approval.note else ""
            return Done(f"approved by {seen.approval.actor} ({seen.approval.identity}){note}")
        if seen.rejection is not None:
            rejection = seen.rejection
            why = f": {rejection.note}" if rejection.note else ", without saying why"
            return Failed(
                f"{rejection.actor} ({rejection.identity}) rejected it at {rejection.at:%Y-%m-%d %H:%M} UTC{why}",
                f"an approval overrules it: {_command(seen)}, then retry the gate",
                final=True,
            )
        return self._waits(seen)

    def _waits(self, seen: SeenDecision) -> Wait:
        who = tuple(each for each in seen.approvers if each != seen.requester)
        asked = ", ".join(who) or f"an approver other than {seen.requester}; `approvals.people` names none"
        question = f" ({self.question})" if self.question else ""
        refused = f"; {seen.reason}" if seen.reason else ""
        return Wait(f"waits for an approval{question} by {asked}: {_command(seen)}{refused}", _EVERY, ", ".join(who))


def _command(seen: SeenDecision) -> str:
    return f"`fleetkeeper run approve {seen.run or 'RUN'} --gate {seen.gate}`"
