"""The answers to evictions and deletions of pods, as far as core/rotation/evictions.py judges them."""

import msgspec

from fleetkeeper.adapters.kube.answers import Answer, retry_after, setback
from fleetkeeper.adapters.kube.documents.live import EvictionStatus, RefusalDetails
from fleetkeeper.core.rotation.evictions import Said, judged
from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError
from fleetkeeper.values import decoder_of


def eviction(answer: Answer, what: str, clock: Clock) -> Eviction:
    """Raises the error of an answer that is about no pod; InvalidAnswer where it cannot be read whether it goes."""
    found = judged(said(answer, what, clock))
    if found is None:
        raise setback(answer, what, clock).error
    return found


def said(answer: Answer, what: str, clock: Clock) -> Said:
    try:
        status: EvictionStatus = decoder_of(EvictionStatus).decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        if answer.status < 300:
            raise InvalidAnswer(f"{what}: {str(e)[:300]}") from e
        status = EvictionStatus()
    failed = status.kind == "Status" and bytes(status.status) == b'"Failure"'
    details = status.details or RefusalDetails()
    causes = details.causes or ()
    told = [status.message, *(each.message for each in causes)]
    return Said(
        status=answer.status,
        failed=failed,
        code=status.code or 0,
        reason=status.reason or "",
        about=details.kind or "",
        causes=tuple(each.reason or "" for each in causes),
        detailed=status.details is not None,
        message=" ".join(each for each in told if each) or f"HTTP {answer.status}" if failed else "",
        retry_after=details.retry_after or int(retry_after(answer.headers, clock) or 0),
    )


def unheard(error: ReadError) -> Eviction:
    """What it means when there was no answer in time; raises anything else, as the whole server is out of reach."""
    if error.reason is not GapReason.TIMEOUT:
        raise error
    return Eviction(Outcome.BUSY, error.detail)
