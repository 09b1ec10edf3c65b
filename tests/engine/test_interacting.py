"""Clicks on notices: whoever may answer leaves a signed answer, everybody else reads why not and who may."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.core.interacting.fields import Private
from fleetkeeper.core.interacting.values import Click, ClickKind
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.messages.plain import plain
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.signing import is_signed
from fleetkeeper.core.notices.standing import standing
from fleetkeeper.core.notices.values import AnswerKind, Delivery, Item, Mode, NoticeKind, Phase, Policy, Sent
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import StoreUnavailable
from tests.engine.clicking import (
    LEFT,
    NAMELESS,
    NOW,
    V1BETA1,
    WANTED,
    MemoryNotices,
    Office,
    item_of,
    mended,
    notice_of,
    only,
    record_of,
    told,
)
from tests.engine.rig import KEY

ACKED = {"until": "2026-12-01"}


@pytest.fixture
def office() -> Office:
    return Office()


class TestAnAcknowledgement:
    def test_is_a_signed_answer_about_all_that_was_asked(self, office: Office) -> None:
        reply = office.filled_in(Do.ACK, ACKED)
        answer = only(office)
        assert (answer.kind, answer.until, answer.person) == (AnswerKind.ACK, date(2026, 12, 1), "max@shop.example")
        assert set(answer.items) == {item.key for item in office.items}
        assert (answer.identity, answer.notice) == ("slack", "n1")
        assert is_signed(answer, KEY)
        assert "fixed by Tue 1 Dec 2026" in told(reply)
        assert reply.channel == "C0PAY"

    @pytest.mark.parametrize(
        ("until", "says"),
        [
            pytest.param("2026-12-11", "Until then it stays quiet", id="before the last days"),
            pytest.param("2026-12-14", "It stays quiet until Fri 11 Dec 2026", id="the day of the deadline"),
        ],
    )
    def test_says_until_when_it_is_quiet_and_that_is_what_the_modal_said(
        self, office: Office, until: str, says: str
    ) -> None:
        modal = office.press(Do.ACK).view
        assert modal is not None
        assert "at most until Fri 11 Dec 2026: closer to the deadline, reminders go on" in " ".join(
            plain(modal).split()
        )
        assert says in told(office.submit(modal, {"until": until}))
        item = office.items[0]
        (answer,) = office.notices.answers()
        last = datetime(2026, 12, 11, 23, tzinfo=UTC)
        phases = [standing(item, None, (answer,), at, Policy()).phase for at in (last, last + timedelta(hours=1))]
        assert phases == [Phase.ACKED, Phase.OPEN]

    def test_is_not_quiet_on_the_last_days(self, office: Office) -> None:
        office.clock.at = datetime(2026, 12, 13, 9, tzinfo=UTC)
        modal = office.press(Do.ACK).view
        assert modal is not None
        assert "So close to it, reminders go on all the same" in " ".join(plain(modal).split())
        assert "reminders go on all the same" in told(office.submit(modal, {"until": "2026-12-14"}))

    @pytest.mark.parametrize(
        ("until", "says"),
        [
            pytest.param("2026-11-22", "That day is over.", id="yesterday"),
            pytest.param("2026-12-15", "The deadline is Mon 14 Dec 2026", id="after the deadline"),
            pytest.param("soon", "Choose the day", id="no day"),
            pytest.param("", "Choose the day", id="nothing"),
        ],
    )
    def test_is_refused_beside_its_field_when_the_day_is(self, office: Office, until: str, says: str) -> None:
        reply = office.filled_in(Do.ACK, {"until": until})
        assert says in reply.errors["until"]
        assert not office.notices.answers()

    def test_that_comes_twice_is_one(self, office: Office) -> None:
        first = office.filled_in(Do.ACK, ACKED, id="view V1")
        second = office.filled_in(Do.ACK, ACKED, id="view V1")
        assert first == second
        assert len(office.notices.answers()) == 1

    def test_is_about_what_still_counts(self, office: Office) -> None:
        office.items[0] = mended(office.items[0])
        office.filled_in(Do.ACK, ACKED)
        assert only(office).items == (office.items[1].key,)


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("U0MAX", id="a member, whatever the case of the address"),
        pytest.param("U0NINA", id="a member by the id of the account"),
        pytest.param("U0LEA", id="the lead"),
        pytest.param("U0LEA2", id="the lead, from another account"),
        pytest.param("U0OLGA", id="an operator"),
        pytest.param("U0ANN", id="an approver, who is an operator too"),
    ],
)
def test_an_answer_is_taken_from(office: Office, user: str) -> None:
    office.filled_in(Do.ACK, ACKED, user)
    assert only(office).kind is AnswerKind.ACK


@pytest.mark.parametrize("action", [Do.ACK, Do.EXTEND, Do.NOT_MINE, Do.DIFF, Do.RECHECK])
@pytest.mark.parametrize(
    ("user", "says"),
    [
        pytest.param("U0EVE", "You are eve@shop.example here, and may not answer for payments", id="somebody else"),
        pytest.param(NAMELESS, "does not tell fleetkeeper an e-mail address", id="a name that looks like an address"),
        pytest.param(LEFT, "does not tell fleetkeeper an e-mail address", id="an account that was closed"),
    ],
)
def test_nothing_is_taken_or_shown_to(office: Office, user: str, says: str, action: str) -> None:
    reply = office.press(action, user)
    assert says in told(reply)
    assert reply.view is None
    assert not office.notices.answers()
    assert not office.notices.rechecks


def test_a_refusal_names_who_may(office: Office) -> None:
    text = told(office.press(Do.ACK, "U0EVE"))
    assert "people of payments (lea@shop.example, max@shop.example, U0NINA)" in text
    assert "Bob@shop.example, ann@shop.example, olga@shop.example" in text


def test_a_modal_that_was_opened_by_one_is_not_sent_by_another(office: Office) -> None:
    opened = office.press(Do.ACK).view
    assert opened is not None
    assert "may not answer for payments" in told(office.submit(opened, ACKED, "U0EVE"))
    assert not office.notices.answers()


def test_somebody_of_another_workspace_is_nobody_here(office: Office) -> None:
    click = Click("c", ClickKind.BUTTON, "U0MAX", "T0OTHER", "T0SHOP", Do.ACK, str(Button("n1", office.ask().id)))
    reply = office.interactions.handle(replace(click, channel="C0PAY"))
    assert "belongs to another workspace" in told(reply)
    assert not office.slack.asked


class TestWhoAnAccountIs:
    def test_is_nobody_while_slack_does_not_say(self, office: Office) -> None:
        office.slack.silent = True
        assert "nothing was stored" in told(office.press(Do.RECHECK))
        assert not office.notices.rechecks

    def test_is_not_believed_from_a_row_of_the_database(self, office: Office) -> None:
        """Whoever may write there could else be an approver by any click."""
        forged = Contact("u0eve", Reach.KNOWN, "U0EVE", "Eve", "bob@shop.example")
        office.notices.save_contacts((forged,), NOW)
        assert "You are eve@shop.example here" in told(office.press(Do.ACK, "U0EVE"))


class TestWhatNoMessageOfOurs:
    """Ever said: a value that was put together from others."""

    @pytest.fixture
    def index(self, office: Office) -> Item:
        """Another team's."""
        found = item_of("index", owner="search")
        office.items.append(found)
        office.notices.records["n2"] = record_of(notice_of([found], "n2"))
        return found

    @pytest.mark.parametrize("action", [Do.ACK, Do.EXTEND, Do.NOT_MINE, Do.DIFF, Do.RECHECK])
    @pytest.mark.parametrize(
        ("notice", "says"),
        [
            pytest.param("n2", "may not answer for search", id="another team's message"),
            pytest.param("n1", "This is not asked any more", id="another team's thing in one's own message"),
        ],
    )
    def test_opens_and_stores_nothing(self, office: Office, index: Item, notice: str, says: str, action: str) -> None:
        reply = office.press(action, button=Button(notice, asks_of([index])[0].id))
        assert says in told(reply)
        assert reply.view is None
        assert not office.notices.answers()
        assert not office.notices.rechecks

    @pytest.mark.parametrize("notice", ["n1", "n2"])
    def test_is_not_taken_from_a_modal(self, office: Office, index: Item, notice: str) -> None:
        opened = office.press(Do.ACK).view
        assert opened is not None
        private = str(Private(Button(notice, asks_of([index])[0].id), "C0PAY"))
        assert told(office.submit(replace(opened, private=private), ACKED))
        assert not office.notices.answers()

    @pytest.mark.parametrize(
        "changed", [{"callback": Do.GRANT}, {"callback": Do.APPROVE}, {"private": "C0PAY n1"}, {"private": ""}]
    )
    def test_is_no_modal(self, office: Office, changed: dict[str, str]) -> None:
        opened = office.press(Do.ACK).view
        assert opened is not None
        reply = office.submit(replace(opened, **changed), ACKED)  # type: ignore[arg-type]
        assert "of another version of fleetkeeper" in told(reply)
        assert not office.notices.answers()


