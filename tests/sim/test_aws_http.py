"""The simulator's own HTTP server, byte by byte: what a client library hides."""

import socket
from collections.abc import Iterator

import pytest

from fleetkeeper.sim.aws.http import HttpServer, Later, Reply, Request


def echo(request: Request) -> Reply | Later:
    """Says back what it was sent; /later from a thread, /cut with half of its body, /gone not at all."""
    reply = Reply(200, {"X-Path": request.path, "X-Query": request.query}, request.body or b"empty")
    if request.path == "/later":
        return lambda: reply
    if request.path == "/cut":
        return Reply(200, {}, b"0123456789", cut=True)
    return Reply(0, {}, b"", hang_up=True) if request.path == "/gone" else reply


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(echo) as running:
        yield running


def talk(server: HttpServer, sent: bytes) -> bytes:
    """Everything that comes back until the server closes or the client has nothing more to say."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := _receive(connection):
            received += chunk
    return received


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


def test_requests_on_one_connection_are_answered_in_order(server: HttpServer) -> None:
    first = b"POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(first + b"GET /later HTTP/1.1\r\nHost: h\r\n\r\n" + b"GET /cut HTTP/1.1\r\n\r\n")
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert b"X-Query: x=1\r\n" in received
    assert b"\r\n\r\nabcHTTP/1.1 200 OK" in received
    assert received.index(b"X-Path: /a") < received.index(b"X-Path: /later") < received.index(b"01234")


def test_a_cut_body_is_shorter_than_promised(server: HttpServer) -> None:
    received = talk(server, b"GET /cut HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 10\r\n" in received
    assert received.endswith(b"\r\n\r\n01234")


def test_a_hang_up_says_nothing(server: HttpServer) -> None:
    assert talk(server, b"GET /gone HTTP/1.1\r\n\r\n") == b""


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"x" * 70_000],
    ids=["no request line", "no length", "a head without end"],
)
def test_what_is_not_http_is_cut_off(server: HttpServer, sent: bytes) -> None:
    assert talk(server, sent) == b""


def test_a_client_that_asks_before_it_sends_is_told_to(server: HttpServer) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(1000).endswith(b"ok")


def test_a_closed_server_listens_no_more() -> None:
    server = HttpServer(echo)
    server.start()
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
