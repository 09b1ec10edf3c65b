"""What an answer to an eviction means: by its status, Retry-After and reasons, never by its words."""

from dataclasses import replace

import pytest

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rotation.evictions import Said, asked, confirmed, deletion, judged
from fleetkeeper.core.rotation.seen import Eviction, Outcome

BUDGET = ("DisruptionBudget",)
REFUSED = Said(403, failed=True, code=403, reason="Forbidden", detailed=True)
POD = LivePod("shop", "web-1", "node-1", labels={"app": "web"}, uid="u-1")
TWO = Eviction(Outcome.SEVERAL, "two")


def failure(status: int, reason: str = "", *causes: str, after: int = 0, about: str = "") -> Said:
    detailed = bool(causes or after or about)
    return Said(status, True, status, reason, about, causes, detailed, "some words", after)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param(Said(201), Outcome.ACCEPTED, id="a good answer"),
        pytest.param(Said(200), Outcome.ACCEPTED, id="a good answer to a deletion"),
        pytest.param(failure(429, "TooManyRequests", *BUDGET), Outcome.BUDGET, id="a budget without a pause"),
        pytest.param(
            failure(429, "TooManyRequests", *BUDGET, after=10), Outcome.NOT_COUNTED, id="a budget that asks for a pause"
        ),
        pytest.param(failure(429, "TooManyRequests", after=1), Outcome.BUSY, id="too many requests of all kinds"),
        pytest.param(Said(429), Outcome.BUSY, id="a 429 of who knows whom"),
        pytest.param(failure(500), Outcome.SEVERAL, id="a 500 without a reason"),
        pytest.param(failure(500, "InternalError", ""), Outcome.BUSY, id="a 500 with a reason"),
        pytest.param(Said(500), Outcome.BUSY, id="a 500 of no API server"),
        pytest.param(
            replace(failure(500), status=201), Outcome.SEVERAL, id="a failure of 500 inside of an answer of 201"
        ),
        pytest.param(
            replace(failure(429, "TooManyRequests", *BUDGET), status=201),
            Outcome.BUDGET,
            id="a failure of 429 inside of an answer of 201",
        ),
        pytest.param(replace(failure(0), status=201), Outcome.BUSY, id="a failure without a code in an answer of 201"),
        pytest.param(failure(504, "Timeout", after=1), Outcome.BUSY, id="twenty tries that conflicted"),
        pytest.param(failure(503, "ServiceUnavailable"), Outcome.BUSY, id="a server that ends"),
        pytest.param(failure(409, "Conflict"), Outcome.CONFLICT, id="a precondition that failed"),
        pytest.param(failure(404, "NotFound", about="pods"), Outcome.GONE, id="no such pod"),
        pytest.param(failure(404, "NotFound", about="namespaces"), Outcome.GONE, id="no such namespace"),
        pytest.param(REFUSED, Outcome.REFUSED, id="no right"),
        pytest.param(failure(400, "BadRequest"), Outcome.REFUSED, id="a webhook that calls it a bad request"),
        pytest.param(failure(422, "Invalid"), Outcome.REFUSED, id="a webhook that calls it invalid"),
    ],
)
def test_an_answer_means(said: Said, outcome: Outcome) -> None:
    found = judged(said)
    assert found is not None
    assert (found.outcome, found.retry_after, found.message) == (outcome, said.retry_after, said.message)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Said(404), id="a path that is not served"),
        pytest.param(failure(404, "NotFound"), id="an API that is not served"),
        pytest.param(failure(401, "Unauthorized"), id="nobody who is known"),
        pytest.param(Said(302), id="a redirect"),
    ],
)
def test_an_answer_about_no_pod_is_none(said: Said) -> None:
    assert judged(said) is None


@pytest.mark.parametrize("words", ["does not allow evicting pods currently", "needs 3 healthy pods", "два"])
def test_the_words_decide_nothing(words: str) -> None:
    found = judged(replace(failure(429, "TooManyRequests", *BUDGET), message=words))
    assert found is not None
    assert (found.outcome, found.message) == (Outcome.BUDGET, words)


def test_words_of_others_are_made_harmless_and_short() -> None:
    found = judged(replace(failure(403, "Forbidden"), message="\x1b[2J" + "x" * 1000))
    assert found is not None
    assert len(found.message) <= 300
    assert "\x1b" not in found.message


def budget(name: str, namespace: str = "shop", selector: Labels | None = Labels({"app": "web"})) -> Budget:  # noqa: B008
    return Budget(namespace, name, f"uid-{name}", selector)


@pytest.mark.parametrize(
    ("budgets", "outcome"),
    [
        pytest.param((budget("a"), budget("b", selector=Labels())), Outcome.SEVERAL, id="two that take it"),
        pytest.param((budget("a"),), Outcome.BUSY, id="one"),
        pytest.param((budget("a"), budget("b", selector=None)), Outcome.BUSY, id="one, and one that takes nothing"),
        pytest.param((budget("a"), budget("b", "other")), Outcome.BUSY, id="one, and one of another namespace"),
        pytest.param(
            (budget("a"), budget("b", selector=Labels({"app": "x"}))), Outcome.BUSY, id="one and one of others"
        ),
    ],
)
def test_two_budgets_are_believed_where_there_are_two(budgets: tuple[Budget, ...], outcome: Outcome) -> None:
    assert confirmed(TWO, POD, lambda: budgets) == Eviction(outcome, "two")


def test_budgets_are_asked_for_only_where_there_may_be_two() -> None:
    for outcome in {*Outcome} - {Outcome.SEVERAL}:
        eviction = Eviction(outcome)
        assert confirmed(eviction, POD, lambda: pytest.fail("they were read")) is eviction


def test_a_pod_is_asked_for_by_its_uid_and_with_its_own_grace() -> None:
    assert asked(POD)["deleteOptions"] == {"preconditions": {"uid": "u-1"}}
    assert deletion(POD) == {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "u-1"}}
    for body in (asked, deletion):
        with pytest.raises(ValueError, match="shop/web-1 has no uid"):
            body(replace(POD, uid=""))
