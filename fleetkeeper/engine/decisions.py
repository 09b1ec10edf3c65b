"""What people say, verified: a decision is judged and signed, an operator's verb is vouched for, or refused in words.

Only that makes it count: whoever may write to the database can insert a command.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from fleetkeeper.core.approval import (
    PLAN,
    SLACK,
    Approval,
    digest_heard,
    is_vouched,
    rejection,
    sign,
    standing,
    vouched,
)
from fleetkeeper.core.people import STOPS, People, Role, needed, unverified
from fleetkeeper.core.plan import Header, Plan
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.run import OVER, Applied, Command, Event, Run, Verb
from fleetkeeper.core.wording import some
from fleetkeeper.engine.guarding import gates_of
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.settling import Settling
from fleetkeeper.errors import ReadError, Refused, StoreUnavailable, Tampered

_log = structlog.get_logger("engine")

_OF_NO_CLUSTER = frozenset({Verb.UNFREEZE, Verb.SETTLE, Verb.UNMUTE})
"""What changes nothing in any cluster: where nobody can be verified, whoever reaches the database may say it."""


class Identities(Protocol):
    """Verifies who a command's actor is."""

    @property
    def can_verify(self) -> bool:
        """Whether the settings name anything that anybody could be verified by."""
        ...

    def verify(self, command: Command) -> str:
        """The verified name. Refused with the reason when the proof does not show it; Unreachable: nobody knows now."""
        ...


class _No(Exception):
    """Why a command does not count."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Settles the decisions that wait, and vouches for operators. key: the executor's own, which nobody else has.

    settling: None where nobody is told of anything (a rehearsal).
    """

    runs: Runs
    clock: Clock
    identities: Identities
    people: People
    key: bytes
    settling: Settling | None = None

    def settle(self) -> None:
        """Judge every command that takes a role; one that does not count is refused in words.

        While an issuer does not answer, what rests on its tokens waits; nothing else does.
        """
        for command in self.runs.to_verify():
            if is_vouched(command, self.key):
                continue  # its run has not taken it up yet
            now = self.clock.now()
            try:
                self._judge(command, now)
            except (_No, Refused, Tampered) as refusal:
                reason = refusal.detail if isinstance(refusal, Refused) else str(refusal)
                _log.warning("command_refused", command=command.id, actor=command.actor, reason=reason)
                kind = "decision_refused" if needed(command.verb) is Role.APPROVER else "command.refused"
                event = Event(now, command.subject, kind, f"{unverified(command.actor)}: {reason}", command.actor)
                self.runs.settle(Applied(command.id, False, reason), None, event, now)
            except ReadError as error:
                _log.warning("identity_not_verified", command=command.id, actor=command.actor, reason=str(error))

    def _judge(self, command: Command, now: datetime) -> None:
        if needed(command.verb) is Role.APPROVER:
            self._decided(command, now)
            return
        known = replace(command, actor=self._operator(command))
        if command.verb is Verb.UNFREEZE:
            self._unfreeze(known, now)
        elif command.verb in (Verb.SETTLE, Verb.UNMUTE):
            self._say_of_notices(known, now)
        elif not self.runs.vouch(vouched(known, self.key), now):
            raise _No(f"somebody stopped the run after that: say {command.verb} again if it is still wanted")

    def _operator(self, command: Command) -> str:
        """The name of whoever said it; without anything to verify by, of those who touch only what changes nothing."""
        if not self.identities.can_verify and command.identity != SLACK:
            if command.verb in _OF_NO_CLUSTER or self._changes_nothing(command.subject):
                return unverified(command.actor)
            raise _No(
                "nobody can be verified here: configure approvals.oidc (ID tokens), or approvals.local where all who"
                " reach the database are trusted, and name operators in approvals.people"
            )
        may = some(self.people.with_role(Role.OPERATOR)) or "nobody, until `approvals.people` names somebody"
        try:
            actor = self.identities.verify(command)
        except Refused as refused:
            raise _No(f"{refused.detail}; who may {command.verb}: {may}") from refused
        if not self.people.may(actor, Role.OPERATOR):
            raise _No(f"{actor} has no right to {command.verb}; these have: {may}")
        return actor

    def _changes_nothing(self, run: str) -> bool:
        stored = self.runs.run(run)
        if stored is None:
            raise _No(f"there is no run {run}")
        return stored.plan.header.changes is Changes.NOTHING

    def _unfreeze(self, command: Command, now: datetime) -> None:
        if not self.runs.lift_freeze(command.subject, command.actor, now):
            raise _No(f"no freeze {command.subject} stands")
        text = f"{command.actor} lifted it"
        self.runs.settle(Applied(command.id, True, text), None, Event(now, command.subject, "unfreeze", text), now)

    def _say_of_notices(self, command: Command, now: datetime) -> None:
        if self.settling is None:
            raise _No("nobody is told of anything here")
        text = (self.settling.settle if command.verb is Verb.SETTLE else self.settling.unmute)(command)
        self.runs.settle(
            Applied(command.id, True, text), None, Event(now, command.subject, command.verb.value, text), now
        )

    def _decided(self, command: Command, now: datetime) -> None:
        approval = self._approval(command)
        verb = "approved" if approval.approved else "rejected"
        text = f"{approval.actor} ({approval.identity}) {verb} {_what(approval)}"
        note = f"{text}: {approval.note}" if approval.note else text
        event = Event(now, command.subject, verb, note, approval.actor)
        self.runs.settle(Applied(command.id, True, text), approval, event, now)

    def _approval(self, command: Command) -> Approval:
        actor = self.identities.verify(command)
        run, plan = self._subject(command.subject)
        requester = plan.header.created_by
        if command.identity == SLACK and digest_heard(command, self.key) != plan.digest:
            raise _No("the plan is not the one that was shown in Slack: look at it anew")
        if not self.people.may(actor, Role.APPROVER):
            who = some(self.people.with_role(Role.APPROVER)) or "nobody, until `approvals.people` names one"
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
class Vouching:
    """Which actors of stored commands are believed. local: a stop by a name of the local machine needs no more, and
    one that was clicked in Slack no more than the proof of the daemon that heard it."""

    key: bytes
    local: bool

    def knows(self, command: Command) -> bool:
        if command.verb in STOPS and self.local and command.identity == "local":
            return True
        if command.verb in STOPS and digest_heard(command, self.key) is not None:
            return True
        return is_vouched(command, self.key)


class Aside:
    """Does something again and again in a thread of its own, never twice at once.

    An issuer that is slow to answer must not keep the engine from a pause.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._thread = threading.Thread()

    def __call__(self) -> None:
        """Begin, unless it is being done."""
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._do, name="decisions", daemon=True)
            self._thread.start()

    def ended(self, patience: float) -> bool:
        """Wait so many seconds for its end."""
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _do(self) -> None:
        try:
            self._work()
        except StoreUnavailable as error:
            _log.warning("decisions_wait", reason=str(error))
        except Exception:  # told here, and tried again: no command may end the engine
            _log.exception("decisions_failed")


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
