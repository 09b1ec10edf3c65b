"""Delivery of notices at Slack's limits, scaled: how fast, how much CPU beside the simulator's, and who had to wait.

A few busy channels have most of the notices. Fair is turn by turn: the n-th message of an address is out when every
address has had n, or all of its own. The wait of each message is put beside that.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from common import Figure

from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import Secret, SlackSettings, StoreSettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Audience, Delivery, Notice, NoticeKind, Recipient, Via
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import Timing
from fleetkeeper.engine.notice_ports import Pace, Writing

FACTOR = 10.0
"""Slack's limits times this: one message a second and channel, 180 a minute over all (the defaults of [slack])."""
PER_SECOND = 3.0 * FACTOR
CHANNELS, BUSY, MANY = 400, 10, 60
QUICK_CHANNELS, QUICK_MANY = 150, 25
BLOCKS: tuple[Mapping[str, Any], ...] = tuple(
    {"type": "section", "text": {"type": "mrkdwn", "text": "Move 3 Ingresses off `networking.k8s.io/v1beta1`. " * 8}}
    for _ in range(8)
)
PATIENCE = 600.0
_FAIR = "turn by turn is 1"


@dataclass(frozen=True, slots=True)
class _Slack:
    pid: int
    api_url: str
    control_url: str
    token: str


def delivery(quick: bool) -> list[Figure]:
    counts = _counts(QUICK_CHANNELS if quick else CHANNELS, QUICK_MANY if quick else MANY)
    total = sum(counts.values())
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as folder, _slack() as slack:
        settings = StoreSettings(f"sqlite:///{folder}/bench.db")
        schema.upgrade(settings)
        with closing(SqlNotices(settings)) as notices:
            _store(notices, slack, counts)
            began, cpu, theirs = time.time(), time.process_time(), _cpu(slack.pid)
            _deliver(notices, slack, total)
            cpu, theirs = time.process_time() - cpu, _cpu(slack.pid) - theirs
        out = _asked(f"{slack.control_url}/notices")
    waits = {id: float(posts[0][1]) - began for id, posts in out.items()}
    if len(out) != total or any(len(posts) != 1 for posts in out.values()):
        raise SystemExit(f"{len(out)} of {total} notices are out, or some twice")
    return _figures(counts, waits, cpu, theirs)


def _figures(counts: Mapping[str, int], waits: Mapping[str, float], cpu: float, theirs: float) -> list[Figure]:
    total = sum(counts.values())
    size = f"{total} notices to {len(counts)} channels, {BUSY} of them busy; Slack's limits ×{FACTOR:g}"
    firsts = max(waits[f"{address}-0"] for address in counts) / (len(counts) / PER_SECOND)
    worst = max(
        waits[f"{address}-{turn}"] / max(_fair(counts, turn), 1.0)
        for address, count in counts.items()
        for turn in range(count)
    )
    return [
        Figure("messages delivered in a second", total / max(waits.values()), "/s", 0.85 * PER_SECOND, "higher", size),
        Figure("CPU of one message", cpu / total * 1000, "ms", None, "lower", "with the outbox on SQLite"),
        Figure("CPU of the simulator for it", theirs / total * 1000, "ms", None, "lower", "beside it"),
        Figure(
            "largest wait of a channel's first, over its fair share", firsts, "×", 1.5, "lower", "turn by turn is 1"
        ),
        Figure("largest wait of any message, over its fair share", worst, "×", 2.0, "lower", "turn by turn is 1"),
    ]


def _fair(counts: Mapping[str, int], turn: int) -> float:
    """Seconds until every address has had so many turns, or all of its own."""
    return max(sum(min(count, turn + 1) for count in counts.values()) / PER_SECOND, (turn + 1) / FACTOR)


def _counts(channels: int, many: int) -> Mapping[str, int]:
    return {f"C0TEAM{number:04d}": many if number < BUSY else 2 for number in range(channels)}


def _store(notices: SqlNotices, slack: _Slack, counts: Mapping[str, int]) -> None:
    """Those of the busy channels first, as if they had come in first."""
    now, writings = datetime.now(UTC), []
    for address, count in counts.items():
        _asked(f"{slack.control_url}/do/add-channel", {"name": address.lower(), "id": address})
        recipient = Recipient(Via.SLACK, address, Audience.CHANNEL, ("team",), "UTC")
        for turn in range(count):
            id = f"{address}-{turn}"
            notice = Notice(id, NoticeKind.DIGEST, recipient, date(2026, 11, 20), now, (), "why")
            writings.append(Writing(notice, Message(f"notice {id}", BLOCKS)))
    notices.save_turn(writings, (), {}, now)


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _deliver(notices: SqlNotices, slack: _Slack, total: int) -> None:
    chat = SlackChat(SlackSettings(Secret(slack.token), api_url=slack.api_url, history=True))
    pace = {Via.SLACK: Pace(1 / FACTOR, PER_SECOND)}
    deliverer = Deliverer(notices, {Via.SLACK: chat}, _Clock(), "bench", pace, Timing())
    cancel = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(cancel,))
    thread.start()
    ends = time.monotonic() + PATIENCE
    while notices.outbox_counts().get(Delivery.SENT, 0) < total and time.monotonic() < ends:
        time.sleep(0.5)
    cancel.set()
    deliverer.wake()
    thread.join()


@contextmanager
def _slack() -> Iterator[_Slack]:
    command = [sys.executable, "-m", "fleetkeeper.sim.slack", "--factor", str(FACTOR)]
    kept = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=kept) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        ready = json.loads(program.stdout.readline())
        try:
            yield _Slack(program.pid, ready["api_url"], ready["control_url"], ready["bot_token"])
        finally:
            program.stdin.close()


def _asked(url: str, body: Mapping[str, Any] | None = None) -> Any:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process (Linux: proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    for figure in delivery("--quick" in sys.argv):
        print(f"{figure.name:<58} {figure.value:>10.2f} {figure.unit}   {figure.baseline}")
