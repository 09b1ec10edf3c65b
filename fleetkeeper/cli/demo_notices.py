"""The demo's campaign: an owner is told, reminded, promises and forgets, asks for time, and mends; days are skipped."""

import os
import re
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from fleetkeeper import wiring, wiring_notices
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import ApprovalSettings, NoticesSettings, OwnersSettings, Secret, Settings, SlackSettings
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.core.owners import Rule, Team
from fleetkeeper.core.people import Role
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.observe import Progress
from fleetkeeper.sim.slack.server import SimSlack
from fleetkeeper.sim.slack.values import Sent

if TYPE_CHECKING:
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

CLUSTER, TEAM, WEBHOOK = "payments", "policies", "pci-policy"
MEMBER, LEAD, APPROVER = "mara", "leo", "ida"
BEFORE = date(2026, 12, 18)
_PATIENCE, _CLICKS = 20.0, 3
_WIDTH, _LINES, _FEW = 100, 6, 2
_DAYS = re.compile(r"\(in \d+ days?\)")
_WEBHOOKS = "admissionregistration.k8s.io/validatingwebhookconfigurations"


@dataclass(slots=True)
class Campaign:
    """What the campaign came to. reached: the points of the story, in their order. missed: why it went no further."""

    reached: list[str] = field(default_factory=list)
    duplicates: int = 0
    missed: str = ""


class Stuck(Exception):
    """Something was not so in time."""


def campaign(settings: Settings, fleet: "SimProcess") -> Campaign:
    """Tell the owners of one cluster, through a simulated Slack; prints every message as it stands there."""
    print(
        f"\nWhat stands in the way of {CLUSTER} is told to its owners, in a simulated Slack. Days are skipped between."
    )
    print(f"Only the team {TEAM} is live, which owns a webhook there; others are previewed. Due: {BEFORE:%a %d %b}.")
    found = Campaign()
    with SimSlack(factor=1000) as slack:
        story = Story(slack, _settings(settings, slack), fleet, found)
        try:
            _told(story)
        except (Stuck, LookupError, TimeoutError) as stuck:
            found.missed = f"the campaign got no further than {', '.join(found.reached) or 'nothing'}: {stuck}"
        found.duplicates = sum(len(each) - 1 for each in slack.notices().values())
    return found


def _told(story: "Story") -> None:
    with story.day("2026-11-23"):
        story.turn("told")
    with story.day("2026-11-30"):
        story.turn("reminded")
        story.ack(MEMBER, date(2026, 12, 4))
    with story.day("2026-12-02"):
        story.turn("quiet")
    with story.day("2026-12-07"):
        story.turn("promise over")
    with story.day("2026-12-16"):
        story.turn("escalated")
        story.ask(LEAD, date(2027, 1, 8), "the vendor's new chart is out in January")
        story.turn("time asked for")
        story.decide(LEAD, "self-grant refused")
        story.decide(APPROVER, "granted by another")
        story.turn("time given")
    with story.day("2026-12-17"):
        story.mend()
        story.turn("done")


