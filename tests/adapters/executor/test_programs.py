"""Programs of the allow-list, really run: begun once, followed by any process of ours, stopped with their group."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetkeeper.adapters import program_watch
from fleetkeeper.adapters.program_watch import BEGUN, EXIT
from fleetkeeper.adapters.programs import LocalPrograms
from fleetkeeper.config import ProgramSettings, Secret, SecretText
from fleetkeeper.engine.world import CommandState
from fleetkeeper.errors import GapReason, ReadError
from tests.waiting import wait_until

TOKEN = "0123456789abcdef0123456789abcdef"
SHELL = shutil.which("sh") or "/bin/sh"


class Bench:
    """A folder in which programs run, and fleetkeeper's state beside it."""

    def __init__(self, path: Path) -> None:
        self.work, self.state = path / "work", path / "state"
        self.work.mkdir()
        self.tokens: list[str] = []

    def programs(self, script: str, minutes: float = 60.0) -> LocalPrograms:
        secret = SecretText("PASSWORD", Secret("s3cr3t-value"))
        command = (SHELL, "-c", script, "name", "$(not expanded)")
        entry = ProgramSettings("job", command, str(self.work), {"MODE": "full"}, (secret,), minutes)
        return LocalPrograms([entry], self.state)

    def start(self, programs: LocalPrograms, token: str = TOKEN) -> None:
        self.tokens.append(token)
        programs.start("job", token, {"FLEETKEEPER_CLUSTER": "shop"})

    def ended(self, programs: LocalPrograms, token: str = TOKEN) -> CommandState:
        return wait_until(lambda: _over(programs.state(token)), "the program is over")

    def written(self, name: str) -> str:
        path = self.work / name
        return wait_until(lambda: path.read_text("utf-8") if path.is_file() else None, f"it has written {name}")


def _over(state: CommandState | None) -> CommandState | None:
    return state if state is not None and (state.exit_code is not None or state.lost) else None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for token in made.tokens:
        LocalPrograms([], made.state).stop(token)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread cannot be kept to a core")
def test_it_has_every_core_though_the_engine_that_begins_it_is_kept_to_one(bench: Bench) -> None:
    whole = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(whole)})
    try:
        programs = bench.programs(f"{sys.executable} -c 'import os; print(sorted(os.sched_getaffinity(0)))'")
        bench.start(programs)
    finally:
        os.sched_setaffinity(0, whole)
    assert bench.ended(programs).output.strip() == str(sorted(whole))


