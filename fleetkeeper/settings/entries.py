"""What the named entries of the [engine] section share: their names, and the headers of their requests."""

import re
from collections.abc import Mapping

from fleetkeeper.documents import Table

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OURS = ("content-type", "content-length", "host", "idempotency-key", "user-agent")
_SECRET = ("authorization", "proxy-authorization", "cookie")


def entry_name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "must be lower-case letters, digits, dots, dashes and underscores"


def header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        return "is no name of an HTTP header"
    return "is set by fleetkeeper itself" if name.lower() in _OURS else ""


def plain_headers(table: Table, fix: str) -> Mapping[str, str]:
    """The headers of an entry that are no secrets; fix says where those that are belong."""
    headers = table.mapping("headers", {})
    for name in headers:
        if wrong := header(name):
            table.mistake("headers", f"{name} {wrong}")
        elif name.lower() in _SECRET:
            table.mistake("headers", f"{name} is a secret", fix)
    return headers


def note_repeated(tables: tuple[Table, ...], names: list[str]) -> None:
    """A mistake for every name that an earlier table has."""
    for position, (table, name) in enumerate(zip(tables, names, strict=True)):
        if name and name in names[:position]:
            table.mistake("name", f"{name} is listed twice")
