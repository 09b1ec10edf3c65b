"""`python -m fleetkeeper.sim SCENARIO`: serve a simulated fleet, say where on one line of JSON, and stay until told."""

import argparse
import json
import os
import signal
import sys
import threading
from dataclasses import replace

from fleetkeeper.errors import FleetkeeperError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.server import Simulator


def main() -> int:
    """Ends on SIGTERM, SIGINT, or when stdin closes, so that it never outlives the process that started it."""
    arguments = _parser().parse_args()
    try:
        scenario = scenario_file.load(scenario_file.find(arguments.scenario))
        scenario = scenario.resized(arguments.clusters) if arguments.clusters else scenario
        world = build(replace(scenario, scale=arguments.scale) if arguments.scale else scenario)
    except (FleetkeeperError, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    threading.Thread(target=_wait_for_end_of_stdin, args=(over,), daemon=True).start()
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


def _wait_for_end_of_stdin(over: threading.Event) -> None:
    # Not sys.stdin: a daemon thread inside its lock makes the interpreter abort at exit.
    while os.read(0, 4096):
        pass
    over.set()


if __name__ == "__main__":
    sys.exit(main())
