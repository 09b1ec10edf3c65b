"""How a request goes to Slack: as the SDK sends it, but that nothing is sent too late, and no redirect is followed.

A process may be frozen between any two lines, while somebody else takes over what it was about to send. So the time is
looked at once more right before each piece of a request is handed to the system; the last one makes it whole.
"""

import http.client
from typing import Any
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from slack_sdk import WebClient

from fleetkeeper.engine.delivering import may_send

_MOST_BYTES = 16 << 20

_ERRORS = (UnknownHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor)


class TooLate(OSError):
    """It was not sent; urllib wraps it as what breaks before a request is whole."""


class _Timely(http.client.HTTPConnection):
    def send(self, data: Any) -> None:
        if not may_send():
            raise TooLate("the process was held up for too long")
        super().send(data)


class _TimelyTls(_Timely, http.client.HTTPSConnection):
    """send is asked first here, then encrypts as it always does."""


class _Plain(HTTPHandler):
    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_Timely, req)


class _Tls(HTTPSHandler):
    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(_TimelyTls, req, context=self._context)  # type: ignore[attr-defined]


class TimelyClient(WebClient):
    """One opener for all calls, where the SDK makes one for each. It follows no redirect: the token would go along."""

    def __init__(self, token: str, proxy_url: str, **named: Any) -> None:
        super().__init__(token, **named)
        # What the SDK takes from $HTTPS_PROXY it takes for every address, whatever $NO_PROXY says; urllib knows both.
        proxies = {"http": proxy_url, "https": proxy_url} if proxy_url else None
        self._opener = OpenerDirector()
        for each in (ProxyHandler(proxies), _Plain(), _Tls(context=self.ssl), *_ERRORS):
            self._opener.add_handler(each() if isinstance(each, type) else each)

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:  # noqa: ARG002
        with self._opener.open(req, timeout=self.timeout) as answer:
            body: bytes = answer.read(_MOST_BYTES)
            charset = answer.headers.get_content_charset() or "utf-8"
            return {"status": answer.code, "headers": answer.headers, "body": body.decode(charset)}
