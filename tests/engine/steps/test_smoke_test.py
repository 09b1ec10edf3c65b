"""smoke-test: one pod on one node, with a volume where one is asked for; how it ends; and nothing is left of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.smoke import SmokeTest
from fleetkeeper.core.verdict import Act, Done, Failed, Skip, Undone, Wait
from fleetkeeper.errors import ReadError
from fleetkeeper.sim.faults import Fault
from tests.engine.steps.nodes import inside, join, join_group, pods
from tests.engine.steps.walking import Place, Walk
from tests.sim.controllers.behaving import CLAIMS

TEST = SmokeTest("registry.example.com/smoke:1", ("/smoke", "--dns"), annotations={"sim.fleetkeeper/runs-for": "5"})


def trying(test: SmokeTest | None = TEST) -> Place:
    """Two nodes with a taint of their group's, and the settings of a smoke test."""
    place = Place()
    join_group(place)
    place.world = replace(place.world, smoke=test)
    return place


def walked(run: Walk, minutes: float = 20) -> Any:
    verdict: Any = None
    for _ in range(round(minutes * 6)):
        try:
            verdict = run.tick()
        except ReadError:
            run.place.later(seconds=10)
            continue
        if isinstance(verdict, Done | Skip | Failed):
            break
        run.place.later(seconds=10)
    return verdict


def left(place: Place) -> list[str]:
    claims = inside(place).live.objects.of(CLAIMS)
    return [each["metadata"]["name"] for each in (*pods(place), *claims)]


def test_a_pod_that_succeeds_passes_the_node_and_is_taken_away() -> None:
    place = trying()
    run = place.walk("smoke-test")
    act = run.look()
    assert isinstance(act, Act)
    assert act.what.endswith("(registry.example.com/smoke:1 in namespace default)")
    done = walked(run)
    assert isinstance(done, Done)
    assert done.note.endswith("has passed the smoke test")
    assert not left(place)


def test_the_pod_is_on_its_node_past_our_fence_and_the_nodes_own_taints() -> None:
    place = trying()
    place.walk("smoke-test").ticks(2)
    (pod,) = pods(place)
    place.later(seconds=5)
    (pod,) = pods(place)
    (term,) = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": [pod["spec"]["nodeName"]]}]
    assert {each["key"] for each in pod["spec"]["tolerations"]} >= {"fleetkeeper.dev/rotating"}
    assert all(each.get("key") for each in pod["spec"]["tolerations"]), "a node that is not Ready is not tolerated"
    (container,) = pod["spec"]["containers"]
    assert container["command"] == ["/smoke", "--dns"]
    assert pod["spec"]["restartPolicy"] == "Never"


def test_a_pod_that_fails_is_told_with_its_last_words_and_taken_away() -> None:
    place = trying(replace(TEST, annotations={"sim.fleetkeeper/fails-after": "5"}))
    failed = walked(place.walk("smoke-test"))
    assert isinstance(failed, Failed)
    assert "exit code 1" in failed.why
    assert not left(place)


def test_a_retry_runs_it_once_more() -> None:
    place = trying(replace(TEST, annotations={"sim.fleetkeeper/fails-after": "5"}))
    run = place.walk("smoke-test")
    assert isinstance(walked(run), Failed)
    place.world = replace(place.world, smoke=TEST)
    run.retry()
    assert isinstance(walked(run), Done)


def test_a_pod_that_never_ends_has_failed_after_its_time() -> None:
    place = trying(replace(TEST, annotations={}, timeout=timedelta(minutes=2)))
    run = place.walk("smoke-test")
    run.ticks(2)
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert "the smoke test runs on" in wait.why
    failed = walked(run)
    assert isinstance(failed, Failed)
    assert "it did not end in time" in failed.why
    assert not left(place)


def test_a_volume_is_claimed_and_taken_away_with_the_pod() -> None:
    place = trying(replace(TEST, storage_class="gp3"))
    run = place.walk("smoke-test")
    run.ticks(2)
    (claim,) = inside(place).live.objects.of(CLAIMS)
    assert claim["spec"]["storageClassName"] == "gp3"
    (pod,) = pods(place)
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    walked(run)
    assert not left(place)


@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_at_any_line_leaves_nothing_behind(step: int) -> None:
    place = trying(replace(TEST, storage_class="gp3"))
    run = place.walk("smoke-test")
    for _ in range(step):
        run.forgets = run.intended
        run.ticks(1)
        place.later(seconds=10)
    verdict = walked(replace(run))
    assert isinstance(verdict, Done | Failed)
    assert not left(place)


@pytest.mark.parametrize("verb", ["create", "delete"])
@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_has_one_effect(verb: str, kind: str) -> None:
    place = trying()
    place.living.world.faults = [Fault("kube", kind, verb=verb, count=2)]
    assert isinstance(walked(place.walk("smoke-test")), Done)
    assert not left(place)


def test_an_abort_takes_the_pod_away() -> None:
    place = trying(replace(TEST, storage_class="gp3"))
    run = place.walk("smoke-test")
    run.ticks(2)
    assert isinstance(run.undo(), Undone)
    place.later(minutes=1)
    assert not left(place)


def test_labels_say_on_which_node() -> None:
    place = trying()
    name = join(place, "i-0other", 7, disk="nvme")
    place.later(seconds=20)
    done = walked(place.walk("smoke-test", selector="disk=nvme"))
    assert isinstance(done, Done)
    assert done.note == f"{name} has passed the smoke test"


def test_labels_that_no_node_has_fail_it() -> None:
    failed = trying().walk("smoke-test", selector="disk=tape").look()
    assert isinstance(failed, Failed)


def test_without_settings_it_is_skipped_and_says_so() -> None:
    skip = trying(None).walk("smoke-test").look()
    assert isinstance(skip, Skip)
    assert "no smoke test is configured" in skip.why
