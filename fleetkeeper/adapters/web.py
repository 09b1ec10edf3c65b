"""One bounded HTTP request to an address of the settings: no redirect, no retry, and no secret in any text."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import urllib3

from fleetkeeper import __version__
from fleetkeeper.core.text import safe
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable

_HIDDEN = "***"
_SHORTEST_SECRET = 4
"""Shorter ones would blot out ordinary words of an answer, and hide nothing that cannot be guessed."""
_LONGEST = 300
_MIB = 1 << 20
_REFUSED = {401: GapReason.UNAUTHENTICATED, 403: GapReason.FORBIDDEN, 404: GapReason.NOT_FOUND}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of status 2xx, or one that the caller asked to see. body is not decoded."""

    status: int
    body: bytes


class Web:
    """One address with its own pool, for many threads. name is how people call it; mib bounds an answer."""

    def __init__(self, name: str, seconds: float, ca_bundle: str = "", mib: int = 8) -> None:
        self._name, self._seconds, self._mib = name, seconds, mib
        self._pool = urllib3.PoolManager(maxsize=4, ssl_context=ssl.create_default_context(cafile=ca_bundle or None))

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        seen: Iterable[int] = (),
    ) -> Reply:
        """seen: statuses beside 2xx that are answers. Raises ReadErrors for all others, and for none."""
        own = {"User-Agent": f"fleetkeeper/{__version__}", "Accept-Encoding": "identity"}
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers={**own, **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=self._seconds),
            )
            reply = Reply(response.status, self._read(response))
        except urllib3.exceptions.NewConnectionError as error:  # urllib3 calls it a timeout; it is none
            raise Unreachable(f"{self._name}: {cause(error)}") from error
        except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
            raise Unreachable(f"{self._name}: no answer in {self._seconds:g} s", GapReason.TIMEOUT) from error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{self._name}: {cause(error)}") from error
        if 200 <= reply.status < 300 or reply.status in seen:
            return reply
        raise self._refusal(reply)

    def close(self) -> None:
        self._pool.clear()

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        content = response.read(self._mib * _MIB + 1)
        if len(content) > self._mib * _MIB:
            response.close()
            raise InvalidAnswer(f"{self._name}: the answer is larger than {self._mib} MiB", GapReason.TOO_LARGE)
        response.release_conn()
        return content

    def _refusal(self, reply: Reply) -> ReadError:
        """The error of a status; its body is not told, for it may repeat what was sent."""
        told = f"{self._name} answered {reply.status}"
        if reply.status == 429:
            return Unreachable(told, GapReason.THROTTLED)
        if reply.status >= 500:
            return Unreachable(told, GapReason.SERVER_ERROR)
        if 300 <= reply.status < 400:
            return Refused(f"{told}: it redirects, which is not followed", GapReason.REJECTED)
        return Refused(told, _REFUSED.get(reply.status, GapReason.REJECTED))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A text of the other side without our secrets, made harmless to show."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
    return safe(text, _LONGEST)


def cause(error: BaseException) -> str:
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
