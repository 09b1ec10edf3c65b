"""A minimal raw HTTP client for one API server, for seeding and for reading answers as they are."""

import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.identity import Identity

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said, whatever the status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def ok(self) -> bool:
        """Was it a 2xx?"""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The first header of this name, in any case; None when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Wire:
    """Sends requests to one address under one identity, a new connection each time."""

    def __init__(self, port: int, ca_pem: str, identity: Identity) -> None:
        self._port = port
        self._authorization = {"Authorization": f"Bearer {identity.token}"} if identity.token else {}
        self._context = ssl.create_default_context(cadata=ca_pem)
        if identity.certificate:
            _load_pair(self._context, identity)

    def request(self, method: str, path: str, body: Any, content_type: str) -> Answer:
        """One request. A body that is neither bytes nor None is sent as JSON."""
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Accept": "application/json, */*", **self._authorization}
        if payload is not None:
            headers["Content-Type"] = content_type
        connection = self._connection()
        try:
            connection.request(method, path, payload, headers)
            answer = connection.getresponse()
            return Answer(answer.status, tuple(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise ControlPlaneError(f"{method} {path}: no answer from the API server: {error}") from error
        finally:
            connection.close()

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """The lines of one long answer as they come, such as a watch's; ControlPlaneError when it breaks off."""
        connection = self._connection()
        try:
            connection.request("GET", path, headers={"Accept": "application/json", **self._authorization})
            answer = connection.getresponse()
            if answer.status != 200:
                raise ControlPlaneError(f"GET {path}: {answer.status} {answer.read().decode(errors='replace')}")
            yield iter(answer.readline, b"")
        except (OSError, http.client.HTTPException) as error:
            raise ControlPlaneError(f"GET {path}: the answer broke off: {error}") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self._port, timeout=TIMEOUT, context=self._context)


def _load_pair(context: ssl.SSLContext, identity: Identity) -> None:
    # ssl reads a pair only from files; mkdtemp makes the folder readable to us alone.
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-pair-") as folder:
        path = Path(folder) / "pair.pem"
        path.write_text(identity.certificate + identity.key)
        context.load_cert_chain(path)
