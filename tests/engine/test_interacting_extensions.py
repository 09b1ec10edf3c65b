"""Decisions on extensions by click: an approver's, never one's own, made once, and what was granted taken back."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.notices.binding import extensions
from fleetkeeper.core.notices.signing import is_signed, sign
from fleetkeeper.core.notices.values import Answer, AnswerKind
from tests.engine.clicking import NOW, WANTED, MemoryNotices, Office, mended, only, told
from tests.engine.rig import KEY


@pytest.fixture
def office() -> Office:
    return Office()


class TestADecisionOnAnExtension:
    @pytest.fixture
    def asked(self, office: Office) -> Button:
        office.filled_in(Do.EXTEND, WANTED)
        return Button("n7", only(office).id)

    @pytest.mark.parametrize("action", [Do.GRANT, Do.DENY])
    def test_is_signed_by_an_approver(self, office: Office, asked: Button, action: str) -> None:
        reply = office.press(action, "U0BOB", asked)
        request, decision = office.notices.answers()
        assert decision.kind is (AnswerKind.GRANT if action == Do.GRANT else AnswerKind.DENY)
        assert (decision.person, decision.of, decision.items) == ("Bob@shop.example", request.id, request.items)
        assert is_signed(decision, KEY)
        assert "Granted" in told(reply) or "Denied" in told(reply)

    @pytest.mark.parametrize(
        ("user", "says"),
        [
            pytest.param("U0OLGA", "that takes the role approver", id="an operator"),
            pytest.param("U0MAX", "that takes the role approver", id="the team itself"),
        ],
    )
    def test_takes_the_role(self, office: Office, asked: Button, user: str, says: str) -> None:
        assert says in told(office.press(Do.GRANT, user, asked))
        assert only(office).kind is AnswerKind.EXTEND

    @pytest.mark.parametrize("user", ["U0ANN", "U0ANN2"])
    def test_is_never_the_requesters_own_from_whichever_account(self, office: Office, user: str) -> None:
        office.filled_in(Do.EXTEND, WANTED, "U0ANN2")
        reply = office.press(Do.GRANT, user, Button("n7", only(office).id))
        assert "ann@shop.example asked for it, so somebody else has to decide" in told(reply)
        assert only(office).kind is AnswerKind.EXTEND

    def test_is_made_once(self, office: Office, asked: Button) -> None:
        office.press(Do.DENY, "U0BOB", asked)
        reply = office.press(Do.GRANT, "U0ANN", asked)
        assert "Bob@shop.example denied it on 23 Nov 10:00 UTC" in told(reply)
        assert [each.kind for each in office.notices.answers()] == [AnswerKind.EXTEND, AnswerKind.DENY]

    def test_that_two_make_at_once_is_the_firsts(self, office: Office, asked: Button) -> None:
        """The second had read the answers before the first was stored."""
        office.press(Do.DENY, "U0BOB", asked)
        late = _Late(office.notices)
        reply = Office(notices=late).press(Do.GRANT, "U0ANN", asked)
        assert "denied it" in told(reply)
        assert [each.kind for each in office.notices.answers()] == [AnswerKind.EXTEND, AnswerKind.DENY]

    def test_of_what_is_mended_is_not_needed(self, office: Office, asked: Button) -> None:
        office.items[:] = map(mended, office.items)
        assert "fixed already" in told(office.press(Do.GRANT, "U0BOB", asked))

    def test_on_a_request_that_was_written_by_hand_is_refused(self, office: Office) -> None:
        forged = Answer(
            "f1", AnswerKind.EXTEND, (office.items[0].key,), "eve@shop.example", "slack", NOW, signature="x"
        )
        office.notices.add_answer(forged)
        assert "knows no such request" in told(office.press(Do.GRANT, "U0BOB", Button("n7", "f1")))

    def test_on_a_request_whose_day_was_changed_by_hand_is_refused(self, office: Office, asked: Button) -> None:
        request = only(office)
        office.notices.stored[request.id] = replace(request, until=date(2029, 1, 1))
        assert "knows no such request" in told(office.press(Do.GRANT, "U0BOB", asked))

    def test_is_not_stopped_by_a_decision_that_was_written_by_hand(self, office: Office, asked: Button) -> None:
        signed = sign(replace(only(office), id="f2", kind=AnswerKind.DENY, of=asked.about), KEY)
        office.notices.add_answer(replace(signed, person="Bob@shop.example"))
        assert "Granted" in told(office.press(Do.GRANT, "U0ANN", asked))

    def test_whose_place_was_taken_by_hand_is_not_said_to_be_granted(self, office: Office, asked: Button) -> None:
        office.press(Do.GRANT, "U0BOB", asked)
        _, decision = office.notices.answers()
        office.notices.stored[decision.id] = replace(decision, kind=AnswerKind.DENY)
        assert "written into the database by hand" in told(office.press(Do.GRANT, "U0ANN", asked))


class TestAWithdrawal:
    @pytest.fixture
    def granted(self, office: Office) -> Button:
        office.filled_in(Do.EXTEND, WANTED)
        asked = Button("n7", only(office).id)
        office.press(Do.GRANT, "U0BOB", asked)
        return asked

    @pytest.mark.parametrize("user", ["U0BOB", "U0ANN"])
    def test_is_any_approvers_and_signed(self, office: Office, granted: Button, user: str) -> None:
        assert "the deadline is again what it was" in told(office.press(Do.WITHDRAW, user, granted))
        request, grant, denial = office.notices.answers()
        assert (denial.kind, denial.of, denial.items) == (AnswerKind.DENY, request.id, request.items)
        assert denial.at > grant.at
        assert is_signed(denial, KEY)
        assert extensions(office.notices.answers(), ZoneInfo("UTC")) == ()

    @pytest.mark.parametrize("user", ["U0OLGA", "U0MAX"])
    def test_takes_the_role_that_grants(self, office: Office, granted: Button, user: str) -> None:
        assert "that takes the role approver" in told(office.press(Do.WITHDRAW, user, granted))
        assert len(office.notices.answers()) == 2

    def test_is_one_whoever_clicks_and_however_often(self, office: Office, granted: Button) -> None:
        first = office.press(Do.WITHDRAW, "U0BOB", granted)
        assert office.press(Do.WITHDRAW, "U0BOB", granted) == first
        assert "Bob@shop.example has withdrawn it already" in told(office.press(Do.WITHDRAW, "U0ANN", granted))
        assert len(office.notices.answers()) == 3

    def test_of_what_nobody_granted_is_refused(self, office: Office) -> None:
        office.filled_in(Do.EXTEND, WANTED)
        asked = Button("n7", only(office).id)
        assert "Nobody has granted it" in told(office.press(Do.WITHDRAW, "U0BOB", asked))
        office.press(Do.DENY, "U0BOB", asked)
        assert "Nobody has granted it" in told(office.press(Do.WITHDRAW, "U0BOB", asked))

    def test_of_what_is_over_is_refused(self, office: Office, granted: Button) -> None:
        office.clock.at = datetime(2026, 12, 21, 9, tzinfo=UTC)
        assert "It is over by itself" in told(office.press(Do.WITHDRAW, "U0BOB", granted))

    def test_of_what_was_granted_by_hand_is_refused(self, office: Office, granted: Button) -> None:
        _, grant = office.notices.answers()
        office.notices.stored[grant.id] = replace(grant, until=date(2029, 1, 1))
        assert "Nobody has granted it" in told(office.press(Do.WITHDRAW, "U0BOB", granted))


class _Late(MemoryNotices):
    """Answers that were read before the last one was stored, the first time."""

    def __init__(self, notices: MemoryNotices) -> None:
        super().__init__(*notices.records.values())
        self.stored = notices.stored
        self._reads = 0

    def answers(self) -> tuple[Answer, ...]:
        self._reads += 1
        found = super().answers()
        return found[:-1] if self._reads == 1 else found
