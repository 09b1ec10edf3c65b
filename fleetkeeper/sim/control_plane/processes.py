"""Starts and ends a group of programs so that none outlives us, whatever ends us."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fleetkeeper.sim.control_plane import reaper
from fleetkeeper.sim.control_plane.errors import ControlPlaneError

GRACE = 1.0  # seconds from SIGTERM to SIGKILL: an API server with open watches would take 60
LAST_LINES = 15


class ProcessGroup:
    """Programs in one process group, with one folder for their files; a reaper in the group guards both."""

    def __init__(self, prefix: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._reaper = self._start_reaper()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _start_reaper(self) -> subprocess.Popen[bytes]:
        # The reaper leads the group, so no program is ever outside its watch.
        command = [sys.executable, "-I", "-S", reaper.__file__, str(self.folder)]
        started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
        assert started.stdin is not None
        assert started.stdout is not None
        with started.stdout as said:
            if said.readline() != b"ready\n":
                started.stdin.close()
                started.wait()
                raise ControlPlaneError("the reaper, which ends the control plane with us, did not start")
        return started

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the programs that were started and not ended, by name."""
        return {name: process.pid for name, process in self._running.items()}

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Starts a program; what it writes goes to <name>.log in the folder."""
        environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environ,
                process_group=self._reaper.pid,
            )

    def check(self) -> None:
        """Raises ControlPlaneError with the last log lines of a program that has ended by itself."""
        for name, process in list(self._running.items()):  # another thread may start and end programs meanwhile
            if process.poll() is not None:
                raise ControlPlaneError(f"{name} ended with {process.returncode}:\n{self.last_lines(name)}")

    def last_lines(self, name: str) -> str:
        """The end of a program's log."""
        with suppress(FileNotFoundError):
            lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
            return "\n".join(lines[-LAST_LINES:])
        return "(no log)"

    def signal(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to one program."""
        self._running[name].send_signal(number)

    def end(self, *names: str) -> None:
        """Ends these programs: SIGTERM to all, SIGKILL to what is left after GRACE seconds."""
        ending = [self._running.pop(name) for name in names if name in self._running]
        for process in ending:
            process.terminate()
            process.send_signal(signal.SIGCONT)  # a stopped program cannot act on SIGTERM
        deadline = time.monotonic() + GRACE
        for process in ending:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        """Ends everything, the reaper last, and removes the folder."""
        try:
            self.end(*self._running)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._reaper.pid, signal.SIGKILL)
            assert self._reaper.stdin is not None
            self._reaper.stdin.close()
            self._reaper.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


class ReservedPort:
    """A loopback port that nobody else can take before the API server does.

    The socket is bound with SO_REUSEPORT but does not listen, so the kernel keeps the port for programs of
    this user that ask for sharing (the API server's --permit-port-sharing) and sends it no connections.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Gives the port up; harmless when done twice."""
        self._socket.close()
