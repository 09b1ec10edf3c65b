"""A week of a wave in simulated time: windows, a freeze, a change ticket, an incident and a Friday."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fleetkeeper.adapters.library_playbooks import read_files
from fleetkeeper.config import FreezeSettings
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.run import RunState, Verb
from fleetkeeper.core.run_page import event_text, names_of
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.steps import all_steps
from tests.engine.live import world_of
from tests.engine.virtual import virtual_fleet

BERLIN = ZoneInfo("Europe/Berlin")

CLUSTERS = "".join(
    f"""
[[cluster]]
name = "{name}"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
version = "1.34"
addons = {{ coredns = "v1.12.3-eksbuild.1" }}
tags = {{ environment = "prod", ring = "{ring}", service = "{name}", owner = "team-{name}" }}
"""
    for name, ring in (("alpha", "canary"), ("beta", "production"), ("gamma", "production"), ("delta", "production"))
)

PLAYBOOK = """
name = "nights"
title = "Update addons at night"
purpose = "Old addons block the next minor."
changes = "addons"

[[steps]]
name = "preflight"
kind = "preflight"
timeout = "30m"

[[steps]]
name = "update"
kind = "update-addon"
params.addon = "*"
timeout = "45m"

[[stages]]
name = "canary"
clusters = "ring=canary"
windows = [{ days = ["mon", "tue", "wed", "thu"], from = "20:00", to = "04:00", zone = "Europe/Berlin" }]

[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
params.for = "12h"
params.every = "30m"
params.max_age = "3h"
timeout = "2d"

[[stages]]
name = "rest"
max_concurrency = 1
windows = [{ days = ["mon", "tue", "wed", "thu"], from = "20:00", to = "04:00", zone = "Europe/Berlin" }]

[[stages.gates]]
name = "ticket"
kind = "change"
when = "before"
params.entry = "open"
params.ask = "state"
params.close = "close"
params.every = "30m"

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


def test_a_week_passes_and_nothing_begins_when_it_must_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    friday = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    tuesday = FreezeSettings(
        "Stocktaking", datetime(2026, 11, 24, 12, 0, tzinfo=UTC), datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    )
    with virtual_fleet(world_of(CLUSTERS), tmp_path, monkeypatch, [tuesday]) as made:
        made.hooks.says("pages", open="0")
        made.hooks.says("open", id="CHG-1042")
        made.hooks.says("state", state="waiting")
        made.hooks.says("close", id="CHG-1042")
        made.observe()
        plan = made.plan(nights(tmp_path))
        assert [member.name for member in plan.members] == ["alpha", "beta", "delta", "gamma"], plan.header.left
        id = made.start(plan)
        made.say(Verb.APPROVE, plan.header.id, "bob")
        wednesday = datetime(2026, 11, 25, 20, 30, tzinfo=UTC)
        made.at(wednesday - timedelta(hours=10), lambda: made.hooks.says("state", state="approved"))
        made.at(wednesday, lambda: made.hooks.says("pages", open="1", id="P-7", title="checkout is slow"))
        made.at(wednesday + timedelta(hours=2), lambda: made.hooks.says("pages", open="0"))
        made.until(friday + timedelta(days=9), over=[id])
        print(
            "\n".join(
                f"{e.event.at:%a %d %H:%M} {event_text(e.event, names_of(made.run(id).tasks))}" for e in made.log(id)
            )
        )
        assert made.run(id).run.state is RunState.SUCCEEDED, made.run(id).run


def nights(folder: Path) -> Playbook:
    file = folder / "nights.toml"
    file.write_text(PLAYBOOK, "utf-8")
    return next(iter(read_files([file], all_steps(), all_gates()).values()))
