"""Maintenance windows of PagerDuty, by its REST API v2: no incidents are made of the services of a cluster meanwhile.

https://developer.pagerduty.com/api-reference/ (Maintenance Windows; 2026-11): a window under way takes a new end_time
(PUT), DELETE ends it; `query` finds windows by their description. It silences whole services: it has no matchers.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec

from fleetkeeper.adapters.web import Web
from fleetkeeper.config import SilencerSettings
from fleetkeeper.engine.silences import Quiet
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused
from fleetkeeper.values import decoder_of

_ACCEPT = "application/vnd.pagerduty+json;version=2"
_OVER = (404, 405)
"""It is not there any more, or has ended already."""


class _Window(msgspec.Struct):
    id: str
    start_time: datetime
    end_time: datetime
    description: str | None = None


class _Windows(msgspec.Struct):
    maintenance_windows: list[_Window]


class PagerDuty:
    def __init__(self, settings: SilencerSettings) -> None:
        self._name = settings.name
        self._url = f"{settings.url.rstrip('/')}/maintenance_windows"
        self._key, self._services = settings.service_key, settings.services
        token = settings.token.value if settings.token else ""
        self._headers = {
            **settings.headers,
            "Accept": _ACCEPT,
            "Authorization": f"Token token={token}",
            "From": settings.sender,
        }
        self._web = Web(settings.name, settings.timeout_seconds, settings.ca_bundle)

    def covers(self, quiet: Quiet) -> str:
        services = self._of(quiet)
        if quiet.matchers and services:
            raise Refused(f"{self._name} silences whole services, and takes no matchers", GapReason.REJECTED)
        return f"incidents of {', '.join(services)}" if services else ""

    def find(self, quiet: Quiet, token: str) -> datetime | None:
        found = self._window(quiet, token)
        return found.end_time if found else None

    def hold(self, quiet: Quiet, token: str, until: datetime) -> None:
        found = self._window(quiet, token)
        window = {
            "type": "maintenance_window",
            "start_time": _iso(found.start_time if found else datetime.now(UTC)),
            "end_time": _iso(until),
            "description": f"{quiet.why} [{token}]",
            "services": [{"id": id, "type": "service_reference"} for id in self._of(quiet)],
        }
        method, url = ("PUT", f"{self._url}/{found.id}") if found else ("POST", self._url)
        headers = {**self._headers, "Content-Type": "application/json"}
        self._web.send(method, url, headers, msgspec.json.encode({"maintenance_window": window}))

    def end(self, quiet: Quiet, token: str) -> None:
        if found := self._window(quiet, token):
            self._web.send("DELETE", f"{self._url}/{found.id}", self._headers, seen=_OVER)

    def close(self) -> None:
        self._web.close()

    def _window(self, quiet: Quiet, token: str) -> _Window | None:
        """That of the token, under way or to come."""
        query = [("filter", "open"), ("query", token), *(("service_ids[]", id) for id in self._of(quiet))]
        reply = self._web.send("GET", f"{self._url}?{urlencode(query)}", self._headers)
        try:
            found = decoder_of(_Windows).decode(reply.body).maintenance_windows
        except msgspec.MsgspecError as error:
            raise InvalidAnswer(f"{self._name} did not answer as PagerDuty does: is its url right?") from error
        return next((each for each in found if f"[{token}]" in (each.description or "")), None)

    def _of(self, quiet: Quiet) -> tuple[str, ...]:
        """The ids of the cluster's services; none where the settings have none of it."""
        return tuple(self._services.get(_filled(self._key, quiet.values), "").replace(",", " ").split())


def _filled(key: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        key = key.replace(f"{{{name}}}", value)
    return key


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
