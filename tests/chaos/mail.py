"""Notices on their way: postmen on one database, a Slack that fails them, and what must hold all the same."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Audience, Delivery, Notice, NoticeKind, Recipient, Via
from fleetkeeper.engine.notice_ports import Writing
from tests.chaos.postman import Round
from tests.waiting import wait_until

PATIENCE = 600.0
_BATCH = 500
_HELD = "SELECT count(*) FROM outbox WHERE worker = :name AND state = 'sending'"


@dataclass(frozen=True, slots=True)
class Shape:
    """threads: the share of notices that are reminders in the thread of another."""

    notices: int
    channels: int = 200
    people: int = 100
    threads: float = 0.2


@dataclass(slots=True)
class Postman:
    slot: int
    name: str = ""
    pid: int = 0
    hit_with_rows: int = 0


@dataclass(slots=True)
class Mail:
    settings: StoreSettings
    chance: random.Random
    slack: Mapping[str, str]
    nursery: "subprocess.Popen[str]"
    notices: SqlNotices
    database: Database
    postmen: list[Postman] = field(default_factory=list)
    wanted: dict[str, Notice] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    lives: int = 0

    # ---- what goes out

    def post(self, shape: Shape) -> None:
        """Store the notices; each channel and person gets about as many as any other."""
        for each in range(shape.channels):
            self.order("add-channel", name=f"team-{each}", id=f"C0TEAM{each:04d}")
        for each in range(shape.people):
            self.order("add-user", name=f"p{each}", email=f"p{each}@example.com", id=f"U0P{each:04d}")
        for first in range(0, shape.notices, _BATCH):
            self.store([self._notice(number, shape) for number in range(first, min(first + _BATCH, shape.notices))])

    def store(self, notices: Sequence[Notice]) -> None:
        writings = [Writing(each, Message(f"notice {each.id}")) for each in notices]
        assert len(self.notices.save_turn(writings, (), {}, datetime.now(UTC))) == len(notices)
        self.wanted |= {each.id: each for each in notices}
        self.said |= {each.id: f"notice {each.id}" for each in notices}

    def _notice(self, number: int, shape: Shape) -> Notice:
        places = shape.channels + shape.people
        place = number % places
        is_reply = number >= places and self.chance.random() < shape.threads
        person = f"p{place - shape.channels}@example.com" if place % 2 else f"U0P{place - shape.channels:04d}"
        address = f"C0TEAM{place:04d}" if place < shape.channels else person
        recipient = Recipient(Via.SLACK, address, Audience.CHANNEL, ("team",), "UTC")
        kind, root = (NoticeKind.REMINDER, f"n{place:05d}") if is_reply else (NoticeKind.DIGEST, "")
        now = datetime.now(UTC)
        return Notice(f"n{number:05d}", kind, recipient, date(2026, 11, 20), now, (), "why", thread=root)

    def edit(self, count: int) -> None:
        """Some of them say something else now, whether they are out or not."""
        ids = self.chance.sample(sorted(self.wanted), count)
        edits = {id: Message(f"notice {id} is done") for id in ids}
        self.notices.save_turn((), (), edits, datetime.now(UTC))
        self.said |= {id: message.text for id, message in edits.items()}

    def left(self) -> int:
        counts = self.notices.outbox_counts()
        return sum(counts.get(state, 0) for state in (Delivery.PENDING, Delivery.SENDING, Delivery.AMBIGUOUS))

    def out(self) -> int:
        return self.notices.outbox_counts().get(Delivery.SENT, 0)

    def arrives(self) -> None:
        wait_until(lambda: self.left() == 0, "everything is out", self.told, PATIENCE, 0.1)

    def told(self) -> str:
        statement = sa.text(
            "SELECT state, doing, error, count(*) FROM outbox GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 20"
        )
        rows = self.database.read("tell", lambda c: c.execute(statement).all())
        return "\n".join(" ".join(map(str, row)) for row in rows)

    # ---- what goes wrong

    def order(self, what: str, **said: Any) -> Any:
        return _asked(f"{self.slack['control']}/do/{what}", said)

    def fail(self, *faults: Mapping[str, Any]) -> None:
        _asked(f"{self.slack['control']}/faults", {"add": list(faults)})

    def start(self, count: int, **wanted: int) -> None:
        for _ in range(count):
            self.postmen.append(Postman(len(self.postmen)))
            self.revive(self.postmen[-1], **wanted)

    def revive(self, postman: Postman, **wanted: int) -> None:
        self.lives += 1
        postman.name = f"postman-{postman.slot}-life-{self.lives}"
        order = Round(postman.name, self.settings.url, self.slack["api_url"], self.slack["token"], **wanted)
        postman.pid = self._asked(asdict(order))

    def _asked(self, what: Any) -> int:
        """What the nursery answers."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(what) + "\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def held_by(self, postman: Postman) -> int:
        statement = sa.text(_HELD).bindparams(name=postman.name)
        return int(self.database.read("count", lambda c: c.scalar(statement)) or 0)

    def caught(self, postman: Postman) -> None:
        """Stop it in a moment of chance at which it holds rows: those it holds for as long as it stands."""

        def stopped() -> bool:
            time.sleep(self.chance.uniform(0.0, 0.05))  # a moment of chance: nothing is waited for
            os.kill(postman.pid, signal.SIGSTOP)
            if self.held_by(postman):
                return True
            os.kill(postman.pid, signal.SIGCONT)
            return False

        wait_until(stopped, f"{postman.name} holds rows", self.told, PATIENCE, 0.0)
        postman.hit_with_rows += 1

    def is_frozen(self, postman: Postman) -> bool:
        return self._asked(postman.pid) == postman.pid

    def kill(self, postman: Postman) -> None:
        self.caught(postman)
        os.kill(postman.pid, signal.SIGKILL)
        self.revive(postman)

    # ---- what must hold

    def assert_whole(self) -> None:
        """Each notice is out once, where it belongs, and says what it has to say; and the database knows."""
        texts = self.order("texts")
        twice = {id: posts for id, posts in texts.items() if len(posts) != 1}
        lost = self.wanted.keys() - texts.keys()
        assert (twice, lost) == ({}, set()), f"{twice}\n{lost}\n{self.told()}"
        assert texts.keys() == self.wanted.keys()
        wrong = {id: posts[0] for id, posts in texts.items() if posts[0][2] != self.said[id]}
        assert not wrong, dict(list(wrong.items())[:5])
        astray = [id for id, posts in texts.items() if bool(posts[0][1]) is not bool(self.wanted[id].thread)]
        assert not astray
        counts = self.notices.outbox_counts()
        assert not [
            state for state, count in counts.items() if count and state not in (Delivery.SENT, Delivery.DROPPED)
        ]


@contextmanager
def mail(settings: StoreSettings, seed: int) -> Iterator[Mail]:
    """A Slack and a nursery as processes of their own; both end with the block."""
    notices, database = SqlNotices(settings), Database(settings)
    with _program("tests.chaos.slack") as slack, _program("tests.chaos.postman") as nursery:
        assert slack.stdout is not None
        where = json.loads(slack.stdout.readline())
        try:
            yield Mail(settings, random.Random(seed), where, nursery, notices, database)
        finally:
            notices.close()
            database.close()


@contextmanager
def _program(module: str) -> "Iterator[subprocess.Popen[str]]":
    command: Sequence[str] = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            assert program.stdin is not None
            program.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                program.wait(30)
            program.kill()


def _asked(url: str, body: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
