"""One engine process per SQLite database, and nobody locked out by a dead one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.lock import hold_engine_lock
from fleetkeeper.errors import AlreadyRunning, StoreUnavailable

_HOLDER = """
import sys
from pathlib import Path
from fleetkeeper.adapters.store.lock import hold_engine_lock
with hold_engine_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_engine_is_refused_by_the_name_of_the_first(tmp_path: Path) -> None:
    with hold_engine_lock(tmp_path / "fleet.db"):
        wanted = rf"fleet\.db is in use by another engine: process {os.getpid()} on \S+ since 20\S+; end it first"
        with pytest.raises(AlreadyRunning, match=wanted), hold_engine_lock(tmp_path / "fleet.db"):
            pass
        with hold_engine_lock(tmp_path / "other.db"):
            pass


def test_the_lock_is_free_again_after_the_block_whatever_happened_in_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_engine_lock(tmp_path / "fleet.db"):
        raise ZeroDivisionError
    with hold_engine_lock(tmp_path / "fleet.db"):
        pass


def test_a_killed_engine_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path / "fleet.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f"process {holder.pid} "), hold_engine_lock(tmp_path / "fleet.db"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
    with hold_engine_lock(tmp_path / "fleet.db"):
        pass


def test_a_holder_that_has_not_written_its_name_yet_is_still_a_holder(tmp_path: Path) -> None:
    with hold_engine_lock(tmp_path / "fleet.db"):
        (tmp_path / "fleet.db.lock").write_text("")
        with pytest.raises(AlreadyRunning, match="has not given its name"), hold_engine_lock(tmp_path / "fleet.db"):
            pass


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnavailable, match="must be able to write there"),
        hold_engine_lock(tmp_path / "no" / "x.db"),
    ):
        pass
