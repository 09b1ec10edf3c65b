"""What is asked right before every mutation: is it still wanted, and is what is stored what was approved?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from fleetkeeper.core import approval
from fleetkeeper.core.holds import hold_of
from fleetkeeper.core.plan import Header, Member
from fleetkeeper.core.playbook import Changes, GateSpec, StepSpec
from fleetkeeper.core.run import Cause, Consent, Control, Freeze, Role, Run, Step, Task, Why
from fleetkeeper.engine.run_ports import Claim, Guard, Runs
from fleetkeeper.engine.step import Subject
from fleetkeeper.values import digest, to_json


@dataclass(frozen=True, slots=True)
class Frozen:
    """A plan as the executor runs it, by the texts that its digest covers. members: by idx."""

    header: Header
    digest: str
    members: tuple[Member, ...]
    gates: Mapping[int, tuple[int, str, GateSpec]] = field(default_factory=dict)

    def spec(self, task: Task) -> StepSpec:
        """The frozen spec of a task's current step."""
        if task.role is Role.MEMBER:
            return self.members[task.key.idx].steps[task.step]
        _, _, gate = self.gates[task.key.idx]
        return StepSpec(gate.name, gate.kind, gate.params, gate.timeout, version=gate.version)

    def specs(self, task: Task) -> tuple[StepSpec, ...]:
        """All frozen specs of a task."""
        return self.members[task.key.idx].steps if task.role is Role.MEMBER else (self.spec(task),)

    def attributes(self, task: Task) -> Mapping[str, str]:
        return self.members[task.key.idx].attributes if task.role is Role.MEMBER else {}


def gates_of(header: Header) -> tuple[tuple[int, str, GateSpec], ...]:
    """(stage, group, gate) of every gate of a plan, in the order of their tasks; group "" for one of a whole stage."""
    return tuple(
        (number, group, gate)
        for number, stage in enumerate(header.stages)
        for gate in stage.gates
        for group in (sorted(stage.group_concurrency) if gate.each_group else ("",))
    )


@dataclass(slots=True)
class Archive:
    """Plans by id, read once: a plan is never changed, and whether a row was is asked before every act."""

    runs: Runs
    _kept: dict[str, Frozen] = field(default_factory=dict)

    def of(self, plan: str) -> Frozen:
        """Raises Tampered when the stored texts and the plan's digests differ; KeyError when there is no such plan."""
        found = self._kept.get(plan)
        if found is None:
            stored = self.runs.plan(plan)
            if stored is None:
                raise KeyError(plan)
            first = len(stored.members)
            gates = {first + place: each for place, each in enumerate(gates_of(stored.header))}
            found = self._kept[plan] = Frozen(stored.header, stored.digest, stored.members, gates)
        return found

    def forget(self, kept: frozenset[str]) -> None:
        """Drop the plans of runs that are over."""
        for plan in self._kept.keys() - kept:
            del self._kept[plan]


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Holds the signing key; says why a mutation must not begin now, None when it may."""

    key: bytes

    def sealed(self, step: Step, spec: StepSpec, plan: str) -> str:
        """The seal of a row that this executor writes. plan: the digest of the plan."""
        return approval.seal(step, to_json(spec.params), plan, self.key)

    def approved(self, guard_digest: str, changes: Changes, approvals: tuple[approval.Approval, ...]) -> str:
        """Why the plan may not be carried out, "" when it may."""
        if changes is Changes.NOTHING:
            return ""
        own = tuple(each for each in approvals if each.gate == approval.PLAN and not each.run)
        found, reason = _standing(own, guard_digest, self.key)
        return "" if found else reason or "nobody has approved the plan"

    def approves(self, approvals: Sequence[approval.Approval], plan: str) -> Consent | None:
        """Which of these approvals of a plan counts, None where none does; plan: its digest."""
        found, _ = approval.standing(approvals, plan, self.key)
        return Consent(found.actor, found.identity, found.at) if found else None

    def objection(self, guard: Guard, task: Task, step: Step, frozen: Frozen, now: datetime) -> Why | None:
        """Why this act must not begin now; what is tampered with is told before what only waits."""
        spec = frozen.spec(task)
        if wrong := self._tampered(guard, task, step, spec, frozen):
            return Why(Cause.TAMPERED, wrong, now)
        return unwanted(guard.run, guard.freezes, frozen.attributes(task), now)

    def _tampered(self, guard: Guard, task: Task, step: Step, spec: StepSpec, frozen: Frozen) -> str:
        """guard.step is as read just now; step is what this worker decided on."""
        if _digest_of(guard.header) != guard.run.digest or guard.run.digest != frozen.digest:
            return f"the plan {guard.run.plan} is not the one that was approved: its stored text was changed"
        if reason := self.approved(guard.run.digest, frozen.header.changes, guard.approvals):
            return reason
        if task.role is Role.MEMBER:
            own = frozen.header.members  # that of guard.header, for it has this plan's digest
            if task.key.idx >= len(own) or digest(guard.member) != own[task.key.idx]:
                return f"what the plan says of {task.name} is not what was approved: its stored text was changed"
        if guard.step != step or not approval.is_sealed(step, to_json(spec.params), frozen.digest, self.key):
            return f"the stored step {spec.name} of {task.name} was not written by the executor"
        return ""


@lru_cache(maxsize=16)
def _digest_of(header: str) -> str:
    """Of a text that is read anew for every act, and is 70 KB long for a thousand members; equal texts, one digest."""
    return digest(header)


@lru_cache(maxsize=16)
def _standing(
    approvals: tuple[approval.Approval, ...], digest: str, key: bytes
) -> tuple[approval.Approval | None, str]:
    """They are read anew for every act, and are mostly as they were: equal ones have one answer."""
    return approval.standing(approvals, digest, key)


def unwanted(run: Run, freezes: tuple[Freeze, ...], attributes: Mapping[str, str], now: datetime) -> Why | None:
    """Whether the operator stopped the run, or froze what it works on."""
    if run.control is not Control.RUN:
        return Why(Cause.PAUSED, f"the run is being {'paused' if run.control is Control.PAUSE else 'aborted'}", now)
    hold = hold_of((), freezes, (), attributes, now)
    return Why(hold.cause, hold.text, now, hold.owner, hold.fix, hold.until) if hold else None


def subject_of(claim: Claim, frozen: Frozen) -> Subject:
    """What a claimed task's step works on."""
    task, header = claim.task, frozen.header
    if task.role is Role.MEMBER:
        return Subject(header, claim.run, frozen.members[task.key.idx], task.stage, task.group)
    stage, group, gate = frozen.gates[task.key.idx]
    own = tuple(each for each in frozen.members if each.stage == stage and group in ("", each.group))
    return Subject(header, claim.run, None, stage, group, gate.name, own)
