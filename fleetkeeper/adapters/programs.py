"""Programs of the executor's allow-list on this machine (the Programs port); each has a folder that outlives us."""

import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from fleetkeeper.adapters import program_watch
from fleetkeeper.adapters.program_watch import BEGUN, EXIT, KEPT, LOCK, OUTPUT, STOP
from fleetkeeper.config import ProgramSettings
from fleetkeeper.engine.one_core import on_every_core
from fleetkeeper.engine.world import CommandState
from fleetkeeper.errors import GapReason, Refused, Unreachable

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOME = "home"
_INHERITED = ("PATH", "HOME", "LANG", "TZ")
_DAYS_KEPT = 30
_BEGIN_SECONDS = 30
_HIDDEN = "***"


class LocalPrograms:
    """folder: where the state of each token is kept; several processes of one machine may share it."""

    def __init__(self, entries: Iterable[ProgramSettings], folder: Path) -> None:
        self._entries = {each.name: each for each in entries}
        self._folder = folder / "programs"

    @property
    def home(self) -> str:
        """Stays the same for a folder, whatever the host is called after a restart."""
        file = self._folder / _HOME
        try:
            if not file.exists():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                own = self._folder / f".{_HOME}-{secrets.token_hex(8)}"
                own.write_text(f"{socket.gethostname()}-{secrets.token_hex(3)}", "utf-8")
                with suppress(FileExistsError):  # another process of ours was faster
                    file.hardlink_to(own)
                own.unlink()
            return file.read_text("utf-8")
        except OSError as error:
            raise Unreachable(f"engine.folder cannot be used: {error}") from error

    def start(self, name: str, token: str, variables: Mapping[str, str]) -> None:
        entry = self._entries.get(name)
        if entry is None:
            known = ", ".join(sorted(self._entries)) or "none"
            detail = f"the settings have no [[engine.programs]] of the name {name}; they have {known}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        place = self._place(token)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget_old()
            place.mkdir(mode=0o700, exist_ok=True)
            self._begin(entry, place, variables)
        except (OSError, subprocess.SubprocessError) as error:
            if not (place / BEGUN).exists():  # else it runs, whatever became of who began it
                raise Refused(f"{name} could not be begun: {error}", GapReason.UNREACHABLE) from error

    def state(self, token: str) -> CommandState | None:
        place = self._place(token)
        # In this order: it is watched from `begun` until `exit` is there, so one that ends meanwhile is never lost.
        if not (place / BEGUN).exists():
            return None
        watched, code = _is_watched(place), _text(place / EXIT)
        output = self._shown(_text(place / OUTPUT))
        if code:
            return CommandState(int(code), output)
        return CommandState(None, output, lost=not watched)

    def stop(self, token: str) -> None:
        place = self._place(token)
        if place.is_dir():
            (place / STOP).touch()

    def _place(self, token: str) -> Path:
        if not _TOKEN.fullmatch(token):
            raise ValueError(f"{token!r} is no token")
        return self._folder / token

    def _begin(self, entry: ProgramSettings, place: Path, variables: Mapping[str, str]) -> None:
        """Returns once `begun` is on the disk: what happens to us afterwards, the program is known to have begun."""
        own = {each.name: each.value.value for each in entry.secrets if each.value}
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        watch = [sys.executable, "-I", "-S", program_watch.__file__, str(place.resolve())]
        with on_every_core():
            subprocess.run(
                [*watch, str(entry.timeout_minutes * 60), *entry.command],
                cwd=entry.folder,
                env={**inherited, **entry.environment, **own, **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_BEGIN_SECONDS,
                check=True,
            )

    def _forget_old(self) -> None:
        """Drop what ended long ago. Folders are many only where programs are, so each start may look at all."""
        oldest = time.time() - _DAYS_KEPT * 86_400
        for place in self._folder.iterdir():
            with suppress(OSError):
                if (place / EXIT).stat().st_mtime < oldest:
                    shutil.rmtree(place)

    def _shown(self, output: str) -> str:
        for secret in (each.value.value for entry in self._entries.values() for each in entry.secrets if each.value):
            output = output.replace(secret, _HIDDEN)
        return output


def _is_watched(place: Path) -> bool:
    try:
        with (place / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[-KEPT:].decode("utf-8", "replace")
    except OSError:
        return ""
