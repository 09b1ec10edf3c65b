"""update-release with the real helm, killed in the middle, and its executor with it: the release ends as it should."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetkeeper.core.verdict import Act, Done, Failed, Undone, Wait
from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.control_plane.helm_sides import FILES, Side, slow_hook
from tests.engine.steps.walking import TOKEN, Place, Walk, told
from tests.waiting import wait_until

HOOK = {"before.yaml": slow_hook(600), **FILES}


@pytest.fixture
def side(control_plane: ControlPlane, namespace: str, helm: Path, tmp_path: Path) -> Iterator[Side]:
    made = Side(control_plane, namespace, helm, tmp_path, timeout_minutes=10)
    made.package("1.0.0")
    yield made
    for pid in helms(made):
        os.killpg(pid, signal.SIGKILL)


def helms(side: Side) -> list[int]:
    """The process ids of the helms that were begun in this test's folder."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                command = (each / "cmdline").read_bytes().split(b"\0")
                inside = (each / "cwd").resolve().is_relative_to(side.engine)
            except OSError:
                continue
            if inside and command[0] == os.fsencode(side.helm):
                found.append(int(each.name))
    return found


def parent_of(pid: int) -> int:
    """What began it: the process that watches it."""
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])


def walk(side: Side) -> Walk:
    """The step as the executor walks it; every call is that of a new process."""
    place = Place()
    place.world = replace(place.world, releases=side.releases)
    return place.walk(
        "update-release", namespace=side.namespace, release="web", chart="acme", version="2.0.0", source="acme"
    )


def in_the_middle(side: Side, step: Walk) -> None:
    """helm has written its revision, and waits for a hook that never ends."""
    step.ticks(2)
    wait_until(lambda: side.history()[-1] == (2, "pending-upgrade"), "helm is in the middle")
    assert isinstance(step.tick(), Wait)


def until_over(step: Walk) -> object:
    """The first verdict that is no wait."""

    def over() -> object:
        verdict = step.tick()
        return None if isinstance(verdict, Wait) else verdict

    return wait_until(over, "the step goes on")


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "and what watched it"])
def test_a_helm_that_is_killed_in_the_middle_is_rolled_back_and_the_retry_ends_well(side: Side, watched: bool) -> None:
    side.package("2.0.0", HOOK)
    side.install(text="mine")
    step = walk(side)
    in_the_middle(side, step)
    (pid,) = helms(side)
    if not watched:
        os.kill(parent_of(pid), signal.SIGKILL)
    os.killpg(pid, signal.SIGKILL)
    step.forgets = True  # and the executor too, before it stored what it did
    back = until_over(step)
    assert isinstance(back, Act)
    assert told(back) == (
        f"roll release {side.namespace}/web back to revision 1: helm ended in the middle of the upgrade"
    )
    failed = until_over(step)
    assert isinstance(failed, Failed)
    assert "was rolled back to revision 1" in failed.why
    assert (side.history()[-1], side.text_of("version")) == ((3, "deployed"), "1.0.0")

    side.publish_anew("2.0.0", without="before.yaml")
    step.retry()
    step.ticks(2)
    assert isinstance(until_over(step), Done)
    assert (side.text_of("version"), side.text_of("text")) == ("2.0.0", "mine")
    assert [status for _, status in side.history()].count("deployed") == 1


_EXECUTOR = """
import sys
from tests.control_plane.helm_sides import begin_elsewhere
begin_elsewhere(*sys.argv[1:])
print("begun", flush=True)
sys.stdin.read()
"""


def test_an_executor_that_is_killed_finds_out_how_helm_ended(side: Side) -> None:
    choice = side.package("2.0.0")
    side.install(text="mine")
    step = walk(side)
    step.tick()
    package = step.memory["package"]
    token = side.plane.admin.token
    told_to = [side.plane.server, side.plane.ca_pem, token, str(side.engine), str(side.charts), str(side.helm)]
    command = [sys.executable, "-c", _EXECUTOR, *told_to, side.namespace, choice.version, package, TOKEN]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as executor:
        assert executor.stdout is not None
        assert executor.stdout.readline() == b"begun\n"
        os.killpg(executor.pid, signal.SIGKILL)
    step.acting = True  # it is known that the act may have begun, and nothing of what it did
    assert isinstance(until_over(step), Done)
    assert (side.text_of("version"), side.text_of("text")) == ("2.0.0", "mine")
    assert side.history() == [(1, "superseded"), (2, "deployed")]


def test_an_abort_in_the_middle_waits_for_helm_and_rolls_back_what_was_cut_off(side: Side) -> None:
    side.package("2.0.0", HOOK)
    side.install()
    step = walk(side)
    in_the_middle(side, step)
    assert isinstance(step.undo(), Wait)
    (pid,) = helms(side)
    os.killpg(pid, signal.SIGKILL)

    def over() -> object:
        verdict = step.undo()
        return None if isinstance(verdict, Wait) else verdict

    undone = wait_until(over, "the undo ends")
    assert isinstance(undone, Undone)
    assert (side.history()[-1], side.text_of("version")) == ((3, "deployed"), "1.0.0")


def test_an_upgrade_that_helm_fails_is_told_and_goes_on_from_there_when_retried(side: Side) -> None:
    frozen = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-frozen}\nimmutable: true\ndata: {v: {{ %s }}}\n"
    side.package("2.0.0", {"frozen.yaml": frozen % ".Chart.Version", **FILES})
    side.install()
    owner = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": side.namespace}
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    metadata = {"name": "web-frozen", "namespace": side.namespace, "annotations": owner, "labels": labels}
    taken = {"metadata": metadata, "immutable": True, "data": {"v": "x"}}
    side.plane.create(f"/api/v1/namespaces/{side.namespace}/configmaps", taken)
    step = walk(side)
    step.ticks(2)
    failed = until_over(step)
    assert isinstance(failed, Failed)
    assert "field is immutable when `immutable` is set" in failed.why
    assert f"helm rollback web 1 --namespace {side.namespace} --wait takes it back" in failed.fix
    assert side.history() == [(1, "deployed"), (2, "failed")]

    side.remove(f"/api/v1/namespaces/{side.namespace}/configmaps/web-frozen")
    step.retry()
    step.ticks(2)
    assert isinstance(until_over(step), Done)
    assert side.history() == [(1, "superseded"), (2, "failed"), (3, "deployed")]
