"""A nursery of postmen: on a line of JSON it forks a process that delivers notices as `serve` does; prints its pid."""

import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetkeeper import logs
from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import Secret, SlackSettings, StoreSettings
from fleetkeeper.core.notices.values import Via
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import Timing
from fleetkeeper.engine.notice_ports import Pace

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
TIMING = Timing(threads=8, call=1.0, lease=6.0, pause=0.2, idle=1.0)
PACE = Pace(address_seconds=0.001, via_per_second=3000.0)
"""Slack's limits, ×1000."""


@dataclass(frozen=True, slots=True)
class Round:
    """Which postman is wanted."""

    name: str
    database: str
    api_url: str
    token: str


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def deliverer(order: Round) -> Deliverer:
    settings = SlackSettings(Secret(order.token), api_url=order.api_url, history=True, timeout_seconds=TIMING.call)
    notices = SqlNotices(StoreSettings(order.database))
    return Deliverer(notices, {Via.SLACK: SlackChat(settings)}, _Clock(), order.name, {Via.SLACK: PACE}, TIMING)


def _bear(order: Round) -> int:
    pid = os.fork()
    if pid:
        return pid
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    try:
        logs.configure("error", "text")  # stdout is where pids are told
        deliverer(order).run(threading.Event())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no funeral
    for line in sys.stdin:
        print(_bear(Round(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
