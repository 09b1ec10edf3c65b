"""Proxies: the cluster's own before the kubeconfig's before the general one before the environment's."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.kube.kubeconfigs import write
from tests.adapters.kube.server import ApiServer, Asked, Reply, reply, serving
from tests.adapters.kube.support import StillClock, TestPace, meta


@dataclass(slots=True)
class ConnectProxy:
    """A tiny CONNECT proxy that remembers whom it was asked for, and may refuse."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextmanager
def proxying(answer: bytes = b"") -> Iterator[ConnectProxy]:
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = ConnectProxy(f"http://127.0.0.1:{listener.getsockname()[1]}")
    proxy.answer = answer or proxy.answer
    thread = threading.Thread(target=_accept, args=(listener, proxy), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _accept(listener: socket.socket, proxy: ConnectProxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_tunnel, args=(client, proxy), daemon=True).start()


def _tunnel(client: socket.socket, proxy: ConnectProxy) -> None:
    with client, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        lines = head.decode().split("\r\n")
        target = lines[0].split()[1]
        proxy.asked.append(target)
        proxy.authorization += [line for line in lines if line.lower().startswith("proxy-authorization")]
        client.sendall(proxy.answer)
        if b" 200 " not in proxy.answer:
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)


def healthy(asked: Asked) -> Reply:
    if asked.path == "/version":
        return reply({"gitVersion": "v1.35.2"})
    return reply({"metadata": meta("kube-system", "", creationTimestamp="2026-01-01T00:00:00Z")})


def no_token(*_: object) -> NoReturn:
    raise AssertionError


def look(server: ApiServer, folder: Path, row_proxy: str = "", file_proxy: str = "", general: str = "") -> str:
    file = write(folder, server.url, server.authority.ca, token="t", proxy_url=file_proxy)
    settings = KubernetesSettings((KubeCluster("lab", kubeconfig=str(file), proxy_url=row_proxy),), proxy_url=general)
    cluster, kube = KubeAccess(settings, no_token, StillClock(), TestPace(step=0.001)).of_kubeconfig("lab")
    kube.close()
    return cluster.control_plane.git_version


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.parametrize("where", ["row_proxy", "file_proxy", "general", "environment"])
def test_each_place_to_name_a_proxy_is_heard(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(healthy) as server, proxying() as proxy:
        if where == "environment":
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            assert look(server, tmp_path) == "v1.35.2"
        else:
            assert look(server, tmp_path, **{where: proxy.url}) == "v1.35.2"
        assert proxy.asked == [f"127.0.0.1:{server.port}"]


def test_the_clusters_own_proxy_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serving(healthy) as server, proxying() as own:
        assert look(server, tmp_path, own.url, "http://127.0.0.1:2", "http://127.0.0.1:3") == "v1.35.2"
        assert len(own.asked) == 1


@pytest.mark.parametrize("rule", ["127.0.0.1", "127.0.0.0/8", "*"])
def test_no_proxy_overrules_the_general_proxy_but_not_the_clusters_own(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", rule)
    with serving(healthy) as server, proxying() as proxy:
        look(server, tmp_path, general=proxy.url)
        assert proxy.asked == []
        look(server, tmp_path, row_proxy=proxy.url)
        look(server, tmp_path, file_proxy=proxy.url)
        assert len(proxy.asked) == 2


def test_a_proxys_user_and_password_go_to_the_proxy_alone(tmp_path: Path) -> None:
    with serving(healthy) as server, proxying() as proxy:
        look(server, tmp_path, row_proxy=proxy.url.replace("//", "//me:p%40ss@"))
        expected = base64.b64encode(b"me:p@ss").decode()
        assert [line.split()[-1] for line in proxy.authorization] == [expected]
        assert all("proxy-authorization" not in map(str.lower, a.headers) for a in server.asked)


@pytest.mark.parametrize("code", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway"])
def test_a_proxy_that_refuses_is_named_without_its_password(code: bytes, tmp_path: Path) -> None:
    with serving(healthy) as server, proxying(b"HTTP/1.1 " + code + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        with pytest.raises(ReadError) as caught:
            look(server, tmp_path, row_proxy=proxy.url.replace("//", "//me:secret@"))
        assert caught.value.reason is GapReason.UNREACHABLE
        assert "the proxy" in caught.value.detail
        assert code.split()[0].decode() in caught.value.detail
        assert "secret" not in caught.value.detail
        assert server.asked == []


def test_a_proxy_that_is_not_there_is_said_as_such(tmp_path: Path) -> None:
    with serving(healthy) as server, pytest.raises(ReadError, match="the proxy: Connection refused"):
        look(server, tmp_path, row_proxy="http://127.0.0.1:1")


@pytest.mark.parametrize(
    "bad", ["socks5://me:secret@127.0.0.1:1", "gopher://me:secret@127.0.0.1:1", "http://me:secret@:x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(bad: str, tmp_path: Path) -> None:
    with serving(healthy) as server, pytest.raises(ReadError) as caught:
        look(server, tmp_path, row_proxy=bad)
    assert "proxy" in caught.value.detail
    assert "secret" not in caught.value.detail
