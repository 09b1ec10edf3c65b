"""HTTP mode: payloads as signed requests to the app's request URL.

docs.slack.dev/authentication/verifying-requests-from-slack (read 2026-11-21): X-Slack-Signature is "v0=" and the
HMAC-SHA256 of "v0:TIMESTAMP:BODY" by the signing secret; apps should refuse timestamps more than five minutes off.
"""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from fleetkeeper.sim.slack.delivering import COMMANDS, INTERACTIVE, Parcel, Patience, Reply
from fleetkeeper.sim.slack.payloads import VERIFICATION

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
TOO_OLD = 6 * 60  # seconds


class Sign(StrEnum):
    """How requests are signed: as Slack does, or wrongly."""

    RIGHT = "right"
    WRONG_SECRET = "wrong-secret"
    OLD = "old"
    MISSING = "missing"


@dataclass(slots=True)
class RequestUrl:
    """One address for interactions, commands and events, as Bolt has it; "" for none."""

    secret: str = field(repr=False)
    patience: Patience
    url: str = ""
    sign: Sign = Sign.RIGHT

    @property
    def is_open(self) -> bool:
        return bool(self.url)

    def deliver(self, parcel: Parcel) -> Reply:
        body, kind = _body(parcel)
        retried = {"X-Slack-Retry-Num": str(parcel.attempt), "X-Slack-Retry-Reason": "http_timeout"}
        return self._post(body, kind, retried if parcel.attempt else {})

    def verify(self) -> bool:
        """The handshake by which Slack takes a request URL: it has to answer with the challenge."""
        challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
        said = {"token": VERIFICATION, "challenge": challenge, "type": "url_verification"}
        reply = self._post(json.dumps(said).encode(), JSON, {})
        return reply.acked and challenge in (reply.payload.get("challenge"), reply.payload.get("text"))

    def headers(self, body: bytes) -> dict[str, str]:
        """The signature of a body, as `sign` has it."""
        if self.sign == Sign.MISSING:
            return {}
        stamp = str(int(time.time()) - (TOO_OLD if self.sign == Sign.OLD else 0))
        secret = "another secret" if self.sign == Sign.WRONG_SECRET else self.secret
        digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    def _post(self, body: bytes, kind: str, more: dict[str, str]) -> Reply:
        agent = {"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)", "Content-Type": kind}
        request = urllib.request.Request(self.url, body, {**agent, **self.headers(body), **more}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self.patience.ack) as response:
                return Reply(True, _payload(response.read()))
        except urllib.error.HTTPError as refused:
            with refused:
                return Reply(False, why=f"HTTP {refused.code}")
        except TimeoutError:
            return Reply(False, why="no acknowledgement in time")
        except (urllib.error.URLError, ConnectionError) as unreachable:
            return Reply(False, why=f"not reached: {unreachable}")


def _body(parcel: Parcel) -> tuple[bytes, str]:
    if parcel.kind == INTERACTIVE:
        return urlencode({"payload": json.dumps(parcel.payload)}).encode(), FORM
    if parcel.kind == COMMANDS:
        return urlencode(parcel.payload).encode(), FORM
    return json.dumps(parcel.payload).encode(), JSON


def _payload(body: bytes) -> dict[str, Any]:
    """What the app answered: JSON, or a text to show."""
    text = body.decode()
    try:
        said = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return said if isinstance(said, dict) else {"text": text}
