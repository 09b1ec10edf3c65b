"""The HTTP endpoints of the executor's allow-list (the Hooks port): one bounded request per call, secrets kept back."""

import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3

from fleetkeeper import __version__
from fleetkeeper.config import HookSettings
from fleetkeeper.core.text import safe
from fleetkeeper.engine.world import Answer
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable

_MOST_BYTES = 1 << 20
_MOST_FIELDS = 1000
_LONGEST_TEXT = 2000
_HIDDEN = "***"
_SHORTEST_SECRET = 4
"""Shorter ones would blot out ordinary words of an answer, and hide nothing that cannot be guessed."""


class HttpHooks:
    """Nothing is retried: the engine comes again by itself, with the same token. No redirect is followed."""

    def __init__(self, entries: Iterable[HookSettings]) -> None:
        self._entries = {each.name: _Entry(each) for each in entries}

    def call(self, name: str, body: Mapping[str, object], token: str) -> Answer:
        headers = {"Content-Type": "application/json", "Idempotency-Key": token}
        return self._of(name).send("POST", "", headers, msgspec.json.encode(body))

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:
        return self._of(name).send("GET", urlencode(query), {}, None)

    def close(self) -> None:
        for entry in self._entries.values():
            entry.close()

    def _of(self, name: str) -> "_Entry":
        found = self._entries.get(name)
        if found is None:
            detail = f"the settings have no [[engine.hooks]] of the name {name}; they have {_names(self._entries)}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        return found


class _Entry:
    """One endpoint with its pool. Its texts to people never hold its secrets."""

    def __init__(self, settings: HookSettings) -> None:
        self._name, self._seconds = settings.name, settings.timeout_seconds
        secret = settings.secret_url.value if settings.secret_url else ""
        self._url = secret or settings.url
        self._headers = {each.name: each.value.value for each in settings.secret_headers if each.value}
        self._secrets = [each for each in (secret, *self._headers.values()) if len(each) >= _SHORTEST_SECRET]
        self._secrets += [word for each in self._headers.values() for word in each.split()[1:]]
        if secret:
            self._secrets.append(urlsplit(secret).path)
        self._headers |= settings.headers
        trust = ssl.create_default_context(cafile=settings.ca_bundle or None)
        self._pool = urllib3.PoolManager(maxsize=4, ssl_context=trust)

    def send(self, method: str, query: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        own = {"User-Agent": f"fleetkeeper/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
        joint = "&" if "?" in self._url else "?"
        try:
            response = self._pool.request(
                method,
                f"{self._url}{joint}{query}" if query else self._url,
                body=body,
                headers={**own, **self._headers, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=self._seconds),
            )
            return self._read(response)
        except urllib3.exceptions.NewConnectionError as error:  # urllib3 calls it a timeout; it is none
            raise Unreachable(f"{self._name}: {self._shown(_cause(error))}") from error
        except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
            raise Unreachable(f"{self._name}: no answer in {self._seconds:g} s", GapReason.TIMEOUT) from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{self._name}: {self._shown(_cause(error))}") from error

    def close(self) -> None:
        self._pool.clear()

    def _read(self, response: urllib3.BaseHTTPResponse) -> Answer:
        content = response.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            response.close()
            raise InvalidAnswer(f"{self._name}: the answer is larger than 1 MiB")
        response.release_conn()
        text = self._shown(content.decode("utf-8", "replace"))
        if response.status == 429:
            raise Unreachable(f"{self._name} answered 429: {safe(text, 200)}", GapReason.THROTTLED)
        if response.status >= 500:
            raise Unreachable(f"{self._name} answered {response.status}: {safe(text, 200)}", GapReason.SERVER_ERROR)
        if 300 <= response.status < 400:
            where = urlsplit(response.headers.get("Location", "")).netloc or "elsewhere"
            text = f"it redirects to {where}, which is not followed"
        return Answer(response.status, _fields(text), safe(text, _LONGEST_TEXT))

    def _shown(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def _fields(text: str) -> Mapping[str, str]:
    """What of a JSON object is text, a number or a boolean (true, false), as text.

    Inner ones by their path: ticket.state, incidents.0.id; and incidents.length, for a list may be empty.
    """
    try:
        found = msgspec.json.decode(text)
        return dict(islice(_leaves(found, ""), _MOST_FIELDS)) if isinstance(found, dict) else {}
    except (msgspec.DecodeError, RecursionError):
        return {}


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        yield f"{path}length", str(len(value))
        value = {str(place): each for place, each in enumerate(value)}
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, dict | list):
                yield from _leaves(each, f"{path}{name}.")
            elif isinstance(each, str | int | float):
                yield f"{path}{name}", each if isinstance(each, str) else json.dumps(each)


def _cause(error: BaseException) -> str:
    """The system's own words (Connection refused), without urllib3's wrappings, which hold the URL."""
    link: BaseException | None = error
    said = type(error).__name__
    while link is not None:
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"the server's certificate was refused: {link.verify_message}"
        if isinstance(link, OSError) and link.strerror:
            said = link.strerror
        link = link.__cause__ or link.__context__
    return said


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
