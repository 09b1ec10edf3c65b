"""One call of the Web API: who calls, with what, and how its arguments are read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.sim.slack.values import HISTORY_SCOPE, ApiError, Channel, Kind, Token
from fleetkeeper.sim.slack.workspace import BOT_USER, Workspace


@dataclass(frozen=True, slots=True)
class Call:
    """arguments: texts where they came as a form, any JSON where they came as JSON. link: where sockets connect to."""

    arguments: Mapping[str, Any]
    token: Token
    workspace: Workspace
    link: str = ""

    def text(self, name: str) -> str:
        """An argument; "" where it is not given."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.text(name).casefold() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise ApiError("invalid_arguments") from None

    def json(self, name: str, error: str) -> Any:
        """A list or an object, that comes as JSON or as its text; None where it is not given."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise ApiError(error) from None

    def channel(self) -> Channel:
        """The channel that is named and that the app can see; ApiError channel_not_found.

        A private channel without the app, and a direct message of others, are as good as not there.
        """
        channel = self.workspace.channel(self.text("channel"))
        if channel is None or (channel.kind != Kind.PUBLIC and BOT_USER not in channel.members):
            raise ApiError("channel_not_found")
        return channel

    def needs(self, scope: str) -> None:
        """ApiError missing_scope, in the form of {"needed": "groups:history", "provided": "channels:history,..."}."""
        if scope not in self.token.scopes:
            raise ApiError("missing_scope", needed=scope, provided=",".join(sorted(self.token.scopes)))

    def readable(self) -> Channel:
        """The channel whose history may be read: its kind's own scope is needed, and the app must be in it."""
        channel = self.channel()
        self.needs(HISTORY_SCOPE[channel.kind])
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        return channel
