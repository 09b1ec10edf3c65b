"""A baseline: findings that were there when somebody began to watch, so that only new ones fail a build."""

import json
from collections.abc import Iterable
from typing import Protocol

from fleetkeeper.core.reports.rows import Known
from fleetkeeper.errors import UsageError

_KIND = "baseline"
_VERSION = 1


class Kept(Protocol):
    """What a baseline keeps of a row. arn is the cluster, or the file of a manifest."""

    @property
    def arn(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def about(self) -> str: ...


def baseline_text(rows: Iterable[Kept]) -> str:
    """The file of a baseline: one line a finding, in an order that makes small diffs."""
    lines = sorted({(row.arn, row.code, row.fingerprint, row.about) for row in rows})
    items = [
        json.dumps({"arn": arn, "code": code, "fingerprint": fingerprint, "about": about})
        for arn, code, fingerprint, about in lines
    ]
    inner = ",\n    ".join(items)
    body = f"\n    {inner}\n  " if items else ""
    return f'{{\n  "schema_version": {_VERSION},\n  "kind": "{_KIND}",\n  "findings": [{body}]\n}}\n'


def read_baseline(text: str, name: str) -> Known:
    """What a baseline has; UsageError that names the file when it is none."""
    try:
        document = json.loads(text)
        if document["kind"] != _KIND or document["schema_version"] != _VERSION:
            raise UsageError(f"{name} is no baseline of this release: write one with --write-baseline {name}")
        return frozenset((each["arn"], each["fingerprint"]) for each in document["findings"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{name} is no baseline: write one with --write-baseline {name}") from error
