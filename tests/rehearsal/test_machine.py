"""How many plays go on at a time, and in how much memory: by what the machine and the container give."""

import os
import sys
from pathlib import Path

import pytest

from fleetkeeper.rehearsal import machine


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The container's control group, as it sees it itself: the root of what is mounted."""
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    return tmp_path


of_linux = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")


@pytest.mark.parametrize(("cores", "plays"), [(1, 1), (2, 3), (3, 4), (4, 6), (16, 24)])
def test_three_plays_share_two_cores(cores: int, plays: int) -> None:
    assert machine.at_a_time(cores) == plays


@of_linux
@pytest.mark.parametrize(
    ("said", "cores"), [("100000 100000\n", 1), ("50000 100000\n", 1), ("150000 100000\n", 2), ("max 100000\n", 64)]
)
def test_a_container_has_no_more_cores_than_its_quota(
    group: Path, monkeypatch: pytest.MonkeyPatch, said: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (group / "cpu.max").write_text(said)
    assert machine.cores() == cores


@of_linux
def test_a_container_has_no_more_memory_than_its_limit_leaves(group: Path) -> None:
    (group / "memory.max").write_text("16777216\n")
    (group / "memory.current").write_text("6291456\n")
    assert machine.free_memory() == 10 * 2**20
    (group / "memory.current").write_text("26777216\n")
    assert machine.free_memory() == 0


@of_linux
def test_pages_of_files_that_nobody_used_lately_are_free(group: Path) -> None:
    (group / "memory.max").write_text("16777216\n")
    (group / "memory.current").write_text("16777216\n")
    (group / "memory.stat").write_text("anon 4194304\nfile 12582912\ninactive_file 10485760\nactive_file 2097152\n")
    assert machine.free_memory() == 10 * 2**20


@of_linux
def test_without_a_limit_it_is_what_the_machine_has_free(group: Path) -> None:
    whole = machine.free_memory()
    assert 0 < whole < 2**50
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("6291456\n")
    assert machine.free_memory() > whole // 2


@of_linux
def test_what_was_asked_for_is_taken_and_half_of_the_memory_is_left_to_others(group: Path) -> None:
    (group / "memory.max").write_text(f"{4 * 2**20}\n")
    (group / "memory.current").write_text("0\n")
    assert machine.limits(1) == machine.Limits(1, 2 * 2**20)
    assert machine.limits(7).plays == 7
