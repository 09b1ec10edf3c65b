"""The way to one API server: the official client's configuration and pool, our own trust, proxy and credential."""

import importlib.util
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject

from fleetkeeper import __version__
from fleetkeeper.adapters.kube.credentials import Credential, KeyPair
from fleetkeeper.adapters.kube.deadline import DeadlineSocket
from fleetkeeper.adapters.kube.identity import shown
from fleetkeeper.errors import GapReason, ReadError, Refused, Unreachable

# The parts of one cluster are read by few threads, and evicted from by eight; more connections only cost descriptors.
_POOL_SIZE = 8


@dataclass(frozen=True, slots=True)
class Proxy:
    """Which proxy to use. url None: HTTPS_PROXY decides; "": none. bypass: NO_PROXY may overrule url."""

    url: str | None = None
    bypass: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API server is and what proves it. ca_pem "" trusts the system's CAs."""

    server: str
    ca_pem: str
    tls_server_name: str = ""
    proxy: Proxy = Proxy()


class Connection:
    """One pool of keep-alive connections to one API server; safe to use from many threads."""

    def __init__(self, endpoint: Endpoint, credential: Credential) -> None:
        self._base = endpoint.server.rstrip("/")
        self._path = urlsplit(self._base).path
        self._credential = credential
        self._renewing = Lock()
        self._trust = _trust(endpoint.ca_pem)
        self._pair = credential.key_pair()
        if self._pair:
            _show(self._trust, self._pair)
        self._pool = _pool(endpoint, self._trust)
        self._host_pool: urllib3.HTTPConnectionPool | None = None

    def get(self, target: str, headers: Mapping[str, str], timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """One GET, its body still unread."""
        return self.send("GET", target, headers, timeout)

    def send(
        self, method: str, target: str, headers: Mapping[str, str], timeout: urllib3.Timeout, body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One request. Nothing is retried, and no redirect followed: it would carry our token."""
        host = self._host_pool
        if host is None:  # found once: to find it by its URL costs each request a tenth of its time
            host = self._host_pool = self._pool.connection_from_url(self._base)
        return host.urlopen(
            method,
            self._path + target,
            body=body,
            headers={"User-Agent": f"fleetkeeper/{__version__}", **headers, **self._credential.headers()},
            preload_content=False,
            redirect=False,
            retries=False,
            assert_same_host=False,
            timeout=timeout,
        )

    def renew(self) -> bool:
        """After a 401: get a new credential; False when there is none to be had."""
        with self._renewing:
            if not self._credential.renew():
                return False
            pair = self._credential.key_pair()
            if pair and pair != self._pair:
                _show(self._trust, pair)
                self.close()
                self._pair = pair
            return True

    def close(self) -> None:
        """What is asked for after this opens connections anew."""
        self._pool.clear()
        self._host_pool = None


def _pool(endpoint: Endpoint, trust: ssl.SSLContext) -> urllib3.PoolManager:
    configuration: Any = Configuration(host=endpoint.server, connection_pool_maxsize=_POOL_SIZE)
    configuration.tls_server_name = endpoint.tls_server_name or None
    if endpoint.proxy.url is not None:
        configuration.proxy = endpoint.proxy.url
    if not endpoint.proxy.bypass:
        configuration.no_proxy = ""
    if configuration.proxy:
        _prepare_proxy(configuration)
    try:
        pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    except (ValueError, urllib3.exceptions.HTTPError) as e:
        raise Unreachable(f"the proxy {shown(str(configuration.proxy))} cannot be used: {e}") from e
    # The client has no way to hand over a context; from files alone, keys would have to lie on disk.
    pool.connection_pool_kw["ssl_context"] = trust
    return pool


def _prepare_proxy(configuration: Any) -> None:
    """A proxy's user and password, and the same deadline on its own TLS."""
    proxy = urlsplit(configuration.proxy)
    if proxy.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        raise Unreachable(f"the proxy {shown(configuration.proxy)} needs SOCKS: install the package PySocks")
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=pair)
    if proxy.scheme == "https":
        configuration.proxy_ssl_context = _trust("")


def _trust(ca_pem: str) -> ssl.SSLContext:
    # Not ssl.create_default_context: from Python 3.13 on it asks for extensions that Kubernetes CAs lack
    # (VERIFY_X509_STRICT, https://docs.python.org/3/library/ssl.html#ssl.create_default_context).
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSocket
    if not ca_pem:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as e:
        raise ReadError("the cluster's CA is not a PEM certificate", GapReason.WRONG_ENDPOINT) from e
    return context


def _show(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Present a client certificate; an encrypted key is refused, for OpenSSL would ask on the terminal."""
    try:
        with _as_file(f"{pair.key.strip()}\n{pair.certificate.strip()}\n") as file:
            context.load_cert_chain(file, password="")
    except (ssl.SSLError, ValueError) as e:
        detail = "the client certificate or its key cannot be used (is the key encrypted?)"
        raise Refused(detail, GapReason.UNAUTHENTICATED) from e


@contextmanager
def _as_file(content: str) -> Iterator[str]:
    """A path to a text that OpenSSL reads only from files: in memory where the system can, else removed at once."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        fd = os.memfd_create("client-certificate")
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{fd}"
        return
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-") as folder:  # 0700
        path = Path(folder, "client.pem")
        path.write_text(content, "utf-8")
        yield str(path)
