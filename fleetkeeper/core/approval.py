"""An approval, what its signature covers, the seal of a step and the mark of a verified command.

A row that was written by hand proves nothing.

Keyed with HMAC-SHA-256; the key is only the executor's.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fleetkeeper.core.frozen import replace
from fleetkeeper.core.run import Command, Step
from fleetkeeper.values import to_json_bytes

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode

PLAN = ""
"""The gate name of an approval of the plan itself."""

SLACK = "slack"
"""The identity of who said something by a click in Slack."""

_PROOF = ":"


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision on a plan (gate ""), or on a gate `stage/gate` or `stage/group/gate` of a run.

    run: "" for an approval of the plan. digest: of the plan's header. requester: who made the plan. identity: how the
    actor was verified.
    """

    id: str
    plan: str
    run: str
    gate: str
    digest: str
    approved: bool
    actor: str
    identity: str
    requester: str
    at: datetime
    expires_at: datetime
    note: str = ""
    signature: str = ""


def sign(approval: Approval, key: bytes) -> str:
    """The signature of an approval: of all its fields but the signature itself."""
    covered = [
        approval.id,
        approval.plan,
        approval.run,
        approval.gate,
        approval.digest,
        approval.approved,
        approval.actor,
        approval.identity,
        approval.requester,
        approval.at.isoformat(),
        approval.expires_at.isoformat(),
        approval.note,
    ]
    return mac(key, "approval", covered)


def refusal(approval: Approval, digest: str, key: bytes) -> str:
    """Why an approval does not count for a plan of this digest; "" when it does."""
    if not is_same(sign(approval, key), approval.signature):
        return f"the approval {approval.id} was not signed by this fleet's executor, or was changed since"
    if approval.digest != digest:
        return f"the approval {approval.id} is for another plan than the one that is stored now"
    if approval.actor == approval.requester:
        return f"{approval.actor} may not approve what {approval.actor} asked for"
    return "" if approval.approved else f"{approval.actor} rejected it: {approval.note}"


def standing(approvals: Iterable[Approval], digest: str, key: bytes) -> tuple[Approval | None, str]:
    """The approval that counts, or None and why none does. A rejection stands until a later approval."""
    newest = sorted(approvals, key=lambda each: each.at, reverse=True)
    reasons = []
    for each in newest:
        reason = refusal(each, digest, key)
        if not reason:
            return each, ""
        if not each.approved and not refusal_of_form(each, digest, key):
            return None, reason
        reasons.append(reason)
    return None, reasons[0] if reasons else ""


def rejection(approvals: Iterable[Approval], digest: str, key: bytes) -> Approval | None:
    """The rejection that stands; None where the newest decision that is to be believed approves, or there is none."""
    believed = [each for each in approvals if not refusal_of_form(each, digest, key)]
    counting = [each for each in believed if not each.approved or not refusal(each, digest, key)]
    newest = max(counting, key=lambda each: each.at, default=None)
    return newest if newest is not None and not newest.approved else None


def refusal_of_form(approval: Approval, digest: str, key: bytes) -> bool:
    """Whether the row itself is not to be believed, whatever it decides."""
    return not is_same(sign(approval, key), approval.signature) or approval.digest != digest


def seal(step: Step, params: str, digest: str, key: bytes) -> str:
    """The proof that the executor itself wrote this row: over what it would act by. params: their canonical JSON."""
    covered = [
        step.key.run,
        step.key.idx,
        step.idx,
        step.name,
        step.kind,
        step.state.value,
        step.token,
        step.attempt,
        sorted(step.memory.items()),
        params,
        digest,
    ]
    return mac(key, "step", covered)


def is_sealed(step: Step, params: str, digest: str, key: bytes) -> bool:
    return is_same(seal(step, params, digest, key), step.seal)


def vouched(command: Command, key: bytes) -> Command:
    """The command with the executor's mark in the place of its proof: that its actor was verified, and may say it."""
    return replace(command, proof=_mark(command, key))


def is_vouched(command: Command, key: bytes) -> bool:
    return is_same(_mark(command, key), command.proof)


def heard(command: Command, user: str, digest: str, key: bytes) -> Command:
    """A command with the proof that our daemon heard it from this Slack user. digest: of the plan that was shown."""
    return replace(command, proof=_PROOF.join((user, digest, mac(key, SLACK, [user, digest, *_said(command)]))))


def digest_heard(command: Command, key: bytes) -> str | None:
    """The digest of the plan that a Slack user saw ("" where none was shown); None for a proof that does not hold."""
    user, digest, proof = (*command.proof.split(_PROOF), "", "")[:3]
    if command.identity != SLACK or not is_same(mac(key, SLACK, [user, digest, *_said(command)]), proof):
        return None
    return digest


def _mark(command: Command, key: bytes) -> str:
    return mac(key, "command", _said(command))


def _said(command: Command) -> list[str]:
    return [
        command.id,
        command.subject,
        command.verb.value,
        command.target,
        command.actor,
        command.identity,
        command.at.isoformat(),
        command.reason,
    ]


def is_same(ours: str, stored: str) -> bool:
    """As bytes: what somebody wrote into a row by hand may be no ASCII, which compare_digest takes from no text."""
    return hmac.compare_digest(ours.encode(), stored.encode("utf-8", "replace"))


def mac(key: bytes, purpose: str, covered: object) -> str:
    """HMAC-SHA-256 over a purpose and what JSON can carry, in hex."""
    made = _keyed(key).copy()
    made.update(_encoded([purpose, covered]))
    return made.hexdigest()


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> hmac.HMAC:
    """To be copied: with the key in it already a MAC takes two thirds of the time of hmac.digest."""
    return hmac.new(key, digestmod="sha256")


def _encoded(covered: object) -> bytes:
    """What _encode says of it. Most is plain ASCII, where msgspec says the same in a quarter of the time."""
    try:
        text = to_json_bytes(covered)
    except UnicodeEncodeError:  # a lone surrogate in what a step remembers
        return _encode(covered).encode()
    return text if text.isascii() and b"\x7f" not in text else _encode(covered).encode()
