"""An observed fleet in scaled time on which runs go, and what tests type to make and follow one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetkeeper.cli.actor import actor
from fleetkeeper.clock import ENVIRONMENT, ScaledClock
from fleetkeeper.sim.process import SimProcess
from tests.cli.conftest import Command
from tests.cli.programs import SCALE, of_fleet, run
from tests.sqlite import migrated

PEOPLE = """
[approvals]
local = true

[approvals.people]
bob = "approver"
{actor} = "operator"

[observe]
schedule = "0 0 1 jan *"
stale_after_minutes = 44640
""".replace("{actor}", json.dumps(actor()))
PLAYBOOK = """
name = "dns"
title = "Update CoreDNS"
purpose = "An old CoreDNS blocks the next minor."
changes = "addons"

[[steps]]
name = "update"
kind = "update-addon"
params.addon = "coredns"
params.version = "latest"
timeout = "45m"

[[stages]]
name = "all"
max_concurrency = 1

[[stages.gates]]
name = "go-ahead"
kind = "approval"
when = "before"
timeout = "7d"
"""


def observed(fleet: SimProcess, home: Path, store: str = "", people: str = PEOPLE) -> dict[str, str]:
    """The environment of a fleet that was read once. store: "" is a SQLite database that is made in home."""
    if not store:
        store = migrated(home / "fleet.db").url
    now = datetime.fromisoformat(fleet.control("GET", "/state")["now"])
    clock = ScaledClock(now, datetime.now(UTC), SCALE)
    environ = of_fleet(home, fleet, store, people) | {ENVIRONMENT: clock.to_text()}
    done = run(["observe"], environ, home)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (home / "dns.toml").write_text(PLAYBOOK, "utf-8")
    return environ


def planned(command: Command, environ: dict[str, str], playbook: str = "dns", selector: str = "") -> str:
    """A new plan; its id."""
    name = f"{environ['HOME']}/dns.toml" if playbook == "dns" else playbook
    answer = command("plan", name, *(["-l", selector] if selector else []), "-o", "json", environ=environ)
    assert answer.exit_code == 0, answer.stderr
    return str(json.loads(answer.stdout)["header"]["id"])


def begun(command: Command, environ: dict[str, str], plan: str, code: int) -> str:
    answer = command("run", "start", plan, "--yes", environ=environ)
    assert answer.exit_code == code, answer.stderr
    return answer.stdout.strip()


def status(command: Command, environ: dict[str, str], id: str) -> Any:
    return json.loads(command("run", "status", id, "-o", "json", environ=environ).stdout)["items"][0]
