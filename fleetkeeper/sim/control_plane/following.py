"""Follows the objects of a real API server by list and watch, through every change of its version."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.plane import PATIENCE, ControlPlane

_AGAIN = 0.05  # seconds until the next look at an API server that is away
_WATCH = 50  # seconds until a watch begins anew; shorter than the wire's patience with a silent server
Object = dict[str, Any]
Listed = Callable[[list[Object]], None]
Changed = Callable[[str, Object], None]
"""Told the type of a watch event (ADDED, MODIFIED, DELETED) and its object."""


class Follower:
    """One path of a running plane, listed and watched in a thread of its own from start to close."""

    def __init__(self, plane: ControlPlane, path: str, listed: Listed, changed: Changed) -> None:
        self._plane, self._path = plane, path
        self._listed, self._changed = listed, changed
        self._closing, self._begun = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {path}", daemon=True)

    def start(self) -> None:
        """Returns when the first listing was told; ControlPlaneError when there is none."""
        self._thread.start()
        if not self._begun.wait(PATIENCE):
            raise ControlPlaneError(f"{self._path} was not listed within {PATIENCE:.0f} s")

    def close(self) -> None:
        """End the thread, after the plane: its end is that of an open watch. Harmless where it never started."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            with suppress(ControlPlaneError, json.JSONDecodeError):  # away, or broken off: list again
                self._list_and_watch()
            self._closing.wait(_AGAIN)

    def _list_and_watch(self) -> None:
        answer = self._plane.request("GET", self._path)
        if not answer.ok:
            return
        found = answer.json()
        self._listed(found["items"] or [])
        self._begun.set()
        since = found["metadata"]["resourceVersion"]
        with self._plane.stream(f"{self._path}?watch=1&resourceVersion={since}&timeoutSeconds={_WATCH}") as lines:
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":  # too old: the history that it would need is gone
                    return
                self._changed(event["type"], event["object"])
