"""From a stored finding to a message that says it is done, over a real database and a Slack that speaks HTTP."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from fleetkeeper import wiring, wiring_notices
from fleetkeeper.adapters.slack.socket import SocketListener
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.config import (
    ApprovalSettings,
    AssessSettings,
    NoticesSettings,
    OwnersSettings,
    Secret,
    Settings,
    SlackSettings,
    StoreSettings,
    TargetRule,
)
from fleetkeeper.core import parts
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.notices.values import AnswerKind, Delivery, Situation
from fleetkeeper.core.owners import Team
from fleetkeeper.core.people import Role
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.engine.notify import Notified
from fleetkeeper.engine.ports import Observation
from fleetkeeper.engine.situation import Situations
from fleetkeeper.keeper import Keeper
from fleetkeeper.sim.slack.server import SimSlack
from fleetkeeper.sim.slack.values import Sent
from tests.contract.observed import cluster_id, control_plane, listed
from tests.waiting import wait_until

SEEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ONCALL = "C0FLEET0001"
FINDING = Finding(
    code="FK330",
    severity=Severity.BLOCKER,
    subject=Subject("ValidatingWebhookConfiguration", "pci-policy"),
    message="webhook pci-policy fails closed, and nobody answers it",
    fix="kubectl delete ValidatingWebhookConfiguration pci-policy if it is gone for good",
    blocks=True,
    breaks=Breaks.AT_NODES,
    owner={"team": "payments"},
)


@dataclass
class Place:
    """One fleet with one finding, and the Slack of its owners."""

    store: StoreSettings
    slack: SimSlack
    channel: str
    lea: str  # her id in Slack
    monkeypatch: pytest.MonkeyPatch
    before: date | None = None  # the fleet's own date

    @property
    def settings(self) -> Settings:
        teams = (Team("payments", channel=self.channel, members=("lea@shop.example",)),)
        return Settings(
            store=self.store,
            owners=OwnersSettings(teams=teams),
            notices=NoticesSettings(live=("payments",), oncall_channel=ONCALL),
            assess=AssessSettings(targets=(TargetRule(before=self.before),)),
            slack=SlackSettings(
                bot_token=Secret(self.slack.bot_token),
                app_token=Secret(self.slack.app_token),
                api_url=self.slack.api_url,
                history=True,
                channel_seconds=0.01,
            ),
            approvals=ApprovalSettings(
                signing_key=Secret("0123456789abcdef" * 4), people={"ann@shop.example": Role.APPROVER}
            ),
        )

    @contextmanager
    def at(self, now: datetime) -> Iterator["Day"]:
        """All of fleetkeeper as it runs at a time."""
        self.monkeypatch.setenv(ENVIRONMENT, ScaledClock(now, datetime.now(UTC), 1.0).to_text())
        with ExitStack() as stack:
            keeper = stack.enter_context(wiring.keeper(self.settings, "error"))
            outside = stack.enter_context(wiring_notices.outside(self.settings, keeper))
            stack.callback(keeper.ports.cancel.set)
            for each in outside.listeners:
                each.start()
                stack.callback(each.stop)
            yield Day(self, keeper, outside)

    def judged(self, at: datetime, state: State) -> None:
        """As an assessment leaves it."""
        self.tracked(at, Tracked(FINDING, state, SEEN, at, SEEN if state is State.OPEN else at))

    def tracked(self, at: datetime, *tracked: Tracked) -> None:
        store = SqlStore(self.store)
        store.save_tracking(cluster_id(), Tracking(at, {each.finding.fingerprint: each for each in tracked}))
        store.close()


@dataclass
class Day:
    place: Place
    keeper: Keeper
    outside: wiring_notices.Outside

    def told(self) -> Notified:
        """One turn, with everything delivered that is due."""
        told = self.keeper.notify()
        deliverer = self.outside.deliverer
        assert deliverer is not None
        until = time.monotonic() + 30
        while self.counts.get(Delivery.PENDING, 0) + self.counts.get(Delivery.SENDING, 0):
            if not deliverer.turn():
                threading.Event().wait(0.02)
            assert time.monotonic() < until, self.counts
        return told

    def hears(self) -> None:
        """Wait until Slack has somebody to give clicks to."""
        (listener,) = self.outside.listeners
        assert isinstance(listener, SocketListener)
        until = time.monotonic() + 30
        while not listener.is_connected:
            threading.Event().wait(0.02)
            assert time.monotonic() < until

    @property
    def counts(self) -> dict[Delivery, int]:
        return {state: count for state, count in self.outside.notices.outbox_counts().items() if count}


@pytest.fixture
def place(settings: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SimSlack(factor=1000) as slack:
        lea = slack.add_user("lea", "lea@shop.example", tz="Europe/Berlin").id
        ann = slack.add_user("ann", "ann@shop.example").id
        channel = slack.add_channel("payments").id
        slack.workspace.add_channel("fleet", id=ONCALL, people=(lea, ann))
        store = SqlStore(settings)
        found = listed(cluster_id(), SEEN)
        plane = Observation(parts.CONTROL_PLANE, control_plane(), None, SEEN)
        store.save_many([found], [(found.id, [plane])])
        store.close()
        made = Place(settings, slack, channel, lea, monkeypatch)
        made.judged(SEEN, State.OPEN)
        yield made


def posts(place: Place) -> list[Sent]:
    return place.slack.messages(place.channel)


def test_a_click_on_what_was_just_told_waits_for_no_look_at_the_fleet(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[datetime] = []
    look = Situations.at

    def counted(situations: Situations, now: datetime) -> Situation:
        found = look(situations, now)
        looks.append(now)
        return found

    monkeypatch.setattr(Situations, "at", counted)
    with place.at(MONDAY) as day:
        wait_until(lambda: looks, "it begins with a look of its own")
        day.told()
        told = len(looks)

        def is_looked_at() -> bool:
            day.outside.freshen()
            return len(looks) > told

        wait_until(is_looked_at, "what was told is looked at", pause=0.2)
        day.hears()
        (digest,) = posts(place)
        assert place.slack.click("lea", digest, Do.DIFF).acked
        place.slack.modal(place.lea)
        assert len(looks) == told + 1


def test_a_finding_is_told_acknowledged_left_alone_and_edited_to_done(place: Place) -> None:
    with place.at(MONDAY) as day:
        told = day.told()
        assert [notice.recipient.address for notice in told.turn.notices] == [place.channel]
        (digest,) = posts(place)
        text = place.slack.text(digest)
        assert "pci-policy" in text
        assert "before Wed 2 Dec 2026 (in 9 days): standard support of 1.34 ends" in text
        assert "it looks every 15 minutes" in text
        assert day.told().stored == ()  # at once again: nothing twice
        assert len(posts(place)) == 1

        day.hears()
        assert place.slack.click("lea", digest, Do.ACK).acked
        modal = place.slack.modal(place.lea)
        until = (MONDAY + 3 * DAY).date()
        answer = place.slack.submit("lea", modal, {"until": until.isoformat()})
        assert answer.acked, answer
        (said,) = place.slack.until(day.outside.notices.answers)
        assert (said.kind, said.person, said.until) == (AnswerKind.ACK, "lea@shop.example", until)

    with place.at(MONDAY + DAY) as day:
        told = day.told()
        assert told.stored == ()
        assert "lea" in told.turn.silences[0].why
        assert len(posts(place)) == 1

    mended = MONDAY + DAY + timedelta(hours=2)
    place.judged(mended, State.RESOLVED)
    with place.at(mended + timedelta(minutes=5)) as day:
        assert day.told().edits == 1
        assert day.counts == {Delivery.SENT: 2}  # the post, and its edit
    (digest,) = posts(place)
    assert "done" in place.slack.text(digest).lower() or "fixed" in place.slack.text(digest).lower()
    assert all(len(each) == 1 for each in place.slack.notices().values())


def test_an_extension_that_another_grants_holds_the_cluster_until_it_is_mended(place: Place) -> None:
    place.before = date(2026, 11, 30)
    with place.at(MONDAY) as day:
        day.told()
        day.hears()
        (digest,) = posts(place)
        until = date(2026, 12, 1)
        assert place.slack.click("lea", digest, Do.EXTEND).acked
        entered = {"until": until.isoformat(), "reason": "the vendor is late", "mode": "hold"}
        answer = place.slack.submit("lea", place.slack.modal(place.lea), entered)
        assert (answer.acked, answer.errors) == (True, {})
        day.told()
        (request,) = (each for each in place.slack.messages(ONCALL) if "extension" in place.slack.text(each))
        place.slack.click("lea", request, Do.GRANT)
        assert day.keeper.freezes() == ()
        assert place.slack.click("ann", request, Do.GRANT).acked
        place.slack.until(lambda: len(day.outside.notices.answers()) == 2)
        day.told()
        (freeze,) = day.keeper.freezes()
        assert freeze.actor == "ann@shop.example"
        assert "the vendor is late" in freeze.reason
        assert freeze.until == datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC)
        text = place.slack.text(posts(place)[0])
        assert "extended until Tue 1 Dec 2026 by" in text
        assert "the cluster waits for it" in text
    place.judged(MONDAY + DAY, State.RESOLVED)
    with place.at(MONDAY + DAY + timedelta(minutes=5)) as day:
        day.told()
        assert day.keeper.freezes() == ()
    assert all(len(each) == 1 for each in place.slack.notices().values())


def test_what_was_mended_tells_how_long_such_a_fix_takes(place: Place) -> None:
    """Three webhooks on three days, each mended two hours after it was told; then a fourth."""
    known: dict[int, Tracked] = {}
    for number, name in enumerate((FINDING.subject.name, "tax-policy", "age-policy", "tag-policy")):
        now = MONDAY + number * DAY
        finding = replace(FINDING, subject=replace(FINDING.subject, name=name))
        known[number] = Tracked(finding, State.OPEN, now, now, now)
        place.tracked(now, *known.values())
        with place.at(now + timedelta(minutes=5)) as day:
            day.told()
            mended = now + timedelta(hours=2)
            known[number] = replace(known[number], state=State.RESOLVED, since=mended)
            (row,) = day.keeper.campaign().rows
            assert (row.open, row.fixed) == (1, number)
    told = [place.slack.text(each) for each in posts(place)]
    assert "usually fixed within 1 day of being told (3 cases here)" in told[3]
    assert not [text for text in told[:3] if "usually" in text]


def test_a_turn_lets_go_of_what_was_mended_long_ago_and_a_campaign_does_not(place: Place) -> None:
    with place.at(MONDAY) as day:
        assert len(day.told().stored) == 1
    place.judged(MONDAY + DAY, State.RESOLVED)
    for days, known in ((2, 1), (100, 0)):
        with place.at(MONDAY + days * DAY) as day:
            day.told()
            assert day.keeper.telling
            situation = day.keeper.telling.notifier.situation(MONDAY + days * DAY)
            assert (len(situation.items), len(situation.sent)) == (known, known)
            assert [row.fixed for row in day.keeper.campaign().rows] == [1]
            assert day.keeper.why_told("", [FINDING.fingerprint])[0].now == "fixed"
