"""The executor's signing key: from the settings, or a file beside a SQLite database that only its owner may read."""

import os
import secrets
import stat
from pathlib import Path

from fleetkeeper.config import Settings
from fleetkeeper.errors import ConfigError, Mistake


def signing_key(settings: Settings, database: Path | None) -> bytes:
    """The key. With a SQLite database and no key in the settings: made at the first time, beside the database.

    Raises ConfigError for PostgreSQL without a key, for every replica must have the same one; and for a key file that
    others may read.
    """
    given = settings.approvals.signing_key
    if given is not None:
        return given.value.encode()
    if database is None:
        fix = "make one with `openssl rand -hex 32`, and give all replicas the same"
        raise ConfigError((Mistake("configuration", 0, "approvals.signing_key_file", "is missing", fix),))
    path = database.with_name(database.name + ".key")
    try:
        return _read(path) if path.exists() else _made(path)
    except OSError as error:
        raise ConfigError(
            (Mistake(str(path), 0, "", f"cannot be used as the signing key: {error.strerror}"),)
        ) from error


def key_at_hand(settings: Settings, database: Path | None) -> bytes | None:
    """The key where there is one that this process may read; None else, for whoever only looks.

    None is made: on a machine that only looks it would be another one than the engine's.
    """
    given = settings.approvals.signing_key
    if given is not None:
        return given.value.encode()
    if database is None:
        return None
    path = database.with_name(database.name + ".key")
    try:
        return _read(path) if path.exists() else None
    except OSError:
        return None


def _read(path: Path) -> bytes:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        fix = f"`chmod 600 {path}`; if others may have read it, remove it and approve anew"
        raise ConfigError((Mistake(str(path), 0, "", "is the signing key, and others may read it", fix),))
    return path.read_bytes().strip()


def _made(path: Path) -> bytes:
    key = secrets.token_hex(32).encode()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(key + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    return key
