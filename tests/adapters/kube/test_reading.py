"""Whatever an API server answers, a read ends in time, in bounded memory, with values or one ReadError."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fleetkeeper.adapters.kube import endpoints
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.limits import Limits
from fleetkeeper.adapters.kube.reading import Listing
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.kube.server import (
    HEAD,
    ApiServer,
    Asked,
    Reply,
    authority,
    drip,
    fall_silent,
    gzipped,
    listing,
    reply,
    serving,
)
from tests.adapters.kube.server import status as failure
from tests.adapters.kube.support import TestPace, meta, reading

SMALL = Limits(answer_bytes=100_000, page_items=2, pages=10, items=50)


def names(document: structs.Object) -> str:
    return document.metadata.name


def namespaces(
    server: ApiServer, limits: Limits | None = None, pace: TestPace | None = None, **more: Any
) -> Listing[str]:
    with reading(server, limits, pace, **more) as reader:
        return reader.list(endpoints.NAMESPACES, names)


def page(*found: str, next_: str = "") -> Reply:
    return reply(listing("PartialObjectMetadataList", [{"metadata": meta(n)} for n in found], next_))


def in_turn(*answers: Reply | Callable[[Asked], Reply]) -> Callable[[Asked], Reply]:
    """One answer after the other, the last one for ever."""
    left = list(answers)

    def script(asked: Asked) -> Reply:
        now = left.pop(0) if len(left) > 1 else left[0]
        return now if isinstance(now, Reply) else now(asked)

    return script


@contextmanager
def refused(reason: GapReason, *words: str) -> Iterator[None]:
    with pytest.raises(ReadError) as caught:
        yield
    assert caught.value.reason is reason, caught.value
    for word in words:
        assert word in caught.value.detail


def test_a_list_is_read_over_its_pages_on_one_connection() -> None:
    with serving(in_turn(page("a", "b", next_="t1"), page("c", next_="t2"), page("d"))) as server:
        assert namespaces(server, SMALL) == Listing(("a", "b", "c", "d"), "7")
        assert [a.query.get("continue") for a in server.asked] == [None, "t1", "t2"]
        assert {a.query["limit"] for a in server.asked} == {"2"}
        assert server.connections == 1
        assert server.asked[0].headers["Accept-Encoding"] == "gzip"
        assert server.asked[0].headers["Authorization"] == "Bearer secret"
        assert "PartialObjectMetadataList" in server.asked[0].headers["Accept"]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_way_to_send_a_body_is_read(chunked: bool, packed: bool) -> None:
    body = page(*(f"n{i}" for i in range(900)))
    body.chunked, body.gzip = chunked, packed
    with serving(lambda _: body) as server:
        assert len(namespaces(server).items) == 900


def test_null_items_are_an_empty_list() -> None:
    with serving(lambda _: reply(listing("PartialObjectMetadataList", None))) as server:
        assert namespaces(server).items == ()


INVALID = {
    "an empty object is no list": (b"{}", "kind"),
    "a list without items is no list": (b'{"kind":"PartialObjectMetadataList","metadata":{}}', "items"),
    "another kind of list": (b'{"kind":"PodList","metadata":{},"items":[]}', "PodList"),
    "items of the wrong type": (b'{"kind":"PartialObjectMetadataList","metadata":{},"items":{}}', "$.items"),
    "an item that is a number": (b'{"kind":"PartialObjectMetadataList","metadata":{},"items":[1]}', "$.items[0]"),
    "an item without a name": (
        b'{"kind":"PartialObjectMetadataList","metadata":{},"items":[{"metadata":{}}]}',
        "$.items[0].metadata",
    ),
    "a label that is a number": (
        b'{"kind":"PartialObjectMetadataList","metadata":{},"items":[{"metadata":{"name":"a","labels":{"x":1}}}]}',
        "labels",
    ),
    "an array": (b"[]", "object"),
    "HTML that calls itself JSON": (b"<html>", ""),
    "nothing at all": (b"", ""),
    "half a document": (b'{"kind":"Partial', ""),
    "not UTF-8": (b'{"kind":"\xff\xfe","metadata":{},"items":[]}', ""),
    "a lone surrogate": (b'{"kind":"\\ud800","metadata":{},"items":[]}', ""),
    "nested without end": (b'{"kind":' + b"[" * 60_000, ""),
    "nested without end where we do not look": (b'{"x":' + b"[" * 60_000, ""),
}


@pytest.mark.parametrize(("body", "place"), INVALID.values(), ids=INVALID)
def test_what_is_no_answer_of_the_api_names_the_place(body: bytes, place: str) -> None:
    with serving(lambda _: Reply(body)) as server, refused(GapReason.INVALID_ANSWER, place, "/api/v1/namespaces"):
        namespaces(server)


def test_another_content_type_is_not_read() -> None:
    with (
        serving(lambda _: Reply(b"<html>", content_type="text/html")) as server,
        refused(GapReason.INVALID_ANSWER, "text/html"),
    ):
        namespaces(server)


@pytest.mark.parametrize(
    "broken",
    [
        Reply(write=lambda wire: wire.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")),
        Reply(write=lambda wire: wire.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}")),
        Reply(
            write=lambda wire: wire.sendall(
                HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzipped(b"{}" * 9_000)[:40]
            )
        ),
    ],
    ids=["before its length", "inside a chunk", "inside its gzip"],
)
def test_an_answer_that_breaks_off_is_invalid(broken: Reply) -> None:
    pace = TestPace(step=0.001)
    with serving(lambda _: broken) as server, refused(GapReason.INVALID_ANSWER, "broke off"):
        namespaces(server, pace=pace)


def test_an_answer_that_broke_off_once_is_read_again() -> None:
    cut = Reply(write=lambda wire: wire.sendall(HEAD + b"Content-Length: 500\r\n\r\n{"))
    with serving(in_turn(cut, page("a"))) as server:
        assert namespaces(server).items == ("a",)


def test_a_body_that_is_not_the_gzip_it_says_is_invalid() -> None:
    with (
        serving(lambda _: Reply(b"{}", headers={"Content-Encoding": "gzip"})) as server,
        refused(GapReason.INVALID_ANSWER, "gzip"),
    ):
        namespaces(server)
    with (
        serving(lambda _: Reply(b"{}", headers={"Content-Encoding": "br"})) as server,
        refused(GapReason.INVALID_ANSWER, "'br'"),
    ):
        namespaces(server)


def test_a_gzip_bomb_of_a_gibibyte_is_never_unpacked() -> None:
    packed = gzipped(b"\0" * (16 << 20), 9) * 64
    with serving(lambda _: Reply(packed, headers={"Content-Encoding": "gzip"})) as server:
        tracemalloc.start()
        try:
            with refused(GapReason.TOO_LARGE, "larger than 1 MiB"):
                namespaces(server, Limits(answer_bytes=1 << 20, page_items=1))
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()


HUGE = {
    "by its length": Reply(write=lambda wire: wire.sendall(HEAD + b"Content-Length: 999999999999\r\n\r\n{")),
    "by what came": Reply(b" " * 200_000, chunked=True),
}


@pytest.mark.parametrize("answer", HUGE.values(), ids=HUGE)
def test_a_page_past_the_limit_is_asked_for_in_smaller_pages_then_refused(answer: Reply) -> None:
    with serving(lambda _: answer) as server:
        with refused(GapReason.TOO_LARGE, "100000 bytes"):
            namespaces(server, Limits(answer_bytes=100_000, page_items=500))
        assert [a.query["limit"] for a in server.asked] == ["500", "62", "7", "1"]


def test_smaller_pages_cure_a_page_past_the_limit() -> None:
    def script(asked: Asked) -> Reply:
        return page("a") if int(asked.query["limit"]) < 100 else Reply(b" " * 200_000)

    with serving(script) as server:
        assert namespaces(server, Limits(answer_bytes=100_000, page_items=500)).items == ("a",)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (lambda a: page("a", next_="x" * (1 + len(a.query.get("continue", "")))), GapReason.TOO_LARGE),
        (lambda a: page("a", next_="same"), GapReason.INVALID_ANSWER),
        (lambda a: page(*"abcdefghijklmnopqrst", next_=a.query.get("continue", "") + "x"), GapReason.TOO_LARGE),
    ],
    ids=["pages without end", "the same token again", "too many objects"],
)
def test_a_list_without_end_is_refused(script: Callable[[Asked], Reply], reason: GapReason) -> None:
    with serving(script) as server:
        with refused(reason):
            namespaces(server, SMALL)
        assert len(server.asked) <= SMALL.pages


def test_an_expired_token_goes_on_with_the_inconsistent_one_and_says_so() -> None:
    expired = reply(failure(410, "too old", "Expired", **{"continue": "fresh"}), 410)
    with serving(in_turn(page("a", next_="t1"), expired, page("b"))) as server:
        assert namespaces(server) == Listing(("a", "b"), "7", consistent=False)
        assert [a.query.get("continue") for a in server.asked] == [None, "t1", "fresh"]


def test_an_expired_token_without_another_starts_the_list_again() -> None:
    expired = reply(failure(410, "too old", "Expired"), 410)
    with serving(in_turn(page("a", next_="t1"), expired, page("a", next_="t2"), page("b"))) as server:
        assert namespaces(server) == Listing(("a", "b"), "7")


def test_tokens_that_always_expire_end_the_list() -> None:
    expired = reply(failure(410, "too old", "Expired"), 410)
    with serving(lambda a: expired if "continue" in a.query else page("a", next_="t")) as server:
        with refused(GapReason.INVALID_ANSWER, "too old"):
            namespaces(server)
        assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("code", "reason", "asked"),
    [
        (400, GapReason.INVALID_ANSWER, 1),
        (401, GapReason.UNAUTHENTICATED, 1),
        (403, GapReason.FORBIDDEN, 1),
        (404, GapReason.NOT_FOUND, 1),
        (406, GapReason.INVALID_ANSWER, 1),
        (415, GapReason.INVALID_ANSWER, 1),
        (429, GapReason.THROTTLED, 4),
        (500, GapReason.SERVER_ERROR, 4),
        (503, GapReason.SERVER_ERROR, 4),
        (599, GapReason.SERVER_ERROR, 4),
    ],
)
def test_each_status_has_its_reason_and_the_servers_words(code: int, reason: GapReason, asked: int) -> None:
    with serving(lambda _: reply(failure(code, "no, because of you"), code)) as server:
        with refused(reason, "no, because of you", "/api/v1/namespaces"):
            namespaces(server)
        assert len(server.asked) == asked


def test_a_message_without_measure_is_cut() -> None:
    with serving(lambda _: reply(failure(403, "x" * 5_000), 403)) as server:
        with pytest.raises(ReadError) as caught:
            namespaces(server)
        assert len(caught.value.detail) < 400
    with (
        serving(lambda _: Reply(b"<html>" * 100_000, 403)) as server,
        refused(GapReason.FORBIDDEN, "HTTP 403 Forbidden"),
    ):
        namespaces(server)


def test_a_throttled_read_waits_as_asked_and_goes_on() -> None:
    pace = TestPace(step=0.001)
    slow = reply(failure(429, "slow down"), 429, headers={"Retry-After": "7"})
    late = reply(failure(503, "later"), 503, headers={"Retry-After": "Fri, 20 Nov 2026 12:00:09 GMT"})
    junk = reply(failure(503, "later"), 503, headers={"Retry-After": "tomorrow"})
    with serving(in_turn(slow, late, junk, page("a"))) as server:
        assert namespaces(server, pace=pace).items == ("a",)
    assert pace.waits[:2] == [7, 9]
    assert 0 < pace.waits[2] < 10


def test_a_wait_past_our_patience_is_a_refusal() -> None:
    pace = TestPace(step=0.001)
    with serving(lambda _: reply(failure(429, "slow down"), 429, headers={"Retry-After": "3600"})) as server:
        with refused(GapReason.THROTTLED, "3600 s"):
            namespaces(server, pace=pace)
        assert (len(server.asked), pace.waits) == (1, [])


def test_retries_end_with_the_deadline_of_the_list() -> None:
    pace = TestPace(step=0.001)
    limits = Limits(list_seconds=25, attempts=99)
    with (
        serving(lambda _: reply(failure(503, "later"), 503, headers={"Retry-After": "10"})) as server,
        refused(GapReason.SERVER_ERROR),
    ):
        namespaces(server, limits, pace)
    assert pace.waits == [10, 10]


def test_a_shutdown_ends_the_retries_at_once() -> None:
    pace = TestPace(step=0.001, cancel_after=1)
    with serving(lambda _: reply(failure(503, "later"), 503)) as server:
        with refused(GapReason.UNREACHABLE, "stopping"):
            namespaces(server, pace=pace)
        assert len(server.asked) == 1


def test_a_shutdown_ends_a_read_that_waits_for_the_server() -> None:
    pace = TestPace(step=0.001)

    def stop(_: Any) -> None:
        pace.stopped = True
        fall_silent()(_)

    with serving(lambda _: Reply(write=stop)) as server, refused(GapReason.UNREACHABLE, "stopping"):
        namespaces(server, pace=pace)


DRIPS = {
    "in the body": drip(HEAD + b"Content-Length: 99999\r\n\r\n", b" "),
    "in the headers": drip(b"HTTP/1.1 200 OK\r\n", b"X"),
    "between chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "in a chunk's length": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "with silence": fall_silent(HEAD),
}


@pytest.mark.parametrize("write", DRIPS.values(), ids=DRIPS)
def test_a_server_that_drips_is_left_at_the_deadline(write: Callable[[Any], None]) -> None:
    pace = TestPace(step=4.0)
    with serving(lambda _: Reply(write=write)) as server, refused(GapReason.TIMEOUT):
        namespaces(server, pace=pace)
    assert pace.waits == []


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_never_followed(code: int) -> None:
    with serving(lambda _: page("stolen")) as other:
        with (
            serving(lambda a: Reply(b"", code, {"Location": f"{other.url}{a.path}"})) as server,
            refused(GapReason.INVALID_ANSWER, "redirected", str(other.port)),
        ):
            namespaces(server)
        assert other.asked == []


def test_a_certificate_of_another_ca_is_said_as_such() -> None:
    with serving(lambda _: page("a")) as server:
        server.authority = authority("another CA")
        with refused(GapReason.UNREACHABLE, "certificate was refused"):
            namespaces(server)
        assert server.asked == []


def test_nobody_there_is_unreachable_after_retries() -> None:
    pace = TestPace(step=0.001)
    with serving(lambda _: page("a")) as server:
        pass
    with refused(GapReason.UNREACHABLE, "Connection refused"):
        namespaces(server, pace=pace)
    assert len(pace.waits) == 3


def test_a_name_that_is_not_known_is_unreachable() -> None:
    with serving(lambda _: page("a")) as server:
        server.url = "https://nowhere.invalid"
        with refused(GapReason.UNREACHABLE, "nowhere.invalid"):
            namespaces(server)


def test_a_connection_that_the_server_closed_while_idle_is_opened_again() -> None:
    gone = Reply(write=lambda wire: None)
    with serving(in_turn(gone, page("a"))) as server:
        assert namespaces(server).items == ("a",)


def test_hostile_text_passes_through_as_data() -> None:
    hostile = "\x1b[31m\u202e<script>\n"
    with serving(lambda _: page(hostile)) as server:
        assert namespaces(server).items == (hostile,)


def test_names_that_lead_elsewhere_are_not_asked_for() -> None:
    for bad in ("..", "a/b", "a?b", "A", "a%2fb", "a..b", ""):
        if bad:
            with refused(GapReason.INVALID_ANSWER, "not a name"):
                endpoints.PODS.path("team", bad)
    assert endpoints.PODS.path("team", "web-0.a") == "/api/v1/namespaces/team/pods/web-0.a"
