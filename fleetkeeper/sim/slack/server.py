"""A simulated Slack on a loopback port, in a thread of its own until closed."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.slack import reading
from fleetkeeper.sim.slack.acting import Acting, Answer
from fleetkeeper.sim.slack.delivering import SLACKS_OWN, Delivery, Patience
from fleetkeeper.sim.slack.faults import SlackFault, Trouble
from fleetkeeper.sim.slack.limits import Limits
from fleetkeeper.sim.slack.request_url import RequestUrl, Sign
from fleetkeeper.sim.slack.response_urls import ResponseUrls
from fleetkeeper.sim.slack.scopes import manifest_scopes
from fleetkeeper.sim.slack.socket import Sockets
from fleetkeeper.sim.slack.values import Channel, Json, Person, Sent, Shown, TokenState, Whisper
from fleetkeeper.sim.slack.web_api import WebApi
from fleetkeeper.sim.slack.workspace import Workspace, utc_now

SIGNING_SECRET = "a-signing-secret-that-is-not-one"


class SimSlack:
    """A workspace and its API. `workspace` is its state; this class is how tests and the demo change and read it.

    factor: how many times more often than Slack allows an app may call. scopes: of the bot; those that the manifest
    asks for, the optional ones too, unless given. now, timer: as Workspace has them. patience: with the app.
    """

    def __init__(
        self,
        *,
        factor: float = 1.0,
        scopes: Iterable[str] | None = None,
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.monotonic,
        patience: Patience = SLACKS_OWN,
        port: int = 0,
    ) -> None:
        self.workspace = Workspace(manifest_scopes() if scopes is None else scopes, now, timer)
        self.faults: list[SlackFault] = []
        self.limits = Limits(timer, factor)
        self.sockets = Sockets(self.workspace, patience)
        self.request_url = RequestUrl(SIGNING_SECRET, patience)
        self.delivery = Delivery((self.sockets, self.request_url), patience)
        self.acting = Acting(self.workspace, self.delivery, lambda: f"{self.url}/actions")
        listener = Listener(self._app(), port=port, sockets=True)
        self._address = f"127.0.0.1:{listener.port}"
        self._loopback = Loopback("sim-slack", [listener])

    def _app(self) -> Starlette:
        web = WebApi(self.workspace, self.limits, self.faults, lambda: f"ws://{self._address}")
        return Starlette(
            routes=[
                Route("/api/{method}", web, methods=["GET", "POST"]),
                Route("/actions/{name}", ResponseUrls(self.workspace).endpoint, methods=["POST"]),
                WebSocketRoute("/link/", self.sockets.endpoint),
            ]
        )

    @property
    def url(self) -> str:
        return f"http://{self._address}"

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
        self.delivery.close()
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

    # ---- what people do; each returns when the app has acknowledged, or has not in time

    def click(
        self, user: str, on: Sent | Shown, button: str, *, chosen: Any = None, seen: Sequence[Json] | None = None
    ) -> Answer:
        """As Acting.click. user: an id, an e-mail address or a name."""
        return self.acting.click(user, on, button, chosen=chosen, seen=seen)

    def submit(self, user: str, view: Shown, values: Mapping[str, Any] | None = None) -> Answer:
        return self.acting.submit(user, view, values)

    def slash(self, user: str, text: str, channel: str = "") -> Answer:
        """/fleetkeeper TEXT"""
        return self.acting.slash(user, text, channel)

    def open_home(self, user: str) -> Answer:
        return self.acting.open_home(user)

    # ---- what is to be seen

    def messages(self, channel: str) -> list[Sent]:
        """Of a channel (id or name), or of the direct messages with a user (id), oldest first; replies among them."""
        with self.workspace.changed:
            found = self.workspace.channel(channel) or self.workspace.direct_with(channel)
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

    def modal(self, user: str, within: float = 10.0) -> Shown:
        """The topmost modal of a person, as soon as there is one; TimeoutError after so many seconds."""
        shown: list[Shown] = self.until(lambda: self.workspace.modals(user), within)
        return shown[-1]

    def home(self, user: str, within: float = 10.0) -> Shown:
        """The home tab of a person, as soon as there is one; TimeoutError after so many seconds."""
        shown: Shown = self.until(lambda: self.workspace.home(user), within)
        return shown

    def whispers(self, user: str) -> list[Whisper]:
        """What that person alone was told, oldest first."""
        with self.workspace.changed:
            return [each for each in self.workspace.whispers if each.user == user]

    def text(self, shown: Sent | Shown | Whisper) -> str:
        """As lines of plain text."""
        return "\n".join(reading.lines(shown))

    def calls(self) -> Counter[tuple[str, str]]:
        """How often each method was called with which error ("" for none)."""
        with self.workspace.changed:
            return Counter((each.method, each.error) for each in self.workspace.asked)

    def until(self, question: Callable[[], Any], within: float = 10.0) -> Any:
        """As Workspace.until."""
        return self.workspace.until(question, within)

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

    def refuse_sockets(self, refuse: bool = True) -> None:
        """Those that are open stay; no other one gets in."""
        self.sockets.refusing = refuse

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every socket to come again: refresh_requested, warning (stays open for now) or link_disabled."""
        self.sockets.disconnect(reason)

    def deliver_twice(self, count: int = 1) -> None:
        """The next deliveries to the app come twice."""
        self.delivery.duplicates = count

    def send_to(self, url: str, sign: Sign = Sign.RIGHT) -> bool:
        """HTTP mode: where no socket is open, interactions, commands and events go to this address ("" for none).

        Returns whether the app answers Slack's challenge there.
        """
        self.request_url.url, self.request_url.sign = url, sign
        return bool(url) and self.request_url.verify()

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
