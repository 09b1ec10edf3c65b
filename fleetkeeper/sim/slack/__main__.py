"""`python -m fleetkeeper.sim.slack`: serve a simulated Slack, say where on one line of JSON, and stay until told."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime

from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.slack.control import control_app
from fleetkeeper.sim.slack.server import SIGNING_SECRET, SimSlack
from fleetkeeper.sim.slack.workspace import utc_now
from fleetkeeper.sim.staying import until_told


def main() -> int:
    arguments = _parser().parse_args()
    over = until_told()
    now = scaled(arguments.time) if arguments.time else utc_now
    with SimSlack(factor=arguments.factor, now=now, port=arguments.port) as slack:
        control = Listener(control_app(slack), port=arguments.control_port)
        channel = Loopback("sim-slack-control", [control])
        ready = {"api_url": slack.api_url, "control_url": f"http://127.0.0.1:{control.port}"}
        tokens = {"bot_token": slack.bot_token, "app_token": slack.app_token, "signing_secret": SIGNING_SECRET}
        print(json.dumps({**ready, **tokens, "pid": os.getpid()}), flush=True)
        over.wait()
        channel.close()
    return 0


def scaled(text: str) -> Callable[[], datetime]:
    """The time that a fleet shares: EPOCH at the wall's STARTED, then SCALE simulated seconds a second."""
    epoch, started, scale = text.split(",")
    first, wall, factor = datetime.fromisoformat(epoch), datetime.fromisoformat(started), float(scale)
    return lambda: first + (utc_now() - wall) * factor


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fleetkeeper.sim.slack", description=__doc__)
    parser.add_argument("--factor", type=float, default=1.0, help="how many times more calls than Slack to allow")
    parser.add_argument("--time", default="", help="EPOCH,STARTED,SCALE: of what messages are stamped with")
    parser.add_argument("--port", type=int, default=0, help="of the Web API (default: any free one)")
    parser.add_argument("--control-port", type=int, default=0, help="of the control channel (default: any free one)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
