"""A desk at which people click: a team with something to mend, a fleet's people, and what they get to see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.compat import Confidence
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.interacting.screens import MessageScreens
from fleetkeeper.core.interacting.slash import WhoOwns
from fleetkeeper.core.interacting.values import Click, ClickKind, Reply
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Message, View
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.asks import asks_of
from fleetkeeper.core.notices.values import (
    Answer,
    Ask,
    Audience,
    Deadline,
    Delivery,
    Entry,
    Item,
    ItemKey,
    Notice,
    NoticeKind,
    Policy,
    Recipient,
    Sent,
    Situation,
    Via,
)
from fleetkeeper.core.owners import Contact, Hit, Owned, Reach, Source, Team
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.rows import Source as RowSource
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.click_ports import Desk
from fleetkeeper.engine.interacting import Interactions
from fleetkeeper.engine.notice_ports import Recheck, Record
from fleetkeeper.errors import Unreachable
from tests.engine.rig import KEY, SetClock

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DUE = Deadline(datetime(2026, 12, 14, tzinfo=UTC), "standard support of 1.33 ends", hard=NOW + timedelta(days=45))

V1BETA1 = "networking.k8s.io/v1beta1/Ingress"
APIS = Apis(
    (
        ApiRow(
            "networking.k8s.io",
            "v1beta1",
            "Ingress",
            "ingresses",
            RowSource("a test", NOW.date(), Confidence.HIGH),
            removed=Minor.parse("1.34"),
            replacement=("networking.k8s.io", "v1", "Ingress"),
        ),
    )
)

TEAM = Team("payments", channel="C0PAY", lead="lea@shop.example", members=("max@shop.example", "U0NINA"))
PEOPLE = People(
    {"ann@shop.example": Role.APPROVER, "Bob@shop.example": Role.APPROVER, "olga@shop.example": Role.OPERATOR},
    alike={
        "ann": "ann@shop.example",
        "ann.second@shop.example": "ann@shop.example",
        "lea@private.example": "lea@shop.example",
    },
)
ACCOUNTS = {
    "U0ANN": "ann@shop.example",
    "U0ANN2": "ann.second@shop.example",
    "U0BOB": "bob@shop.example",
    "U0OLGA": "olga@shop.example",
    "U0LEA": "lea@shop.example",
    "U0LEA2": "lea@private.example",
    "U0MAX": "Max@Shop.example",
    "U0NINA": "nina@shop.example",
    "U0EVE": "eve@shop.example",
}
WANTED = {"until": "2026-12-20", "reason": "the vendor's chart comes late", "mode": "proceed"}
"""More time, as it is entered."""
NAMELESS, LEFT = "U0GHOST", "U0GONE"


def item_of(name: str = "web", owner: str = "payments", cluster: str = "shop-1", **changes: Any) -> Item:
    subject = Subject("Ingress", name, "shop")
    finding = Finding("FK301", Severity.BLOCKER, subject, f"{name} is of an API that goes away", "move it")
    tracked = Tracked(finding, State.OPEN, NOW - timedelta(days=9), NOW, NOW - timedelta(days=9))
    arn = f"arn:aws:eks:eu-west-1:111122223333:cluster/{cluster}"
    made = Item(
        key=ItemKey(f"{arn} {NOW.isoformat()}", finding.fingerprint),
        cluster_id=ClusterId(arn, NOW),
        cluster=cluster,
        environment="prod",
        tracked=tracked,
        owned=Owned(owner, Hit(Source.NAMESPACE, owner, "the label team of namespace shop", owner)),
        campaign="1.34",
        deadline=DUE,
        must=True,
    )
    return replace(made, **changes)


def mended(item: Item) -> Item:
    return replace(item, tracked=replace(item.tracked, state=State.RESOLVED))


def notice_of(
    items: Sequence[Item], id: str = "n1", at: datetime = NOW, kind: NoticeKind = NoticeKind.DIGEST
) -> Notice:
    recipient = Recipient(Via.SLACK, "C0PAY", Audience.CHANNEL, ("payments",), "UTC")
    entries = tuple(Entry(item.key, item.owned.owner, 30) for item in items)
    return Notice(id, kind, recipient, at.date(), at, entries, "because")


def record_of(notice: Notice) -> Record:
    return Record(notice, Message("told"), Delivery.SENT, notice.at, notice.at, 1, None, notice.at, "")


@dataclass
class Slack:
    """chat.People and chat.Views: who people are, and what they saw."""

    silent: bool = False
    asked: list[str] = field(default_factory=list)
    opened: list[tuple[str, View]] = field(default_factory=list)
    homes: list[tuple[str, View]] = field(default_factory=list)
    whispered: list[tuple[str, str, str]] = field(default_factory=list)

    def contact(self, key: str) -> Contact:
        id = key.upper()
        self.asked.append(id)
        if self.silent:
            raise Unreachable("Slack does not answer")
        if id == LEFT:
            return Contact(key, Reach.GONE, id, "Gone", "lea@shop.example")
        if id == NAMELESS:
            return Contact(key, Reach.KNOWN, id, "lea@shop.example")
        return Contact(key, Reach.KNOWN, id, "Somebody", ACCOUNTS[id])

    def open(self, trigger: str, view: View) -> None:
        self.opened.append((trigger, view))

    def home(self, user: str, view: View) -> None:
        self.homes.append((user, view))

    def whisper(self, channel: str, user: str, message: Message) -> None:
        self.whispered.append((channel, user, message.text))


class MemoryNotices:
    """What clicks need of the Notices port."""

    def __init__(self, *records: Record) -> None:
        self.records = {each.notice.id: each for each in records}
        self.stored: dict[str, Answer] = {}
        self.rechecks: dict[str, Recheck] = {}
        self.known: dict[str, tuple[Contact, datetime]] = {}

    def answers(self) -> tuple[Answer, ...]:
        return tuple(self.stored.values())

    def add_answer(self, answer: Answer) -> bool:
        return self.stored.setdefault(answer.id, answer) is answer

    def add_recheck(self, recheck: Recheck) -> bool:
        return self.rechecks.setdefault(recheck.id, recheck) is recheck

    def record(self, id: str) -> Record | None:
        return self.records.get(id)

    def contacts(self) -> Mapping[str, tuple[Contact, datetime]]:
        return self.known

    def save_contacts(self, contacts: Sequence[Contact], at: datetime) -> None:
        self.known.update({each.key: (each, at) for each in contacts})

    def outbox_counts(self) -> Mapping[Delivery, int]:
        return {Delivery.SENT: 12, Delivery.PENDING: 2, Delivery.FAILED: 1}


@dataclass
class Office:
    """Everything around Interactions; items and sent may be changed between clicks."""

    runs: Any = None
    notices: Any = None
    items: list[Item] = field(default_factory=lambda: [item_of("web"), item_of("api")])
    sent: list[Sent] = field(default_factory=list)
    slack: Any = field(default_factory=Slack)
    clock: SetClock = field(default_factory=lambda: SetClock(NOW))
    clicks: int = 0
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.notices is None:
            self.notices = MemoryNotices(record_of(notice_of(self.items)))

    def situation(self, since: datetime | None = None) -> Situation:
        teams = {"payments": TEAM, "search": Team("search", members=("sam@shop.example",))}
        return Situation(self.clock.now(), Policy(), tuple(self.items), teams=teams, sent=tuple(self.sent))

    @property
    def interactions(self) -> Interactions:
        """Made anew for each click: nothing is kept in it."""
        desk = Desk(
            notices=self.notices,
            runs=self.runs,
            clock=self.clock,
            people=PEOPLE,
            key=KEY,
            situation=self.situation,
            screens=MessageScreens(PEOPLE.with_role(Role.APPROVER), APIS),
            who_owns=_who_owns,
        )
        return Interactions(desk, self.slack, self.slack, self.waits.append)

    def ask(self) -> Ask:
        return asks_of(item for item in self.items if item.owned.owner == "payments")[0]

    def press(self, action: str, user: str = "U0MAX", button: Button | None = None, id: str = "") -> Reply:
        self.clicks += 1
        value = str(button or Button("n1", self.ask().id))
        return self.interactions.handle(
            Click(
                id or f"click {self.clicks}",
                ClickKind.BUTTON,
                user,
                action=action,
                value=value,
                trigger="t1",
                channel="C0PAY",
            )
        )

    def submit(self, opened: View, fields: Mapping[str, str], user: str = "U0MAX", id: str = "") -> Reply:
        self.clicks += 1
        return self.interactions.handle(
            Click(
                id or f"submit {self.clicks}",
                ClickKind.SUBMIT,
                user,
                action=opened.callback,
                value=opened.private,
                fields=fields,
            )
        )

    def filled_in(self, action: str, fields: Mapping[str, str], user: str = "U0MAX", id: str = "") -> Reply:
        """The button, and then its modal."""
        opened = self.press(action, user).view
        assert opened is not None, "no modal was opened"
        return self.submit(opened, fields, user, id)

    def say(self, text: str, user: str = "U0MAX") -> str:
        self.clicks += 1
        return self.interactions.handle(Click(f"slash {self.clicks}", ClickKind.SLASH, user, text=text)).text


def _who_owns(asked: WhoOwns) -> str:
    return f"{asked.cluster} {asked.subject}: payments"


def told(reply: Reply) -> str:
    """What the clicker reads, wherever."""
    texts = [reply.text, reply.whisper.text if reply.whisper else "", *reply.errors.values()]
    for view in (reply.instead, reply.view):
        texts += [str(block["text"]["text"]) for block in view.blocks if "text" in block] if view else []
    return " ".join(filter(None, texts))


def only(office: Office) -> Answer:
    """What was answered, where that is one answer."""
    found: tuple[Answer, ...] = office.notices.answers()
    (answer,) = found
    return answer
