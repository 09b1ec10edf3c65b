"""How many arenas of glibc the threads of a process use."""

import ctypes
import os
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, tempfile, threading
from fleetkeeper.adapters.allocator import share_arenas

if sys.argv[1] == "shared":
    share_arenas()
libc, all_there = ctypes.CDLL(None), threading.Barrier(9)


def allocate():
    kept = [bytes(10_000 + number) for number in range(50)]
    all_there.wait()


threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
all_there.wait()
for thread in threads:
    thread.join()
with tempfile.NamedTemporaryFile() as told:
    libc.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print(told.read().count(b"<heap nr"))
"""


def has_glibc() -> bool:
    """Asked of the C library itself: platform.libc_ver reads the interpreter's file, and finds none in a static one."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


glibc = pytest.mark.skipif(not has_glibc(), reason="the C library is another one")


def test_these_tests_are_left_out_only_where_the_system_names_another_c_library() -> None:
    try:
        named = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):  # what musl and macOS say of a name that only glibc has
        named = ""
    assert has_glibc() is named.startswith("glibc")


def arenas(how: str, **environ: str) -> int:
    kept = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", ARENAS, how]
    return int(subprocess.run(command, env=kept | environ, check=True, capture_output=True, text=True).stdout)


@glibc
def test_all_threads_share_two_arenas() -> None:
    assert arenas("shared") == 2


@glibc
def test_what_the_operator_set_goes_before_it() -> None:
    assert arenas("shared", MALLOC_ARENA_MAX="1") == 1


@glibc
def test_left_alone_glibc_makes_more() -> None:
    assert arenas("alone") > 2
