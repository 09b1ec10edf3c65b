"""Read documents and lists from one API server, whatever it answers: bounded in bytes, pages, items and time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import structlog
import tenacity
import urllib3

from fleetkeeper.adapters.kube.answers import Answer, Setback, connection_setback, continue_token, setback
from fleetkeeper.adapters.kube.body import Body, read_body, too_large
from fleetkeeper.adapters.kube.connection import Connection
from fleetkeeper.adapters.kube.deadline import Cancelled, Deadline, bounded_by
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Unreachable
from fleetkeeper.values import decoder_of

T = TypeVar("T")
V = TypeVar("V")

log = structlog.get_logger()

NO_SELECTORS: Mapping[str, str] = {}

_JSON = "application/json"
_TEXT = "text/plain"
_MAX_RESTARTS = 2


@dataclass(frozen=True, slots=True)
class Listing(Generic[V]):
    """A whole list. consistent is False when it spans an expired `continue`: objects may be missing or twice."""

    items: tuple[V, ...]
    resource_version: str
    consistent: bool = True


@dataclass(slots=True)
class _Progress(Generic[V]):
    """A list under way; a `next` of "" asks for the first page."""

    page_items: int
    items: list[V] = field(default_factory=list)
    next: str = ""
    version: str = ""
    pages: int = 0
    restarts: int = 0
    consistent: bool = True

    def restart(self) -> None:
        self.items, self.next, self.version = [], "", ""


class Reader:
    """Whole answers of one connection. Every failure is a ReadError."""

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        self._connection, self._limits, self._pace, self._clock = connection, limits, pace, clock
        self._end: Deadline | None = None

    @property
    def page_items(self) -> int:
        """Objects in a page of a list, unless it says otherwise."""
        return self._limits.page_items

    def seconds(self) -> float:
        """The time of its Pace."""
        return self._pace.monotonic()

    def for_one_part(self) -> "Reader":
        """A reader of the same connection whose requests share one deadline, however many they are."""
        reader = Reader(self._connection, self._limits, self._pace, self._clock)
        reader._end = self._deadline()
        return reader

    def get(self, path: str, document: type[T], accept: str = _JSON) -> T:
        """One document."""
        answer = self._whole(path, accept, path, self._deadline())
        if answer.status != 200:
            raise setback(answer, path, self._clock).error
        decoder: msgspec.json.Decoder[T] = decoder_of(document)
        return decode(decoder, answer.body, path)

    def text(self, path: str) -> Body:
        """A page of plain text, as bytes that are good until the next answer is read."""
        answer = self._whole(path, _TEXT, path, self._deadline())
        if answer.status != 200:
            raise setback(answer, path, self._clock).error
        return answer.body

    def list(
        self,
        resource: Resource[T],
        keep: Callable[[T], V | None],
        namespace: str = "",
        selectors: Mapping[str, str] = NO_SELECTORS,
        page_items: int = 0,
    ) -> Listing[V]:
        """A whole list, page by page; `keep` turns each object into what stays in memory, None drops it."""
        progress: _Progress[V] = _Progress(page_items or self._limits.page_items)
        deadline = self._deadline()
        path = resource.path(namespace)
        while progress.pages < self._limits.pages:
            progress.pages += 1
            page = self._page(resource, path, selectors, progress, deadline)
            if page is None:
                continue
            progress.version = page.metadata.resource_version or progress.version
            progress.items += [kept for item in page.items or () if (kept := keep(item)) is not None]
            if len(progress.items) > self._limits.items:
                raise ReadError(f"{path}: more than {self._limits.items} objects", GapReason.TOO_LARGE)
            if not page.metadata.next:
                return Listing(tuple(progress.items), progress.version, progress.consistent)
            if page.metadata.next == progress.next:
                raise InvalidAnswer(f"{path}: the same continue token twice, so the list has no end")
            progress.next = page.metadata.next
        raise ReadError(f"{path}: more than {self._limits.pages} pages", GapReason.TOO_LARGE)

    def close(self) -> None:
        self._connection.close()

    def _page(
        self, resource: Resource[T], path: str, selectors: Mapping[str, str], progress: _Progress[V], deadline: Deadline
    ) -> structs.ListOf[T] | None:
        """The next page, or None when the next try must ask differently: with fewer items, or with a new token."""
        query = {"limit": str(progress.page_items), **selectors}
        if progress.next:
            query["continue"] = progress.next
        try:
            answer = self._whole(f"{path}?{urlencode(query, quote_via=quote)}", resource.accept, path, deadline)
        except ReadError as e:
            if e.reason is not GapReason.TOO_LARGE or progress.page_items == 1:
                raise
            progress.page_items = max(1, progress.page_items // 8)
            return None
        if answer.status == 410:
            self._go_on(answer, path, progress)
            return None
        if answer.status != 200:
            raise setback(answer, path, self._clock).error
        page: structs.ListOf[T] = decode(_list_decoder(resource.document), answer.body, path)
        if resource.kind and page.kind != resource.list_kind:
            raise InvalidAnswer(f"{path}: expected {resource.list_kind}, got {page.kind[:60]!r} - at `$.kind`")
        return page

    def _go_on(self, answer: Answer, path: str, progress: _Progress[V]) -> None:
        """The continue token expired: take the inconsistent one that the server offers, else start again."""
        token = continue_token(answer)
        if progress.restarts >= _MAX_RESTARTS or not progress.next:
            raise setback(answer, path, self._clock).error
        progress.restarts += 1
        if token and token != progress.next:
            progress.next, progress.consistent = token, False
        else:
            progress.restart()
        log.warning("kube_list_expired", path=path, went_on=bool(token), pages=progress.pages)

    def _whole(self, target: str, accept: str, what: str, deadline: Deadline) -> Answer:
        """An answer that needs no further try: 200, or an error that another try does not cure."""
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, Setback) and e.may_retry),
            stop=lambda state: self._must_stop(state, deadline),
            wait=_pause,
            sleep=self._wait,
            reraise=True,
        )
        try:
            answer: Answer = tries(self._once, target, accept, what, deadline)
        except Setback as e:
            raise e.error from e.__cause__
        except Cancelled as e:
            raise Unreachable(f"{what}: given up, because fleetkeeper is stopping") from e
        return answer

    def _once(self, target: str, accept: str, what: str, deadline: Deadline) -> Answer:
        answer = self._ask(target, accept, what, deadline)
        if answer.status == 401 and self._connection.renew():
            answer = self._ask(target, accept, what, deadline)
        if answer.status == 429 or answer.status >= 500:
            raise setback(answer, what, self._clock)
        return answer

    def _ask(self, target: str, accept: str, what: str, deadline: Deadline) -> Answer:
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        end = deadline.within(self._limits.request_seconds)
        try:
            with bounded_by(end):
                left = end.left()
                timeout = urllib3.Timeout(connect=min(left, self._limits.connect_seconds), read=left)
                response = self._connection.get(target, headers, timeout)
                return self._read(response, what, _media_type(accept))
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise connection_setback(e, what) from e

    def _read(self, response: urllib3.BaseHTTPResponse, what: str, wanted: str) -> Answer:
        """The body of any answer; the connection goes back to the pool only when the body was read to its end."""
        done = False
        try:
            if response.status == 200:
                body = self._read_document(response, what, wanted)
            else:
                body = _read_error(response, self._limits.error_bytes, what)
            done = True
            return Answer(response.status, response.headers, body)
        finally:
            if done:
                response.release_conn()
            else:
                response.close()

    def _read_document(self, response: urllib3.BaseHTTPResponse, what: str, wanted: str) -> Body:
        kind = response.headers.get("Content-Type", "")
        if _media_type(kind) != wanted:
            raise InvalidAnswer(f"{what}: expected {'JSON' if wanted == _JSON else wanted}, got {kind[:60]!r}")
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._limits.answer_bytes:
            raise too_large(what, self._limits.answer_bytes)
        return read_body(_Raw(response), _encoding(response), self._limits.answer_bytes, what)

    def _must_stop(self, state: tenacity.RetryCallState, deadline: Deadline) -> bool:
        wait = state.upcoming_sleep
        return (
            self._pace.cancelled()
            or state.attempt_number >= self._limits.attempts
            or wait > self._limits.longest_wait
            or self._pace.monotonic() + wait >= deadline.at
        )

    def _wait(self, seconds: float) -> None:
        self._pace.wait(seconds)
        if self._pace.cancelled():
            raise Cancelled

    def _deadline(self) -> Deadline:
        return self._end or Deadline.after(self._pace, self._limits.list_seconds)


class _Raw:
    """The bytes of a response as they came, for body.py to decode and count."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def read(self, amt: int) -> bytes:
        return self._response.read(amt, decode_content=False)


def decode(decoder: msgspec.json.Decoder[T], body: Body, what: str) -> T:
    """The document; InvalidAnswer names the place in it that is not what the API promises."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as e:
        raise InvalidAnswer(f"{what}: {str(e)[:300]}") from e


def _list_decoder(document: Any) -> Any:
    return decoder_of(structs.ListOf[document])


_backoff = tenacity.wait_exponential_jitter(multiplier=0.5, max=8.0, jitter=0.5)


def _pause(state: tenacity.RetryCallState) -> float:
    """What the server asked for, else longer and longer."""
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, Setback) and failure.after is not None:
        return failure.after
    return _backoff(state)


def _read_error(response: urllib3.BaseHTTPResponse, limit: int, what: str) -> Body:
    """The text of an error as far as it can be read: what matters is the status."""
    try:
        return read_body(_Raw(response), _encoding(response), limit, what)
    except ReadError:
        response.close()
        return b""


def _media_type(header: str) -> str:
    """Without its parameters."""
    return header.partition(";")[0].strip().lower()


def _encoding(response: urllib3.BaseHTTPResponse) -> str:
    return response.headers.get("Content-Encoding", "").strip().lower()
