"""A real Prometheus on a loopback port, with samples of the past and targets of the present."""

import json
import subprocess
from collections.abc import Iterable
from urllib.parse import urlencode
from urllib.request import urlopen

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.programs import debian
from fleetkeeper.sim.programs.listening import Listening

_CONFIG = """
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
  - job_name: target
    static_configs: [{targets: %s}]
"""


class Prometheus(Listening):
    """history: lines of OpenMetrics with timestamps; targets: host:port that it scrapes."""

    def __init__(self, history: Iterable[str] = (), targets: Iterable[str] = ()) -> None:
        programs = debian.found(debian.PROMETHEUS) / "usr" / "bin"
        super().__init__("Prometheus", "prometheus")
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
            self._wait()
        except BaseException:
            self._group.close()
            raise

    def wait_for(self, expression: str) -> None:
        """Until a query has a value: the first scrape was made."""
        query = urlencode({"query": expression})

        def has_value() -> bool:
            with urlopen(f"{self.url}/api/v1/query?{query}") as answer:
                return bool(json.load(answer)["data"]["result"])

        self._until(has_value)
