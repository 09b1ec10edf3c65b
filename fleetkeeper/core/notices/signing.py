"""The signature of what a person answered: a row that was written by hand changes nothing."""

from fleetkeeper.core.approval import is_same, mac
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.notices.values import Answer


def sign(answer: Answer, key: bytes) -> Answer:
    """The answer with the executor's signature over all its other fields."""
    return replace(answer, signature=_signature(answer, key))


def is_signed(answer: Answer, key: bytes) -> bool:
    return is_same(_signature(answer, key), answer.signature)


def _signature(answer: Answer, key: bytes) -> str:
    covered = [
        answer.id,
        answer.kind.value,
        [[each.cluster, each.fingerprint] for each in answer.items],
        answer.person,
        answer.identity,
        answer.at.isoformat(),
        answer.until.isoformat() if answer.until else "",
        answer.reason,
        answer.mode.value,
        answer.of,
        answer.code,
        answer.notice,
    ]
    return mac(key, "answer", covered)
