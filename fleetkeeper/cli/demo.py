"""`fleetkeeper demo`: the main job on a simulated fleet, over HTTP; leaves nothing behind."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.observe import observed
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from fleetkeeper.core.reports.rows import ReportRow
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

_NEEDS = ("moto", "flask", "starlette", "uvicorn", "wsproto", "cryptography")

_TRY_NEXT = """
What to try next
  fleetkeeper demo --stay              keep this fleet up, and use every command on it from another terminal
  fleetkeeper get nodes | get addons   what runs where, and how each addon was found
  fleetkeeper assess -l name=data      what stands between one cluster and its next minor
  fleetkeeper get findings             everything that was found, gravest first; explain one by its fingerprint
  fleetkeeper get changes --since 1h   what changed, from what to what
  fleetkeeper serve                    observe every 15 simulated minutes, and carry out runs
  fleetkeeper plan addons-only         the page to approve; then run start, run approve --as bob, run watch
  fleetkeeper notices preview          who would be told what, and why; get owners says whose it is
  fleetkeeper get runs                 what was carried out; run log RUN tells all of it
  fleetkeeper doctor legacy-erp        why a cluster is not seen, and who must do what
  Your own fleet: cp config.example.toml fleetkeeper.toml, then fleetkeeper config check
"""


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with what it shows; exit 1 if any.")
    ] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the simulated fleet up until Ctrl-C.")] = False,
) -> None:
    """Observe, judge, upgrade, drain and tell owners in a simulated fleet of thirteen clusters; needs no cloud."""
    _require_extra()
    from fleetkeeper.cli.demo_wave import SCALE
    from fleetkeeper.sim.process import SimProcess

    print("A simulated fleet: 13 clusters in 3 accounts and 2 regions, over HTTP on this machine.", file=sys.stderr)
    print(f"Its time is scaled: {SCALE:g} s pass in one.", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory(prefix="fleetkeeper-demo-") as folder,
        SimProcess("demo", scale=SCALE) as fleet,
        _surroundings(fleet, Path(folder)) as environ,
    ):
        failures = _story(fleet, check)
        if stay:
            _stay(environ)
    if check:
        _tell(failures)


def _story(fleet: "SimProcess", check: bool) -> tuple[str, ...]:
    """Observe, judge, show what somebody changed, carry out a wave, tell owners; what is wrong with it, when asked."""
    from fleetkeeper import wiring
    from fleetkeeper.cli import demo_notices, demo_rotation, demo_wave, fleet_tables, tables
    from fleetkeeper.cli.demo_check import campaign_failures, drain_failures, failures, wave_failures
    from fleetkeeper.core.changes import change_rows
    from fleetkeeper.core.fleet import NEEDED, fleet_rows, gap_rows
    from fleetkeeper.core.selector import Selector
    from fleetkeeper.settings.load import load

    settings = load(None, os.environ)
    wiring.upgrade_database(settings)
    console = tables.console()
    with wiring.keeper(settings, "error") as keeper:
        outcome = observed(keeper, "")
        seen = keeper.fleet(Selector(), NEEDED)
        rows = fleet_rows(seen)
        fleet_tables.show_clusters(console, rows, gap_rows(rows, keeper.not_listed()), seen.now)
        judged = _assessed(keeper, console)
        print("\nSomeone upgrades the cluster `tooling` by hand. After the next observation:\n")
        begun = keeper.ports.clock.now()
        fleet.control("POST", "/touch", {"cluster": _TOUCHED, "set": _BY_HAND})
        observed(keeper, f"name={_TOUCHED}")
        changes = keeper.changes(begun, None, Selector())
        fleet_tables.show_changes(console, change_rows(changes))
        told = demo_wave.wave(settings, keeper, fleet)
        drained = demo_rotation.rotation(settings, keeper, fleet)
    campaign = demo_notices.campaign(settings, fleet)
    print(_TRY_NEXT, end="")
    if not check:
        return ()
    of_runs = (*wave_failures(told), *drain_failures(drained))
    return (*failures(seen, outcome, changes, judged), *of_runs, *campaign_failures(campaign))


def _assessed(keeper: "Keeper", console: "Console") -> tuple["ReportRow", ...]:
    """Judge the fleet for its next minors, and show one cluster in detail."""
    from fleetkeeper.cli import readiness_tables
    from fleetkeeper.core.reports.rows import by_urgency, report_row
    from fleetkeeper.core.selector import Selector

    rows = tuple(by_urgency(report_row(report, frozenset()) for report in keeper.assess(Selector(), None)))
    print("\nIs it ready for its next minors? For each hop what blocks it, and what to do first:\n")
    readiness_tables.show_fleet(console, rows)
    print(f"\nOne of them in detail, as `fleetkeeper assess -l name={_DETAILED}` tells it:\n")
    shown = next(row for row in rows if row.cluster == _DETAILED)
    readiness_tables.show_cluster(console, shown, keeper.ports.clock.now(), every=False)
    return rows


_DETAILED = "payments"
_TOUCHED = "tooling"
_BY_HAND = {"version": "1.36"}


@contextmanager
def _surroundings(fleet: "SimProcess", folder: Path) -> Iterator[dict[str, str]]:
    """A configuration, credentials and a clock for the simulated fleet, as environment of this process for a while."""
    from fleetkeeper.cli.demo_wave import SETTINGS, write_playbooks
    from fleetkeeper.clock import ENVIRONMENT, ScaledClock

    ready, state = fleet.ready, fleet.control("GET", "/state")
    clock = ScaledClock(datetime.fromisoformat(state["now"]), datetime.now(UTC), float(state["scale"]))
    config = folder / "fleetkeeper.toml"
    write_playbooks(folder / "playbooks")
    own = _CONFIG.format(url=fleet.aws_url, management=ready["management_account"])
    config.write_text(own + SETTINGS, "utf-8")
    new = {
        "FLEETKEEPER_CONFIG": str(config),
        ENVIRONMENT: clock.to_text(),
        "DEMO_EXTERNAL_ID_PROD": "fk-commerce-prod",
        "DEMO_EXTERNAL_ID_DEV": "fk-commerce-dev",
        "AWS_ACCESS_KEY_ID": str(ready["access_key_id"]),
        "AWS_SECRET_ACCESS_KEY": str(ready["secret_access_key"]),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }
    before = dict(os.environ)
    for name in [n for n in before if n.startswith(("AWS_", "FLEETKEEPER_"))]:
        del os.environ[name]
    os.environ.update(new)
    try:
        yield new
    finally:
        os.environ.clear()
        os.environ.update(before)


_CONFIG = """
playbook_folders = ["playbooks"]  # the shipped ones of an upgrade, with minutes for hours

[store]
url = "sqlite:///demo.db"

[aws]
regions = ["eu-west-1", "us-east-1"]
endpoint_url = "{url}"
requests_per_second = 100  # nobody else needs this simulated AWS

[aws.organizations]
exclude_accounts = ["{management}"]

[[aws.accounts]]
id = "210987654321"
external_id_env = "DEMO_EXTERNAL_ID_PROD"

[[aws.accounts]]
id = "410987654323"
external_id_env = "DEMO_EXTERNAL_ID_DEV"

[observe]
helm_secrets = true
stale_after_minutes = 1440
"""


def _stay(environ: dict[str, str]) -> None:
    print("\nThe fleet stays up until Ctrl-C. In another terminal:\n")
    for name, value in environ.items():
        print(f"  export {name}='{value}'")
    print("  fleetkeeper get clusters\n", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("The fleet is gone.", file=sys.stderr)


def _tell(failures: tuple[str, ...]) -> None:
    for failure in failures:
        print(f"demo --check: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(Exit.ERROR)
    print("demo --check: everything is as it should be.", file=sys.stderr)


def _require_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise UsageError(f"the demo needs {', '.join(missing)}: run  pip install 'fleetkeeper[demo]'")
