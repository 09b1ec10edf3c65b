"""Why more time may not be asked for or given, in words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.notices.extending import refusal_of_grant, refusal_of_request, refusal_of_withdrawal, settled
from fleetkeeper.core.notices.values import Answer, AnswerKind, Deadline, Item, Situation
from fleetkeeper.core.people import People
from tests.core.notices.made import DAY, MONDAY, POLICY, answer, item, mended

WEB = item("web", 20)
HARD = item("web", 20, deadline=Deadline(MONDAY + 20 * DAY, "support ends", "", MONDAY + 25 * DAY))
PEOPLE = People(alike={"ada.second@example.com": "ada@example.com"})


def extend(days: int | None, at: float = 0) -> Answer:
    until = None if days is None else (MONDAY + days * DAY).date()
    return answer(AnswerKind.EXTEND, WEB, at=MONDAY + at * DAY, until=until, id=f"ask-{days}")


def settle(asked: Answer, kind: AnswerKind = AnswerKind.GRANT, person: str = "pia@example.com") -> Answer:
    return Answer(f"{kind}-{asked.id}", kind, asked.items, person, "slack", asked.at + timedelta(hours=1), of=asked.id)


def situation(*answers: Answer, known: Item = WEB) -> Situation:
    return Situation(MONDAY + DAY, POLICY, (known,), answers=answers)


TWICE = tuple(each for asked in map(extend, (25, 30)) for each in (asked, settle(asked)))


@pytest.mark.parametrize(
    ("asked", "now", "why"),
    [
        pytest.param(extend(40), situation(), "", id="a month more may be asked for"),
        pytest.param(extend(None), situation(), "Say until when", id="without a day"),
        pytest.param(extend(-2), situation(), "That day is over", id="a day in the past"),
        pytest.param(extend(10), situation(), "It is due Sun 13 Dec anyway", id="an earlier day"),
        pytest.param(extend(60), situation(), "30 days at most, until Tue 12 Jan 2027", id="too long"),
        pytest.param(extend(30), situation(known=HARD), "beyond Fri 18 Dec: the cloud acts then", id="a hard limit"),
        pytest.param(extend(40), situation(known=mended(WEB, MONDAY)), "It is fixed already", id="nothing is left"),
        pytest.param(extend(40), situation(known=item("web", None)), "It has no deadline", id="no deadline"),
        pytest.param(extend(41), situation(extend(40)), "ada@example.com has asked for it already", id="asked twice"),
        pytest.param(extend(41), situation(*TWICE), "extended 2 times, and that is the limit", id="too often"),
    ],
)
def test_a_request(asked: Answer, now: Situation, why: str) -> None:
    told = refusal_of_request(asked, now)
    assert (why in told) if why else told == ""


ASKED = extend(40)
GRANT = settle(ASKED)
TAKEN = replace(settle(ASKED, AnswerKind.DENY), at=GRANT.at + timedelta(hours=1))


@pytest.mark.parametrize(
    ("answers", "days", "why"),
    [
        pytest.param((ASKED, GRANT), 1, "", id="what was granted can be taken back"),
        pytest.param((ASKED, GRANT), 40, "", id="on its last day too"),
        pytest.param((ASKED, GRANT), 41, "It is over by itself", id="not when it is over"),
        pytest.param((ASKED,), 1, "Nobody has granted it", id="not before anybody decided"),
        pytest.param((ASKED, TAKEN), 1, "Nobody has granted it", id="not what was denied"),
        pytest.param((ASKED, GRANT, TAKEN), 1, "pia@example.com has withdrawn it already", id="not twice"),
    ],
)
def test_a_withdrawal(answers: tuple[Answer, ...], days: int, why: str) -> None:
    told = refusal_of_withdrawal(ASKED, answers, (MONDAY + days * DAY).date())
    assert (why in told) if why else told == ""


@pytest.mark.parametrize(
    ("given", "now", "why"),
    [
        pytest.param(settle(ASKED), situation(ASKED), "", id="somebody else may"),
        pytest.param(settle(ASKED, AnswerKind.DENY), situation(ASKED), "", id="or deny it"),
        pytest.param(settle(ASKED), situation(), "Nobody asked", id="of what nobody asked"),
        pytest.param(
            settle(ASKED, person="ada@example.com"), situation(ASKED), "somebody else has to decide", id="one's own"
        ),
        pytest.param(
            settle(ASKED, person="ada.second@example.com"),
            situation(ASKED),
            "somebody else has to decide",
            id="one's own by a second account",
        ),
        pytest.param(
            settle(ASKED),
            situation(ASKED, settle(ASKED, AnswerKind.DENY)),
            "pia@example.com has denied it already",
            id="answered before",
        ),
        pytest.param(settle(ASKED), situation(ASKED, known=mended(WEB, MONDAY)), "fixed already", id="nothing left"),
        pytest.param(
            settle(extend(30)), situation(extend(30), known=HARD), "the cloud acts then", id="a limit that came nearer"
        ),
        pytest.param(
            replace(settle(ASKED), until=(MONDAY + 70 * DAY).date()), situation(ASKED), "30 days at most", id="too much"
        ),
    ],
)
def test_a_grant(given: Answer, now: Situation, why: str) -> None:
    told = refusal_of_grant(given, now, PEOPLE)
    assert (why in told) if why else told == ""


def test_the_first_answer_to_a_request_holds() -> None:
    first, second = settle(ASKED, AnswerKind.DENY), settle(ASKED)
    assert settled(ASKED, (ASKED, first, second)) == first
    assert settled(ASKED, (ASKED,)) is None
