"""`fleetkeeper run watch` at a terminal, and while the database is away."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.cli import run_watch
from fleetkeeper.core.run import Freeze
from fleetkeeper.engine.run_ports import StoredEvent, StoredRun
from fleetkeeper.errors import StoreUnavailable
from fleetkeeper.keeper import Keeper
from tests.cli.programs import PATIENCE, surroundings
from tests.engine.rig import Cloud, SetClock, begin, engine, migrated, settle

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Flaky:
    """A keeper over one run, whose database does not answer for the first so many reads."""

    runs: SqlRuns
    away: int
    engine: tuple[str, ...] = ("one",)
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))

    @property
    def ports(self) -> "Flaky":
        return self

    def run(self, id: str) -> StoredRun | None:
        return self.runs.run(id)

    def events(self, run: str, after: int) -> tuple[StoredEvent, ...]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("nobody answers at db:5432")
        return self.runs.events(run, after)

    def freezes(self) -> tuple[Freeze, ...]:
        return ()

    def engines(self) -> tuple[str, ...]:
        return self.engine


@pytest.fixture
def ended(tmp_path: Path) -> SqlRuns:
    """The rows of a run that has succeeded."""
    settings, clock = migrated(tmp_path), SetClock(NOON)
    made = engine(settings, Cloud(clock), clock)
    begin(made.runs, NOON, members=2)
    for _ in range(20):
        settle(made)
        clock.at += timedelta(seconds=15)
    return made.runs


def watched(keeper: Flaky, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(run_watch, "LOOK", 0.001)
    return run_watch.watched(cast(Keeper, keeper), "run-1", None)


def test_a_database_that_is_away_is_told_once_and_the_watch_goes_on(
    ended: SqlRuns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watched(Flaky(ended, away=3), monkeypatch) == 0
    said = capsys.readouterr()
    away, again, over = said.err.splitlines()
    assert away == "The database does not answer: nobody answers at db:5432; still trying."
    assert again == "The database answers again."
    assert over.startswith("Run run-1 succeeded after ")
    assert "12:00:00 shop-0: act: start the operation" in said.out.splitlines()


def test_each_event_is_one_line_and_the_end_is_told(
    ended: SqlRuns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watched(Flaky(ended, away=0), monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ended.events("run-1")) + 1
    assert lines[-1] == "12:00:00 the run has succeeded"


def test_that_no_engine_works_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = SqlRuns(migrated(tmp_path))
    begin(runs, NOON, approve=False)
    monkeypatch.setattr(run_watch, "LOOK", 0.001)
    assert run_watch.watched(cast(Keeper, Flaky(runs, 0, ())), "run-1", 0.0) == 6
    assert "No engine is running" in capsys.readouterr().err


def test_at_a_terminal_it_is_a_screen_as_wide_as_the_window_and_ctrl_c_leaves_the_run(tmp_path: Path) -> None:
    settings = migrated(tmp_path)
    begin(SqlRuns(settings), datetime.now(UTC), approve=False, members=3)
    own, other = pty.openpty()
    environ = surroundings(tmp_path, FLEETKEEPER_STORE__URL=settings.url, TERM="xterm", COLUMNS="120", LINES="40")
    command = [sys.executable, "-m", "fleetkeeper", "run", "watch", "run-1"]
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stdin=other, stdout=other, stderr=other) as process:
        os.close(other)
        shown = read_until(own, lambda text: "Last events" in text)
        process.send_signal(signal.SIGINT)
        shown += read_until(own, lambda text: "The run goes on" in text)
        assert process.wait(PATIENCE) == 130
    os.close(own)
    assert "Stage 1/1 all: NOT STARTED, 0 of 3 done" in shown
    assert "hold it: fleetkeeper run pause run-1" in shown


def read_until(terminal: int, holds: Callable[[str], Any]) -> str:
    """What a terminal shows, without its colours, until something is there; fails when it ends before."""
    text, until = "", time.monotonic() + PATIENCE
    while not holds(text):
        left = until - time.monotonic()
        found = left > 0 and select.select([terminal], [], [], left)[0]
        assert found, f"not within {PATIENCE} s: {text[-2000:]}"
        try:
            got = os.read(terminal, 65536)
        except OSError:  # Linux says so of a terminal whose other end is closed
            pytest.fail(f"it ended after: {text[-2000:]}")
        text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", got.decode(errors="replace"))
    return text
