"""The line that changes in a manifest of a removed API, where its successor is known and of the same kind."""

from collections.abc import Sequence

from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.api_words import api_version
from fleetkeeper.core.finding import Finding


def manifest_diff(findings: Sequence[Finding], apis: Apis) -> str:
    """In the words of diff; "" where the objects are others than the API's own, or nothing is known to take its place.

    What else differs between the two versions is the fix's to say: fields that were renamed are not in here.
    """
    parts = findings[0].key.rsplit("/", 2) if findings else []
    if len(parts) != 3 or any(each.subject.kind != parts[2] for each in findings):
        return ""
    group, version, kind = parts
    row, target = apis.find(group, version, kind), findings[0].minor
    wanted = apis.lasting(row, target).replacement if row and target else None
    if wanted is None or wanted[2] != kind:
        return ""
    old, new = api_version(group, version), api_version(wanted[0], wanted[1])
    return f"- apiVersion: {old}\n+ apiVersion: {new}\n  kind: {kind}"
