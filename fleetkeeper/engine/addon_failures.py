"""What to do about an update of an addon that EKS could not make, by the error code that it gives."""

from collections.abc import Iterable

from fleetkeeper.core.eks_errors import ADDONS
from fleetkeeper.core.eks_errors import advice as advised


def advice(errors: Iterable[str], addon: str) -> str:
    """The next action for errors (`Code: message`, or a bare code), that of the first code that is known."""
    known = advised(errors, ADDONS, "", addon)
    return f"{known}, then retry" if known else f"aws eks describe-addon --addon-name {addon} says more; then retry"
