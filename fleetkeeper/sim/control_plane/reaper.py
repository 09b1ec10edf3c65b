"""Sits in the process group of a control plane, and ends the group when its parent is gone.

Run as a script, `python -I -S reaper.py FOLDER`; it imports nothing of ours, to start in milliseconds.
The parent holds the other end of stdin: its closing is the news of the parent's death, however that came.
"""

import os
import select
import shutil
import signal
import sys
import time

LOOK_EVERY = 0.5  # seconds; a forked sibling may hold the pipe open, so the parent's pid is looked at too


def watch(folder: str) -> None:
    """Waits for the parent's end, then kills this process's own group and removes the folder."""
    parent = os.getppid()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], LOOK_EVERY)
        if readable and not os.read(0, 1):
            break
    end_group(folder)


def end_group(folder: str) -> None:
    """Steps out of the group, so as to outlive it, and ends it."""
    group = os.getpgrp()
    if os.fork():
        signal.pause()  # still in the group: dies with it
    os.setpgid(0, 0)
    os.killpg(group, signal.SIGKILL)
    for _ in range(40):  # 2 s: where nobody reaps orphans they stay in the group as zombies
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.argv[1])
