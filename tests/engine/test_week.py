"""A week of a wave in simulated time: windows, a freeze, a change ticket, an incident and a Friday."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from fleetkeeper.adapters.library_playbooks import read_files
from fleetkeeper.config import FreezeSettings
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.run import Event, RunState, StepState, Verb
from fleetkeeper.core.run_texts import event_text, names_of
from fleetkeeper.data import data_path
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.steps import all_steps
from tests.engine.live import world_of
from tests.engine.virtual import virtual_fleet

GOLDEN = Path(__file__).parents[1] / "golden" / "week.txt"
BERLIN = ZoneInfo("Europe/Berlin")

NIGHTS = 'windows = [{ days = ["mon", "tue", "wed", "thu"], from = "20:00", to = "04:00", zone = "Europe/Berlin" }]'

_CLUSTER = """
[[cluster]]
name = "{name}"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
version = "{version}"
addons = {{ coredns = "{coredns}" }}
tags = {{ environment = "prod", ring = "{ring}", service = "{name}", owner = "team-{name}" }}
[[cluster.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/shop-web:4.2.0"]
replicas = 2
"""
_POOL = """
[[cluster.nodes]]
name = "burst"
kind = "karpenter"
count = 2
[[cluster.helm]]
chart = "karpenter"
version = "1.9.0"
app_version = "1.9.0"
namespace = "kube-system"
"""
_OLD = "v1.12.3-eksbuild.1"
CLUSTERS = (
    _CLUSTER.format(name="alpha", ring="canary", version="1.34", coredns=_OLD)
    + _CLUSTER.format(name="beta", ring="production", version="1.34", coredns="default")
    + _CLUSTER.format(name="gamma", ring="production", version="1.34", coredns=_OLD)
    + _POOL
    + _CLUSTER.format(name="delta", ring="production", version="1.33", coredns="default")
)
"""delta is two minors behind; gamma has nodes of Karpenter."""

STAGES = f"""
[[stages]]
name = "canary"
clusters = "ring=canary"
{NIGHTS}

[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
params.for = "12h"
params.every = "1h"
params.max_age = "3h"
timeout = "2d"

[[stages]]
name = "rest"
max_concurrency = 2
order = ["version"]
{NIGHTS}

[[stages.gates]]
name = "ticket"
kind = "change"
when = "before"
params.entry = "open"
params.ask = "state"
params.close = "close"
params.every = "30m"
timeout = "7d"

[[stages.gates]]
name = "close"
kind = "change-close"
when = "after"
params.close = "close"

[[holds]]
name = "pages"
kind = "incident"
params.entry = "pages"
params.clear = "open=0"
"""


FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FROZEN = (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), datetime(2026, 11, 25, 12, 0, tzinfo=UTC))
INCIDENT = (datetime(2026, 11, 25, 20, 30, tzinfo=UTC), datetime(2026, 11, 25, 22, 30, tzinfo=UTC))


def test_a_week_passes_and_nothing_begins_when_it_must_not(tmp_path: Path) -> None:
    with virtual_fleet(world_of(CLUSTERS), tmp_path, [FreezeSettings("Stocktaking", *FROZEN)]) as made:
        made.hooks.says("pages", open="0")
        made.hooks.says("open", id="CHG-1042")
        made.hooks.says("state", state="waiting")
        made.hooks.says("close", id="CHG-1042")
        made.observe()
        plan = made.plan(nights(tmp_path))
        assert [member.name for member in plan.members] == ["alpha", "delta", "beta", "gamma"], plan.header.left
        assert [member.hops for member in plan.members] == [("1.35",), ("1.34", "1.35"), ("1.35",), ("1.35",)]
        id = made.start(plan)
        made.say(Verb.APPROVE, plan.header.id, "bob")
        began, ended = INCIDENT
        made.at(began - timedelta(hours=10), lambda: made.hooks.says("state", state="approved"))
        made.at(began, lambda: made.hooks.says("pages", open="1", id="P-7", title="checkout is slow"))
        made.at(ended, lambda: made.hooks.says("pages", open="0"))
        made.until(FRIDAY + timedelta(days=7), over=[id])
        run, events = made.run(id), [each.event for each in made.log(id)]
        assert run.run.state is RunState.SUCCEEDED, run.run
        assert made.mute == set()
        assert_in_order(run)
        acts = [
            each for each in events if each.kind == "act" and each.task is not None and each.task < len(plan.members)
        ]
        assert len(acts) >= 4 * 5
        assert [each for each in acts if may_not_begin(each.at)] == []
        assert story(events, names_of(run.tasks)) == GOLDEN.read_text("utf-8")


def assert_in_order(run: StoredRun) -> None:
    """Every step of a member after the one before it, and the second stage after the last of the first."""
    for member in run.plan.members:
        rows = sorted((row for row in run.steps if row.key.idx == member.idx), key=lambda row: row.idx)
        assert [(row.kind, row.state) for row in rows] == [(step.kind, StepState.SUCCEEDED) for step in member.steps]
        for earlier, later in pairwise(rows):
            assert earlier.ended_at is not None
            assert later.started_at is not None
            assert earlier.ended_at <= later.started_at
    first = max(task.ended_at for task in run.tasks if task.stage == 0 and task.ended_at is not None)
    assert first <= min(task.started_at for task in run.tasks if task.stage == 1 and task.started_at is not None)


def may_not_begin(at: datetime) -> bool:
    local = (at - timedelta(hours=4)).astimezone(BERLIN)  # a night belongs to the day on which it began
    is_night = local.weekday() <= 3 and local.hour >= 16
    return not is_night or any(begins <= at < ends for begins, ends in (FROZEN, INCIDENT))


def story(events: Sequence[Event], names: dict[int, str]) -> str:
    """The log as people read it, a line for each event. Ids are made alike, and so is what happens in one moment."""
    lines = []
    for (_, own), some in groupby(events, key=lambda each: (each.at, each.task is not None and "." not in each.kind)):
        inside = sorted(some, key=lambda each: (each.task or 0) if own else 0)
        lines += [f"{each.at:%a %d %b} {event_text(each, names)}" for each in inside]
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UPDATE", "\n".join(lines) + "\n")
    return re.sub(r"nights-[0-9a-f]{8}", "PLAN", text)


def nights(folder: Path) -> Playbook:
    """The shipped steps of an upgrade, in stages with windows."""
    text = (data_path("playbooks") / "minor-upgrade.toml").read_text("utf-8").partition("[[stages]]")[0]
    text = text.replace('params.for = "2h"', 'params.for = "2h"\nparams.every = "10m"')
    file = folder / "nights.toml"
    file.write_text(text.replace('name = "minor-upgrade"', 'name = "nights"') + STAGES, "utf-8")
    return next(iter(read_files([file], all_steps(), all_gates()).values()))
