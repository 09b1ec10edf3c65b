"""`python -m fleetkeeper.sim SCENARIO`: serve a simulated fleet, say where on one line of JSON, and stay until told."""

import argparse
import json
import os
import sys
from dataclasses import replace

from fleetkeeper.errors import FleetkeeperError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.staying import until_told


def main() -> int:
    arguments = _parser().parse_args()
    try:
        scenario = scenario_file.load(scenario_file.find(arguments.scenario))
        scenario = scenario.resized(arguments.clusters) if arguments.clusters else scenario
        world = build(replace(scenario, scale=arguments.scale) if arguments.scale else scenario)
    except (FleetkeeperError, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    over = until_told()
    with Simulator(world, control_port=arguments.control_port) as simulator:
        print(json.dumps({**simulator.ready(), "pid": os.getpid()}), flush=True)
        over.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleetkeeper.sim", description=__doc__)
    parser.add_argument("scenario", help=f"a file, or one of: {', '.join(scenario_file.shipped())}")
    parser.add_argument(
        "--control-port", type=int, default=0, help="port of the control channel (default: any free one)"
    )
    parser.add_argument("--clusters", type=int, default=0, help="so many clusters instead of the scenario's own count")
    parser.add_argument("--scale", type=float, default=0, help="simulated seconds in one of the wall's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
