"""`python -m fleetkeeper.sim.control_plane`: build the control plane, or lock another version of it."""

import argparse
import sys
import time

from fleetkeeper.sim.control_plane import build, modules
from fleetkeeper.sim.control_plane.errors import ControlPlaneError


def main() -> int:
    """Runs one subcommand; answers the exit code."""
    arguments = _parser().parse_args()
    started = time.monotonic()
    try:
        if arguments.command == "lock":
            build.lock(arguments.name, arguments.patch)
        else:
            build.build(arguments.minors or build.DEFAULT_MINORS)
    except ControlPlaneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"done in {time.monotonic() - started:.0f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fleetkeeper.sim.control_plane", description=__doc__)
    locked = " ".join(modules.locked_minors())
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser(
        "build", help="build these minors, etcd, KWOK, Helm and kubectl where they are missing"
    )
    builder.add_argument(
        "minors",
        nargs="*",
        metavar="MINOR",
        help=f"default: {' '.join(build.DEFAULT_MINORS)}; locked: {locked}",
    )
    locker = commands.add_parser(
        "lock", help="write go.mod and go.sum of a minor (or etcd, kwok, helm, kubectl) for a patch"
    )
    locker.add_argument("name", metavar="MINOR", help="1.36, or etcd, kwok, helm, kubectl")
    locker.add_argument("patch", metavar="PATCH", help="4 for 1.36.4; for the others the whole version: 0.8.0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
