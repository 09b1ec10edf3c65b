"""What stands around the work of a member, in the engine: silence, addons, bake, postflight, the end of the silence."""

from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import StepState, TaskState
from fleetkeeper.core.run_after import after
from fleetkeeper.core.tracking import Tracking
from tests.contract.observed import control_plane, node
from tests.engine.wave import Wave

DAY = timedelta(days=1)
DNS = "v1.14.3-eksbuild.11"
STEPS = (
    StepSpec("quiet", "silence-alerts", {"source": "am", "for": "30m"}),
    StepSpec("dns", "update-addon", {"addon": "coredns", "version": DNS}),
    StepSpec("bake", "bake", {"for": "1h"}, timeout=DAY),
    StepSpec("after", "postflight", timeout=DAY),
    StepSpec("loud", "end-silences", {"source": "am"}),
)


@pytest.mark.parametrize("crashes", [False, True], ids=["calm", "killed again and again"])
def test_a_member_is_silenced_until_it_was_seen_sound_at_its_end(tmp_path: Path, crashes: bool) -> None:
    wave = Wave(tmp_path)
    wave.place.store.values = {
        parts.CONTROL_PLANE: control_plane(),
        parts.NODES: tuple(node(n) for n in range(1, 4)),
    }
    wave.begin(*STEPS)
    for minutes in range(80):
        if minutes % 10 == 0:  # the observing daemon
            wave.place.store.observed_at, wave.place.store.tracking_now = wave.now, Tracking(wave.now)
        wave.later(1, crashes=crashes)
        if wave.task.step < 4 and minutes > 1:
            assert [each > wave.now for each in wave.place.silences.until.values()] == [True]
    assert [each.state for each in wave.stored.steps] == [StepState.SUCCEEDED] * 5
    assert (wave.task.state, wave.place.silences.until) == (TaskState.SUCCEEDED, {})
    assert (wave.versions["coredns"], wave.updates) == (DNS, [f"coredns {DNS}"])
    found = after(wave.stored.steps)[0]
    assert found.versions == f"coredns {DNS}"
    assert any(line.startswith("Terraform: addon_version") for line in found.source)
    notes = [each.event.text for each in wave.made.runs.events("run-1") if each.event.kind == "done"]
    assert any(f"as planned and as sound as before: coredns {DNS}" in each for each in notes)
    wave.close()


def test_a_postflight_right_after_a_step_knows_how_that_ended(tmp_path: Path) -> None:
    wave = Wave(tmp_path)
    wave.place.store.values = {parts.CONTROL_PLANE: control_plane(), parts.NODES: (node(1), node(2))}
    quiet, dns, _, after_it, _ = STEPS
    wave.begin(quiet, dns, after_it)
    for _ in range(8):
        wave.place.store.observed_at, wave.place.store.tracking_now = wave.now, Tracking(wave.now)
        wave.later(1)
    notes = [each.event.text for each in wave.made.runs.events("run-1") if each.event.kind == "done"]
    assert f"as sound as before: coredns {DNS}" in notes[-1]
    assert "not done" not in notes[-1]
    wave.close()


def test_a_member_that_gets_unwell_in_its_bake_fails_and_is_heard_when_its_silence_ends(tmp_path: Path) -> None:
    wave = Wave(tmp_path)
    wave.place.store.values = {parts.CONTROL_PLANE: control_plane(), parts.NODES: (node(1), node(2))}
    wave.begin(*STEPS)
    wave.later(10)
    wave.place.store.values[parts.NODES] = (node(1), node(2, ready=False))
    wave.place.store.observed_at = wave.now
    wave.later(5)
    assert wave.task.state is TaskState.FAILED
    why = wave.task.why
    assert why is not None
    assert "1 node is not Ready" in why.text
    wave.later(40)
    assert all(each < wave.now for each in wave.place.silences.until.values())
    wave.close()