class TestAStaleButton:
    def test_of_what_is_mended_says_so(self, office: Office) -> None:
        button = Button("n1", office.ask().id)
        office.items[:] = map(mended, office.items)
        assert "fixed already" in told(office.press(Do.ACK, button=button))

    def test_of_what_is_somebody_elses_now_says_so(self, office: Office) -> None:
        button = Button("n1", office.ask().id)
        office.items[:] = [item_of("web", owner="search"), item_of("api", owner="search")]
        assert "This is not asked any more: it is fixed, it moved" in told(office.press(Do.ACK, button=button))

    def test_of_a_message_that_is_forgotten_says_so(self, office: Office) -> None:
        assert "too old" in told(office.press(Do.ACK, button=Button("n0", office.ask().id)))

    def test_of_a_message_that_a_newer_one_superseded_says_so(self, office: Office) -> None:
        newer = notice_of(office.items, "n2", NOW + timedelta(days=1))
        office.sent.append(Sent(newer, Delivery.SENT, newer.at))
        reply = office.press(Do.ACK)
        assert "A newer message of Tue 24 Nov 2026" in told(reply)
        assert reply.view is None

    @pytest.mark.parametrize(
        "newer",
        [
            pytest.param({"state": Delivery.PENDING}, id="that is not out yet"),
            pytest.param({"kind": NoticeKind.REMINDER}, id="of another kind"),
            pytest.param({"items": 1}, id="that has only a part of it"),
        ],
    )
    def test_works_beside_a_newer_one(self, office: Office, newer: dict[str, Any]) -> None:
        kind = newer.get("kind", NoticeKind.DIGEST)
        found = notice_of(office.items[: newer.get("items")], "n2", NOW + timedelta(days=1), kind)
        office.sent.append(Sent(found, newer.get("state", Delivery.SENT), found.at))
        assert office.press(Do.ACK).view is not None

    @pytest.mark.parametrize("value", ["", "n1", "n1|a|b|c|d", "javascript:1", "|||"])
    def test_of_nobody_is_refused_in_words(self, office: Office, value: str) -> None:
        click = Click("c", ClickKind.BUTTON, "U0MAX", action=Do.ACK, value=value, channel="C0PAY")
        assert told(office.interactions.handle(click))
        assert not office.notices.answers()

    @pytest.mark.parametrize("value", ["", "C0PAY", "C0PAY n1", "n1|a|b|c", " |||", "C0PAY n1||||"])
    def test_of_a_modal_of_nobody_is_refused_in_words(self, office: Office, value: str) -> None:
        click = Click("c", ClickKind.SUBMIT, "U0MAX", action=Do.ACK, value=value, fields=ACKED)
        assert told(office.interactions.handle(click))
        assert not office.notices.answers()


