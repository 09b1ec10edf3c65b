"""A real server on a loopback port that the system chose: its log says which, and /-/ready when it serves."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.processes import ProcessGroup

_PATIENCE = 30.0  # seconds to start: well above what a shared machine of two cores needs
_LISTENS = re.compile(r'msg="?Listening on"? address=(127\.0\.0\.1:\d+)')


class Listening:
    """Use as a context manager. title is how people call it, name that of its process and its log."""

    def __init__(self, title: str, name: str) -> None:
        self._title, self._name = title, name
        self._group = ProcessGroup(f"fleetkeeper-{name}-")
        self.url = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._group.close()

    def stop(self) -> None:
        """End the server; its address refuses connections from then on."""
        self._group.end(self._name)

    def _wait(self) -> None:
        def is_ready() -> bool:
            log = self._group.folder / f"{self._name}.log"
            match = _LISTENS.search(log.read_text("utf-8")) if log.exists() else None
            if match is None:
                return False
            self.url = f"http://{match[1]}"
            with urlopen(f"{self.url}/-/ready") as answer:
                return bool(answer.status == 200)

        self._until(is_ready)

    def _until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self._group.check()
            with suppress(URLError, OSError):
                if done():
                    return
            time.sleep(0.05)
        raise ControlPlaneError(
            f"{self._title} did not get ready in {_PATIENCE:g} s:\n{self._group.last_lines(self._name)}"
        )
