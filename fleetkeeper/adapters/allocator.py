"""The C library's memory of a process with many threads; docs/decisions/0006."""

import ctypes
import os
import sys

_M_ARENA_MAX = -8  # malloc.h of glibc
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads share two arenas of glibc, which otherwise makes up to eight for each core.

    What one arena keeps for later is lost to the others, and the threads of a fleet are new at each tick: with sixteen
    the process grew from tick to tick. The operator's MALLOC_ARENA_MAX goes before it.

    Call it before there are threads. Nothing happens where the C library is another one.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)
