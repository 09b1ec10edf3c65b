"""Clicks of people in the simulated Slack, by Socket Mode and by HTTP, to rows of a database and what they read."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.slack.clicks import Clicks
from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.slack.http import HttpListener
from fleetkeeper.adapters.slack.socket import SocketListener
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import Secret, SlackSettings, StoreSettings
from fleetkeeper.core.messages.blocks import actions, button, section
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do, Message
from fleetkeeper.core.notices.signing import is_signed
from fleetkeeper.core.notices.values import AnswerKind
from fleetkeeper.core.run import Verb
from fleetkeeper.engine.notice_ports import Writing
from fleetkeeper.sim.slack.faults import Trouble
from fleetkeeper.sim.slack.request_url import Sign
from fleetkeeper.sim.slack.server import SIGNING_SECRET
from fleetkeeper.sim.slack.values import Sent
from fleetkeeper.sim.slack_api import SimSlack
from tests.engine.clicking import ACCOUNTS, NOW, Office, mended, notice_of
from tests.engine.conftest import database
from tests.engine.rig import KEY, T0, begin, plan_of

__all__ = ["database"]

CHANNEL = "C0PAY"
MODES = ("socket", "http")
DIGEST = plan_of()[0].digest


@dataclass
class Place:
    """A workspace with a digest in it, our listeners, and the database behind them."""

    slack: SimSlack
    office: Office
    clicks: Clicks
    message: Sent

    def pressed(self, user: str, action: str) -> Any:
        return self.slack.click(user, self.message, action)

    def answers(self) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self.office.notices.answers()
        return found

    def heard(self, user: str) -> str:
        """The newest of what that person alone was told, as soon as there is something."""
        whispers: Any = self.slack.until(lambda: self.slack.whispers(user))
        return self.slack.text(whispers[-1])


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000) as found:
        found.add_channel("payments", id=CHANNEL)
        for id, email in ACCOUNTS.items():
            found.add_user(id.lower(), email, id=id)
        found.add_user("ghost", id="U0GHOST")
        found.workspace.channels[CHANNEL].members.update({*ACCOUNTS, "U0GHOST"})
        yield found


@pytest.fixture
def settings(slack: SimSlack) -> SlackSettings:
    return SlackSettings(
        bot_token=Secret(slack.bot_token),
        app_token=Secret(slack.app_token),
        signing_secret=Secret(SIGNING_SECRET),
        listen="127.0.0.1:0",
        api_url=slack.api_url,
        timeout_seconds=5.0,
    )


@pytest.fixture
def office(database: StoreSettings, settings: SlackSettings) -> Iterator[Office]:
    notices, runs = SqlNotices(database), SqlRuns(database)
    made = Office(runs=runs, notices=notices, slack=SlackChat(settings))
    notices.save_turn([Writing(notice_of(made.items), Message("told"))], (), {}, NOW)
    yield made
    notices.close()
    runs.close()


@pytest.fixture
def clicks(office: Office) -> Iterator[Clicks]:
    found = Clicks(office.interactions)
    yield found
    found.close()


@pytest.fixture
def message(slack: SimSlack, office: Office) -> Sent:
    about = Button("n1", office.ask().id)
    buttons = [button(each, each, about) for each in (Do.ACK, Do.EXTEND, Do.NOT_MINE, Do.RECHECK, Do.DIFF)]
    office.slack.post(CHANNEL, Message("told", (section(["told"]), actions("a", buttons))), None, "n1")
    return slack.messages(CHANNEL)[-1]


@pytest.fixture
def listening(settings: SlackSettings, clicks: Clicks, slack: SimSlack) -> Iterator[Callable[[str], None]]:
    stops: list[Callable[[], None]] = []

    def listen(mode: str) -> None:
        if mode == "socket":
            listener = SocketListener(settings, clicks, threading.Event())
            before = slack.sockets.count
            listener.start()
            stops.append(listener.stop)
            slack.until(lambda: slack.sockets.count > before)
        else:
            server = HttpListener(settings, clicks)
            server.start()
            stops.append(server.stop)
            assert slack.send_to(f"{server.url}/slack/events")

    yield listen
    for stop in stops:
        stop()


@pytest.fixture(params=MODES)
def place(
    request: pytest.FixtureRequest,
    slack: SimSlack,
    office: Office,
    clicks: Clicks,
    message: Sent,
    listening: Callable[[str], None],
) -> Place:
    listening(request.param)
    return Place(slack, office, clicks, message)


class TestEachButton:
    def test_acknowledges_with_a_day(self, place: Place) -> None:
        assert place.pressed("U0MAX", Do.ACK).acked
        modal = place.slack.modal("U0MAX")
        assert place.slack.submit("U0MAX", modal, {"until": "2026-12-01"}).acked
        (answer,) = place.answers()
        assert (answer.kind, answer.person) == (AnswerKind.ACK, "max@shop.example")
        assert is_signed(answer, KEY)
        assert "fixed by Tue 1 Dec 2026" in place.heard("U0MAX")

    def test_is_corrected_beside_its_field(self, place: Place) -> None:
        place.pressed("U0MAX", Do.ACK)
        modal = place.slack.modal("U0MAX")
        answer = place.slack.submit("U0MAX", modal, {"until": "2026-12-31"})
        assert "The deadline is Mon 14 Dec 2026" in answer.errors["until"]
        assert not place.answers()
        assert place.slack.submit("U0MAX", modal, {"until": "2026-12-10"}).acked
        assert len(place.answers()) == 1

    def test_asks_for_an_extension_that_another_grants(self, place: Place) -> None:
        place.pressed("U0MAX", Do.EXTEND)
        entered = {"until": "2026-12-20", "reason": "the chart <!channel> is late", "mode": "proceed"}
        assert place.slack.submit("U0MAX", place.slack.modal("U0MAX"), entered).acked
        (asked,) = place.answers()
        about = Button("n2", asked.id)
        buttons = [button(Do.GRANT, "Grant", about), button(Do.DENY, "Deny", about)]
        place.office.slack.post(CHANNEL, Message("?", (actions("d", buttons),)), None, "n2")
        decision = place.slack.messages(CHANNEL)[-1]
        place.slack.click("U0EVE", decision, Do.GRANT)
        assert "that takes the role approver" in place.heard("U0EVE")
        place.slack.click("U0BOB", decision, Do.GRANT)
        assert "Granted" in place.heard("U0BOB")
        place.slack.click("U0ANN", decision, Do.DENY)
        assert "Bob@shop.example granted it" in place.heard("U0ANN")
        assert [each.kind for each in place.answers()] == [AnswerKind.EXTEND, AnswerKind.GRANT]
        assert all(is_signed(each, KEY) for each in place.answers())

    def test_says_that_it_is_somebody_elses(self, place: Place) -> None:
        place.pressed("U0NINA", Do.NOT_MINE)
        assert place.slack.submit("U0NINA", place.slack.modal("U0NINA"), {"reason": "search has it now"}).acked
        (answer,) = place.answers()
        assert (answer.kind, answer.reason) == (AnswerKind.NOT_MINE, "search has it now")

    def test_asks_for_another_look(self, place: Place) -> None:
        place.pressed("U0LEA", Do.RECHECK)
        assert "looked at now" in place.heard("U0LEA")
        (recheck,) = place.office.notices.take_rechecks("w", timedelta(seconds=9))
        assert (recheck.clusters, recheck.person, recheck.notice) == (("shop-1",), "lea@shop.example", "n1")

    def test_shows_the_fix(self, place: Place) -> None:
        place.pressed("U0OLGA", Do.DIFF)
        assert "How to fix it" in place.slack.text(place.slack.modal("U0OLGA"))

    @pytest.mark.parametrize(
        ("user", "says"), [("U0EVE", "may not answer for payments"), ("U0GHOST", "e-mail address")]
    )
    def test_of_somebody_who_may_not_is_refused_in_words(self, place: Place, user: str, says: str) -> None:
        assert place.pressed(user, Do.ACK).acked
        assert says in place.heard(user)
        assert not place.slack.workspace.modals(user)

    @pytest.mark.parametrize(
        ("account", "says"),
        [
            ({"team": "T0ELSEWHERE"}, "belongs to another workspace"),
            ({"is_confirmed": False}, "does not tell fleetkeeper an e-mail address of this account that is confirmed"),
        ],
    )
    def test_of_somebody_who_only_has_a_members_address_is_refused(
        self, place: Place, account: dict[str, Any], says: str
    ) -> None:
        for name, value in account.items():
            setattr(place.slack.workspace.people["U0MAX"], name, value)
        assert place.pressed("U0MAX", Do.ACK).acked
        assert says in place.heard("U0MAX")
        assert not place.slack.workspace.modals("U0MAX")

    def test_that_is_stale_is_refused_in_words(self, place: Place) -> None:
        place.office.items[:] = map(mended, place.office.items)
        assert place.pressed("U0MAX", Do.ACK).acked
        assert "fixed already" in place.heard("U0MAX")


class TestAWave:
    @pytest.fixture
    def wave(self, place: Place) -> Sent:
        begin(place.office.runs, T0, approve=False)
        plan, run = Button("w1", "plan-1", DIGEST), Button("w1", "run-1", DIGEST)
        buttons = [button(Do.APPROVE, "Approve", plan), button(Do.PAUSE, "Pause", run)]
        place.office.slack.post(CHANNEL, Message("wave", (actions("w", buttons),)), None, "w1")
        return place.slack.messages(CHANNEL)[-1]

    def test_is_approved_with_a_proof(self, place: Place, wave: Sent) -> None:
        place.slack.click("U0BOB", wave, Do.APPROVE)
        (command,) = place.office.runs.to_verify()
        assert (command.verb, command.actor, command.identity) == (Verb.APPROVE, "Bob@shop.example", "slack")
        assert "No engine has answered yet" in place.heard("U0BOB")

    @pytest.mark.parametrize("user", ["U0EVE", "U0ANN", "U0ANN2"])
    def test_is_not_approved_by_a_viewer_or_its_requester(self, place: Place, wave: Sent, user: str) -> None:
        assert place.slack.click(user, wave, Do.APPROVE).acked
        assert place.heard(user)
        assert not place.office.runs.to_verify()

    def test_is_paused_by_anybody_whom_slack_knows(self, place: Place, wave: Sent) -> None:
        place.slack.click("U0EVE", wave, Do.PAUSE)
        stored = place.office.runs.run("run-1")
        assert [each.actor for each, _ in stored.commands if each.verb is Verb.PAUSE] == ["eve@shop.example"]


class TestWhatComesTwice:
    def test_is_one_click(self, place: Place) -> None:
        place.slack.deliver_twice()
        assert place.pressed("U0LEA", Do.RECHECK).acked
        assert place.heard("U0LEA")
        assert len(place.office.notices.take_rechecks("w", timedelta(seconds=9))) == 1

    def test_is_one_answer(self, place: Place) -> None:
        place.pressed("U0MAX", Do.EXTEND)
        modal = place.slack.modal("U0MAX")
        place.slack.deliver_twice()
        answer = place.slack.submit("U0MAX", modal, {"until": "2026-12-20", "reason": "late", "mode": "hold"})
        assert not answer.errors
        assert [copy.payload for copy in answer.reply.copies] == [answer.reply.payload]
        assert len(place.answers()) == 1


class TestSlashAndHome:
    def test_the_status_is_ones_own(self, place: Place) -> None:
        assert "1 thing to fix in 1 cluster: payments 1" in place.slack.slash("U0MAX", "status", CHANNEL).text
        assert "Nothing is asked of you" in place.slack.slash("U0EVE", "status", CHANNEL).text

    def test_the_home_has_what_is_mine(self, place: Place) -> None:
        assert place.slack.open_home("U0MAX").acked
        assert "2 Ingresses" in place.slack.text(place.slack.home("U0MAX"))

    def test_help_answers_what_is_not_understood(self, place: Place) -> None:
        said = place.slack.slash("U0MAX", "<!channel> explode", CHANNEL).text
        assert "`/fleetkeeper status`" in said
        assert "<!channel>" not in said


@pytest.mark.parametrize("sign", [Sign.WRONG_SECRET, Sign.OLD, Sign.MISSING])
def test_a_request_that_slack_did_not_sign_lately_changes_nothing(
    slack: SimSlack, office: Office, message: Sent, listening: Callable[[str], None], sign: Sign
) -> None:
    listening("http")
    slack.request_url.sign = sign
    answer = slack.click("U0LEA", message, Do.RECHECK)
    assert answer.why == "HTTP 401"
    assert not office.notices.take_rechecks("w", timedelta(seconds=9))


def test_every_click_is_taken_once_by_one_of_two_listeners(
    slack: SimSlack, office: Office, message: Sent, listening: Callable[[str], None]
) -> None:
    listening("socket")
    listening("socket")
    for _ in range(6):
        assert slack.click("U0LEA", message, Do.RECHECK).acked
    slack.until(lambda: len(slack.whispers("U0LEA")) == 6)
    assert len(office.notices.take_rechecks("w", timedelta(seconds=9))) == 6


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
def test_a_socket_comes_back_when_slack_ends_it(
    slack: SimSlack, office: Office, message: Sent, listening: Callable[[str], None], reason: str
) -> None:
    listening("socket")
    asked = slack.calls()["apps.connections.open", ""]
    slack.disconnect(reason)
    slack.until(lambda: slack.calls()["apps.connections.open", ""] > asked and slack.sockets.count > 0)
    tries = (slack.click("U0LEA", message, Do.RECHECK) for _ in range(10))  # the first may go to the one that closes
    assert any(each.acked for each in tries)
    assert slack.until(lambda: slack.whispers("U0LEA"))


@pytest.mark.parametrize("seconds", [0.0, 0.2], ids=["while it connects", "while Slack gives it an address"])
def test_a_socket_that_is_stopped_while_it_connects_does_not_come_back(
    slack: SimSlack, settings: SlackSettings, clicks: Clicks, seconds: float
) -> None:
    before = set(threading.enumerate())
    slack.fail(Trouble.DELAY, method="apps.connections.open", seconds=seconds)
    listener = SocketListener(settings, clicks, threading.Event())
    listener.start()
    listener.stop()

    def lives_on() -> bool:
        started = (each.name for each in threading.enumerate() if each not in before)
        return any(name == "slack-socket" or name.endswith("(_run)") for name in started)  # ours, and the SDK's

    slack.until(lambda: not lives_on() and not slack.sockets.is_open)
