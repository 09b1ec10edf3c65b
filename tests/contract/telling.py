"""Notices, answers and what became of them, for tests of the store; a case changes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.tables import subject_key
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Delivery,
    Entry,
    ItemKey,
    Notice,
    NoticeKind,
    Recipient,
    Told,
    Via,
)
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Outgoing, Pace, Settled, Writing
from tests.contract.observed import NOON, cluster_id, later

LEASE = timedelta(minutes=1)
OVER = timedelta(seconds=-1)
"""A lease that has ended when it is given."""
FAST = Pace(address_seconds=0, via_per_second=1_000_000)
PACE = dict.fromkeys(Via, FAST)
CHANNEL = "C0PAYMENTS"


def item(name: str = "shop", fingerprint: str = "f1") -> ItemKey:
    return ItemKey(subject_key(cluster_id(name)), fingerprint)


def recipient(address: str = CHANNEL, **other: Any) -> Recipient:
    made = Recipient(Via.SLACK, address, Audience.CHANNEL, ("payments",), "Europe/Berlin")
    return replace(made, **other)


def notice(id: str = "n1", address: str = CHANNEL, **other: Any) -> Notice:
    made = Notice(
        id,
        NoticeKind.DIGEST,
        recipient(address),
        date(2026, 11, 20),
        NOON,
        (Entry(item(), "payments", 30, "new"),),
        "first digest of the campaign for 1.35",
        "as soon as it was found",
        following="next reminder Tue 24 Nov",
    )
    return replace(made, **other)


def message(text: str = "mend the budget") -> Message:
    return Message(text, ({"type": "section", "text": {"type": "mrkdwn", "text": text}},))


def writing(id: str = "n1", address: str = CHANNEL, text: str = "", **other: Any) -> Writing:
    return Writing(notice(id, address, **other), message(text or f"text of {id}"))


def told(of: ItemKey | None = None, **other: Any) -> Told:
    made = Told(of or item(), "payments", 30, NOON, later(5), 2, 1, later(9000), "n1", "FK203", None, ("channel",))
    return replace(made, **other)


def answer(id: str = "click-1", kind: AnswerKind = AnswerKind.ACK, **other: Any) -> Answer:
    made = Answer(
        id,
        kind,
        (item(), item("bank", "f2")),
        "ada@example.com",
        "slack",
        later(10),
        date(2026, 12, 1),
        "after the freeze",
        notice="n1",
        signature="signed",
    )
    return replace(made, **other)


def save(notices: SqlNotices, *writings: Writing, edits: Mapping[str, str] | None = None, at: datetime = NOON) -> None:
    notices.save_turn(writings, (), {id: message(text) for id, text in (edits or {}).items()}, at)


def claim(
    notices: SqlNotices,
    worker: str = "left",
    now: datetime = NOON,
    most: int = 100,
    lease: timedelta = LEASE,
    pace: Mapping[Via, Pace] = PACE,
) -> tuple[Outgoing, ...]:
    return notices.claim(worker, now, most, lease, pace)


def keys(claimed: Sequence[Outgoing]) -> list[str]:
    return [each.key for each in claimed]


def posted(number: int = 1) -> Posted:
    return Posted(CHANNEL, f"1763640000.{number:06}", f"https://shop.slack.com/archives/{CHANNEL}/p{number}")


def out(of: Outgoing, **other: Any) -> Settled:
    """It went out."""
    made = Settled(of.key, of.epoch, Delivery.SENT, posted() if of.posted is None else None)
    return replace(made, **other)


def send_all(notices: SqlNotices, now: datetime = NOON) -> list[str]:
    """Deliver whatever may go, one after the other; the keys in that order."""
    sent: list[str] = []
    while claimed := claim(notices, now=now, most=1):
        notices.settle([out(each) for each in claimed], now)
        sent += keys(claimed)
    return sent


def states(notices: SqlNotices) -> dict[str, str]:
    """What the outbox says of each of its rows."""
    with notices._database.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT key, state FROM outbox ORDER BY key")
        return {row.key: row.state for row in rows}
