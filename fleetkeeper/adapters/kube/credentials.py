"""Who we are to one API server: an Authorization header or a client certificate, renewed before it expires."""

import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Protocol

from fleetkeeper.adapters.kube import exec_plugin
from fleetkeeper.adapters.kube.exec_plugin import ExecCredential
from fleetkeeper.adapters.kube.kubeconfig import ExecPlugin, User
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import GapReason, Refused

# Clocks differ, and a page may take 30 s: a token that ends within this is as good as expired.
_EARLY = timedelta(seconds=90)
# The kubelet rotates service-account tokens in place; client-go reads them once a minute.
_TOKEN_FILE_SECONDS = 60.0

# A bearer token and its end.
Token = Callable[[], tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A client certificate with its chain, and its key, in PEM."""

    certificate: str
    key: str


class Credential(Protocol):
    """Safe to use from many threads."""

    def headers(self) -> Mapping[str, str]:
        """The headers that say who we are; a ReadError when no credential can be had."""
        ...

    def key_pair(self) -> KeyPair | None: ...

    def renew(self) -> bool:
        """The server answered 401: True when another try has something new to show."""
        ...


class Fixed:
    """A credential that never changes: a token, a user and password, a client certificate, or nothing."""

    def __init__(self, user: User) -> None:
        self._headers = _fixed_headers(user)
        self._pair = KeyPair(user.certificate, user.key) if user.certificate and user.key else None

    def headers(self) -> Mapping[str, str]:
        return self._headers

    def key_pair(self) -> KeyPair | None:
        return self._pair

    def renew(self) -> bool:
        return False


class TokenFile:
    """A token in a file that something else rotates; it may stand beside a client certificate."""

    def __init__(self, user: User) -> None:
        self._path = Path(user.token_file)
        self._fixed = Fixed(user)
        self._token = ""
        self._read_at = 0.0

    def headers(self) -> Mapping[str, str]:
        if not self._token or time.monotonic() - self._read_at > _TOKEN_FILE_SECONDS:
            self._read()
        return _bearer(self._token)

    def key_pair(self) -> KeyPair | None:
        return self._fixed.key_pair()

    def renew(self) -> bool:
        before = self._token
        self._read()
        return self._token != before

    def _read(self) -> None:
        try:
            self._token = self._path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            raise Refused(f"the token file {self._path} cannot be read: {e}", GapReason.UNAUTHENTICATED) from e
        self._read_at = time.monotonic()


class Bearer:
    """A token from a callable, such as the presigned STS request of EKS."""

    def __init__(self, token: Token, clock: Clock) -> None:
        self._get, self._clock = token, clock
        self._lock = Lock()
        self._token: tuple[str, datetime] | None = None

    def headers(self) -> Mapping[str, str]:
        with self._lock:
            if self._token is None or self._clock.now() >= self._token[1] - _EARLY:
                self._token = self._get()
            return _bearer(self._token[0])

    def key_pair(self) -> KeyPair | None:
        return None

    def renew(self) -> bool:
        with self._lock:
            self._token = None
        return True


class FromPlugin:
    """What an exec plug-in gives, kept until it expires: `aws eks get-token` costs a second of CPU."""

    def __init__(self, plugin: ExecPlugin, clock: Clock) -> None:
        self._plugin, self._clock = plugin, clock
        self._lock = Lock()
        self._given: ExecCredential | None = None

    def headers(self) -> Mapping[str, str]:
        given = self._current()
        return _bearer(given.token) if given.token else {}

    def key_pair(self) -> KeyPair | None:
        given = self._current()
        return KeyPair(given.certificate, given.key) if given.certificate and given.key else None

    def renew(self) -> bool:
        with self._lock:
            before, self._given = self._given, None
        return self._current() != before

    def _current(self) -> ExecCredential:
        with self._lock:
            given = self._given
            if given is None or (given.expires_at and self._clock.now() >= given.expires_at - _EARLY):
                given = self._given = exec_plugin.run(self._plugin)
            return given


def credential_of(user: User, clock: Clock) -> Credential:
    """The credential of a kubeconfig's user, in kubectl's order: a token file before a token, a plug-in alone."""
    if user.plugin:
        return FromPlugin(user.plugin, clock)
    return TokenFile(user) if user.token_file else Fixed(user)


def _fixed_headers(user: User) -> Mapping[str, str]:
    if user.token:
        return _bearer(user.token)
    if user.username:
        pair = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}


def _bearer(token: str) -> Mapping[str, str]:
    # http.client would refuse it too, and show it in the error.
    if not re.fullmatch(r"[!-~]+", token):
        raise Refused("the token is empty or has characters that no header may have", GapReason.UNAUTHENTICATED)
    return {"Authorization": f"Bearer {token}"}
