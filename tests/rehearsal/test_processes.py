"""Rehearsals side by side: the same to the last digit, and no process or folder is left, however they end."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fleetkeeper.config import StoreSettings
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.machine import Limits
from fleetkeeper.rehearsal.member import Play, Read, Trial
from fleetkeeper.rehearsal.players import Fault, Key, Lost
from fleetkeeper.rehearsal.playing import Part, Room
from fleetkeeper.rehearsal.processes import players
from fleetkeeper.rehearsal.rehearse import Progress
from tests.rehearsal.clusters import placed, plan_of, snapshot_of
from tests.rehearsal.rehearses import AT, NAMES, fleet, rehearser
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
SMALL, LONG = 6, 400
"""Nodes of a cluster that is played in a moment, and of one that is played for seconds."""

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")


def command(nodes: int, plays: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.rehearsal.rehearses", str(nodes), str(plays), *more]


@cache
def rehearsed(plays: int, *more: str) -> tuple[str, str]:
    """What came of it, and what was said meanwhile."""
    done = subprocess.run(
        command(SMALL, plays, *more), cwd=ROOT, env=surroundings(), capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def surroundings(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture(scope="module")
def alone() -> str:
    """What comes of it in one process, one play after the other."""
    return rehearsed(1, "blocked")[0]


def test_alone_the_blocked_one_is_told_as_such_and_the_others_are_done(alone: str) -> None:
    members = json.loads(alone)["members"]
    assert [(each["member"], each["end"]) for each in members] == list(
        zip(NAMES, ("done", "blocked", "done"), strict=True)
    )
    assert members[1]["freed"] is not None


@pytest.mark.parametrize(
    ("plays", "more"), [(2, ()), (5, ("beside-a-thread",))], ids=["two forked", "five beside a thread"]
)
def test_side_by_side_the_same_is_rehearsed_to_the_last_digit(alone: str, plays: int, more: tuple[str, ...]) -> None:
    assert rehearsed(plays, "blocked", *more)[0] == alone


@needs_proc
def test_processes_are_forked_unless_a_thread_runs_beside() -> None:
    _, said = rehearsed(2, "blocked")
    assert "big (usual luck) forked" in said
    _, beside = rehearsed(5, "blocked", "beside-a-thread")
    assert "big (usual luck) served" in beside
    assert "forked" not in beside


def test_each_member_is_told_when_it_begins_and_when_it_is_over() -> None:
    _, said = rehearsed(2, "blocked")
    told = [line for line in said.splitlines() if "/3" in line]
    begun = [line for line in told if line.endswith("begins")]
    assert begun == ["1/3 big begins", "2/3 second begins", "3/3 third begins"]
    assert {line.split(maxsplit=1)[1] for line in told} >= {"big done", "second blocked", "third done"}
    assert told[-1].startswith("3/3 ")


def test_connections_that_a_fork_inherits_are_as_good_as_before(
    alone: str, settings: StoreSettings, tmp_path: Path
) -> None:
    """SQLite takes away the locks, and PostgreSQL ends the session, of whoever's child closes what it inherited."""
    done = subprocess.run(
        command(SMALL, 2, "blocked", settings.url),
        cwd=ROOT,
        env=surroundings(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == alone
    assert "big (usual luck) " in done.stderr


def test_a_rehearsal_needs_nothing_of_the_extra_for_demos(alone: str) -> None:
    """Where the package is installed without it, as in its image."""
    without = "import sys; sys.modules.update(dict.fromkeys(['moto', 'flask', 'werkzeug', 'starlette', 'uvicorn']))"
    program = f"{without}; from tests.rehearsal.rehearses import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(SMALL), "2", "blocked"],
        cwd=ROOT,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == alone, done.stderr


# ---- what ends a play


def part(nodes: int) -> Part:
    seen = placed(nodes, AT)
    snapshot = snapshot_of(seen, parallel=nodes // 10)
    plan = plan_of(snapshot)
    trial = Trial(plan.header, plan.members[0], Read(snapshot, seen), observed(seen), {}, Prices())
    return trial.part(Play(Luck.USUAL))


def silently(_: str) -> None:
    """Nothing is to be set up in a process that plays."""


def pids() -> dict[str, int]:
    return {each.name: each.pid for each in multiprocessing.active_children() if each.pid}


@pytest.fixture(scope="module")
def long_part() -> Part:
    return part(LONG)


def test_a_play_whose_process_is_killed_is_lost_with_its_reason_and_what_to_do(place: Room, long_part: Part) -> None:
    key = Key(0, Play(Luck.USUAL))
    with players(place, Limits(2), silently) as company:
        assert company.begin(key, long_part, urgent=True)
        os.kill(pids()["big (usual luck)"], signal.SIGKILL)
        ((ended, outcome),) = company.ended()
    assert ended == key
    assert isinstance(outcome, Lost)
    assert "played big (usual luck) was ended by SIGKILL, as happens when memory runs out" in outcome.why
    assert "--member and --processes 1" in outcome.why


def test_what_is_given_up_is_gone_at_once(place: Room, long_part: Part) -> None:
    with players(place, Limits(2), silently) as company:
        company.begin(Key(0, Play(Luck.USUAL)), long_part, urgent=True)
        (pid,) = pids().values()
        company.give_up(Key(0, Play(Luck.USUAL)))
        assert not is_there(pid)
        assert company.ended() == []


def test_what_still_plays_at_the_end_of_the_block_is_gone_after_it(place: Room, long_part: Part) -> None:
    with players(place, Limits(3), silently) as company:
        for number in range(3):
            assert company.begin(Key(number, Play(Luck.USUAL)), long_part, urgent=number == 0)
        assert company.is_full
        assert not company.begin(Key(3, Play(Luck.USUAL)), long_part, urgent=False)
    assert pids() == {}


def test_worlds_that_memory_has_no_room_for_wait_but_one_is_always_played(place: Room, long_part: Part) -> None:
    with players(place, Limits(4, memory=1), silently) as company:
        assert company.begin(Key(0, Play(Luck.USUAL)), long_part, urgent=True)
        assert not company.is_full
        assert not company.begin(Key(1, Play(Luck.USUAL)), long_part, urgent=False)
        company.give_up(Key(0, Play(Luck.USUAL)))
        assert company.begin(Key(1, Play(Luck.USUAL)), long_part, urgent=False)


def fails(name: str) -> None:
    raise LookupError(f"no {name}")


def test_a_fault_of_ours_in_a_play_is_told_with_its_trace(place: Room) -> None:
    with players(place, Limits(2), fails) as company:
        company.begin(Key(0, Play(Luck.USUAL)), part(SMALL), urgent=True)
        ((_, outcome),) = company.ended()
    assert isinstance(outcome, Fault)
    assert outcome.text == "big (usual luck): LookupError: no big (usual luck)"
    assert "in fails" in outcome.trace


def test_a_member_whose_play_was_killed_is_not_rehearsed_and_the_others_are() -> None:
    found, plan = fleet(SMALL, is_blocked=False)
    found.shows["second"] = placed(LONG, AT)

    def kill(at: Progress) -> None:
        if at.member == "third" and at.end is None:  # all plays of the second have begun by then
            os.kill(pids()["second (usual luck)"], signal.SIGKILL)

    first, second, third = replace(rehearser(found, plays=9), progress=kill).rehearse(plan).members
    assert (first.end, second.end, third.end) == (End.DONE, End.NOT_REHEARSED, End.DONE)
    assert "second (usual luck) was ended by SIGKILL" in second.why
    assert pids() == {}


# ---- what ends the command


def is_there(pid: int) -> bool:
    """Whether a process goes on; who is only not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def below(pid: int) -> list[int]:
    """All processes that one began, and those began."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    own = [int(each) for each in text.split()]
    return [*own, *(each for child in own for each in below(child))]


@contextmanager
def playing(temporary: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A rehearsal that goes on for long, and all of its processes, once three of them play; SIGKILLed at the end."""
    made = subprocess.Popen(
        command(LONG, 3, *more),
        cwd=ROOT,
        env=surroundings(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert made.stderr is not None
        begun = 0
        while begun < 3:
            line = made.stderr.readline()
            assert line, f"it ended with {made.wait()}"
            begun += "luck) " in line
        assert list(temporary.glob("fleetkeeper-rehearsal-*"))
        yield made, below(made.pid)
    finally:
        made.kill()
        made.communicate()


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a path that leaves room for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="fk") as folder:
        yield Path(folder)


FORKED, SERVED, SPAWNED = ((), ""), (("beside-a-thread",), ""), (("beside-a-thread",), 50 * "long")
"""What else goes on, and where below the folder for temporary files."""


@needs_proc
@pytest.mark.parametrize(
    ("number", "how"),
    [
        pytest.param(signal.SIGINT, FORKED, id="SIGINT, forked"),
        pytest.param(signal.SIGTERM, FORKED, id="SIGTERM, forked"),
        pytest.param(signal.SIGHUP, FORKED, id="SIGHUP, forked"),
        pytest.param(signal.SIGKILL, FORKED, id="SIGKILL, forked"),
        pytest.param(signal.SIGTERM, SERVED, id="SIGTERM, beside a thread"),
        pytest.param(signal.SIGKILL, SERVED, id="SIGKILL, beside a thread"),
        pytest.param(signal.SIGTERM, SPAWNED, id="SIGTERM, where no socket has room for its name"),
        pytest.param(signal.SIGKILL, SPAWNED, id="SIGKILL, where no socket has room for its name"),
    ],
)
def test_nothing_is_left_of_a_rehearsal_that_is_ended_by(
    number: signal.Signals, how: tuple[tuple[str, ...], str], short: Path
) -> None:
    more, below_it = how
    tmp_path = short / below_it
    tmp_path.mkdir(exist_ok=True)
    with playing(tmp_path, *more) as (made, children):
        assert len(children) >= 3
        made.send_signal(number)
        code = made.wait(60)
        assert code == {signal.SIGINT: -signal.SIGINT, signal.SIGKILL: -signal.SIGKILL}.get(number, 128 + number)
        wait_until(lambda: not any(map(is_there, children)), "its processes are gone")
        wait_until(lambda: not list(tmp_path.glob("fleetkeeper-rehearsal-*")), "its folder is gone")
