"""What an HTTP answer or a broken connection means: our ReadError, and whether another try may help."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import RemoteDisconnected
from urllib.parse import urlsplit

import msgspec
from urllib3 import exceptions as broken

from fleetkeeper.adapters.kube.body import Body
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable

_MAX_MESSAGE = 300
_STATUS = msgspec.json.Decoder(structs.Status)

_REASONS = {
    401: GapReason.UNAUTHENTICATED,
    403: GapReason.FORBIDDEN,
    404: GapReason.NOT_FOUND,
    407: GapReason.UNREACHABLE,  # the proxy's refusal, not the cluster's
    408: GapReason.TIMEOUT,
    429: GapReason.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. body is decoded; of an error it is only as much as we care to read."""

    status: int
    headers: Mapping[str, str]
    body: Body


class Setback(Exception):
    """A read that failed. may_retry: another try may help; after: the seconds that the server asked us to wait."""

    def __init__(self, error: ReadError, *, may_retry: bool = False, after: float | None = None) -> None:
        self.error, self.may_retry, self.after = error, may_retry, after
        super().__init__(str(error))


def setback(answer: Answer, what: str, clock: Clock) -> Setback:
    """Judge an answer that is not 200."""
    status = answer.status
    said = _message(answer)
    if 300 <= status < 400:
        where = urlsplit(answer.headers.get("Location", "")).netloc or "elsewhere"
        return Setback(InvalidAnswer(f"{what}: redirected to {_short(where)}, which is not followed"))
    if status in (401, 403):
        return Setback(Refused(f"{what}: {said}", _REASONS[status]))
    if status == 429 or status >= 500:
        reason = _REASONS.get(status, GapReason.SERVER_ERROR)
        after = retry_after(answer.headers, clock)
        asked = "" if after is None else f" (it asks us to wait {after:.0f} s)"
        return Setback(Unreachable(f"{what}: {said}{asked}", reason), may_retry=True, after=after)
    return Setback(ReadError(f"{what}: {said}", _REASONS.get(status, GapReason.INVALID_ANSWER)))


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds of a Retry-After header, as a number or an HTTP date; None when there is none that makes sense."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds()) if text else None
    except (ValueError, TypeError, OverflowError):  # no date, or one without a time zone
        return None


def continue_token(answer: Answer) -> str | None:
    """The inconsistent token in the body of a 410 (Expired), None when it carries none."""
    status = _status(answer)
    return (status.metadata.next or None) if status and status.metadata else None


def connection_setback(error: Exception, what: str) -> Setback:
    """Judge a request that got no whole answer, by what broke."""
    cause = error.original_error if isinstance(error, broken.ProxyError) else error
    via = "the proxy: " if isinstance(error, broken.ProxyError) else ""
    if isinstance(cause, broken.ConnectTimeoutError) and not isinstance(cause, broken.NewConnectionError):
        return Setback(Unreachable(f"{what}: {via}no connection in time"))
    if isinstance(cause, (TimeoutError, broken.TimeoutError)) and not isinstance(cause, broken.NewConnectionError):
        return Setback(Unreachable(f"{what}: {via}no whole answer in time", GapReason.TIMEOUT))
    if certificate := _certificate_error(cause):
        return Setback(Unreachable(f"{what}: {via}the server's certificate was refused: {certificate}"))
    if isinstance(cause, (broken.SSLError, ssl.SSLError)):
        return Setback(Unreachable(f"{what}: {via}TLS failed: {_short(_innermost(cause))}"), may_retry=True)
    if isinstance(cause, broken.NameResolutionError):
        return Setback(Unreachable(f"{what}: {via}the name {_short(cause.conn.host)} is not known"), may_retry=True)
    if isinstance(cause, (broken.InvalidHeader, broken.LocationParseError, ValueError)):
        return Setback(InvalidAnswer(f"{what}: {_short(_innermost(cause))}"))
    if isinstance(cause, broken.IncompleteRead) or "IncompleteRead" in str(cause):
        return Setback(InvalidAnswer(f"{what}: the answer broke off"), may_retry=True)
    if any(isinstance(link, RemoteDisconnected) for link in _chain(cause)):
        return Setback(Unreachable(f"{what}: {via}the connection was closed without an answer"), may_retry=True)
    refused = "Tunnel connection failed: 4" in str(cause)  # a proxy's 403 or 407 is its last word
    return Setback(Unreachable(f"{what}: {via}{_short(_innermost(cause))}"), may_retry=not refused)


def _certificate_error(error: BaseException) -> str:
    """What is wrong with the certificate, "" when that is not what failed."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return _short(getattr(link, "verify_message", "") or str(link))
    return ""


def _innermost(error: BaseException) -> str:
    """The shortest true text: the system's own (Connection refused) without urllib3's wrappings."""
    for link in reversed(_chain(error)):
        if isinstance(link, OSError) and link.strerror:
            return link.strerror
    return re.sub(r"<[^>]*>: |\w+\(|Connection broken: ", "", str(error))


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        inner = next((a for a in link.args if isinstance(a, BaseException)), None)
        link = inner or link.__cause__ or link.__context__
    return links


def _message(answer: Answer) -> str:
    status = _status(answer)
    if status and status.message:
        return _short(status.message)
    try:
        return f"HTTP {answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return f"HTTP {answer.status}"


def _status(answer: Answer) -> structs.Status | None:
    try:
        return _STATUS.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"
