"""What apps send to response URLs: a word to the person who clicked, or another text in place of the message."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fleetkeeper.sim.slack import blocks as block_kit
from fleetkeeper.sim.slack.triggers import ResponseUrl
from fleetkeeper.sim.slack.values import ApiError, Channel, Whisper
from fleetkeeper.sim.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ResponseUrls:
    """docs.slack.dev/interactivity/handling-user-interaction (2026-11-21). Answers "ok", or 404 with the reason."""

    workspace: Workspace

    async def endpoint(self, request: Request) -> Response:
        said: Any = await request.json()
        try:
            with self.workspace.changed:
                self._say(self.workspace.triggers.use(request.path_params["name"]), said)
        except ApiError as refused:
            status = 400 if refused.code == "invalid_blocks" else 404
            return JSONResponse({"ok": False, "error": refused.code}, status)
        return PlainTextResponse("ok")

    def _say(self, url: ResponseUrl, said: dict[str, Any]) -> None:
        channel = self.workspace.channels[url.channel]
        blocks = said.get("blocks") or []
        if block_kit.mistakes(blocks):
            raise ApiError("invalid_blocks")
        kept = block_kit.settled(blocks, lambda: self.workspace.id("b"))
        text = str(said.get("text", ""))
        if said.get("replace_original") or said.get("delete_original"):
            self._replace(channel, url, (text, kept) if said.get("replace_original") else None)
        elif said.get("response_type") == "in_channel":
            self.workspace.post(channel, {"text": text, "blocks": kept})
        else:
            self.workspace.whisper(Whisper(url.channel, url.user, text, kept, "response_url"))

    def _replace(self, channel: Channel, url: ResponseUrl, by: tuple[str, tuple[Any, ...]] | None) -> None:
        sent = self.workspace.message(channel, url.ts)
        if sent is None:
            raise ApiError("expired_url")
        if by is None:
            self.workspace.delete(sent)
        else:
            self.workspace.edit(sent, *by)
