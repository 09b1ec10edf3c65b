"""Data on stdout: JSON, YAML and JSON lines with a schema version, or a table; everything else goes to stderr."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from typing import Any

from fleetkeeper.core.text import safe

SCHEMA_VERSION = 1
_LONGEST = 2000


class Format(StrEnum):
    """How a command writes. WIDE is a table without a limit of width; commands that have none write their table."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    JSONL = "jsonl"
    WIDE = "wide"

    @property
    def is_table(self) -> bool:
        return self in (Format.TABLE, Format.WIDE)


def plain(value: Any) -> Any:
    """A value as JSON types: times as RFC 3339 in UTC, lengths of time in seconds, versions as text."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if _is_version(value):
        return str(value)
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    return [plain(v) for v in value]


def _is_version(value: object) -> bool:
    from fleetkeeper.core.versions import Minor, Version

    return isinstance(value, Minor | Version)


def say(text: str) -> None:
    """A message for people, on stderr; what came from a cluster in it is made harmless."""
    print("\n".join(safe(line, _LONGEST) for line in text.split("\n")), file=sys.stderr)


def write(kind: str, items: Iterable[Any], format: Format, **more: Any) -> None:
    """Write items as `{schema_version, kind, items, ...more}`; JSON lines: a version record, then one item a line."""
    import json

    rows = [plain(i) for i in items]
    head = {"schema_version": SCHEMA_VERSION, "kind": kind}
    if format is Format.JSONL:
        for row in [head | plain(more), *rows]:
            print(json.dumps(row, sort_keys=True))
        return
    document = head | {"items": rows} | plain(more)
    if format is Format.YAML:
        import yaml

        yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=False)
    else:
        print(json.dumps(document, indent=2))
