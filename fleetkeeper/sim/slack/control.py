"""The control channel of a simulated Slack that runs as a process: what SimSlack does, as JSON over plain HTTP."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fleetkeeper.sim.slack import faults
from fleetkeeper.sim.slack.acting import Answer
from fleetkeeper.sim.slack.request_url import Sign
from fleetkeeper.sim.slack.server import SimSlack
from fleetkeeper.sim.slack.values import Json, Sent, Shown

Change = Callable[[SimSlack, Json], Any]


def control_app(slack: SimSlack) -> Starlette:
    """GET /state, /messages?channel=, /notices, /whispers?user=, /views?user=; POST /faults and /do/WHAT (CHANGES)."""

    def reads(read: Callable[[SimSlack, Mapping[str, str]], Any]) -> Callable[[Request], Response]:
        return lambda request: JSONResponse(read(slack, request.query_params))

    async def ordered(request: Request) -> Response:
        return await _changed(slack, await request.json(), _set_faults)

    async def done(request: Request) -> Response:
        change = CHANGES.get(request.path_params["what"])
        if change is None:
            return JSONResponse({"error": f"unknown; known are {', '.join(CHANGES)}"}, 404)
        return await _changed(slack, await request.json(), change)

    return Starlette(
        routes=[
            *(Route(path, reads(read)) for path, read in READS.items()),
            Route("/faults", ordered, methods=["POST"]),
            Route("/do/{what}", done, methods=["POST"]),
        ]
    )


async def _changed(slack: SimSlack, body: Any, change: Change) -> Response:
    """Make a change, which may wait for the app; 400 with the reason when the body makes no sense."""
    if not isinstance(body, dict):
        return JSONResponse({"error": "the body must be a JSON object"}, 400)
    try:
        return JSONResponse(await run_in_threadpool(change, slack, body) or {"ok": True})
    except (LookupError, TypeError, ValueError) as wrong:
        return JSONResponse({"error": f"{type(wrong).__name__}: {wrong}"}, 400)


def _state(slack: SimSlack, _asked: Mapping[str, str]) -> Json:
    workspace = slack.workspace
    with workspace.changed:
        return {
            "pid": os.getpid(),
            "now": workspace.now().isoformat(),
            "connections": slack.sockets.count,
            "channels": {each.id: each.name or each.user for each in workspace.channels.values()},
            "users": {each.id: each.name for each in workspace.people.values()},
            "calls": [{"method": m, "error": e, "count": n} for (m, e), n in slack.calls().items()],
            "faults": [each.shown() for each in slack.faults],
        }


def _messages(slack: SimSlack, asked: Mapping[str, str]) -> list[Json]:
    return [asdict(each) | {"shown": slack.text(each)} for each in slack.messages(asked.get("channel", ""))]


def _notices(slack: SimSlack, _asked: Mapping[str, str]) -> Json:
    """Where each notice was posted, by its id."""
    return {id: [[each.channel, each.ts] for each in posts] for id, posts in slack.notices().items()}


def _whispers(slack: SimSlack, asked: Mapping[str, str]) -> list[Json]:
    return [asdict(each) | {"shown": slack.text(each)} for each in slack.whispers(asked.get("user", ""))]


def _views(slack: SimSlack, asked: Mapping[str, str]) -> list[Json]:
    with slack.workspace.changed:
        found = [each for each in slack.workspace.views.values() if each.user == asked.get("user", "")]
        return [asdict(each) | {"shown": slack.text(each)} for each in found]


READS: dict[str, Callable[[SimSlack, Mapping[str, str]], Any]] = {
    "/state": _state,
    "/messages": _messages,
    "/notices": _notices,
    "/whispers": _whispers,
    "/views": _views,
}


def _set_faults(slack: SimSlack, said: Json) -> None:
    """{"clear": true} drops those that are there; {"add": [...]} puts new ones first."""
    unknown = sorted(said.keys() - {"clear", "add"})
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; known are clear, add")
    added = [faults.of_json(each) for each in said.get("add", [])]
    if said.get("clear"):
        slack.heal()
    with slack.workspace.changed:
        slack.faults[:0] = added


def _message(slack: SimSlack, said: Json) -> Sent:
    found = next((each for each in slack.messages(said["channel"]) if each.ts == said["ts"]), None)
    if found is None:
        raise LookupError(f"there is no message {said['ts']} in {said['channel']}")
    return found


def _view(slack: SimSlack, said: Json) -> Shown:
    return slack.workspace.views[said["view"]]


def _click(slack: SimSlack, said: Json) -> Json:
    on = _view(slack, said) if "view" in said else _message(slack, said)
    return _answered(slack.click(said["user"], on, said["button"], chosen=said.get("chosen")))


def _submit(slack: SimSlack, said: Json) -> Json:
    return _answered(slack.submit(said["user"], _view(slack, said), said.get("values")))


def _answered(answer: Answer) -> Json:
    heard = [asdict(each) for each in answer.whispers]
    return {"acked": answer.acked, "why": answer.why, "payload": answer.reply.payload, "whispers": heard}


def _slow_hello(slack: SimSlack, said: Json) -> None:
    slack.sockets.slow_hello = float(said["seconds"])


def _edit_window(slack: SimSlack, said: Json) -> None:
    slack.workspace.edit_window = said["seconds"]


CHANGES: dict[str, Change] = {
    "add-user": lambda slack, said: {"id": slack.add_user(**said).id},
    "add-channel": lambda slack, said: {"id": slack.add_channel(**said).id},
    "say": lambda slack, said: {"ts": slack.say(**said).ts},
    "click": _click,
    "submit": _submit,
    "slash": lambda slack, said: _answered(slack.slash(**said)),
    "open-home": lambda slack, said: _answered(slack.open_home(**said)),
    "archive": lambda slack, said: slack.archive(**said),
    "delete-channel": lambda slack, said: slack.delete_channel(**said),
    "delete-user": lambda slack, said: slack.delete_user(**said),
    "revoke": lambda slack, _said: slack.revoke(),
    "rotate": lambda slack, _said: {"bot_token": slack.rotate()},
    "rotate-app": lambda slack, _said: {"app_token": slack.workspace.tokens.rotate_app()},
    "allow": lambda slack, said: slack.workspace.tokens.allow(*said["scopes"]),
    "refuse-sockets": lambda slack, said: slack.refuse_sockets(**said),
    "disconnect": lambda slack, said: slack.disconnect(**said),
    "deliver-twice": lambda slack, said: slack.deliver_twice(**said),
    "send-to": lambda slack, said: {
        "verified": slack.send_to(said["url"], Sign(said.get("sign", Sign.RIGHT))),
    },
    "slow-hello": _slow_hello,
    "edit-window": _edit_window,
}
"""By the last part of /do/WHAT; the body has the arguments of the method of SimSlack."""
