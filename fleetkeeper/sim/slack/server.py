"""A simulated Slack on a loopback port, in a thread of its own until closed."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.slack.faults import SlackFault, Trouble
from fleetkeeper.sim.slack.limits import Limits
from fleetkeeper.sim.slack.scopes import manifest_scopes
from fleetkeeper.sim.slack.values import Channel, Person, Sent, TokenState
from fleetkeeper.sim.slack.web_api import WebApi
from fleetkeeper.sim.slack.workspace import Workspace, utc_now


class SimSlack:
    """A workspace and its API. `workspace` is its state; this class is how tests and the demo change and read it.

    factor: how many times more often than Slack allows an app may call. scopes: of the bot; those that the manifest
    asks for, the optional ones too, unless given. now, timer: as Workspace has them.
    """

    def __init__(
        self,
        *,
        factor: float = 1.0,
        scopes: Iterable[str] | None = None,
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.monotonic,
        port: int = 0,
    ) -> None:
        self.workspace = Workspace(manifest_scopes() if scopes is None else scopes, now, timer)
        self.faults: list[SlackFault] = []
        self.limits = Limits(timer, factor)
        web = WebApi(self.workspace, self.limits, self.faults, lambda: self._link)
        listener = Listener(Starlette(routes=[Route("/api/{method}", web, methods=["GET", "POST"])]), port=port)
        self.url = f"http://127.0.0.1:{listener.port}"
        self._link = f"ws://127.0.0.1:{listener.port}"
        self._loopback = Loopback("sim-slack", [listener])

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.workspace.tokens.bot

    @property
    def app_token(self) -> str:
        return self.workspace.tokens.app

    @property
    def users(self) -> dict[str, Person]:
        """People by id, the app's own bot among them."""
        return self.workspace.people

    def close(self) -> None:
        self._loopback.close()

    def __enter__(self) -> "SimSlack":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ---- what there is

    def add_user(self, name: str, email: str = "", *, id: str = "", tz: str = "Etc/UTC") -> Person:
        return self.workspace.add_person(name, email, id=id, tz=tz)

    def add_channel(self, name: str, *, id: str = "", private: bool = False, member: bool = True) -> Channel:
        """member: whether the app was invited."""
        return self.workspace.add_channel(name, id=id, private=private, member=member)

    def say(self, user: str, channel: str, text: str) -> Sent:
        """A person writes."""
        return self.workspace.post(self._channel(channel), {"text": text}, user)

    # ---- what was posted

    def messages(self, channel: str) -> list[Sent]:
        """Of a channel (id or name), or of the direct messages with a user (id), oldest first; replies among them."""
        with self.workspace.changed:
            found = self.workspace.channel(channel)
            found = found or next((c for c in self.workspace.channels.values() if c.user == channel), None)
            return [] if found is None else [each for each in found.messages.values() if not each.deleted]

    def notices(self) -> dict[str, list[Sent]]:
        """Every post of the app that carries the id of a notice, by that id: more than one is a duplicate."""
        found: dict[str, list[Sent]] = {}
        with self.workspace.changed:
            for channel in self.workspace.channels.values():
                for each in channel.messages.values():
                    if each.notice_id:
                        found.setdefault(each.notice_id, []).append(each)
        return found

    # ---- what goes wrong

    def fail(self, kind: str, **selects: Any) -> SlackFault:
        """Order a fault (faults.py); the newest is asked first."""
        fault = SlackFault(kind, **selects)
        with self.workspace.changed:
            self.faults.insert(0, fault)
        return fault

    def heal(self) -> None:
        """No more faults."""
        with self.workspace.changed:
            self.faults.clear()

    def drop_after_accept(self, count: int = 1, method: str = "chat.postMessage") -> SlackFault:
        """The connection breaks after the message was posted."""
        return self.fail(Trouble.DROP_AFTER, count=count, method=method)

    def throttle(self, count: int = 1, method: str = "chat.postMessage", retry_after: int = 1) -> SlackFault:
        """429; the message is not posted."""
        return self.fail(Trouble.THROTTLE, count=count, method=method, retry_after=retry_after)

    def archive(self, channel: str) -> None:
        self._channel(channel).archived = True

    def delete_channel(self, channel: str) -> None:
        with self.workspace.changed:
            del self.workspace.channels[self._channel(channel).id]

    def delete_user(self, user: str) -> None:
        """Deactivated: as good as gone, and still known by id."""
        self.workspace.people[user].deleted = True

    def revoke(self) -> None:
        """The bot's token is worth nothing any more."""
        self.workspace.tokens.spoil(TokenState.REVOKED)

    def rotate(self) -> str:
        """A new token for the bot; the old one is unknown to Slack."""
        return self.workspace.tokens.rotate_bot()

    def _channel(self, said: str) -> Channel:
        found = self.workspace.channel(said)
        if found is None:
            raise LookupError(f"there is no channel {said}")
        return found
