"""Where an item stands after what people answered."""

from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from fleetkeeper.core.notices.standing import LAPSES, by_item, last_quiet, standing
from fleetkeeper.core.notices.values import Answer, AnswerKind, Deadline, Item, Phase, Standing, Told
from fleetkeeper.core.owners import Hit, Owned, Source
from tests.core.notices.made import DAY, MONDAY, POLICY, answer, item, mended

WEB = item("web", 40, deadline=Deadline(MONDAY + 40 * DAY, "wave eu begins", "", MONDAY + 60 * DAY))
TOLD = Told(WEB.key, "payments", 60, MONDAY, MONDAY, 1, 1, None, "n1")


def stand(*answers: Answer, known: Item = WEB, after: timedelta = DAY, told: Told | None = TOLD) -> Standing:
    return standing(known, told, by_item(answers).get(known.key, ()), MONDAY + after, POLICY)


def ack(days: int) -> Answer:
    return answer(AnswerKind.ACK, WEB, at=MONDAY, until=(MONDAY + days * DAY).date())


def extend(days: int, at: int = 0) -> Answer:
    return answer(AnswerKind.EXTEND, WEB, at=MONDAY + at * DAY, until=(MONDAY + days * DAY).date(), id=f"ask-{days}")


def settle(kind: AnswerKind, asked: Answer, person: str = "pia@example.com") -> Answer:
    return Answer(f"{kind} {asked.id}", kind, (), person, "slack", asked.at + timedelta(hours=1), of=asked.id)


@pytest.mark.parametrize(
    ("known", "told", "phase"),
    [
        pytest.param(WEB, None, Phase.OPEN, id="nobody was told"),
        pytest.param(WEB, TOLD, Phase.NOTIFIED, id="told"),
        pytest.param(WEB, replace(TOLD, levels=("channel on", "fleet on-call on")), Phase.ESCALATED, id="told to many"),
        pytest.param(mended(WEB, MONDAY), TOLD, Phase.FIXED, id="mended"),
        pytest.param(
            replace(WEB, owned=Owned("platform", Hit(Source.FALLBACK, "", "nobody"))), None, Phase.UNOWNED, id="unowned"
        ),
    ],
)
def test_what_nobody_answered(known: Item, told: Told | None, phase: Phase) -> None:
    assert stand(known=known, told=told).phase is phase


def test_an_acknowledgement_holds_to_the_end_of_its_day_and_is_then_over() -> None:
    assert stand(ack(5), after=5 * DAY).phase is Phase.ACKED
    assert stand(ack(5), after=5 * DAY).by == "ada@example.com"
    assert stand(ack(5), after=6 * DAY).phase is Phase.NOTIFIED


def test_an_acknowledgement_never_reaches_beyond_the_last_rung() -> None:
    assert stand(ack(300), after=37 * DAY).phase is Phase.ACKED
    assert stand(ack(300), after=38 * DAY).phase is Phase.NOTIFIED
    assert stand(ack(300)).promised == (MONDAY + 300 * DAY).date()
    assert last_quiet(WEB.deadline, POLICY, UTC) == date(2026, 12, 30) == (MONDAY + 37 * DAY).date()


def test_any_day_can_be_quiet_of_what_has_no_deadline() -> None:
    assert last_quiet(None, POLICY, UTC) is None


def test_a_request_waits_for_an_answer_and_lapses_without_one() -> None:
    assert stand(extend(50)).phase is Phase.EXTENSION_REQUESTED
    assert stand(extend(50), after=LAPSES).phase is Phase.NOTIFIED


def test_a_grant_moves_the_deadline_until_it_expires() -> None:
    asked = extend(50)
    granted = settle(AnswerKind.GRANT, asked)
    found = stand(asked, granted, after=45 * DAY)
    assert (found.phase, found.by, found.extensions) == (Phase.EXTENDED, "pia@example.com", 1)
    assert found.deadline
    assert found.deadline.at.date() == (MONDAY + 50 * DAY).date()
    assert stand(asked, granted, after=51 * DAY).phase is Phase.NOTIFIED


@pytest.mark.parametrize(
    ("days", "ends"),
    [
        pytest.param(90, 60, id="never past the hard limit"),
        pytest.param(20, 40, id="never before the deadline itself"),
    ],
)
def test_a_grant_stays_within_the_limits_whatever_it_says(days: int, ends: int) -> None:
    asked = extend(days)
    found = stand(asked, settle(AnswerKind.GRANT, asked))
    assert found.deadline
    assert found.deadline.at == MONDAY + ends * DAY


def test_an_extension_is_no_longer_than_the_policy_lets_it_be() -> None:
    free = replace(WEB, deadline=Deadline(MONDAY + 40 * DAY, "wave eu begins"))
    asked = extend(200)
    found = stand(asked, settle(AnswerKind.GRANT, asked), known=free)
    assert found.deadline
    assert found.deadline.at == MONDAY + 70 * DAY


def test_more_extensions_than_the_policy_has_are_none() -> None:
    free = replace(WEB, deadline=Deadline(MONDAY + 40 * DAY, "wave eu begins"))
    said = [each for asked in map(extend, (45, 50, 55)) for each in (asked, settle(AnswerKind.GRANT, asked))]
    found = stand(*said, known=free)
    assert found.deadline
    assert (found.extensions, found.deadline.at.date()) == (2, (MONDAY + 50 * DAY).date())


def test_what_is_taken_back_leaves_the_deadline_as_it_was_and_counts_for_nothing() -> None:
    asked = extend(50)
    granted = settle(AnswerKind.GRANT, asked)
    taken = replace(settle(AnswerKind.DENY, asked), at=granted.at + timedelta(hours=1))
    found = stand(asked, granted, taken)
    assert (found.phase, found.deadline, found.extensions, found.extension) == (Phase.NOTIFIED, WEB.deadline, 0, None)
    again = extend(45, at=1)
    found = stand(asked, granted, taken, again, settle(AnswerKind.GRANT, again), after=2 * DAY)
    assert (found.phase, found.extensions) == (Phase.EXTENDED, 1)


def test_a_denied_request_changes_nothing() -> None:
    asked = extend(50)
    found = stand(asked, settle(AnswerKind.DENY, asked))
    assert (found.phase, found.deadline, found.asked) == (Phase.NOTIFIED, WEB.deadline, None)


def test_nobody_gives_time_to_themselves() -> None:
    asked = extend(50)
    assert stand(asked, settle(AnswerKind.GRANT, asked, "ada@example.com")).phase is Phase.EXTENSION_REQUESTED


def test_not_mine_ends_what_the_same_owner_promised() -> None:
    said = answer(AnswerKind.NOT_MINE, WEB, at=MONDAY + timedelta(hours=2))
    found = stand(ack(20), said)
    assert (found.phase, found.not_mine) == (Phase.NOTIFIED, ("ada@example.com",))


def test_answers_are_of_each_item_alone() -> None:
    api = item("api", 40)
    said = by_item([ack(5), answer(AnswerKind.NOT_MINE, WEB, api, at=MONDAY)])
    assert [each.kind for each in said[WEB.key]] == [AnswerKind.ACK, AnswerKind.NOT_MINE]
    assert [each.kind for each in said[api.key]] == [AnswerKind.NOT_MINE]
