"""An HTTP server of the standard library with bounds: so many requests at once, and so long for each."""

import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

import structlog

from fleetkeeper.errors import ConfigError, Mistake

_log = structlog.get_logger("serve")


class BoundedServer(ThreadingHTTPServer):
    """Listens as soon as it is made; `serve_forever` answers. key: the setting that `listen` (host:port) is of.

    seconds: for a request as a whole; who sends or reads slower is cut off. most: requests at once, more are cut off.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, listen: str, key: str, handler: type[BaseHTTPRequestHandler], most: int, seconds: float) -> None:
        """Raises ConfigError when nothing can listen there."""
        self._free = threading.BoundedSemaphore(most)
        self._seconds = seconds
        host, _, port = listen.rpartition(":")
        try:
            family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
            self.address_family = family
            super().__init__(address, handler)  # type: ignore[arg-type]  # of an Internet family, as its type cannot say
        except OSError as error:
            fix = "end what listens there, or set another host:port"
            mistake = Mistake("configuration", 0, key, f"cannot listen on {listen}: {error.strerror}", fix)
            raise ConfigError((mistake,)) from error

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def server_bind(self) -> None:
        """Without the reverse look-up of the address that HTTPServer does here: it may take as long as DNS likes."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread to be had
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(self._seconds, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """A client that went away is not worth a traceback."""
        error = sys.exception()
        _log.debug("request_failed", reason=f"{type(error).__name__}: {error}")


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already
