"""The one named way to leave the control plane's tests out on a machine that cannot build it."""

from collections.abc import Mapping

from fleetkeeper.sim.control_plane.errors import ControlPlaneError

VARIABLE = "FLEETKEEPER_NO_CONTROL_PLANE"


def is_left_out(environ: Mapping[str, str]) -> bool:
    """Has this machine opted out? Raises ControlPlaneError in CI, where these tests must run."""
    if environ.get(VARIABLE) != "1":
        return False
    if environ.get("CI", "").lower() in {"true", "1"}:
        raise ControlPlaneError(f"{VARIABLE}=1 is refused when CI=true: there the control plane's tests must run")
    return True
