"""The kinds that this release has, and what all of them hold to."""

import pytest

from fleetkeeper.core.playbook import Params
from fleetkeeper.engine.attempts import token_of
from fleetkeeper.engine.step import Step
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.steps.backup import Backup
from fleetkeeper.engine.steps.bake import Bake
from fleetkeeper.engine.steps.drain_nodes import DrainNodes
from fleetkeeper.engine.steps.end_silences import EndSilences
from fleetkeeper.engine.steps.hold_nodes import HoldNodes
from fleetkeeper.engine.steps.notify import Notify
from fleetkeeper.engine.steps.postflight import Postflight
from fleetkeeper.engine.steps.preflight import Preflight
from fleetkeeper.engine.steps.propose import Propose
from fleetkeeper.engine.steps.refresh_insights import RefreshInsights
from fleetkeeper.engine.steps.release_nodes import ReleaseNodes
from fleetkeeper.engine.steps.repair_release import RepairRelease
from fleetkeeper.engine.steps.restart_fargate import RestartFargate
from fleetkeeper.engine.steps.rollback_control_plane import RollbackControlPlane
from fleetkeeper.engine.steps.run_command import RunCommand
from fleetkeeper.engine.steps.silence_alerts import SilenceAlerts
from fleetkeeper.engine.steps.surge import SurgeNodes
from fleetkeeper.engine.steps.update_addon import UpdateAddon
from fleetkeeper.engine.steps.update_nodegroup import UpdateNodegroup
from fleetkeeper.engine.steps.update_release import UpdateRelease
from fleetkeeper.engine.steps.upgrade_control_plane import UpgradeControlPlane
from fleetkeeper.engine.steps.wait_for import WaitFor
from fleetkeeper.engine.steps.webhook import Webhook
from fleetkeeper.engine.told import NAMES, told
from fleetkeeper.errors import ParamError
from tests.engine.steps.walking import Place

SOUND: dict[type[Step], Params] = {  # a class that is no Step would not pass the type checker here
    Backup: {},
    HoldNodes: {},
    Bake: {"for": "1h"},
    DrainNodes: {"nodes": ("a", "b")},
    EndSilences: {"source": "am"},
    Notify: {"channel": "oncall", "text": "hello"},
    Postflight: {},
    Preflight: {},
    RefreshInsights: {},
    RollbackControlPlane: {"from": "1.34", "to": "1.33"},
    RepairRelease: {"namespace": "web", "release": "guard", "to": "1.36"},
    Propose: {"change": "minor", "from": "1.34", "to": "1.35", "via": "hook:versions"},
    RunCommand: {"entry": "smoke"},
    SilenceAlerts: {"source": "am"},
    SurgeNodes: {"group": "shop-legacy"},
    UpdateAddon: {"addon": "coredns", "version": "v1.11.4-eksbuild.2"},
    UpgradeControlPlane: {"from": "1.34", "to": "1.35"},
    ReleaseNodes: {"to": "1.35"},
    RestartFargate: {"to": "1.35"},
    UpdateNodegroup: {"group": "main", "to": "1.35"},
    UpdateRelease: {
        "namespace": "web",
        "release": "guard",
        "chart": "acme",
        "version": "2.0.0",
        "source": "charts",
    },
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
    assert ("it takes none" if kind is Postflight else "known here: ") in refused.value.wrong["zzz"]


@pytest.mark.parametrize("kind", SOUND, ids=lambda kind: kind.kind)
def test_a_dry_run_changes_nothing(kind: type[Step]) -> None:
    place = Place()
    before = place.cluster.revision
    place.walk(kind.kind, **SOUND[kind]).look()
    assert (place.hooks.effects, place.programs.starts, place.channels.said) == ({}, 0, {})
    assert place.silences.calls == []
    assert (place.cluster.eks.updates, place.cluster.revision) == ({}, before)


@pytest.mark.parametrize("kind", [Bake, Postflight, Preflight, WaitFor], ids=lambda kind: kind.kind)
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
