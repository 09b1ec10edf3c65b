"""A real Alertmanager on a loopback port, which notifies nobody."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.request import Request, urlopen

from fleetkeeper.sim.programs import debian
from fleetkeeper.sim.programs.listening import Listening

_CONFIG = "route: {receiver: nobody, group_wait: 0s}\nreceivers: [{name: nobody}]\n"

_TEMPLATES = b"/usr/share/prometheus/alertmanager"
_HERE = b"." + b"/." * 16 + b"/"  # as long, and the folder that it is started in


class Alertmanager(Listening):
    def __init__(self) -> None:
        package = debian.found(debian.ALERTMANAGER)
        super().__init__("Alertmanager", "alertmanager")
        try:
            (self._group.folder / "alertmanager.yml").write_text(_CONFIG, "utf-8")
            # Port 0: the system chooses one, and the log says which. No cluster: it is alone.
            options = ["--web.listen-address=127.0.0.1:0", "--cluster.listen-address=", "--storage.path=data"]
            program = _relocated(package, self._group.folder)
            self._group.start("alertmanager", [program, "--config.file=alertmanager.yml", *options])
            self._wait()
        except BaseException:
            self._group.close()
            raise

    def fire(self, *alerts: Mapping[str, str]) -> None:
        """Alerts by their labels, as Prometheus would send them."""
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        request = Request(f"{self.url}/api/v2/alerts", body, {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            assert answer.status == 200

    def silenced(self) -> dict[str, bool]:
        """The name of each alert that fires → whether a silence covers it."""
        with urlopen(f"{self.url}/api/v2/alerts") as answer:
            found = json.load(answer)
        return {each["labels"]["alertname"]: bool(each["status"]["silencedBy"]) for each in found}


def _relocated(package: Path, folder: Path) -> Path:
    """A copy that reads its templates from the folder: Debian's has the path of an installation compiled in."""
    for template in (package / _TEMPLATES.decode().lstrip("/")).glob("*.tmpl"):
        shutil.copy(template, folder)
    program = folder / "prometheus-alertmanager"
    program.write_bytes((package / debian.ALERTMANAGER.program).read_bytes().replace(_TEMPLATES, _HERE))
    program.chmod(0o755)
    return program