class Story:
    """One workspace, one team, and a database of its own: the days that are skipped are not the fleet's."""

    def __init__(self, slack: SimSlack, settings: Settings, fleet: "SimProcess", told: Campaign) -> None:
        self._slack, self._settings, self._fleet, self._campaign = slack, settings, fleet, told
        self._people = {
            name: slack.add_user(name, f"{name}@example.com", tz="Europe/Berlin").id
            for name in (MEMBER, LEAD, APPROVER)
        }
        for name, id in ((TEAM, CHANNEL), ("fleet", ONCALL)):
            slack.workspace.add_channel(name, id=id, people=self._people.values())
        self._shown: dict[str, str] = {}
        self._today: Today | None = None

    @contextmanager
    def day(self, text: str) -> Iterator[None]:
        """All of fleetkeeper on a day at ten, as `serve` runs it."""
        now = datetime.fromisoformat(f"{text}T10:00:00+00:00")
        before = os.environ.get(ENVIRONMENT, "")
        os.environ[ENVIRONMENT] = ScaledClock(now, datetime.now(UTC), 1.0).to_text()
        print(f"\n{now:%a %d %b}")
        try:
            with ExitStack() as stack:
                keeper = stack.enter_context(wiring.keeper(self._settings, "error"))
                outside = stack.enter_context(wiring_notices.outside(self._settings, keeper))
                stack.callback(keeper.ports.cancel.set)
                self._today = Today(keeper, outside)
                yield
        finally:
            if self._today:
                self._today.deaf()
            os.environ[ENVIRONMENT] = before

    @property
    def _now(self) -> "Today":
        assert self._today is not None
        return self._today

    def turn(self, point: str) -> None:
        """As the schedule has it: look who has to be told, deliver, and show what is new in Slack."""
        told = self._now.keeper.notify()
        self._now.delivered()
        if not told.stored and not told.edits:
            quiet = {each.why for each in told.turn.silences if each.owner == TEAM}
            _filled(f"Nobody is told anything: {'; '.join(sorted(quiet))}", "  ")
        self._show()
        self._campaign.reached.append(point)

    def ack(self, who: str, until: date) -> None:
        self._enter(who, Do.ACK, {"until": until.isoformat()}, f"Ack until {until:%a %d %b}")

    def ask(self, who: str, until: date, reason: str) -> None:
        entered = {"until": until.isoformat(), "reason": reason, "mode": "hold"}
        self._enter(who, Do.EXTEND, entered, f"Ask for extension until {until:%a %d %b}: {reason}; hold the cluster")

    def decide(self, who: str, point: str) -> None:
        """Grant what was asked for; whether it is refused is what the answer says."""
        print(f"\n  {who} clicks [Grant]")
        before = len(self._slack.whispers(self._people[who]))
        self._click(who, Do.GRANT)
        user = self._people[who]
        self._slack.until(lambda: len(self._slack.whispers(user)) > before, _PATIENCE)
        said = self._slack.text(self._slack.whispers(user)[-1]).strip()
        _filled(f"only {who} sees: {said}", "    ")
        refused = "somebody else has to decide" in said
        if refused == point.endswith("refused"):
            self._campaign.reached.append(point)

    def mend(self) -> None:
        """The owner removes what nobody needs; the next observation sees it."""
        print(f"  {LEAD} removes the webhook that nobody answers, and the cluster is observed.")
        gone = {"remove": {_WEBHOOKS: [WEBHOOK]}}
        self._fleet.control("POST", "/touch", {"cluster": CLUSTER, "set": gone})
        keeper = self._now.keeper
        keeper.observe(Selector.parse(f"name={CLUSTER}"), Progress())
        for _ in keeper.assess(Selector.parse(f"name={CLUSTER}")):
            pass

    def _enter(self, who: str, button: str, values: Mapping[str, str], words: str) -> None:
        print(f"\n  {who} clicks [{words}]")
        self._click(who, button)
        answers = len(self._now.outside.notices.answers())
        answer = self._slack.submit(who, self._slack.modal(self._people[who], _PATIENCE), values)
        if not answer.acked or answer.errors:
            raise Stuck(f"{words} was refused: {answer.why} {dict(answer.errors)}")
        if len(self._now.outside.notices.answers()) <= answers:
            raise Stuck(f"{words} was not stored")

    def _click(self, who: str, button: str) -> None:
        self._now.hears()
        # A click goes to any connection: one of an earlier day would answer for a fleetkeeper that has ended.
        self._slack.until(lambda: self._slack.sockets.count == 1, _PATIENCE)
        for message in reversed(self._every()):
            if any(each.get("action_id") == button for block in message.blocks for each in block.get("elements", ())):
                self._acknowledged(who, message, button)
                return
        raise Stuck(f"no message has the button {button}")

    def _acknowledged(self, who: str, message: Sent, button: str) -> None:
        """As a person does: click again when nothing happens, as when a connection has just ended."""
        for _ in range(_CLICKS):
            if self._slack.click(who, message, button).acked:
                return
        raise Stuck(f"the click on {button} was not acknowledged")

    def _every(self) -> list[Sent]:
        found = [each for name in self._places() for each in self._slack.messages(name)]
        return sorted(found, key=lambda each: each.ts)

    def _places(self) -> Iterator[str]:
        yield from (CHANNEL, ONCALL)
        yield from self._people.values()

    def _show(self) -> None:
        """What is new in Slack, or was edited since it was shown; where several now say the same, it is shown once."""
        edits: dict[tuple[str, ...], dict[str, None]] = {}
        for place in self._places():
            for message in self._slack.messages(place):
                text = self._slack.text(message)
                before = self._shown.get(message.ts)
                self._shown[message.ts] = text
                if before is None:
                    self._print(place, message, text)
                elif new := _news(before, text):
                    edits.setdefault(tuple(new[:_FEW]), {})[self._name(place)] = None
        for lines, places in edits.items():
            print(f"\n  {', '.join(places)}, edited in place; it now says:")
            _quoted(lines)

    def _print(self, place: str, message: Sent, text: str) -> None:
        print(f"\n  {self._name(place)}{', in the thread' if message.thread_ts else ''}:")
        _quoted(_lines(text)[:_LINES])

    def _name(self, place: str) -> str:
        names = {id: f"to {name}" for name, id in self._people.items()}
        return names.get(place) or {CHANNEL: f"#{TEAM}", ONCALL: "#fleet"}[place]


