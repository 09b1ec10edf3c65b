"""The allow-list of endpoints over real HTTP: what is sent, what answers mean, and that no secret is shown."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fleetkeeper.adapters.hook_messenger import HookMessenger
from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.config import HookSettings, Secret, SecretText
from fleetkeeper.errors import GapReason, ReadError

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass
class Listener:
    """Answers every request alike, and keeps what was sent."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    found = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.seen.append((self.command, self.path, headers, content))
            if found.hangs_up:
                self.close_connection = True
                return
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        do_GET = do_POST  # noqa: N815  # http.server names it

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def hooks(listener: Listener, path: str = "/hook") -> HttpHooks:
    secret = SecretText("Authorization", Secret("Bearer s3cr3t-value", "env T"))
    return HttpHooks([HookSettings("chat", listener.url + path, None, {"X-Team": "pay"}, (secret,), 5.0)])


def test_a_call_posts_json_with_the_token_and_the_headers(listener: Listener) -> None:
    listener.body = b'{"id": 7, "ok": true, "url": "u", "more": {"a": 1, "b": [{"c": 2.5}, []]}, "none": null}'
    answer = hooks(listener).call("chat", {"cluster": "shop"}, TOKEN)
    ((method, path, headers, content),) = listener.seen
    assert (method, path, json.loads(content)) == ("POST", "/hook", {"cluster": "shop"})
    assert headers["idempotency-key"] == TOKEN
    assert (headers["authorization"], headers["x-team"]) == ("Bearer s3cr3t-value", "pay")
    assert headers["content-type"] == "application/json"
    own = {"id": "7", "ok": "true", "url": "u"}
    inner = {"more.a": "1", "more.b.length": "2", "more.b.0.c": "2.5", "more.b.1.length": "0"}
    assert (answer.status, answer.fields) == (200, own | inner)


@pytest.mark.parametrize("path", ["/hook", "/hook?a=b"])
def test_a_question_is_a_get_with_a_query(listener: Listener, path: str) -> None:
    hooks(listener, path).ask("chat", {"id": "CHG 7&8"})
    ((method, asked, headers, content),) = listener.seen
    assert (method, asked) == ("GET", f"{path}{'&' if '?' in path else '?'}id=CHG+7%268")
    assert "idempotency-key" not in headers
    assert content == b""


@pytest.mark.parametrize("body", [b"", b"hello", b"[1]", b"{", b"\xff\xfe"], ids=repr)
def test_an_answer_of_any_form_is_an_answer(listener: Listener, body: bytes) -> None:
    listener.body = body
    assert hooks(listener).call("chat", {}, TOKEN).fields == {}


@pytest.mark.parametrize("status", [201, 400, 401, 404, 409, 422])
def test_a_status_that_is_an_answer_is_told(listener: Listener, status: int) -> None:
    listener.status = status
    assert hooks(listener).call("chat", {}, TOKEN).status == status


@pytest.mark.parametrize(
    ("status", "reason"),
    [(500, GapReason.SERVER_ERROR), (503, GapReason.SERVER_ERROR), (429, GapReason.THROTTLED)],
)
def test_a_status_that_time_may_cure_is_unreachable(listener: Listener, status: int, reason: GapReason) -> None:
    listener.status, listener.body = status, b"busy s3cr3t-value"
    with pytest.raises(ReadError, match=rf"chat answered {status}: busy \*\*\*") as failed:
        hooks(listener).call("chat", {}, TOKEN)
    assert failed.value.reason is reason
    assert len(listener.seen) == 1


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    with listening() as other:
        listener.status, listener.headers = 307, {"Location": f"{other.url}/elsewhere"}
        answer = hooks(listener).call("chat", {}, TOKEN)
        assert (answer.status, other.seen) == (307, [])
        assert "which is not followed" in answer.text


def test_a_connection_that_breaks_is_unreachable(listener: Listener) -> None:
    listener.hangs_up = True
    with pytest.raises(ReadError, match=r"^unreachable: chat: "):
        hooks(listener).call("chat", {}, TOKEN)


def test_nobody_at_the_address_is_unreachable_and_a_secret_url_is_not_told(listener: Listener) -> None:
    found = HttpHooks([HookSettings("chat", secret_url=Secret("http://127.0.0.1:1/hooks/T0PS3CRET"))])
    with pytest.raises(ReadError, match="chat: Connection refused") as failed:
        found.call("chat", {}, TOKEN)
    assert "T0PS3CRET" not in f"{failed.value} {failed.value.detail}"


def test_an_answer_that_echoes_secrets_hides_them(listener: Listener) -> None:
    listener.status = 401
    listener.body = b'{"said": "no Bearer s3cr3t-value", "token": "s3cr3t-value"}'
    answer = hooks(listener).call("chat", {}, TOKEN)
    assert "s3cr3t" not in f"{answer.text} {answer.fields}"


def test_an_answer_without_end_is_refused(listener: Listener) -> None:
    listener.body = b"x" * (2 << 20)
    with pytest.raises(ReadError, match="larger than 1 MiB") as failed:
        hooks(listener).call("chat", {}, TOKEN)
    assert failed.value.reason is GapReason.INVALID_ANSWER


def test_a_name_that_is_not_allowed_is_not_configured(listener: Listener) -> None:
    with pytest.raises(ReadError, match=r"no \[\[engine.hooks\]\] of the name pager; they have chat") as failed:
        hooks(listener).call("pager", {}, TOKEN)
    assert failed.value.reason is GapReason.NOT_CONFIGURED


def test_a_message_goes_to_the_hook_of_its_channel_and_tells_its_address(listener: Listener) -> None:
    listener.body = b'{"permalink": "https://chat/1"}'
    messenger = HookMessenger(hooks(listener), {"oncall": "chat"})
    assert messenger.post("oncall", "hello", TOKEN) == "https://chat/1"
    assert json.loads(listener.seen[0][3]) == {"channel": "oncall", "text": "hello"}
    assert listener.seen[0][2]["idempotency-key"] == TOKEN


def test_a_message_that_is_refused_says_so(listener: Listener) -> None:
    listener.status, listener.body = 404, b"no_team"
    with pytest.raises(ReadError, match="chat answered 404 to a message: no_team") as failed:
        HookMessenger(hooks(listener), {"oncall": "chat"}).post("oncall", "hello", TOKEN)
    assert failed.value.reason is GapReason.REJECTED


def test_a_channel_that_nobody_named_is_not_configured(listener: Listener) -> None:
    with pytest.raises(ReadError, match="has no fleet; it has oncall"):
        HookMessenger(hooks(listener), {"oncall": "chat"}).post("fleet", "hello", TOKEN)
