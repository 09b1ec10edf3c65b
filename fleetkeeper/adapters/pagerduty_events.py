"""Pages by PagerDuty's Events API v2 (the Chat port): one alert for each notice, resolved when all of it is mended.

https://developer.pagerduty.com/docs/events-api-v2-overview and /docs/send-alert-event (read 2026-11-21): 202 is
accepted; 400 must not be sent again; 429 "preferably with a backoff of a few minutes", 5xx and network errors again
after some time. An event of the same dedup_key is applied to the open alert, so what got no answer may be sent again.
summary has at most 1,024 characters, the whole event 512 KB.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from fleetkeeper import __version__
from fleetkeeper.adapters.web import Web, hidden
from fleetkeeper.config import PagerDutySettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import NoticeKind, Via
from fleetkeeper.core.text import safe
from fleetkeeper.engine.chat import Posted, Throttled, Undeliverable
from fleetkeeper.engine.notice_facts import Facts, FactsOf
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable

_RETRY_AFTER = 120.0
_SECONDS = 10.0
_LONGEST_SUMMARY = 1024
_LONGEST_TEXT = 10_000
_SEVERITIES = {NoticeKind.PAGE: "critical", NoticeKind.ESCALATION: "error"}
"""Of the four that there are: critical, error, warning, info."""


class PagerDutyEvents:
    """One routing key: PagerDuty's own rules say who is called. Addresses are for our records."""

    def __init__(self, settings: PagerDutySettings, facts: FactsOf) -> None:
        self._url, self._facts = settings.url, facts
        self._key = settings.routing_key.value if settings.routing_key else ""
        self._web = Web("PagerDuty", _SECONDS)

    @property
    def via(self) -> Via:
        return Via.PAGERDUTY

    def post(self, address: str, message: Message, _thread: Posted | None, id: str) -> Posted:
        self._send({"event_action": "trigger", "dedup_key": id, **self._alert(message, self._facts(id))})
        return Posted(address, id)

    def edit(self, posted: Posted, message: Message, id: str) -> None:
        """Done is told by the facts, never by what a message says."""
        facts = self._facts(id)
        if facts is not None and facts.is_over:
            self._send({"event_action": "resolve", "dedup_key": posted.ts})
        else:
            self._send({"event_action": "trigger", "dedup_key": posted.ts, **self._alert(message, facts)})

    def find(
        self, _address: str, _thread: Posted | None, _since: datetime, _ids: Sequence[str]
    ) -> Mapping[str, Posted] | None:
        """None is out for sure, and all may be sent again."""
        return {}

    def close(self) -> None:
        self._web.close()

    def _alert(self, message: Message, facts: Facts | None) -> dict[str, object]:
        first, _, rest = message.text.partition("\n")
        details: dict[str, object] = {"text": safe(rest.replace("\n", " "), _LONGEST_TEXT)} if rest else {}
        details |= facts.as_fields() if facts else {}
        clusters = sorted({each.item.cluster for each in facts.notice.entries}) if facts else []
        payload = {
            "summary": safe(first, _LONGEST_SUMMARY),
            "source": clusters[0] if len(clusters) == 1 else "fleetkeeper",
            "severity": _SEVERITIES.get(facts.notice.kind, "warning") if facts else "critical",
            "component": ", ".join(facts.notice.recipient.owners) if facts else "",
            "class": facts.notice.kind.value if facts else "",
            "custom_details": details,
        }
        return {"client": f"fleetkeeper {__version__}", "payload": payload}

    def _send(self, event: Mapping[str, object]) -> None:
        body = msgspec.json.encode({"routing_key": self._key, **event})
        try:
            reply = self._web.send("POST", self._url, {"Content-Type": "application/json"}, body, seen=(400,))
        except Unreachable as error:
            if error.reason is GapReason.THROTTLED:
                raise Throttled(_RETRY_AFTER, error.detail) from error
            raise
        except Refused as error:
            raise Undeliverable(
                "refused", f"{error.detail}: is pagerduty.routing_key right?", everywhere=True
            ) from error
        except InvalidAnswer as error:
            raise Unreachable(error.detail, error.reason) from error
        if reply.status == 400:
            raise self._invalid(reply.body)

    def _invalid(self, body: bytes) -> Undeliverable:
        """What PagerDuty says of an event that is none. A wrong key would refuse all others as well."""
        told = hidden(body.decode("utf-8", "replace"), (self._key,))
        return Undeliverable("invalid_event", told, everywhere="routing" in told.lower())
