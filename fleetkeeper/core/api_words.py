"""How a removed API is told to people: its name, when it goes, and what takes its place."""

from fleetkeeper.core.compat import ApiRow


def api_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def name(row: ApiRow) -> str:
    return f"{api_version(row.group, row.version)} {row.kind}"


def removed(row: ApiRow) -> str:
    """`policy/v1beta1 PodDisruptionBudget, which 1.25 no longer serves`."""
    return f"{name(row)}, which {row.removed} no longer serves" if row.removed else f"{name(row)}, which is deprecated"


def replacement(row: ApiRow) -> str:
    """What to use instead, and from which minor on where that comes only with the removal."""
    if row.replacement is None:
        return "something else (it has no successor yet)" if row.scheduled else "something else (it has no successor)"
    group, version, kind = row.replacement
    known = api_version(group, version)
    late = row.available is not None and row.removed is not None and row.available >= row.removed
    since = f" (served from {row.available} on{f'; {row.note}' if row.note else ''})" if late else ""
    return f"{known if kind == row.kind else f'{known} {kind}'}{since}"
