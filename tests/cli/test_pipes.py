"""Output into pipes, full disks and terminals."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import PATIENCE, run

COMMAND = [sys.executable, "-m", "fleetkeeper", "get", "clusters"]


@pytest.mark.parametrize("form", ["table", "json", "yaml", "jsonl"])
def test_a_reader_that_has_seen_enough_is_no_error_worth_words(form: str, seen: dict[str, str], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [*COMMAND, "-o", form],
            env=seen,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_disk_that_is_full_is_told(seen: dict[str, str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as output:
        done = subprocess.run(
            COMMAND, env=seen, cwd=tmp_path, stdout=output, stderr=subprocess.PIPE, timeout=PATIENCE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"fleetkeeper: cannot write the output: No space left on device\n")


def test_colours_are_not_forced_into_a_pipe(seen: dict[str, str], tmp_path: Path) -> None:
    found = run(["get", "clusters"], seen | {"FORCE_COLOR": "1", "TERM": "xterm-256color"}, tmp_path)
    assert found.returncode == 0
    assert "\x1b" not in found.stdout


@pytest.mark.parametrize(("more", "styled"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_at_a_terminal(more: dict[str, str], styled: bool, seen: dict[str, str], tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        COMMAND, env=seen | {"TERM": "xterm-256color"} | more, cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave
    ) as child:
        os.close(slave)
        said = b""
        while piece := _read(master):
            said += piece
        assert child.wait(PATIENCE) == 0
    os.close(master)
    assert b"payments" in said
    assert (b"\x1b" in said) is styled


def _read(terminal: int) -> bytes:
    """What comes next; nothing at the end, which Linux tells as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
