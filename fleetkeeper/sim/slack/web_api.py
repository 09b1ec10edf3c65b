"""The Web API over HTTP: reads a call, checks who calls, counts, refuses or answers, and breaks what a fault breaks.

docs.slack.dev/apis/web-api (read 2026-11-21): POST or GET, a form or JSON; the token in the Authorization header or,
in a form, as `token`; HTTP 200 with {"ok": false, "error": ...} for a refusal; 429 with Retry-After for too many calls.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fleetkeeper.sim.slack.faults import DELAYS, DONE, UNDONE, SlackFault, Trouble, met
from fleetkeeper.sim.slack.limits import Limits
from fleetkeeper.sim.slack.methods import METHODS, Method
from fleetkeeper.sim.slack.methods.call import Call
from fleetkeeper.sim.slack.values import ApiError, Asked, Json, Token
from fleetkeeper.sim.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WebApi:
    """An ASGI app for /api/METHOD. link: the ws:// address of the sockets, once it is known."""

    workspace: Workspace
    limits: Limits
    faults: list[SlackFault]
    link: Callable[[], str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        arguments = await _arguments(request)
        name, token = request.path_params["method"], _token(request, arguments)
        delay = self._met(DELAYS, name, arguments)
        if delay is not None:
            await asyncio.sleep(delay.seconds)
        answer = self._answer(name, token, arguments)
        if answer is None:
            await _break_off(scope, receive)
        else:
            await answer(scope, receive, send)

    def _answer(self, name: str, token: str, arguments: Json) -> Response | None:
        """None where the connection breaks instead. A call that is accepted has its effect, whatever the app hears."""
        with self.workspace.changed:
            fault = self._met(UNDONE, name, arguments)
            if fault is not None:
                self._note(name, arguments, fault.kind)
                return _in_place(fault)
            response, accepted = self._called(name, token, arguments)
            fault = self._met(DONE, name, arguments) if accepted else None
            return response if fault is None else _in_place(fault)

    def _called(self, name: str, token: str, arguments: Json) -> tuple[Response, bool]:
        """The true answer, and whether the call was accepted."""
        try:
            method = METHODS.get(name)
            if method is None:
                raise ApiError("unknown_method")
            known = self.workspace.tokens.check(token)
            seconds = self.limits.wait(name, method.per_minute, str(arguments.get("channel") or ""))
            if seconds:
                self._note(name, arguments, "ratelimited")
                return _throttled(seconds), False
            _allowed(method, known)
            answer = method.answer(Call(arguments, known, self.workspace, self.link()))
        except ApiError as refusal:
            self._note(name, arguments, refusal.code)
            return JSONResponse({"ok": False, "error": refusal.code, **refusal.said}), False
        self._note(name, arguments, "")
        scopes = {"X-OAuth-Scopes": ",".join(sorted(known.scopes)), "X-Accepted-OAuth-Scopes": ",".join(method.scopes)}
        return JSONResponse({"ok": True, **answer}, headers=scopes), True

    def _met(self, kinds: Container[str], name: str, arguments: Json) -> SlackFault | None:
        return met(self.faults, kinds, name, str(arguments.get("channel") or ""))

    def _note(self, name: str, arguments: Json, error: str) -> None:
        channel = str(arguments.get("channel") or "")
        self.workspace.asked.append(Asked(name, self.workspace.timer(), channel, error))


def _allowed(method: Method, token: Token) -> None:
    """ApiError not_allowed_token_type or missing_scope."""
    if method.app_level != token.is_app_level and method.scopes:
        raise ApiError("not_allowed_token_type")
    if method.scopes and not token.scopes.intersection(method.scopes):
        provided = ",".join(sorted(token.scopes))
        raise ApiError("missing_scope", needed=",".join(method.scopes), provided=provided)


async def _arguments(request: Request) -> Json:
    """Of the query, and of the body as a form or as JSON."""
    body = await request.body()
    found: Json = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        with contextlib.suppress(ValueError):
            said: Any = json.loads(body or b"{}")
            return {**found, **said} if isinstance(said, dict) else found
        return found
    return {**found, **dict(parse_qsl(body.decode(), keep_blank_values=True))}


def _token(request: Request, arguments: Json) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.casefold() == "bearer" else str(arguments.get("token") or "")


def _throttled(seconds: int) -> Response:
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})


def _in_place(fault: SlackFault) -> Response | None:
    """What a fault puts in place of the true answer; None for a connection that breaks."""
    if fault.kind in (Trouble.DROP_BEFORE, Trouble.DROP_AFTER):
        return None
    if fault.kind in (Trouble.THROTTLE, Trouble.THROTTLE_AFTER):
        return _throttled(fault.retry_after)
    if fault.kind == Trouble.REFUSE:
        return JSONResponse({"ok": False, "error": fault.code})
    if fault.kind == Trouble.GARBAGE:
        return Response("<html>upstream request timeout</html>", 200, media_type="text/html")
    return Response("<html>upstream connect error</html>", fault.status, media_type="text/html")


async def _break_off(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer."""
    transport: asyncio.Transport = scope["sim.transport"]
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
