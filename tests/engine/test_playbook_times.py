"""A gate or step whose own time is not below its timeout could never end well: the playbook that has one is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from fleetkeeper import documents
from fleetkeeper.core.playbook import Params, Playbook
from fleetkeeper.core.playbook_file import read_playbook
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.errors import ConfigError

SOAK = """\
name = "waits"
title = "Waits"
purpose = "Because."
changes = "addons"
[[steps]]
name = "look"
kind = "preflight"
[[stages]]
name = "all"
[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
params.for = "2h"
timeout = "2h"
"""


@dataclass(frozen=True, slots=True)
class Rest:
    """A step that rests for an hour, whatever it is told."""

    version: ClassVar[int] = 1

    @classmethod
    def of(cls, params: Params) -> "Rest":  # it takes none
        return cls()

    @property
    def lasts(self) -> tuple[str, timedelta]:
        return "pause", timedelta(hours=1)


def read(text: str, more_steps: Mapping[str, type[Any]] | None = None) -> Playbook:
    root = documents.parse(text, "pb.toml")
    found = read_playbook(root, "digest", "pb.toml", {**all_steps(), **(more_steps or {})}, all_gates())
    root.finish()
    return found


@pytest.mark.parametrize(
    ("timeout", "told"),
    [
        pytest.param('timeout = "2h"', "2h", id="the same"),
        pytest.param('timeout = "90m"', "1h30m", id="less"),
    ],
)
def test_a_soak_that_its_timeout_cuts_off_is_refused_with_line_field_and_fix(timeout: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(SOAK.replace('timeout = "2h"', timeout))
    assert str(refused.value) == (
        f"pb.toml:14: stages[0].gates[0].params.for: lasts 2h, and its timeout of {told} fails it before"
        " — set a timeout of more than 2h, with room for what comes after that time"
    )


def test_a_soak_is_held_against_the_timeout_that_nobody_wrote() -> None:
    week = SOAK.replace('timeout = "2h"\n', "").replace('"2h"', '"7d"')
    with pytest.raises(ConfigError, match=r"pb\.toml:14: .*lasts 7d, and its timeout of 7d fails it before"):
        read(week)


def test_a_soak_with_room_before_its_timeout_is_taken() -> None:
    gate = read(SOAK.replace('timeout = "2h"', 'timeout = "2h1m"')).stages[0].gates[0]
    assert gate.timeout == timedelta(minutes=121)


def test_any_kind_of_step_can_say_that_it_lasts() -> None:
    text = SOAK.replace('timeout = "2h"', 'timeout = "1d"').replace('"preflight"', '"rest"\ntimeout = "{0}"')
    with pytest.raises(ConfigError, match=r"steps\[0\]\.params\.pause: lasts 1h, and its timeout of 30m fails it"):
        read(text.format("30m"), {"rest": Rest})
    assert read(text.format("61m"), {"rest": Rest}).steps[0].kind == "rest"


def test_a_metric_that_held_before_the_gate_needs_no_longer_timeout() -> None:
    """Its `for` is asked of the server, and time before the gate counts."""
    metric = SOAK.replace('kind = "soak"', 'kind = "metric"\nparams.source = "main"\nparams.query = "up"')
    metric = metric.replace('params.for = "2h"', 'params.for = "2h"\nparams.op = ">"\nparams.value = 0')
    assert read(metric).stages[0].gates[0].kind == "metric"
