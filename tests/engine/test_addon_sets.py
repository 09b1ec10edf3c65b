"""A set of addon updates in the engine: what fails for good takes those before it back, newest first."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import StepState, TaskState, Verb
from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimIssue
from tests.engine.rig import SCOPE
from tests.engine.wave import BEFORE, Wave

DNS, CNI, CSI = (
    ("coredns", "v1.14.3-eksbuild.11"),
    ("vpc-cni", "v1.23.0-eksbuild.1"),
    ("aws-ebs-csi-driver", "v1.64.0-eksbuild.1"),
)
AFTER = dict((DNS, CNI, CSI))
CONFLICT = "DaemonSet.apps ebs-csi-node - .spec.template.spec.tolerations"


def update(addon: tuple[str, str], **other: str) -> StepSpec:
    params = {"addon": addon[0], "version": addon[1], "resolve": "NONE", "undo": "restore", **other}
    return StepSpec(f"update {addon[0]}", "update-addon", params, timeout=timedelta(minutes=30))


SET = (update(DNS), update(CNI), update(CSI))


@pytest.fixture
def wave(tmp_path: Path) -> Iterator[Wave]:
    made = Wave(tmp_path)
    yield made
    made.close()


FORTH = [f"{name} {version}" for name, version in AFTER.items()]
BACK = [f"vpc-cni {BEFORE['vpc-cni']}", f"coredns {BEFORE['coredns']}"]


def test_a_set_that_goes_well_stays(wave: Wave) -> None:
    wave.begin(*SET)
    wave.later()
    assert (wave.task.state, wave.versions, wave.updates) == (TaskState.SUCCEEDED, AFTER, FORTH)


@pytest.mark.parametrize("crashes", [False, True], ids=["calm", "killed again and again"])
def test_one_that_fails_takes_those_before_it_back_newest_first_and_then_rests_as_failed(
    wave: Wave, crashes: bool
) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    wave.later(crashes=crashes)
    assert (wave.versions, wave.updates) == (BEFORE, [*FORTH, *BACK])
    assert wave.place.cluster.addons["coredns"].configuration == '{"replicaCount": 3}'
    assert wave.task.state is TaskState.FAILED
    why = wave.task.why
    assert why is not None
    assert CONFLICT in why.text
    assert "put back: update coredns, update vpc-cni" in why.text
    assert [each.state for each in wave.stored.steps] == [StepState.UNDONE] * 3


def test_a_retry_begins_with_the_first_of_the_set_under_tokens_of_its_own(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    wave.later()
    wave.conflict()
    wave.say(Verb.RETRY, "member:shop-0")
    wave.later(1)
    wave.say(Verb.RESUME)
    wave.later()
    assert (wave.task.state, wave.versions) == (TaskState.SUCCEEDED, AFTER)
    assert wave.updates == [*FORTH, *BACK, *FORTH]


def test_a_set_that_fails_again_after_a_retry_is_put_back_again(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    wave.later()
    wave.say(Verb.RETRY, "member:shop-0")
    wave.later(1)
    wave.say(Verb.RESUME)
    wave.later(30)
    assert (wave.task.state, wave.versions) == (TaskState.FAILED, BEFORE)
    assert wave.updates == [*FORTH, *BACK] * 2


@pytest.mark.parametrize("kind", ["drop-after", "throttle", "error"])
def test_answers_that_are_lost_take_each_back_once(wave: Wave, kind: str) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    wave.later(4)
    wave.place.living.world.faults = [Fault("aws", kind, operation="UpdateAddon", count=3)]
    wave.later(40)
    assert (wave.task.state, wave.versions, wave.updates) == (TaskState.FAILED, BEFORE, [*FORTH, *BACK])


def test_one_that_moved_and_got_unwell_goes_back_with_its_set_whatever_its_attempts(wave: Wave) -> None:
    """The second attempt finds the version there, so only the memory of the first knows what was before."""
    wave.begin(*SET[:2], replace(SET[2], retries=1, backoff=timedelta(minutes=1)))
    while wave.versions["aws-ebs-csi-driver"] == BEFORE["aws-ebs-csi-driver"]:
        wave.later(0.3)
    sick = wave.place.cluster.addons["aws-ebs-csi-driver"]
    sick.status, sick.issues = "DEGRADED", [SimIssue("InsufficientNumberOfReplicas", "no nodes")]
    wave.later(40)
    assert (wave.task.state, wave.versions) == (TaskState.FAILED, BEFORE)
    assert wave.updates == [*FORTH, f"aws-ebs-csi-driver {BEFORE['aws-ebs-csi-driver']}", *BACK]


def test_an_abort_takes_a_whole_set_back_newest_first(wave: Wave) -> None:
    wave.begin(*SET, StepSpec("wait", "wait-for", {"addon": "no-such-addon"}, timeout=timedelta(days=1)))
    wave.later(12)
    assert wave.versions == AFTER
    wave.say(Verb.ABORT)
    wave.later()
    assert (wave.task.state, wave.versions) == (TaskState.ABORTED, BEFORE)
    assert wave.updates == [*FORTH, f"aws-ebs-csi-driver {BEFORE['aws-ebs-csi-driver']}", *BACK]


def test_one_that_somebody_moved_meanwhile_is_left_and_named(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    while wave.place.cluster.addons["aws-ebs-csi-driver"].status != "UPDATING":
        wave.later(0.3)
    wave.place.world.writers.cloud(SCOPE).update_addon(
        AddonUpdate("shop-0", "coredns", "v1.12.3-eksbuild.1"), "of-somebody-else"
    )
    wave.later()
    assert wave.versions == {**BEFORE, "coredns": "v1.12.3-eksbuild.1"}
    why = wave.task.why
    assert why is not None
    assert "coredns is at v1.12.3-eksbuild.1: somebody else changed it since" in why.text


def test_what_eks_does_not_take_back_on_this_minor_is_left_and_says_why(wave: Wave) -> None:
    """EKS is the judge of which version a minor takes: the control plane has moved since the update."""
    old = wave.place.cluster.addons["coredns"].version = "v1.12.3-eksbuild.1"
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    while wave.place.cluster.addons["aws-ebs-csi-driver"].status != "UPDATING":
        wave.later(0.3)
    wave.place.cluster.version = "1.36"
    wave.later()
    assert wave.versions == {**BEFORE, "coredns": DNS[1]}
    why = wave.task.why
    assert why is not None
    assert f"coredns stays at {DNS[1]}, for EKS does not take it back to {old}" in why.text
    assert "Addon version specified is not supported" in why.text
    assert wave.stored.steps[0].state is StepState.LEFT


def test_an_addon_that_came_minor_by_minor_goes_back_minor_by_minor(wave: Wave) -> None:
    way = ["v1.22.4-eksbuild.2", "v1.23.0-eksbuild.1"]
    wave.place.cluster.addons["vpc-cni"].version = first = "v1.21.1-eksbuild.1"
    wave.conflict(CONFLICT)
    wave.begin(*(replace(update(("vpc-cni", each)), name=f"cni {each}") for each in way), update(CSI))
    wave.later()
    assert wave.versions == {**BEFORE, "vpc-cni": first}
    expected = [f"vpc-cni {way[0]}", f"vpc-cni {way[1]}", FORTH[2], f"vpc-cni {way[0]}", f"vpc-cni {first}"]
    assert wave.updates == expected


def test_a_freeze_holds_the_way_back_and_its_end_lets_it_go_on(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    while wave.place.cluster.addons["aws-ebs-csi-driver"].status != "UPDATING":
        wave.later(0.3)
    wave.frozen = True
    wave.later()
    assert (wave.task.state, wave.updates) == (TaskState.PENDING, FORTH)
    wave.frozen = False
    wave.later()
    assert (wave.task.state, wave.versions, wave.updates) == (TaskState.FAILED, BEFORE, [*FORTH, *BACK])


def test_a_pause_holds_the_way_back_too(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(*SET)
    while wave.place.cluster.addons["aws-ebs-csi-driver"].status != "UPDATING":
        wave.later(0.3)
    wave.say(Verb.PAUSE)
    wave.later()
    assert wave.updates == FORTH
    wave.say(Verb.RESUME)
    wave.later()
    assert (wave.task.state, wave.versions) == (TaskState.FAILED, BEFORE)


def test_steps_that_keep_what_they_did_are_no_set(wave: Wave) -> None:
    wave.conflict(CONFLICT)
    wave.begin(update(DNS, undo="keep"), update(CNI, undo="keep"), update(CSI, undo="keep"))
    wave.later()
    assert wave.task.state is TaskState.FAILED
    assert wave.versions == {**AFTER, "aws-ebs-csi-driver": BEFORE["aws-ebs-csi-driver"]}
    assert wave.task.step == 2
