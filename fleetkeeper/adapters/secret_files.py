"""Secrets whose file was written anew meanwhile: whoever is told that one is no good looks once more."""

from pathlib import Path

from fleetkeeper.config import Secret

_FILE = "file "


def reread(secret: Secret) -> Secret:
    """The secret as its file has it now; itself where it is from no file, or the file says nothing usable.

    Settings read a file once (settings/sources.py); who rotates tokens replaces the file, and restarts nothing.
    """
    if not secret.origin.startswith(_FILE):
        return secret
    try:
        value = Path(secret.origin.removeprefix(_FILE)).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return secret
    return Secret(value, secret.origin) if value and "\n" not in value else secret
