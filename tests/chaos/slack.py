"""A simulated Slack as its own process, that restarts when it is told to: its workspace stays, its connections do not.

One line of JSON says where it is; it stays until its stdin ends. /do/restart closes its port for so many seconds.
"""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.slack.control import CHANGES, control_app
from fleetkeeper.sim.slack.server import SimSlack


class RestartingSlack(SimSlack):
    def restart(self, seconds: float) -> None:
        port = int(self._address.rpartition(":")[2])
        self._loopback.close()
        time.sleep(seconds)
        self._loopback = Loopback("sim-slack", [Listener(self._app(), port=port, sockets=True)])


def _restart(slack: SimSlack, said: dict[str, Any]) -> None:
    assert isinstance(slack, RestartingSlack)
    slack.restart(said["seconds"])


def _texts(slack: SimSlack, _said: dict[str, Any]) -> dict[str, Any]:
    """Of each notice where it was posted and what it says there now."""
    return {id: [[each.channel, each.thread_ts, each.text] for each in posts] for id, posts in slack.notices().items()}


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--factor", type=float, default=1000.0)
    with RestartingSlack(factor=parser.parse_args().factor) as slack:
        CHANGES["restart"], CHANGES["texts"] = _restart, _texts
        control = Listener(control_app(slack))
        channel = Loopback("control", [control])
        where = {"api_url": slack.api_url, "token": slack.bot_token, "control": f"http://127.0.0.1:{control.port}"}
        print(json.dumps(where), flush=True)
        sys.stdin.read()
        channel.close()


if __name__ == "__main__":
    main()
