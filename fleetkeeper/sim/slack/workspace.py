"""The state of a simulated workspace, and how it changes; safe to use from several threads."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from fleetkeeper.sim.slack.tokens import Tokens
from fleetkeeper.sim.slack.triggers import Triggers
from fleetkeeper.sim.slack.values import Asked, Channel, Edition, Json, Kind, Person, Sent, Shown, ViewState, Whisper

TEAM = "T0FLEET000"
TEAM_NAME = "Fleet"
DOMAIN = "fleet"
APP = "A0FLEETKEEP"
BOT = "B0FLEETKEEP"
BOT_USER = "U0FLEETBOT"
APP_NAME = "fleetkeeper"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Workspace:
    """People, channels with their messages, views, and the app's tokens.

    now: the time that messages are stamped with. timer: seconds of a clock that only rises, for what must happen
    within seconds of a person's own time: triggers, limits. Everything is under `changed`, which is notified.
    edit_window: seconds in which a message may be edited (a setting of the workspace); None for always.
    """

    def __init__(
        self,
        scopes: Iterable[str],
        now: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now, self.timer = now, timer
        self.changed = threading.Condition(threading.RLock())
        self.tokens = Tokens(frozenset(scopes))
        self.triggers = Triggers(timer)
        self.people: dict[str, Person] = {BOT_USER: Person(BOT_USER, APP_NAME, real_name=APP_NAME, is_bot=True)}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.views: dict[str, Shown] = {}
        self.whispers: list[Whisper] = []
        self.asked: list[Asked] = []
        self.edit_window: float | None = None
        self._direct: dict[str, str] = {}
        self._stamp = 0
        self._named: Counter[str] = Counter()
        self._tickets: set[str] = set()

    # ---- what there is

    def add_person(self, name: str, email: str = "", *, id: str = "", tz: str = "Etc/UTC") -> Person:
        """id: U…; made from a count unless given. name: the handle."""
        with self.changed:
            person = Person(id or self.id("U"), name, email, name.title(), tz)
            self.people[person.id] = person
        return person

    def add_channel(
        self, name: str, *, id: str = "", private: bool = False, member: bool = True, people: Iterable[str] = ()
    ) -> Channel:
        """member: whether the app was invited."""
        with self.changed:
            kind = Kind.PRIVATE if private else Kind.PUBLIC
            channel = Channel(id or self.id("C"), name, kind, members={*people, *((BOT_USER,) if member else ())})
            self.channels[channel.id] = channel
        return channel

    def channel(self, said: str) -> Channel | None:
        """By id, or a public one by name."""
        found = self.channels.get(said)
        if found is not None or not said:
            return found
        name = said.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == name and c.kind == Kind.PUBLIC), None)

    def direct(self, user: str) -> Channel:
        """The direct messages between the app and a person; opened where there were none."""
        with self.changed:
            known = self.direct_with(user)
            if known is not None:
                return known
            channel = Channel(self.id("D"), "", Kind.IM, members={BOT_USER, user}, user=user)
            self.channels[channel.id] = channel
            self._direct[user] = channel.id
            return channel

    def direct_with(self, user: str) -> Channel | None:
        """None where there are none yet."""
        return self.channels.get(self._direct.get(user, ""))

    def by_email(self, email: str) -> Person | None:
        wanted = email.casefold()
        return next((p for p in self.people.values() if p.email and p.email.casefold() == wanted), None)

    # ---- messages

    def post(self, channel: Channel, said: Json, user: str = BOT_USER) -> Sent:
        """said: text, blocks, metadata, thread_ts and unfurl of a Sent, as far as they are given."""
        with self.changed:
            sent = Sent(channel.id, self.ts(), user, app=user == BOT_USER, **said)
            channel.messages[sent.ts] = sent
            self.changed.notify_all()
        return sent

    def edit(self, sent: Sent, text: str, blocks: tuple[Json, ...]) -> None:
        with self.changed:
            sent.editions.append(Edition(sent.text, sent.blocks, self.ts()))
            sent.text, sent.blocks = text, blocks
            self.changed.notify_all()

    def delete(self, sent: Sent) -> None:
        with self.changed:
            sent.deleted = True
            self.changed.notify_all()

    def message(self, channel: Channel, ts: str) -> Sent | None:
        found = channel.messages.get(ts)
        return None if found is None or found.deleted else found

    def whisper(self, whisper: Whisper) -> None:
        with self.changed:
            self.whispers.append(whisper)
            self.changed.notify_all()

    # ---- views

    def show(self, user: str, view: Json) -> Shown:
        """A new modal, or the home tab of a person in place of the one before."""
        with self.changed:
            shown = Shown(self.id("V"), user, view, self.id("h"))
            if view["type"] == "home":
                before = self.home(user)
                shown = before or shown
            if shown.view is not view:
                self.change(shown, view)
            self.views[shown.id] = shown
            self._describe(shown)
            self.changed.notify_all()
        return shown

    def change(self, shown: Shown, view: Json) -> None:
        with self.changed:
            shown.editions.append(shown.view)
            shown.view, shown.hash = view, self.id("h")
            self._describe(shown)
            self.changed.notify_all()

    def close_view(self, shown: Shown) -> None:
        with self.changed:
            shown.state = ViewState.CLOSED
            self.changed.notify_all()

    def home(self, user: str) -> Shown | None:
        return next((v for v in self.views.values() if v.user == user and v.kind == "home"), None)

    def modals(self, user: str) -> list[Shown]:
        """Those that a person has open, the topmost last."""
        with self.changed:
            every = self.views.values()
            return [v for v in every if v.user == user and v.kind == "modal" and v.state == ViewState.OPEN]

    def _describe(self, shown: Shown) -> None:
        """The fields that Slack adds to a view."""
        shown.view = {
            "title": None,
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **shown.view,
            "id": shown.id,
            "team_id": TEAM,
            "hash": shown.hash,
            "root_view_id": shown.id,
            "previous_view_id": None,
            "app_id": APP,
            "bot_id": BOT,
            "state": {"values": {}},
        }

    # ---- waiting, ids

    def until(self, question: Callable[[], Any], within: float = 10.0) -> Any:
        """The answer of a question about this workspace as soon as it is true; TimeoutError after so many seconds."""
        with self.changed:
            if not self.changed.wait_for(question, within):
                raise TimeoutError(f"not so within {within:g} seconds")
            return question()

    def ticket(self) -> str:
        """Lets one socket in."""
        with self.changed:
            ticket = self.id("ticket")
            self._tickets.add(ticket)
            return ticket

    def take_ticket(self, ticket: str) -> bool:
        """Whether it was given out and not used yet."""
        with self.changed:
            known = ticket in self._tickets
            self._tickets.discard(ticket)
            return known

    def ts(self) -> str:
        """Of a message: seconds since 1970 with six digits, each one later than the one before."""
        with self.changed:
            self._stamp = max(self._stamp + 1, int(self.now().timestamp() * 1_000_000))
            return f"{self._stamp // 1_000_000}.{self._stamp % 1_000_000:06d}"

    def id(self, prefix: str) -> str:
        with self.changed:
            self._named[prefix] += 1
            return f"{prefix}0SIM{self._named[prefix]:06d}"
