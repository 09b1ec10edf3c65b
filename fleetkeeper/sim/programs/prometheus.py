"""A real Prometheus on a loopback port, with samples of the past and targets of the present."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.processes import ProcessGroup
from fleetkeeper.sim.programs import debian

_PATIENCE = 30.0  # seconds to start: well above what a shared machine of two cores needs
_LISTENS = re.compile(r'msg="?Listening on"? address=(127\.0\.0\.1:\d+)')

_CONFIG = """
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - job_name: target
    static_configs: [{targets: %s}]
"""


class Prometheus:
    """Use as a context manager. history: lines of OpenMetrics with timestamps; targets: host:port that it scrapes."""

    def __init__(self, history: Iterable[str] = (), targets: Iterable[str] = ()) -> None:
        programs = debian.found(debian.PROMETHEUS) / "usr" / "bin"
        self._group = ProcessGroup("fleetkeeper-prometheus-")
        try:
            folder = self._group.folder
            (folder / "prometheus.yml").write_text(_CONFIG % json.dumps(list(targets)), "utf-8")
            if lines := list(history):
                (folder / "history").write_text("\n".join([*lines, "# EOF", ""]), "utf-8")
                command = [str(programs / "promtool"), "tsdb", "create-blocks-from", "openmetrics", "history", "data"]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise ControlPlaneError(f"promtool did not take the history: {done.stdout}{done.stderr}")
            # Port 0: the system chooses one, and the log says which.
            options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"]
            self._group.start("prometheus", [programs / "prometheus", *options])
            self.url = self._when_ready()
        except BaseException:
            self._group.close()
            raise

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self._group.close()

    def stop(self) -> None:
        """End the server; its address refuses connections from then on."""
        self._group.end("prometheus")

    def wait_for(self, expression: str) -> None:
        """Until a query has a value: the first scrape was made."""
        query = urlencode({"query": expression})

        def has_value() -> bool:
            with urlopen(f"{self.url}/api/v1/query?{query}") as answer:
                return bool(json.load(answer)["data"]["result"])

        self._until(has_value)

    def _when_ready(self) -> str:
        found: list[str] = []

        def is_ready() -> bool:
            log = self._group.folder / "prometheus.log"
            match = _LISTENS.search(log.read_text("utf-8")) if log.exists() else None
            if match is None:
                return False
            found[:] = [f"http://{match[1]}"]
            with urlopen(f"{found[0]}/-/ready") as answer:
                return bool(answer.status == 200)

        self._until(is_ready)
        return found[0]

    def _until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self._group.check()
            with suppress(URLError, OSError):
                if done():
                    return
            time.sleep(0.05)
        raise ControlPlaneError(
            f"Prometheus did not get ready in {_PATIENCE:g} s:\n{self._group.last_lines('prometheus')}"
        )