def _lines(text: str) -> list[str]:
    """Without rules and buttons."""
    lines = [line.strip() for line in text.split("\n")]
    kept = [line for line in lines if line.strip("─") and not line.startswith("[ ")]
    return [part for line in kept for part in wrap(line.replace("*", ""), _WIDTH - 6)]


def _news(before: str, text: str) -> list[str]:
    """What it says now and did not say before, but for the days that are left."""
    known = {_DAYS.sub("", line) for line in _lines(before)}
    return [line for line in _lines(text) if _DAYS.sub("", line) not in known]


def _quoted(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"  │ {line}")
    sys.stdout.flush()


CHANNEL, ONCALL = "C0PAYMENTS1", "C0FLEET0001"


@dataclass(slots=True)
class Today:
    keeper: "Keeper"
    outside: wiring_notices.Outside
    is_listening: bool = False

    def delivered(self) -> None:
        """Until nothing that is due waits."""
        deliverer, until = self.outside.deliverer, time.monotonic() + _PATIENCE
        assert deliverer is not None
        while _under_way(self.outside.notices.outbox_counts()):
            if not deliverer.turn():
                threading.Event().wait(0.02)
            if time.monotonic() > until:
                raise Stuck("not everything was delivered in time")

    def hears(self) -> None:
        """Listen, on days on which somebody clicks, until Slack has somebody to give clicks to."""
        if not self.is_listening:
            self.is_listening = True
            for each in self.outside.listeners:
                each.start()
        until = time.monotonic() + _PATIENCE
        while not all(getattr(each, "is_connected", True) for each in self.outside.listeners):
            if time.monotonic() > until:
                raise Stuck("nobody listens to clicks")
            threading.Event().wait(0.02)

    def deaf(self) -> None:
        """Disconnect at once; the client's own threads end by and by."""
        if self.is_listening:
            for each in self.outside.listeners:
                threading.Thread(target=each.stop, name="slack-stop", daemon=True).start()


def _under_way(counts: Mapping[Delivery, int]) -> int:
    return counts.get(Delivery.PENDING, 0) + counts.get(Delivery.SENDING, 0)


def _settings(settings: Settings, slack: SimSlack) -> Settings:
    """The demo's, with a team, a date, and the simulated Slack; on a copy of its database."""
    lead = f"{LEAD}@example.com"
    team = Team(TEAM, channel=CHANNEL, lead=lead, members=(f"{MEMBER}@example.com",), timezone="Europe/Berlin")
    rule = TargetRule(Selector.parse(f"name={CLUSTER}"), before=BEFORE)
    people = {lead: Role.APPROVER, f"{APPROVER}@example.com": Role.APPROVER}
    slack_settings = SlackSettings(
        bot_token=Secret(slack.bot_token),
        app_token=Secret(slack.app_token),
        api_url=slack.api_url,
        history=True,
        channel_seconds=0.001,
        per_minute=100_000,
    )
    return replace(
        settings,
        store=replace(settings.store, url=_copied(settings.store.url)),
        assess=replace(settings.assess, targets=(rule,)),
        approvals=ApprovalSettings(signing_key=Secret(secrets.token_hex(32)), people=people),
        owners=OwnersSettings(teams=(team, Team("platform", channel=ONCALL)), rules=(Rule(TEAM, name=WEBHOOK),)),
        notices=NoticesSettings(live=(TEAM,), oncall_channel=ONCALL, timezone="Europe/Berlin"),
        slack=slack_settings,
    )


def _copied(url: str) -> str:
    source = Path(url.removeprefix("sqlite:///"))
    copy = source.with_name("campaign.db")
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(copy)) as other:
        one.backup(other)
    return f"sqlite:///{copy}"


def _filled(text: str, indent: str) -> None:
    for line in wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False):
        print(line)
