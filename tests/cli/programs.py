"""fleetkeeper as a process of its own: its environment, its configuration for a simulated fleet, and what it says."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.sim.process import SimProcess

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds for a process to say or do what it must; only a failure takes that long."""

SCALE = 60.0
"""Simulated seconds in one of the wall's, of fleets on which runs go."""

_FLEET = """
[store]
url = "{store}"

[aws]
regions = ["eu-west-1"]
endpoint_url = "{url}"
requests_per_second = 100

[[aws.accounts]]
id = "111122223333"

[[aws.accounts]]
id = "444455556666"
external_id_env = "SHOP_EXTERNAL_ID"

[kubernetes]
timeout_seconds = 20

[serve]
listen = "127.0.0.1:0"

[[engine.direct]]
components = ["addons"]
"""


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """An environment that holds nothing of this machine's own settings and credentials."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "FLEETKEEPER_", "XDG_", "KUBE")) and name not in ("NO_COLOR", "FORCE_COLOR")
    }
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def of_fleet(home: Path, fleet: SimProcess, store: str, more: str = "") -> dict[str, str]:
    """An environment and a configuration file for the simulated fleet `three`."""
    config = home / "fleetkeeper.toml"
    config.write_text(_FLEET.format(store=store, url=fleet.aws_url) + more, encoding="utf-8")
    return surroundings(
        home,
        FLEETKEEPER_CONFIG=str(config),
        AWS_ACCESS_KEY_ID=str(fleet.ready["access_key_id"]),
        AWS_SECRET_ACCESS_KEY=str(fleet.ready["secret_access_key"]),
        SHOP_EXTERNAL_ID="three-shop",
    )


def fast_time(epoch: str, scale: float) -> dict[str, str]:
    """Simulated time from the epoch on, so fast that slots of a crontab pass in moments."""
    return {ENVIRONMENT: ScaledClock(datetime.fromisoformat(epoch), datetime.now(UTC), scale).to_text()}


def run(arguments: list[str], environ: Mapping[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    command = [sys.executable, "-m", "fleetkeeper", *arguments]
    return subprocess.run(
        command, env=dict(environ), cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


class Program:
    """A running fleetkeeper. Use it as a context manager; what is left of it at the end is killed."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str], folder: Path) -> None:
        command = [sys.executable, "-m", "fleetkeeper", *arguments]
        self.process = subprocess.Popen(
            command, env=dict(environ), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.ended()

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """What it logged so far."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [event for event in found if not name or event["event"] == name]

    def await_event(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until it has logged so many events of that name; the newest of them."""
        self.await_that(lambda: len(self.events(name)) >= count, f"{count} times {name}")
        return self.events(name)[-1]

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something to hold, looking after each line that it says."""
        with self._news:
            done = self._news.wait_for(lambda: self._over or holds(), PATIENCE)
        assert done, f"not within {PATIENCE} s: {what}: {self.lines}"
        assert holds(), f"ended before {what}: {self.lines}"

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; its exit code, negative for a signal that killed it."""
        code = self.process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                with self._news:
                    self.lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()


@contextmanager
def slow(fleet: SimProcess, **fault: object) -> Iterator[None]:
    """The fleet answers some requests only after a minute."""
    fleet.control("POST", "/faults", {"add": [{"kind": "slow", "seconds": 60.0, **fault}]})
    try:
        yield
    finally:
        fleet.control("POST", "/faults", {"clear": True})
