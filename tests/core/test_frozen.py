"""Frozen dataclasses that are made and changed fast: nobody can tell them from those that were made slowly."""

import dataclasses
from dataclasses import FrozenInstanceError, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.core.frozen import maker, replace
from fleetkeeper.core.run import Cause, Event, Role, Step, StepState, Task, TaskKey, TaskState, Why

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = TaskKey("r-1", 7)
TASK = Task(KEY, Role.MEMBER, "shop", 0, "eu", TaskState.RUNNING, NOON, 3, why=Why(Cause.STEP, "it runs", NOON))
STEP = Step(KEY, 0, "one", "operate", StepState.WAITING, NOON, "token", {"id": "u-1"})
VALUES = (KEY, TASK, STEP, Why(Cause.STEP, "it runs", NOON), Event(NOON, "r-1", "done", "it is done"))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_a_maker_makes_is_what_the_class_makes(value: Any) -> None:
    made = maker(type(value))(*(getattr(value, each.name) for each in fields(value)))
    assert type(made) is type(value)
    assert made == value
    assert repr(made) == repr(value)


def test_what_was_made_fast_has_the_same_hash() -> None:
    assert {maker(TaskKey)("r-1", 7): "found"}[KEY] == "found"
    assert hash(replace(KEY, idx=8)) == hash(TaskKey("r-1", 8))


def test_a_change_is_that_of_dataclasses() -> None:
    changes: dict[str, Any] = {"state": TaskState.PENDING, "due": NOON, "why": None}
    assert replace(TASK, **changes) == dataclasses.replace(TASK, **changes)
    assert TASK.state is TaskState.RUNNING


def test_a_copy_is_frozen_too() -> None:
    with pytest.raises(FrozenInstanceError):
        replace(TASK, step=1).step = 2  # type: ignore[misc]


def test_a_field_that_there_is_not_is_an_error() -> None:
    with pytest.raises(AttributeError, match="stage_name"):
        replace(TASK, stage_name="prod")


def test_a_value_too_few_is_an_error() -> None:
    with pytest.raises(TypeError, match="idx"):
        maker(TaskKey)("r-1")


@dataclass(frozen=True, slots=True)
class Computed:
    first: int
    second: int

    def __post_init__(self) -> None:
        assert self.first < self.second


@dataclass(frozen=True, slots=True)
class Counted:
    first: int
    second: int = field(default=0, init=False)


@dataclass(frozen=True)
class Slotless:
    first: int
    second: int


@pytest.mark.parametrize("kind", [Computed, Counted, Slotless])
def test_a_class_that_is_not_its_fields_alone_is_refused(kind: type[Any]) -> None:
    with pytest.raises(TypeError):
        maker(kind)
