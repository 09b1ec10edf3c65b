"""What of an addon is somebody's own (its configuration, fields changed in the cluster), and what an update does to it.

By resolveConflicts: PRESERVE keeps changed fields, OVERWRITE takes them back, with NONE the update fails on them
(https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateAddon.html, 2026-11).
"""

import json
import re
from collections.abc import Iterable, Iterator

from fleetkeeper.core.observed import Customised
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some

_YAML_KEY = re.compile(r"^([A-Za-z_][\w.-]*):", re.MULTILINE)
_CONFLICTS = re.compile(r"Conflicts:\s*(.+)", re.DOTALL)
_DOES = {"PRESERVE": "kept", "OVERWRITE": "overwritten with what the addon has", "NONE": "conflicts on which it fails"}
_MOST = 5
_LONGEST = 120


def configured(text: str) -> tuple[str, ...]:
    """The fields that a configuration sets, as dotted paths; of one that is YAML, its first level."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return tuple(_YAML_KEY.findall(text))
    return tuple(_paths(found, "")) if isinstance(found, dict) else ()


def whats_own(configuration: str, changed: Iterable[Customised] | None, resolve: str) -> str:
    """What an update does to the addon's configuration and to each field changed in the cluster, None: not seen."""
    fields = configured(configuration)
    told = f"its configuration is kept{f': {some(fields, _MOST)}' if fields else ''}"
    if changed is None:
        return f"{told}; what was changed in the cluster is not known, and would be {_DOES[resolve]}"
    names = [_field(each) for each in changed]
    if not names:
        return told
    return f"{told}; {counted(len(names), 'field')} changed in the cluster: {_DOES[resolve]}: {some(names, _MOST)}"


def conflicts(errors: Iterable[str]) -> tuple[str, ...]:
    """The fields that a ConfigurationConflict names, in EKS's own words; () where it names none."""
    for error in errors:
        if error.startswith("ConfigurationConflict") and (found := _CONFLICTS.search(error)):
            lines = (" ".join(line.split()) for line in found[1].splitlines())
            return tuple(safe(line, _LONGEST) for line in lines if line)
    return ()


def _field(each: Customised) -> str:
    where = f"{each.namespace}/{each.name}" if each.namespace else each.name
    return f"{each.kind} {safe(where, _LONGEST)} {safe(each.field, _LONGEST)} (by {safe(each.manager, 80)})"


def _paths(value: dict[str, object], prefix: str) -> Iterator[str]:
    for name, each in value.items():
        path = f"{prefix}{safe(str(name), _LONGEST)}"
        if isinstance(each, dict) and each:
            yield from _paths(each, f"{path}.")
        else:
            yield path
