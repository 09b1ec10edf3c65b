"""Watches one program to its end, in a process of its own that outlives fleetkeeper: only the standard library here.

Run as `python program_watch.py FOLDER SECONDS PROGRAM [ARGUMENT...]`; the environment is the program's. It returns once
the program is begun, and goes on in the background. What it leaves in FOLDER:

- `lock` is locked as long as somebody watches;
- `begun` is there from before the program is started: it is never started twice in one folder. Who watches has a
  session of its own before that, so what ends fleetkeeper with its whole group ends nothing that is known to be begun;
- `output` is the end of what the program wrote; `exit` its exit code, written last. A signal is 128 and its number.
- `stop`, made by others, asks for the program to be stopped: SIGTERM to its group, SIGKILL after ten seconds.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

LOCK, BEGUN, OUTPUT, EXIT, STOP = "lock", "begun", "output", "exit", "stop"
KEPT = 16 * 1024
TIMED_OUT = 124  # as coreutils' timeout has it
NOT_FOUND = 127  # as shells have it
_LOOK = 0.1
_FLUSH = 1.0
_GRACE = 10.0
_LOCK_TRIES = 50


def main(folder: Path, seconds: float, command: list[str]) -> None:
    os.setsid()  # before `begun`, and before the fork: it may be that our caller is killed with its group at any moment
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    if not is_ours(lock, folder) or (folder / BEGUN).exists():
        return
    write(folder / BEGUN, b"")
    if os.fork():
        os._exit(0)  # the lock stays with the child
    watch(folder, seconds, command)


def is_ours(lock: int, folder: Path) -> bool:
    """Take the lock. Who only looks whether it is held has it for a moment; who watches has said `begun` before."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if (folder / BEGUN).exists():
                return False
            time.sleep(_LOOK)
        else:
            return True
    sys.exit("the lock cannot be had")


def watch(folder: Path, seconds: float, command: list[str]) -> None:
    try:
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        write(folder / OUTPUT, f"{command[0]} cannot be run: {error.strerror}".encode())
        write(folder / EXIT, str(NOT_FOUND).encode())
        return
    Watch(folder, seconds, program).follow()


class Watch:
    """One running program, and what it wrote last."""

    def __init__(self, folder: Path, seconds: float, program: "subprocess.Popen[bytes]") -> None:
        self.folder, self.program = folder, program
        self.end = time.monotonic() + seconds
        self.kill_at = 0.0
        self.timed_out = False
        self.tail, self.written, self.flushed_at = b"", b"", 0.0

    def follow(self) -> None:
        assert self.program.stdout is not None
        pipe = self.program.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            is_open = True
            while not self.has_ended():
                if not is_open:
                    time.sleep(_LOOK)
                elif selector.select(_LOOK):
                    is_open = self.read(pipe)
                self.flush()
                self.judge()
            self.signal(signal.SIGKILL)  # what it left running; its group is its own as long as it is not reaped
            # What got away from the group may hold the pipe open for ever: only what is there now is read.
            while is_open and selector.select(0):
                is_open = self.read(pipe)
        self.conclude(self.program.wait())

    def has_ended(self) -> bool:
        """Whether the program has ended; it is not reaped, so that nobody else can get its process id yet."""
        return os.waitid(os.P_PID, self.program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def read(self, pipe: int) -> bool:
        """False at the end of the pipe."""
        piece = os.read(pipe, 65536)
        self.tail = (self.tail + piece)[-KEPT:]
        return bool(piece)

    def flush(self) -> None:
        if self.tail != self.written and time.monotonic() - self.flushed_at >= _FLUSH:
            write(self.folder / OUTPUT, self.tail)
            self.written, self.flushed_at = self.tail, time.monotonic()

    def judge(self) -> None:
        """Stop what ran for too long, or what somebody wants to be stopped; kill what does not heed that."""
        now = time.monotonic()
        if self.kill_at and now >= self.kill_at:
            self.signal(signal.SIGKILL)
        elif not self.kill_at and (now >= self.end or (self.folder / STOP).exists()):
            self.timed_out = now >= self.end
            self.kill_at = now + _GRACE
            self.signal(signal.SIGTERM)

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.program.pid, number)

    def conclude(self, code: int) -> None:
        if self.timed_out:
            code = TIMED_OUT
            self.tail += b"\nstopped: it ran for longer than it may\n"
        write(self.folder / OUTPUT, self.tail[-KEPT:])
        write(self.folder / EXIT, str(code if code >= 0 else 128 - code).encode())


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk when it returns."""
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
