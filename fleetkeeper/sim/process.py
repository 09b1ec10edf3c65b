"""Starts a simulator as a process of its own and talks to it: for benchmarks, the demo, and tests that kill things."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import fleetkeeper
from fleetkeeper.errors import FleetkeeperError

_READY_WITHIN = 90  # seconds


class SimulatorFailed(FleetkeeperError):
    """The simulator's process did not start, or refused a control request; its own words are in the text."""


class ServedProcess:
    """A simulator in a child process. Use it as a context manager, or close() it; it also ends with its parent.

    module: what `python -m` runs, with these arguments. ready: what it says of itself when it serves.
    """

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", module, *arguments]
        root = Path(fleetkeeper.__file__).parent.parent
        paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
        )
        try:
            self.ready = self._read_ready()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def control_url(self) -> str:
        return str(self.ready["control_url"])

    def control(self, method: str, path: str, body: object = None) -> Any:
        """The JSON answer of the control channel; SimulatorFailed with its reason when it refuses."""
        connection = HTTPConnection(urlsplit(self.control_url).netloc, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise SimulatorFailed(f"{method} {path} of the simulator answered {response.status}: {answer.decode()}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process: by closing its stdin, or by force when that takes too long."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _read_ready(self) -> dict[str, Any]:
        stdout = self._process.stdout
        if stdout is None:
            raise SimulatorFailed("the simulator has no stdout")
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            line = stdout.readline() if selector.select(_READY_WITHIN) else b""
        if not line:
            raise SimulatorFailed("the simulator did not become ready; its reason is on stderr")
        ready: dict[str, Any] = json.loads(line)
        return ready


class SimProcess(ServedProcess):
    """A simulated fleet. scale: simulated seconds in one of the wall's, 0 for the scenario's own."""

    def __init__(self, scenario: str | Path, *, clusters: int = 0, scale: float = 0) -> None:
        arguments = [str(scenario)]
        if clusters:
            arguments += ["--clusters", str(clusters)]
        if scale:
            arguments += ["--scale", str(scale)]
        super().__init__("fleetkeeper.sim", arguments)

    @property
    def aws_url(self) -> str:
        return str(self.ready["aws_url"])


class SlackProcess(ServedProcess):
    """A simulated Slack. factor: how many times more calls than the real one it allows.

    time: "EPOCH,STARTED,SCALE", of what messages are stamped with; "" for the wall's.
    """

    def __init__(self, *, factor: float = 1.0, time: str = "") -> None:
        super().__init__("fleetkeeper.sim.slack", ["--factor", str(factor), "--time", time])

    @property
    def api_url(self) -> str:
        return str(self.ready["api_url"])
