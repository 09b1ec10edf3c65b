"""Answers to evictions as they come over the wire: a Status, a pod, and what is neither."""

import pytest

from fleetkeeper.adapters.kube.answers import Answer
from fleetkeeper.adapters.kube.evictions import eviction, unheard
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Unreachable
from tests.adapters.kube.support import StillClock

VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
SPENT = "The disruption budget web needs 5 healthy pods and has 5 currently"
TWO = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."

GOOD = b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}'
BUDGET = (
    f'{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{VIOLATES}",'
    f'"reason":"TooManyRequests","details":{{"causes":[{{"reason":"DisruptionBudget","message":"{SPENT}"}}]}},"code":429}}'
).encode()
UNSEEN = BUDGET.replace(b'"details":{', b'"details":{"retryAfterSeconds":10,')
SEVERAL = (
    f'{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{TWO}","code":500}}'
).encode()
POD = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"},"status":{"phase":"Failed","message":"x"}}'
"""Bodies of kubernetes 1.36.3."""


@pytest.mark.parametrize(
    ("answer", "outcome", "after", "message"),
    [
        pytest.param(Answer(201, {}, GOOD), Outcome.ACCEPTED, 0, "", id="a good one"),
        pytest.param(Answer(429, {}, BUDGET), Outcome.BUDGET, 0, f"{VIOLATES} {SPENT}", id="a spent budget"),
        pytest.param(Answer(201, {}, BUDGET), Outcome.BUDGET, 0, f"{VIOLATES} {SPENT}", id="a refusal inside a 201"),
        pytest.param(
            Answer(429, {"Retry-After": "10"}, UNSEEN), Outcome.NOT_COUNTED, 10, f"{VIOLATES} {SPENT}", id="a pause"
        ),
        pytest.param(
            Answer(429, {"Retry-After": "7"}, BUDGET),
            Outcome.NOT_COUNTED,
            7,
            f"{VIOLATES} {SPENT}",
            id="a pause in the header alone",
        ),
        pytest.param(Answer(500, {}, SEVERAL), Outcome.SEVERAL, 0, TWO, id="two budgets"),
        pytest.param(Answer(201, {}, SEVERAL), Outcome.SEVERAL, 0, TWO, id="two budgets inside a 201"),
        pytest.param(Answer(200, {}, POD), Outcome.ACCEPTED, 0, "", id="a deleted pod, whatever its own status"),
        pytest.param(Answer(502, {}, b"<html>"), Outcome.BUSY, 0, "", id="a load balancer's error"),
        pytest.param(Answer(429, {"Retry-After": "2"}, b""), Outcome.BUSY, 2, "", id="a full queue"),
        pytest.param(Answer(403, {}, b"<html>"), Outcome.REFUSED, 0, "", id="a proxy that forbids"),
    ],
)
def test_an_answer_is(answer: Answer, outcome: Outcome, after: int, message: str) -> None:
    found = eviction(answer, "POST x", StillClock())
    assert (found.outcome, found.retry_after, found.message) == (outcome, after, message)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(404, {}, b"404 page not found\n"), GapReason.NOT_FOUND, id="a path that is not served"),
        pytest.param(Answer(401, {}, b""), GapReason.UNAUTHENTICATED, id="nobody who is known"),
        pytest.param(Answer(201, {}, b"<html>"), GapReason.INVALID_ANSWER, id="a page in place of an answer"),
        pytest.param(Answer(200, {}, b'{"kind":["Status"]}'), GapReason.INVALID_ANSWER, id="an answer of wrong types"),
        pytest.param(Answer(302, {"Location": "https://elsewhere/"}, b""), GapReason.INVALID_ANSWER, id="a redirect"),
    ],
)
def test_what_is_no_answer_about_a_pod_is_an_error(answer: Answer, reason: GapReason) -> None:
    with pytest.raises(ReadError) as error:
        eviction(answer, "POST x", StillClock())
    assert error.value.reason is reason


def test_no_answer_in_time_is_told_and_no_server_is_an_error() -> None:
    assert unheard(Unreachable("late", GapReason.TIMEOUT)).outcome is Outcome.BUSY
    for error in (Unreachable("gone"), InvalidAnswer("odd")):
        with pytest.raises(ReadError):
            unheard(error)
