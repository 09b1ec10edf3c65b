"""How a removed API is told to people: its name, when it goes, and what takes its place."""

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.versions import Minor


def api_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def name(row: ApiRow) -> str:
    return f"{api_version(row.group, row.version)} {row.kind}"


def removed(row: ApiRow) -> str:
    """`policy/v1beta1 PodDisruptionBudget, which 1.25 no longer serves`."""
    return f"{name(row)}, which {row.removed} no longer serves" if row.removed else f"{name(row)}, which is deprecated"


def replacement(row: ApiRow) -> str:
    if row.replacement is None:
        return "something else (it has no successor yet)" if row.scheduled else "something else (it has no successor)"
    group, version, kind = row.replacement
    known = api_version(group, version)
    return known if kind == row.kind else f"{known} {kind}"


def instead(row: ApiRow, apis: Apis, target: Minor) -> str:
    """What to use on the target instead, and from which minor on where that comes only with the removal."""
    last = apis.lasting(row, target)
    late = last.available is not None and row.removed is not None and last.available >= row.removed
    since = f" (served from {last.available} on{f'; {row.note}' if row.note else ''})" if late else ""
    return f"{replacement(last)}{since}"
