"""The simulated Slack and unmodified Bolt, in Socket Mode and in HTTP mode: the same app, the same outcome."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from fleetkeeper.sim.slack.request_url import Sign
from fleetkeeper.sim.slack.server import SIGNING_SECRET
from fleetkeeper.sim.slack.values import ViewState
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.apps import DATE, app_of
from tests.sim.slack.offices import ADA, CHANNEL, client_of, furnished, notice, only


@contextmanager
def by_socket(slack: SimSlack) -> Iterator[None]:
    handler = SocketModeHandler(app_of(slack), slack.app_token)
    handler.connect()  # type: ignore[no-untyped-call]
    slack.until(lambda: slack.sockets.count == 1)
    yield
    handler.close()  # type: ignore[no-untyped-call]


@contextmanager
def served(app: App) -> Iterator[str]:
    """Bolt's own HTTP server answers "Not Found" off its path and logs to stderr: this one does neither."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name: [value] for name, value in self.headers.items()}
            answer = app.dispatch(BoltRequest(body=body, headers=headers))  # type: ignore[arg-type]
            self.send_response(answer.status)
            for name, value in answer.first_headers().items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/slack/events"
        server.shutdown()
        thread.join()


@contextmanager
def by_requests(slack: SimSlack) -> Iterator[None]:
    with served(app_of(slack, SIGNING_SECRET)) as url:
        assert slack.send_to(url)
        yield


MODES = {"Socket Mode": by_socket, "HTTP mode": by_requests}


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000) as running:
        yield furnished(running)


@pytest.fixture(params=MODES, ids=list(MODES))
def listened(request: pytest.FixtureRequest, slack: SimSlack) -> Iterator[SimSlack]:
    with MODES[request.param](slack):
        yield slack


def test_a_button_opens_a_modal_that_is_sent(listened: SimSlack) -> None:
    slack = listened
    notice(client_of(slack))
    assert slack.click("ada", only(slack.messages(CHANNEL)), "Ack until").acked
    modal = slack.modal(ADA)
    slack.until(lambda: slack.whispers(ADA))
    refused = slack.submit("ada", modal, {DATE: "2026-11-30"})
    assert (refused.errors, modal.state) == ({DATE: "That is past."}, ViewState.OPEN)
    taken = slack.submit("ada", modal, {DATE: "2027-02-01"})
    assert (taken.acked, taken.errors, modal.state) == (True, {}, ViewState.CLOSED)
    assert [(each.text, each.via) for each in slack.whispers(ADA)] == [("Until when is up to you.", "response_url")]


def test_a_command_is_answered_where_it_was_typed(listened: SimSlack) -> None:
    answer = listened.slash("ada", "status")
    assert (answer.acked, answer.text) == (True, "You asked for status.")
    assert [each.text for each in listened.whispers(ADA)] == ["You asked for status."]


def test_a_home_tab_is_published_when_it_is_opened(listened: SimSlack) -> None:
    assert listened.open_home("ada").acked
    assert listened.text(listened.home(ADA)) == "Yours: nothing."


def test_bolt_comes_again_when_its_socket_is_told_to(slack: SimSlack) -> None:
    with by_socket(slack):
        slack.disconnect("refresh_requested")
        slack.until(lambda: slack.calls()["apps.connections.open", ""] == 2 and slack.sockets.count == 1)
        assert slack.slash("ada", "again").text == "You asked for again."


@pytest.mark.parametrize("sign", [Sign.WRONG_SECRET, Sign.OLD, Sign.MISSING], ids=lambda sign: sign.value)
def test_bolt_refuses_a_signature_that_is(slack: SimSlack, sign: Sign) -> None:
    with served(app_of(slack, SIGNING_SECRET)) as url:
        assert not slack.send_to(url, sign)
        answer = slack.slash("ada", "status")
    assert (answer.acked, answer.why) == (False, "HTTP 401")
    assert slack.whispers(ADA) == []
