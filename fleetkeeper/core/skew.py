"""How far a component may be from the API server: the row of the skew policy that holds for its version."""

from dataclasses import dataclass

from fleetkeeper.core.compat import Compat, SkewRow
from fleetkeeper.core.versions import Minor

API_SERVER = "kube-apiserver"


@dataclass(frozen=True, slots=True)
class Window:
    """The minors of a component that one minor of its reference takes, both ends included; row says so."""

    oldest: Minor
    newest: Minor
    row: SkewRow


def window(compat: Compat, component: str, version: Minor, reference: Minor, of: str = API_SERVER) -> Window | None:
    """The window around `reference` for a component at `version`; None when no row tells of it."""
    for row in compat.skew:
        if (row.component, row.reference) == (component, of) and _holds(row, version):
            oldest = Minor(reference.major, max(0, reference.minor - row.older))
            return Window(oldest, Minor(reference.major, reference.minor + row.newer), row)
    return None


def _holds(row: SkewRow, version: Minor) -> bool:
    return (row.start is None or version >= row.start) and (row.before is None or version < row.before)
