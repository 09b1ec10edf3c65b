"""What broke is said in the words of the field, and only what another try may cure is tried again."""

import socket
import ssl
from typing import Any

import pytest
from urllib3 import exceptions as broken

from fleetkeeper.adapters.kube.answers import connection_setback
from fleetkeeper.errors import GapReason

POOL: Any = None

BROKEN = {
    "no connection in time": (
        broken.ConnectTimeoutError(POOL, "slow"),
        GapReason.UNREACHABLE,
        "no connection in time",
        False,
    ),
    "no answer in time": (broken.ReadTimeoutError(POOL, "/", "slow"), GapReason.TIMEOUT, "no whole answer", False),
    "the deadline": (TimeoutError("over"), GapReason.TIMEOUT, "no whole answer", False),
    "a proxy that is silent": (
        broken.ProxyError("x", broken.ConnectTimeoutError(POOL, "slow")),
        GapReason.UNREACHABLE,
        "the proxy: no connection in time",
        False,
    ),
    "a proxy that forbids": (
        broken.ProxyError("x", OSError("Tunnel connection failed: 403 Forbidden")),
        GapReason.UNREACHABLE,
        "the proxy: Tunnel connection failed: 403 Forbidden",
        False,
    ),
    "a proxy that fails": (
        broken.ProxyError("x", OSError("Tunnel connection failed: 502 Bad Gateway")),
        GapReason.UNREACHABLE,
        "502",
        True,
    ),
    "a reset": (
        broken.ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer")),
        GapReason.UNREACHABLE,
        "Connection reset by peer",
        True,
    ),
    "another host's certificate": (
        broken.SSLError(ssl.CertificateError("hostname 'a' doesn't match 'b'")),
        GapReason.UNREACHABLE,
        "certificate was refused",
        False,
    ),
    "no TLS there": (broken.SSLError(ssl.SSLError(1, "WRONG_VERSION_NUMBER")), GapReason.UNREACHABLE, "TLS", True),
    "no name": (
        broken.NewConnectionError(POOL, f"failed: {socket.gaierror(-2, 'Name or service not known')}"),
        GapReason.UNREACHABLE,
        "Name or service not known",
        True,
    ),
    "no address": (broken.LocationParseError("x"), GapReason.INVALID_ANSWER, "", False),
}


@pytest.mark.parametrize(("error", "reason", "words", "may_retry"), BROKEN.values(), ids=BROKEN)
def test_what_broke_has_its_reason(error: Exception, reason: GapReason, words: str, may_retry: bool) -> None:
    found = connection_setback(error, "/api/v1/nodes")
    assert (found.error.reason, found.may_retry) == (reason, may_retry), found.error
    assert words in found.error.detail
    assert found.error.detail.startswith("/api/v1/nodes: ")
