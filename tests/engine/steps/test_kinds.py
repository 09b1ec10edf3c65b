"""The kinds that this release has, and what all of them hold to."""

import pytest

from fleetkeeper.core.playbook import Params
from fleetkeeper.engine.attempts import token_of
from fleetkeeper.engine.step import Step
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.steps.backup import Backup
from fleetkeeper.engine.steps.notify import Notify
from fleetkeeper.engine.steps.preflight import Preflight
from fleetkeeper.engine.steps.propose import Propose
from fleetkeeper.engine.steps.run_command import RunCommand
from fleetkeeper.engine.steps.update_addon import UpdateAddon
from fleetkeeper.engine.steps.wait_for import WaitFor
from fleetkeeper.engine.steps.webhook import Webhook
from fleetkeeper.engine.told import NAMES, told
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import Place

SOUND: dict[type[Step], Params] = {  # a class that is no Step would not pass the type checker here
    Backup: {},
    Notify: {"channel": "oncall", "text": "hello"},
    Preflight: {},
    Propose: {"change": "minor", "from": "1.34", "to": "1.35", "via": "hook:versions"},
    RunCommand: {"entry": "smoke"},
    UpdateAddon: {"addon": "coredns", "version": "v1.11.4-eksbuild.2"},
    WaitFor: {"addon": "coredns"},
    Webhook: {"entry": "lb"},
}


def test_every_kind_is_found_by_its_file() -> None:
    assert all_steps() == {kind.kind: kind for kind in SOUND}
    assert list(all_steps()) == sorted(all_steps())


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.kind)
def test_its_fields_are_its_parameters(kind: type[Step]) -> None:
    made = kind.of(SOUND[kind])
    assert made == kind.of(dict(SOUND[kind]))
    assert isinstance(made.repeatable, bool)
    assert isinstance(made.cancellable, bool)
    assert kind.version == 1


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.kind)
def test_an_unknown_parameter_is_refused_with_what_is_known(kind: type[Step]) -> None:
    with pytest.raises(ParamError) as refused:
        kind.of({**SOUND[kind], "zzz": "1"})
    assert "known here: " in refused.value.wrong["zzz"]


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.kind)
def test_a_dry_run_changes_nothing(kind: type[Step]) -> None:
    place = Place()
    before = place.cluster.revision
    place.walk(kind.kind, **SOUND[kind]).look()
    assert (place.hooks.effects, place.programs.starts, place.channels.said) == ({}, 0, {})
    assert (place.cluster.eks.updates, place.cluster.revision) == ({}, before)


@pytest.mark.parametrize("kind", [Preflight, WaitFor], ids=lambda kind: kind.kind)
def test_a_kind_that_only_looks_cannot_act(kind: type[Step]) -> None:
    walk = Place().walk(kind.kind, **SOUND[kind])
    with pytest.raises(AssertionError, match="only looks"):
        walk.step.act(walk.place.world, walk.subject, walk.moment, {})


def test_exactly_the_known_names_are_told() -> None:
    assert tuple(told(Place().subject())) == NAMES


def test_a_second_token_is_as_long_as_the_first_and_another() -> None:
    first = "0123456789abcdef0123456789abcdef"
    assert len(token_of(first, "undo")) == 32
    assert len({first, token_of(first, "undo"), token_of(first, "other")}) == 3
