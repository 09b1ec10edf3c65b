"""What approvers read of steps and gates: every kind has words, none is told that is not, and they say what it does."""

import re
from inspect import getattr_static
from pathlib import Path

import pytest

from fleetkeeper.core.kind_words import GATES, STEPS, gate_words, step_words
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.steps import all_steps

PAGE = (Path(__file__).parents[2] / "docs" / "playbooks.md").read_text("utf-8")


def test_exactly_the_kinds_of_steps_and_gates_that_there_are_have_words() -> None:
    assert STEPS.keys() == all_steps().keys()
    assert GATES.keys() == all_gates().keys()


def test_a_kind_of_ones_own_is_told_as_such() -> None:
    assert "of this fleet's own" in step_words("paint").does
    assert "of this fleet's own" in gate_words("moon")


@pytest.mark.parametrize("heading", ["steps", "gates"])
def test_the_page_of_playbooks_lists_exactly_the_kinds_that_there_are(heading: str) -> None:
    table = PAGE.split(f"## Kinds of {heading}\n")[1].split("\n## ")[0]
    told = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert sorted(told) == sorted(all_steps() if heading == "steps" else all_gates())


@pytest.mark.parametrize("kind", sorted(all_steps()))
def test_the_way_back_says_what_the_kind_of_step_can_do(kind: str) -> None:
    step, back = all_steps()[kind], STEPS[kind].back
    assert ("`undo`" in back) is ("undo" in step.names)
    assert ("cannot be stopped" in back) is (getattr_static(step, "cancellable") is False)
    assert ("changes nothing" in back) is issubclass(step, OnlyLooks)


def test_a_step_that_reaches_an_endpoint_tells_that_it_may_be_called_again() -> None:
    reaching = {kind for kind, step in all_steps().items() if {"entry", "channel"} & step.names.keys()}
    told = {kind for kind, words in STEPS.items() if "Idempotency-Key" in words.wrong}
    assert told == reaching - {"run-command"} == {"webhook", "notify"}
