"""Prometheus servers, and what speaks their API (Thanos, Mimir, VictoriaMetrics): instant queries, nothing else.

The API: https://prometheus.io/docs/prometheus/latest/querying/api/ (2026-11-20).
"""

import base64
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import msgspec

from fleetkeeper.adapters.web import Web, hidden
from fleetkeeper.config import PrometheusSettings
from fleetkeeper.engine.world import Sample
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.values import decoder_of

_JUDGED = (400, 422)
"""bad_data and execution: the server understood the request, and says what is wrong with the query."""

_Point = tuple[float, str]


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}
    value: _Point | None = None


class _Result(msgspec.Struct, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    data: _Result | None = None
    error_type: str = ""
    error: str = ""
    warnings: list[str] = []


class PrometheusSources:
    """The MetricSource port. Nothing is retried: the engine asks again by itself."""

    def __init__(self, servers: Iterable[PrometheusSettings]) -> None:
        self._servers = {each.name: _Server(each) for each in servers}

    def query(self, source: str, expression: str) -> tuple[Sample, ...]:
        server = self._servers.get(source)
        if server is None:
            names = ", ".join(sorted(self._servers)) or "none"
            detail = f"the settings have no [[engine.prometheus]] of the name {source}; they have {names}"
            raise ReadError(detail, GapReason.NOT_CONFIGURED)
        return server.query(expression)

    def close(self) -> None:
        for server in self._servers.values():
            server.close()


class _Server:
    def __init__(self, settings: PrometheusSettings) -> None:
        self._name = settings.name
        self._url = f"{settings.url.rstrip('/')}/api/v1/query"
        self._headers = {**settings.headers, **_authorization(settings)}
        self._secrets = [each.value for each in (settings.password, settings.token) if each]
        self._seconds = settings.timeout_seconds
        # The server is to give up before we do, so that it says why.
        self._web = Web(settings.name, settings.timeout_seconds + 2, settings.ca_bundle)

    def query(self, expression: str) -> tuple[Sample, ...]:
        form = urlencode({"query": expression, "timeout": f"{self._seconds:g}s"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        reply = self._web.send("POST", self._url, {**self._headers, **headers}, form, seen=_JUDGED)
        try:
            answer = decoder_of(_Answer).decode(reply.body)
            return self._samples(answer)
        except (msgspec.MsgspecError, ValueError) as error:
            if reply.status in _JUDGED:  # a proxy's own page, not the server's word
                raise Refused(f"{self._name} answered {reply.status}", GapReason.REJECTED) from error
            detail = f"{self._name} did not answer as Prometheus does: is its url that of the API?"
            raise InvalidAnswer(detail) from error

    def close(self) -> None:
        self._web.close()

    def _samples(self, answer: _Answer) -> tuple[Sample, ...]:
        if answer.status != "success" or answer.data is None:
            told = hidden(answer.error or f"status {answer.status}", self._secrets)
            kind = f" ({hidden(answer.error_type, self._secrets)})" if answer.error_type else ""
            raise Refused(f"{self._name} refused the query{kind}: {told}", GapReason.REJECTED)
        if answer.warnings:  # some of the stores behind it did not answer: what is missing is not known
            told = hidden(answer.warnings[0], self._secrets)
            raise Unreachable(f"{self._name} answered in part only: {told}", GapReason.SERVER_ERROR)
        match answer.data.result_type:
            case "vector":
                series = decoder_of(list[_Series]).decode(answer.data.result)
                return tuple(_sample(each) for each in series)
            case "scalar":
                return (Sample(float(decoder_of(_Point).decode(answer.data.result)[1])),)
            case other:
                detail = f"the query gives a {hidden(other, ())}, it must give a vector or a scalar"
                raise Refused(f"{self._name}: {detail}", GapReason.REJECTED)


def _sample(series: _Series) -> Sample:
    if series.value is None:
        raise ValueError("a native histogram has no single value")
    return Sample(float(series.value[1]), series.metric)


def _authorization(settings: PrometheusSettings) -> Mapping[str, str]:
    if settings.token:
        return {"Authorization": f"Bearer {settings.token.value}"}
    if settings.password:
        pair = f"{settings.username}:{settings.password.value}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
