"""A nursery of postmen: on a line of JSON it forks a process that delivers notices as `serve` does; prints its pid.

On a line with a pid alone it prints that pid if the process has stopped, else 0: only a parent is told so everywhere.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fleetkeeper import logs
from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.config import Secret, SlackSettings, StoreSettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Via
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import Timing
from fleetkeeper.engine.notice_ports import Pace

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
TIMING = Timing(threads=8, call=1.0, lease=6.0, pause=0.2, idle=1.0)
PACE = Pace(address_seconds=0.001, via_per_second=3000.0)
"""Slack's limits, ×1000."""


@dataclass(frozen=True, slots=True)
class Round:
    """Which postman is wanted. freezes: the post at which it stops itself, right before that is sent; 0 for never."""

    name: str
    database: str
    api_url: str
    token: str
    threads: int = 8
    freezes: int = 0


class _Freezing(SlackChat):
    """Stops the whole process where nothing can be looked at any more but right before the sending itself."""

    def __init__(self, settings: SlackSettings, freezes: int) -> None:
        super().__init__(settings)
        self._left = freezes

    def post(self, address: str, message: Message, thread: Posted | None, id: str) -> Posted:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().post(address, message, thread, id)


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def deliverer(order: Round) -> Deliverer:
    settings = SlackSettings(Secret(order.token), api_url=order.api_url, history=True, timeout_seconds=TIMING.call)
    notices = SqlNotices(StoreSettings(order.database))
    timing = replace(TIMING, threads=order.threads)
    chats = {Via.SLACK: _Freezing(settings, order.freezes)}
    return Deliverer(notices, chats, _Clock(), order.name, {Via.SLACK: PACE}, timing)


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


def _stopped(pid: int) -> int:
    found, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
    return pid if found and os.WIFSTOPPED(status) else 0


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no funeral
    for line in sys.stdin:
        order = json.loads(line)
        print(_stopped(order) if isinstance(order, int) else _bear(Round(**order)), flush=True)


if __name__ == "__main__":
    main()