class TestAnExtension:
    def test_is_asked_for_with_a_reason(self, office: Office) -> None:
        reply = office.filled_in(Do.EXTEND, WANTED)
        answer = only(office)
        assert (answer.kind, answer.until, answer.mode) == (AnswerKind.EXTEND, date(2026, 12, 20), Mode.PROCEED)
        assert answer.reason == "the vendor's chart comes late"
        assert is_signed(answer, KEY)
        assert "An approver decides" in told(reply)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            pytest.param({"until": ""}, "until", id="no day"),
            pytest.param({"until": "2026-12-10"}, "until", id="a day before the deadline"),
            pytest.param({"until": "2027-01-12"}, "until", id="a day after the hard limit"),
            pytest.param({"until": "2027-02-12"}, "until", id="more than a policy lets anybody have"),
            pytest.param({"reason": "  "}, "reason", id="no reason"),
            pytest.param({"mode": "ignore"}, "mode", id="a mode that there is not"),
        ],
    )
    def test_is_refused_beside_its_field_for(self, office: Office, changed: dict[str, str], field: str) -> None:
        reply = office.filled_in(Do.EXTEND, WANTED | changed)
        assert set(reply.errors) == {field}
        assert not office.notices.answers()


def test_not_mine_is_a_signed_answer(office: Office) -> None:
    reply = office.filled_in(Do.NOT_MINE, {"reason": "that namespace went to search"})
    assert (only(office).kind, only(office).reason) == (AnswerKind.NOT_MINE, "that namespace went to search")
    assert is_signed(only(office), KEY)
    assert "next owner" in told(reply)


