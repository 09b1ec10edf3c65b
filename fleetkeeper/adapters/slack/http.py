"""Listens to clicks by HTTP: Slack posts them, signed, to an address of ours behind TLS."""

import json
import threading
from http.server import BaseHTTPRequestHandler

import structlog
from slack_sdk.signature import SignatureVerifier

from fleetkeeper.adapters.slack.clicks import Clicks, Taken
from fleetkeeper.adapters.slack.payloads import Payload, form_of, json_of
from fleetkeeper.bounded_server import BoundedServer
from fleetkeeper.config import SlackSettings
from fleetkeeper.errors import InvalidAnswer

_log = structlog.get_logger("slack")

PATHS = frozenset({"/slack/events", "/slack/interactions", "/slack/commands"})
"""All of them take all that Slack posts; the manifest may name one of them for everything."""

_LARGEST = 256 * 1024
_MOST_REQUESTS = 32
_REQUEST_SECONDS = 10.0


class HttpListener:
    """Needs settings.listen and settings.signing_secret. Any replica may answer: nothing is kept between requests."""

    def __init__(self, settings: SlackSettings, clicks: Clicks) -> None:
        """Raises ConfigError when nothing can listen there."""
        verifier = SignatureVerifier(settings.signing_secret.value if settings.signing_secret else "")
        handler = type("Handler", (_Handler,), {"clicks": clicks, "verifier": verifier})
        self._server = BoundedServer(settings.listen, "slack.listen", handler, _MOST_REQUESTS, _REQUEST_SECONDS)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="slack-http", daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._thread.start()
        _log.info("slack_listening", url=self.url)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def is_signed(verifier: SignatureVerifier, body: bytes, timestamp: str, signature: str) -> bool:
    """Whether Slack signed it in the last five minutes."""
    try:
        return verifier.is_valid(body, timestamp, signature)
    except (ValueError, TypeError):  # no number, no UTF-8, no ASCII: nothing that Slack would send
        return False


def taken_of(clicks: Clicks, body: bytes, kind: str) -> Taken | Payload:
    """What a signed request came to; a payload is to be answered as it is. Raises InvalidAnswer for a malformed one."""
    if kind.startswith("application/json"):
        payload = json_of(body)
        if payload.get("type") == "url_verification":
            return {"challenge": str(payload.get("challenge", ""))}
        return clicks.take("events_api", payload)
    found, payload = form_of(body)
    return {} if "ssl_check" in payload else clicks.take(found, payload)


class _Handler(BaseHTTPRequestHandler):
    """Of a listener: http.server makes one for each connection, and its subclass carries what it needs."""

    clicks: Clicks
    verifier: SignatureVerifier

    def do_POST(self) -> None:  # the name that http.server calls
        if self.path.partition("?")[0] not in PATHS:
            return self._answer(404)
        body = self._body()
        if body is None:
            return None
        timestamp = self.headers.get("X-Slack-Request-Timestamp", "")
        if not is_signed(self.verifier, body, timestamp, self.headers.get("X-Slack-Signature", "")):
            _log.warning("request_refused", reason="its signature is wrong or older than five minutes")
            return self._answer(401)
        return self._taken(body)

    def _taken(self, body: bytes) -> None:
        try:
            found = taken_of(self.clicks, body, self.headers.get("Content-Type", ""))
        except InvalidAnswer as error:
            _log.warning("payload_refused", reason=error.detail)
            return self._answer(400)
        if not isinstance(found, Taken):
            return self._answer(200, found)
        try:
            self._answer(200, found.body)
            self.wfile.flush()
        finally:
            found.then()

    def _body(self) -> bytes | None:
        """None after a request that is too long, or does not say how long it is."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._answer(411)
        elif int(length) > _LARGEST:
            self._answer(413)
        else:
            return self.rfile.read(int(length))
        self.close_connection = True
        return None

    def _answer(self, status: int, body: Payload | None = None) -> None:
        content = json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "fleetkeeper"  # not which Python this is

    def log_message(self, format: str, *args: object) -> None:
        """What is worth a line is logged where it is judged."""
