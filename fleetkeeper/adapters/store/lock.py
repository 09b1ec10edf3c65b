"""The lock of the one engine process that a SQLite database can have; the system releases it, even on kill -9."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from fleetkeeper.errors import AlreadyRunning, StoreUnavailable


@contextmanager
def hold_engine_lock(database: Path) -> Iterator[None]:
    """Hold `<database>.lock` for the time of the block; raises AlreadyRunning, naming the holder.

    The file stays behind when the block ends: to remove it would let two holders lock two files of one name.
    """
    path = database.with_name(database.name + ".lock")
    try:
        file = path.open("a+b")  # not inherited by programs that we start
    except OSError as error:
        raise StoreUnavailable(
            f"cannot lock {path}: {error.strerror}; this user must be able to write there"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise AlreadyRunning(f"{database} is in use by {_holder(file.read())}; end it first") from error
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat("T", "seconds"),
        }
        file.truncate(0)
        file.write(msgspec.json.encode(holder) + b"\n")
        file.flush()
        yield


def _holder(text: bytes) -> str:
    try:
        holder = msgspec.json.decode(text, type=dict[str, int | str])
        return f"another engine: process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (msgspec.MsgspecError, KeyError):
        return "another engine that has not given its name yet"