def test_recheck_leaves_its_clusters_to_be_looked_at(office: Office) -> None:
    office.items[:] = [item_of("web"), item_of("api", cluster="shop-2")]
    office.notices = MemoryNotices(record_of(notice_of(office.items)))
    reply = office.press(Do.RECHECK, id="c1")
    office.press(Do.RECHECK, id="c1")
    (recheck,) = office.notices.rechecks.values()
    assert (recheck.clusters, recheck.person, recheck.notice) == (("shop-1", "shop-2"), "max@shop.example", "n1")
    assert "the result comes in this thread" in told(reply)


def test_a_fix_is_shown_in_a_modal(office: Office) -> None:
    view = office.press(Do.DIFF).view
    assert view is not None
    assert view.title == "How to fix it"


def test_the_fix_of_an_api_shows_what_the_manifest_says_instead(office: Office) -> None:
    found = office.items[0]
    gone = replace(found.tracked.finding, key=V1BETA1, minor=Minor.parse("1.34"))
    office.items[:] = [replace(found, tracked=replace(found.tracked, finding=gone))]
    view = office.press(Do.DIFF).view
    assert view is not None
    shown = [line.strip() for line in plain(view).splitlines()]
    start = shown.index("- apiVersion: networking.k8s.io/v1beta1")
    assert shown[start : start + 3] == [shown[start], "+ apiVersion: networking.k8s.io/v1", "kind: Ingress"]


def test_a_database_that_does_not_answer_is_told(office: Office) -> None:
    class Dead(MemoryNotices):
        def record(self, id: str) -> Any:
            raise StoreUnavailable("no route to host db-1")

    office.notices = Dead()
    assert told(office.press(Do.ACK)).startswith("The database of fleetkeeper does not answer")


def test_a_fault_of_our_own_is_told_and_logged(office: Office, logged: list[Any]) -> None:
    office.items[:] = [None]  # type: ignore[list-item]
    reply = office.press(Do.ACK, button=Button("n1", "a"))
    assert "A fault of fleetkeeper's own" in told(reply)
    assert logged[-1]["event"] == "click_failed"


class TestTheHome:
    def test_shows_what_is_mine_and_nothing_else(self, office: Office) -> None:
        office.items.append(item_of("index", owner="search"))
        office.items.append(item_of("own", owner="nina@shop.example"))
        home = office.interactions.handle(Click("h", ClickKind.HOME, "U0NINA")).home
        assert home is not None
        text = str(home.blocks)
        assert all(name in text for name in ("`api`, `web`", "shop/own"))
        assert "index" not in text

    def test_of_somebody_who_owns_nothing_is_empty(self, office: Office) -> None:
        home = office.interactions.handle(Click("h", ClickKind.HOME, "U0OLGA")).home
        assert home is not None
        assert "Nothing to fix" in str(home.blocks)
        assert "shop/web" not in str(home.blocks)


class TestCarryingOut:
    def test_opens_publishes_and_whispers(self, office: Office) -> None:
        for action, user in ((Do.ACK, "U0MAX"), (Do.ACK, "U0EVE")):
            click = Click(
                "c",
                ClickKind.BUTTON,
                user,
                action=action,
                value=str(Button("n1", office.ask().id)),
                channel="C0PAY",
                trigger="t9",
            )
            office.interactions.carry_out(click, office.interactions.handle(click))
        ((trigger, view),) = office.slack.opened
        ((channel, user, text),) = office.slack.whispered
        assert (trigger, view.title, channel, user) == ("t9", "When will it be fixed?", "C0PAY", "U0EVE")
        assert "may not answer" in text
