"""Listens to clicks by Socket Mode: a connection that we open, so nothing of ours need be reachable from outside.

Slack gives each click to any one of up to ten connections (docs.slack.dev/apis/events-api/using-socket-mode, read
2026-11-21), so every replica may listen. What comes twice is the same click by its id.
"""

import logging
import re
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from fleetkeeper.adapters.secret_files import reread
from fleetkeeper.adapters.slack.clicks import Clicks
from fleetkeeper.config import Secret, SlackSettings

_log = structlog.get_logger("slack")

_SECRET = re.compile(r"wss?://\S+|xapp-[\w-]+|xox[a-z]-[\w-]+")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class SocketListener:
    """One connection, opened again whenever it ends. Needs settings.app_token."""

    def __init__(self, settings: SlackSettings, clicks: Clicks, cancel: threading.Event) -> None:
        self._clicks, self._cancel = clicks, cancel
        self._stopped = threading.Event()
        logger = _logger(self._stopped)
        web = WebClient(
            base_url=settings.api_url,
            timeout=max(1, round(settings.timeout_seconds)),
            ssl=ssl.create_default_context(cafile=settings.ca_bundle or None),
            retry_handlers=[],
            logger=logger,
        )
        proxy = settings.proxy_url or _proxy(settings.api_url)
        web.proxy = proxy or None
        self._client = _Client(settings.app_token or Secret(""), web, logger)
        self._client.proxy = proxy or None  # else the SDK takes $HTTPS_PROXY, whatever $NO_PROXY says
        self._client.message_listeners.append(_greeted)
        self._client.socket_mode_request_listeners.append(self._heard)
        self._thread = threading.Thread(target=self._connect, name="slack-socket", daemon=True)

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def start(self) -> None:
        """Begin to connect; while Slack does not answer, it is tried again and again."""
        self._thread.start()

    def stop(self) -> None:
        """The connection is closed, or the one that is being opened; none is opened again."""
        self._stopped.set()
        self._client.close()

    def _connect(self) -> None:
        """Until there is an address to connect to; from then on the client itself comes back, every few seconds."""
        pause = _FIRST_PAUSE
        while not self._cancel.is_set() and not self._stopped.is_set():
            try:
                self._client.connect_to_new_endpoint(force=True)
                return
            except Exception as error:  # of urllib, of the socket, of the SDK: all of them are tried again
                if self._stopped.is_set():
                    return
                _log.warning("slack_not_connected", reason=_redacted(f"{type(error).__name__}: {error}"), seconds=pause)
            self._cancel.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _heard(self, client: Any, request: SocketModeRequest) -> None:
        taken = self._clicks.take(request.type, request.payload)
        try:
            body = dict(taken.body) if request.accepts_response_payload and taken.body else None
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, body))
        except Exception as error:  # the connection broke: Slack shows that, and what was clicked is stored
            _log.warning("slack_not_acknowledged", reason=_redacted(f"{type(error).__name__}: {error}"))
        taken.then()


class _Client(SocketModeClient):
    """Connects with the token as its file has it by then, and stays closed once it was closed.

    The SDK's own connect() sets back what its close() has set: one that is closed in the midst of connecting would come
    back every few seconds for as long as the process lives.
    """

    def __init__(self, token: Secret, web: WebClient, logger: logging.Logger) -> None:
        self._token = token
        super().__init__(token.value, logger, web, concurrency=4)

    def connect_to_new_endpoint(self, force: bool = False) -> None:
        if not self.closed:
            super().connect_to_new_endpoint(force)

    def issue_new_wss_url(self) -> str:
        if self.closed:
            raise SlackClientNotConnectedError("closed while it waited to connect")
        self._token = reread(self._token)
        self.app_token = self._token.value
        return super().issue_new_wss_url()

    def close(self) -> None:
        """At once: the SDK waits for what its threads wait for, which takes up to 4 s while Slack says nothing."""
        self.closed = True
        with self.connect_operation_lock:  # whoever connects just now ends first; nobody begins any more
            self.auto_reconnect_enabled, self.current_session_state.terminated = False, True
        self.message_queue.put(None)  # no message: it ends the wait for one
        session = self.current_session
        if session is not None:
            with session.sock_send_lock, suppress(OSError):  # behind an acknowledgement that is being sent
                if session.sock is not None:
                    socket.socket.shutdown(session.sock, socket.SHUT_RDWR)
        super().close()


def _greeted(_client: Any, message: dict[str, Any], _raw: str | None) -> None:
    """Slack says hello once a connection serves; that it was opened proves nothing yet."""
    if message.get("type") == "hello":
        _log.info("slack_connected")


class _Forward(logging.Handler):
    """What the SDK warns of until it is stopped, without the addresses and tokens that it writes there."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__()
        self._stopped = stopped

    def emit(self, record: logging.LogRecord) -> None:
        if not self._stopped.is_set():
            _log.warning("slack_socket", reason=_redacted(record.getMessage()))


def _logger(stopped: threading.Event) -> logging.Logger:
    found = logging.Logger("slack_sdk.socket_mode", logging.WARNING)
    found.addHandler(_Forward(stopped))
    return found


def _redacted(text: str) -> str:
    return _SECRET.sub("(hidden)", text)


def _proxy(url: str) -> str:
    """The environment's, by the rules that urllib has for it; "" for none."""
    host = urlsplit(url).hostname or ""
    return "" if proxy_bypass(host) else getproxies().get("https", "")
