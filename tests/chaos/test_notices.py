"""Ten thousand notices through a Slack that breaks off, throttles and restarts, while postmen are killed: each once."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetkeeper.config import StoreSettings
from tests.chaos.mail import Mail, Shape, mail
from tests.engine.rig import migrated
from tests.postgres import Postgres
from tests.waiting import wait_until

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "drop-after", "method": "chat.postMessage", "rate": 0.02},
    {"kind": "drop-before", "method": "chat.postMessage", "rate": 0.01},
    {"kind": "throttle", "method": "chat.postMessage", "rate": 0.01, "retry_after": 1},
    {"kind": "throttle-after", "method": "chat.postMessage", "rate": 0.01, "retry_after": 1},
    {"kind": "error-after", "method": "chat.postMessage", "rate": 0.01},
    {"kind": "drop-after", "method": "chat.update", "rate": 0.05},
    {"kind": "throttle", "method": "conversations.history", "rate": 0.05, "retry_after": 1},
)
"""Of every hundred posts six are hurt; of these four are out, and nobody is told."""

WHOLE, SHORT = Shape(10_000), Shape(600, channels=50, people=25)


def deliver(made: Mail, shape: Shape, postmen: int, kills: int) -> None:
    made.post(shape)
    made.fail(*FAULTS)
    made.start(postmen)
    for number in range(1, kills + 1):
        goal = shape.notices * number // (kills + 2)
        while made.out() < goal:
            time.sleep(0.02)  # real processes have no clock that a test can move
        made.kill(made.chance.choice(made.postmen))
        if number % 4 == 2:
            made.order("restart", seconds=0.3)
        if number == kills // 2:
            made.edit(shape.notices // 20)
    made.arrives()
    made.assert_whole()
    assert sum(each.hit_with_rows for each in made.postmen) >= kills


def test_every_notice_is_out_once_on_sqlite(tmp_path: Path, seed: int, kills: int, whole: bool) -> None:
    with mail(migrated(tmp_path), seed) as made:
        began = time.monotonic()
        deliver(made, WHOLE if whole else SHORT, 1, min(kills, 30) if whole else 3)
        print(f"{len(made.wanted)} notices in {time.monotonic() - began:.0f} s, {made.lives - 1} kills -9")


def test_every_notice_is_out_once_with_two_replicas_on_postgresql(postgres: Postgres, seed: int, whole: bool) -> None:
    with mail(StoreSettings(postgres.migrated()), seed) as made:
        deliver(made, Shape(2_000 if whole else 400, 60, 30), 2, 6 if whole else 2)


def test_a_replica_that_was_frozen_past_its_lease_sends_nothing_that_another_has_sent(
    postgres: Postgres, seed: int
) -> None:
    with mail(StoreSettings(postgres.migrated()), seed) as made:
        made.post(Shape(40, 20, 0))
        made.start(1, threads=1, freezes=5)
        (frozen,) = made.postmen
        wait_until(lambda: made.is_frozen(frozen), "it stops right before it sends")
        assert made.held_by(frozen), "it held nothing when it was frozen"
        made.start(1)
        made.arrives()
        os.kill(made.postmen[1].pid, signal.SIGKILL)
        os.kill(frozen.pid, signal.SIGCONT)
        made.store([replace(made.wanted["n00000"], id="last")])  # which it sends only after all that it had in hand
        made.arrives()
        made.assert_whole()
