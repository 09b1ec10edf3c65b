"""What a stored Helm release calls an API version that a minor removes, where it may simply be renamed in it."""

from dataclasses import dataclass

from fleetkeeper.core import api_words
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Renaming:
    """An object's new apiVersion; "" where it cannot be renamed, and why not."""

    api_version: str
    why: str = ""


def renaming(apis: Apis, api_version: str, kind: str, to: Minor) -> Renaming | None:
    """What an object of a stored manifest is to be called on a minor; None where the minor still serves it.

    Only built-in kinds: the versions of a custom kind are its addon's, and go with the addon's version.
    """
    group, _, version = api_version.rpartition("/")
    row = apis.find(group, version, kind)
    if row is None or row.virtual or not row.is_gone(to):
        return None
    last = apis.lasting(row, to)
    if last.replacement is None:
        return Renaming("", f"{api_words.removed(row)}, has no successor")
    new_group, new_version, new_kind = last.replacement
    found = api_words.api_version(new_group, new_version)
    if new_kind != kind:
        return Renaming("", f"{api_words.removed(row)}, became another kind: {found} {new_kind}")
    if last.available is not None and last.available > to:
        return Renaming("", f"{api_words.removed(row)}, comes back as {found} only with {last.available}")
    return Renaming(found)
