"""Approvals: a stored decision is verified, judged and signed by the executor; only that makes it count."""

from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from fleetkeeper.core.approval import PLAN, Approval, rejection, sign, standing
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.plan import Header, Plan
from fleetkeeper.core.run import OVER, Applied, Command, Event, Run, Verb
from fleetkeeper.engine.guarding import gates_of
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.errors import Refused, Tampered

_log = structlog.get_logger("engine")


class Identities(Protocol):
    """Verifies who a command's actor is."""

    def verify(self, command: Command) -> str:
        """The verified name. Raises Refused with the reason when the proof does not show it."""
        ...


class _No(Exception):
    """Why a decision does not count."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Settles the decisions that wait. key: the executor's own, which nobody else has."""

    runs: Runs
    clock: Clock
    identities: Identities
    people: People
    key: bytes

    def settle(self) -> None:
        """Verify, sign and store every decision that waits; one that does not count is refused in words."""
        for command in self.runs.decisions_waiting():
            now = self.clock.now()
            subject = command.subject
            try:
                approval = self._approval(command)
                verb = "approved" if approval.approved else "rejected"
                text = f"{approval.actor} ({approval.identity}) {verb} {_what(approval)}"
                applied = Applied(command.id, True, text)
                note = f"{text}: {approval.note}" if approval.note else text
                event = Event(now, subject, verb, note, approval.actor)
                self.runs.settle(applied, approval, event, now)
            except (_No, Refused, Tampered) as refusal:
                reason = refusal.detail if isinstance(refusal, Refused) else str(refusal)
                _log.warning("decision_refused", command=command.id, actor=command.actor, reason=reason)
                event = Event(now, subject, "decision_refused", f"{command.actor}: {reason}", command.actor)
                self.runs.settle(Applied(command.id, False, reason), None, event, now)

    def _approval(self, command: Command) -> Approval:
        actor = self.identities.verify(command)
        run, plan = self._subject(command.subject)
        requester = plan.header.created_by
        if not self.people.may(actor, Role.APPROVER):
            who = ", ".join(self.people.with_role(Role.APPROVER)) or "nobody, until `approvals.people` names one"
            raise _No(f"{actor} has no right to approve; these have: {who}")
        if self.people.person(actor) == self.people.person(requester):
            raise _No(f"{actor} asked for this plan, so another approver must decide")
        gate = self._gate(command, run, plan.header)
        if not gate and run is None and self.clock.now() >= plan.header.expires_at:
            raise _No(f"the plan expired at {plan.header.expires_at:%Y-%m-%d %H:%M} UTC: make a new one")
        unsigned = Approval(
            id=command.id,
            plan=plan.header.id,
            run=run.id if run and gate else "",
            gate=gate,
            digest=plan.digest,
            approved=command.verb is Verb.APPROVE,
            actor=actor,
            identity=command.identity,
            requester=requester,
            at=self.clock.now(),
            expires_at=plan.header.expires_at,
            note=command.reason,
        )
        return replace(unsigned, signature=sign(unsigned, self.key))

    def _subject(self, id: str) -> tuple[Run | None, Plan]:
        stored = self.runs.run(id)
        if stored is not None:
            if stored.run.state in OVER:
                raise _No(f"the run {id} is over: it {stored.run.state.value.replace('_', ' ')}")
            return stored.run, stored.plan
        plan = self.runs.plan(id)
        if plan is None:
            raise _No(f"there is neither a run nor a plan {id}")
        return None, plan

    def _gate(self, command: Command, run: Run | None, header: Header) -> str:
        """The gate's full name; PLAN for the plan itself."""
        if not command.target:
            return PLAN
        wanted = command.target.removeprefix("gate:")
        if run is None:
            raise _No(f"{wanted} is a gate of a run: name the run, not the plan")
        names = [gate_name(header, stage, group, spec.name) for stage, group, spec in gates_of(header)]
        found = [name for name in names if name == wanted or name.endswith(f"/{wanted}")]
        if len(found) != 1:
            known = ", ".join(names) or "none"
            raise _No(f"{wanted} is {'several gates' if found else 'no gate'} of this run; its gates: {known}")
        return found[0]


def gate_name(header: Header, stage: int, group: str, name: str) -> str:
    """How a gate is named in commands and approvals: stage/gate, or stage/group/gate."""
    return "/".join(part for part in (header.stages[stage].name, group, name) if part)


def _what(approval: Approval) -> str:
    return f"the gate {approval.gate}" if approval.gate else f"the plan {approval.plan}"


@dataclass(frozen=True, slots=True)
class SignedApprovals:
    """World.approvals: which stored approvals are to be believed."""

    runs: Runs
    people: People
    key: bytes

    def standing(self, plan: str, run: str, gate: str) -> tuple[Approval | None, str]:
        found = self.runs.plan(plan)
        if found is None:
            return None, f"there is no plan {plan}"
        return standing(self._own(plan, run, gate), found.digest, self.key)

    def rejection(self, plan: str, run: str, gate: str) -> Approval | None:
        found = self.runs.plan(plan)
        return rejection(self._own(plan, run, gate), found.digest, self.key) if found else None

    def approvers(self) -> tuple[str, ...]:
        return self.people.with_role(Role.APPROVER)

    def _own(self, plan: str, run: str, gate: str) -> list[Approval]:
        return [each for each in self.runs.approvals(plan) if each.gate == gate and each.run == run]