def test_it_runs_without_a_shell_of_ours_in_its_folder_with_a_small_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-programs")
    programs = bench.programs('echo "$1"; pwd; env | sort')
    bench.start(programs)
    state = bench.ended(programs)
    first, folder, *environment = state.output.splitlines()
    assert (state.exit_code, first, folder) == (0, "$(not expanded)", str(bench.work))
    names = {line.partition("=")[0] for line in environment}
    own = {"FLEETKEEPER_CLUSTER", "MODE", "PASSWORD"}
    assert own <= names <= own | {"PATH", "HOME", "LANG", "TZ", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "PASSWORD=***" in environment


def test_the_exit_code_and_the_last_words_are_told(bench: Bench) -> None:
    programs = bench.programs("yes ' ' | head -c 100000; echo no answer >&2; exit 3")
    bench.start(programs)
    state = bench.ended(programs)
    assert (state.exit_code, state.output.splitlines()[-1], len(state.output) <= 16384) == (3, "no answer", True)


def test_what_was_not_begun_is_none(bench: Bench) -> None:
    assert bench.programs("true").state(TOKEN) is None


def test_beginning_twice_is_beginning_once_also_after_its_end(bench: Bench) -> None:
    programs = bench.programs("echo once >> runs")
    bench.start(programs)
    bench.start(programs)
    bench.ended(programs)
    bench.start(programs)
    assert bench.ended(programs).exit_code == 0
    assert (bench.work / "runs").read_text() == "once\n"


def test_another_process_of_ours_follows_it(bench: Bench) -> None:
    """What a fleetkeeper that was killed had begun."""
    code = (
        "import sys; from pathlib import Path; from fleetkeeper.adapters.programs import LocalPrograms; "
        "from fleetkeeper.config import ProgramSettings; "
        "p = LocalPrograms([ProgramSettings('job', tuple(sys.argv[3:]), sys.argv[2])], Path(sys.argv[1])); "
        f"p.start('job', '{TOKEN}', {{}}); import os; os.kill(os.getpid(), 9)"
    )
    script = "while [ ! -e go ]; do sleep 0.02; done; echo went; exit 5"
    arguments = [str(bench.state), str(bench.work), SHELL, "-c", script]
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    programs = bench.programs("unused")
    assert programs.state(TOKEN) == CommandState(None, "")
    (bench.work / "go").touch()
    assert bench.ended(programs) == CommandState(5, "went\n")


_KILLING_WATCH = """
import os, runpy, signal
from pathlib import Path

caller, replace, fork = os.getpgid(os.getppid()), Path.replace, os.fork

def kill():
    os.killpg(caller, signal.SIGKILL)

def replace_and_kill(self, target):
    moved = replace(self, target)
    if target.name == "begun":
        kill()
    return moved

def fork_and_kill():
    child = fork()
    if not child:
        kill()
    return child

Path.replace, os.fork = {patched}
runpy.run_path({watch!r}, run_name="__main__")
"""


@pytest.mark.parametrize(
    "patched", ["replace_and_kill, fork", "replace, fork_and_kill"], ids=["begun is noted", "it goes to the background"]
)
def test_a_kill_of_our_whole_group_as_soon_as_it_is_begun_does_not_end_it(bench: Bench, patched: str) -> None:
    """Whoever watches it kills the group that began it, in the moment in which that is the most dangerous."""
    watch = bench.work / "watch.py"
    watch.write_text(_KILLING_WATCH.format(patched=patched, watch=program_watch.__file__), "utf-8")
    code = (
        "import sys; from pathlib import Path; from fleetkeeper.adapters import program_watch; "
        "from fleetkeeper.adapters.programs import LocalPrograms; from fleetkeeper.config import ProgramSettings; "
        "program_watch.__file__ = sys.argv[1]; "
        "p = LocalPrograms([ProgramSettings('job', tuple(sys.argv[4:]), sys.argv[3])], Path(sys.argv[2])); "
        f"p.start('job', '{TOKEN}', {{}}); sys.stdin.read()"
    )
    arguments = [str(watch), str(bench.state), str(bench.work), SHELL, "-c", "echo went; exit 5"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, start_new_session=True
    ) as executor:
        assert executor.wait() == -signal.SIGKILL
    assert bench.ended(bench.programs("unused")) == CommandState(5, "went\n")


def test_a_stop_ends_it_and_what_it_started(bench: Bench) -> None:
    programs = bench.programs("sleep 600 & echo $! > child; wait")
    bench.start(programs)
    child = int(bench.written("child"))
    programs.stop(TOKEN)
    assert bench.ended(programs).exit_code == 128 + signal.SIGTERM
    wait_until(lambda: not _runs(child), "its child is gone")


def test_what_runs_for_too_long_is_stopped_and_says_so(bench: Bench) -> None:
    programs = bench.programs("echo begun; sleep 600", minutes=0.005)
    bench.start(programs)
    state = bench.ended(programs)
    assert (state.exit_code, state.output) == (124, "begun\n\nstopped: it ran for longer than it may\n")


def test_a_child_that_holds_the_output_open_does_not_hold_up_its_end(bench: Bench) -> None:
    programs = bench.programs("setsid sleep 600 & echo $! > child; echo done")
    bench.start(programs)
    try:
        assert bench.ended(programs).exit_code == 0
    finally:
        os.kill(int(bench.written("child")), signal.SIGKILL)


def test_when_its_watcher_dies_it_is_lost_and_never_begun_again(bench: Bench) -> None:
    programs = bench.programs("echo $PPID $$ > pids; sleep 600")
    bench.start(programs)
    watcher, program = map(int, bench.written("pids").split())
    os.kill(watcher, signal.SIGKILL)
    try:
        assert bench.ended(programs).lost
        bench.start(programs)
        assert programs.state(TOKEN) == CommandState(None, "", lost=True)
    finally:
        os.kill(program, signal.SIGKILL)


def test_a_start_that_was_cut_off_before_the_program_is_made_up_for(bench: Bench) -> None:
    programs = bench.programs("echo ran")
    (bench.state / "programs" / TOKEN).mkdir(parents=True)
    assert programs.state(TOKEN) is None
    bench.start(programs)
    assert bench.ended(programs) == CommandState(0, "ran\n")


def test_a_program_that_is_not_there_ends_with_127(bench: Bench) -> None:
    entry = ProgramSettings("job", ("/nonexistent/tool",), str(bench.work))
    programs = LocalPrograms([entry], bench.state)
    bench.start(programs)
    state = bench.ended(programs)
    assert (state.exit_code, state.output) == (127, "/nonexistent/tool cannot be run: No such file or directory")


def test_a_folder_that_is_not_there_is_unreachable_and_nothing_was_begun(bench: Bench) -> None:
    programs = LocalPrograms([ProgramSettings("job", (SHELL,), str(bench.work / "gone"))], bench.state)
    with pytest.raises(ReadError, match="job could not be begun"):
        bench.start(programs)
    assert programs.state(TOKEN) is None


def test_a_name_that_is_not_allowed_is_not_configured(bench: Bench) -> None:
    with pytest.raises(ReadError, match=r"no \[\[engine.programs\]\] of the name rm; they have job") as failed:
        bench.programs("true").start("rm", TOKEN, {})
    assert failed.value.reason is GapReason.NOT_CONFIGURED


def test_a_home_is_one_for_all_processes_of_a_folder(bench: Bench) -> None:
    first, second = bench.programs("true"), bench.programs("false")
    assert first.home == second.home != ""
    assert LocalPrograms([], bench.work).home != first.home
    bench.start(first)
    bench.ended(first)
    assert first.home == second.home


def test_a_folder_that_cannot_be_made_is_unreachable(bench: Bench) -> None:
    bench.state.write_text("a file")
    programs = bench.programs("true")
    with pytest.raises(ReadError, match=r"engine\.folder cannot be used") as failed:
        _ = programs.home
    assert failed.value.reason is GapReason.UNREACHABLE


def test_a_token_cannot_lead_elsewhere(bench: Bench) -> None:
    with pytest.raises(ValueError, match="is no token"):
        bench.programs("true").start("job", "../../etc", {})


def test_what_ended_long_ago_is_forgotten(bench: Bench) -> None:
    programs = bench.programs("true")
    bench.start(programs)
    bench.ended(programs)
    old = time.time() - 31 * 86_400
    os.utime(bench.state / "programs" / TOKEN / EXIT, (old, old))
    bench.start(programs, "another")
    assert programs.state(TOKEN) is None
    assert (bench.state / "programs" / "another" / BEGUN).exists()


def _runs(pid: int) -> bool:
    """A zombie that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
