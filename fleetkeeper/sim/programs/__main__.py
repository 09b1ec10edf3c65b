"""`python -m fleetkeeper.sim.programs`: get the programs of Debian's packages into the cache where they are missing."""

import sys

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.programs import debian


def main() -> int:
    """Prepares every package; answers the exit code."""
    try:
        for package in debian.PACKAGES:
            print(f"{package.name}: {debian.prepare(package)}", flush=True)
    except ControlPlaneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
