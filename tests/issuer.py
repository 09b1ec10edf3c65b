"""An OpenID Connect provider on a loopback port, with real keys and signed tokens."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


@dataclass
class Issuer:
    """An OpenID Connect provider: its keys and its discovery document; asked counts what was read."""

    keys: list[Any] = field(default_factory=lambda: [RSAKey.generate_key(2048, {"kid": "k1"})])
    url: str = ""
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def token(self, key: RSAKey | None = None, **claims: Any) -> str:
        key = key or self.keys[0]
        now = int(time.time())
        made = {"iss": self.url, "aud": "fleetkeeper", "exp": now + 300, "email": "ada@example.com"} | claims
        made = {name: value for name, value in made.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": key.kid or ""}, made, key)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            body: dict[str, Any] = {"jwks_uri": f"{found.url}/keys"}
            if self.path == "/keys":
                body = dict(KeySet(found.keys).as_dict(private=False))
            self.send_response(503 if found.down else 200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
