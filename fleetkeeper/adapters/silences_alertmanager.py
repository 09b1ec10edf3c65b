"""Silences of an Alertmanager, by its API v2; what speaks it too (Grafana Mimir) goes by the same.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (2026-11). A silence is prolonged in place only
when it is sent back with its own id and start; else Alertmanager ends it and makes another (seen with 0.25).
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec

from fleetkeeper import __version__
from fleetkeeper.adapters.web import Web
from fleetkeeper.config import SilencerSettings
from fleetkeeper.core.silencing import Matcher, but_for
from fleetkeeper.engine.silences import Quiet
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused
from fleetkeeper.values import decoder_of

_OPEN = ("active", "pending")


class _Status(msgspec.Struct):
    state: str


class _Silence(msgspec.Struct, rename="camel"):
    id: str
    status: _Status
    comment: str
    starts_at: datetime
    ends_at: datetime


class Alertmanager:
    def __init__(self, settings: SilencerSettings) -> None:
        self._name = settings.name
        self._url = f"{settings.url.rstrip('/')}/api/v2"
        self._matchers = tuple(Matcher.parse(each) for each in settings.matchers)
        self._headers = {**settings.headers, **_authorization(settings), "Accept": "application/json"}
        self._web = Web(settings.name, settings.timeout_seconds, settings.ca_bundle)

    def covers(self, quiet: Quiet) -> str:
        return f"alerts with {', '.join(map(str, self._all(quiet)))}"

    def find(self, quiet: Quiet, token: str) -> datetime | None:
        return max((each.ends_at for each in self._open(quiet, token)), default=None)

    def hold(self, quiet: Quiet, token: str, until: datetime) -> None:
        found = next(self._open(quiet, token), None)
        body: dict[str, object] = {
            "matchers": [_told(each) for each in self._all(quiet)],
            "startsAt": _iso(found.starts_at if found else datetime.now(UTC)),
            "endsAt": _iso(until),
            "createdBy": f"fleetkeeper/{__version__}",
            "comment": f"{quiet.why} [{token}]",
        }
        if found is not None:
            body["id"] = found.id
        headers = {**self._headers, "Content-Type": "application/json"}
        self._web.send("POST", f"{self._url}/silences", headers, msgspec.json.encode(body))

    def end(self, quiet: Quiet, token: str) -> None:
        for each in self._open(quiet, token):
            self._web.send("DELETE", f"{self._url}/silence/{each.id}", self._headers, seen=(404,))

    def close(self) -> None:
        self._web.close()

    def _open(self, quiet: Quiet, token: str) -> Iterator[_Silence]:
        """Those of this token that are not over; asked for by the matcher that binds them to the cluster."""
        binds = next(each for each in self._all(quiet) if each.is_equal and not each.is_regex)
        reply = self._web.send("GET", f"{self._url}/silences?{urlencode({'filter': str(binds)})}", self._headers)
        try:
            found = decoder_of(list[_Silence]).decode(reply.body)
        except msgspec.MsgspecError as error:
            detail = f"{self._name} did not answer as Alertmanager does: is its url that of the API?"
            raise InvalidAnswer(detail) from error
        return (each for each in found if each.status.state in _OPEN and f"[{token}]" in each.comment)

    def _all(self, quiet: Quiet) -> tuple[Matcher, ...]:
        """The one that binds to the cluster first; last the one that leaves heard what gates read."""
        own = sorted(self._matchers, key=lambda each: not each.binds)
        try:
            filled = tuple(each.filled(quiet.values) for each in (*own, *quiet.matchers))
        except KeyError as error:
            detail = f"{self._name}: the cluster has no {error.args[0]}, which a matcher asks for"
            raise Refused(detail, GapReason.NOT_CONFIGURED) from error
        return (*filled, *but_for(quiet.heard))


def _told(matcher: Matcher) -> Mapping[str, object]:
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.is_regex,
        "isEqual": matcher.is_equal,
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _authorization(settings: SilencerSettings) -> Mapping[str, str]:
    if settings.token:
        return {"Authorization": f"Bearer {settings.token.value}"}
    if settings.password:
        pair = f"{settings.username}:{settings.password.value}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
