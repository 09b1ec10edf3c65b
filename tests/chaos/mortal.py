"""A nursery of whole engines that die where they are told to: on a line of JSON it forks one, and prints its pid.

Each is what `serve` runs: the settings' adapters, boto3 and all, on a database of its own. It also observes the fleet
where a step or a gate waits to see it. A transition is a state of a step that is stored: `2 update-addon waiting`. An
engine that is to die at one kills itself with SIGKILL, right before the transition is stored (so that the world has
moved, and nobody knows) or right after.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fleetkeeper import wiring
from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.adapters.kube.writers import LiveWriters
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import Settings
from fleetkeeper.core import parts
from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.run import OVER, Command, RunState, StepState, TaskKey, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.run_ports import Outcome
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.writers import AddonUpdate, KubeWriter, ObjectRef, VersionUpdate
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.keeper import Keeper
from fleetkeeper.settings.load import load
from tests.waiting import wait_until

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_NEWER = {"coredns": "v1.14.3-eksbuild.11", "metrics-server": "v0.9.0-eksbuild.1"}
"""Addons that go with 1.34, and no longer with 1.33."""
_POOLS = ObjectRef("karpenter.sh", "v1", "nodepools", "", "")
_OBJECTS = (
    ObjectRef("apps", "v1", "deployments", "reports", "renderer"),
    ObjectRef("apps", "v1", "deployments", "shop", "web"),
)
"""What a run writes to, or must not write to, beside NodePools."""
_SEEING = {"preflight", "bake", "postflight", "soak"}
"""Kinds that believe only what was observed lately."""


@dataclass(frozen=True, slots=True)
class Life:
    """environ: with the configuration and the scaled clock. folder: has the playbook, gets journal and end.

    dies: the transition at which it ends, "" for none; before: right before that is stored. moved: the minor to which
    somebody takes the cluster before the run, "" for none.
    """

    environ: dict[str, str]
    folder: str
    dies: str = ""
    before: bool = False
    moved: str = ""


class Fate:
    """Watches what an engine stores, writes it down, and ends the engine where its life says so."""

    def __init__(self, life: Life) -> None:
        self._life, self._known = life, dict[tuple[TaskKey, int], StepState]()
        self._store = SqlRuns.commit

    def commit(self, runs: SqlRuns, outcomes: Sequence[Outcome]) -> frozenset[TaskKey]:
        moved = {
            (step.key, step.idx): step
            for outcome in outcomes
            for step in outcome.steps
            if self._known.get((step.key, step.idx)) is not step.state
        }
        self._known |= {place: step.state for place, step in moved.items()}
        names = [f"{step.idx} {step.kind} {step.state}" for step in moved.values()]
        if self._life.before and self._life.dies in names:
            os.kill(os.getpid(), signal.SIGKILL)
        written = self._store(runs, outcomes)
        with Path(self._life.folder, "journal").open("a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)
        if self._life.dies in names:
            os.kill(os.getpid(), signal.SIGKILL)
        return written


def live(life: Life) -> None:
    """Run the engine until its run is over, and write down how the world is then; the first life begins the run."""
    os.environ.clear()
    os.environ.update(life.environ)
    fate, patched = Fate(life), SqlRuns
    patched.commit = lambda runs, outcomes: fate.commit(runs, outcomes)  # type: ignore[method-assign,assignment]  # noqa: PLW0108  # a method takes self
    settings = load(None, os.environ)
    cancel = threading.Event()
    with (
        wiring.engine_lock(settings),
        wiring.keeper(settings, "error") as keeper,
        wiring.engine(settings, keeper) as engine,
    ):
        assert engine is not None
        if not keeper.runs():
            _look(keeper)
            if life.moved:
                _move(settings, keeper, Minor.parse(life.moved))
            _begin(keeper, Path(life.folder))
        thread = threading.Thread(target=engine.run, args=(cancel,), daemon=True)
        thread.start()
        while _going(keeper):
            cancel.wait(0.2)
        cancel.set()
        thread.join()
        Path(life.folder, "end").write_text(json.dumps(_end(settings, keeper)), encoding="utf-8")


def _begin(keeper: Keeper, folder: Path) -> None:
    """Plan what the folder's playbook says for the one cluster of the settings; ann asks, bob approves."""
    playbook = next(iter(wiring.playbook_files((folder / "wave.toml",)).values()))
    plan = keeper.plan(playbook, Selector(), "ann", timedelta(days=7))
    assert plan.members, [left.reason for left in plan.header.left]
    id, now = plan.header.id, keeper.ports.clock.now()
    run = keeper.start(id, "ann").run
    keeper.command(Command("begin", run, Verb.START, "", "ann", "local", now))
    keeper.command(Command("approval", id, Verb.APPROVE, "", "bob", "local", now))


def _stored(keeper: Keeper, part: str) -> Any:
    """What was observed of the one cluster of the settings."""
    (seen,) = keeper.ports.store.clusters()
    found = keeper.ports.store.cluster_part(seen.id, part)
    return found.value if found else ()


def _look(keeper: Keeper) -> None:
    keeper.observe(Selector(), Progress())
    for _ in keeper.assess(Selector(), None):
        pass


def _move(settings: Settings, keeper: Keeper, to: Minor) -> None:
    """Somebody upgrades the cluster past fleetkeeper, and addons of it: a way back has both to do."""
    (seen,) = keeper.ports.store.clusters()
    assert seen.scope is not None
    eks = _writers(settings, keeper).cloud(seen.scope)
    eks.update_version(VersionUpdate(seen.name, to), "of-somebody-else")
    _rest(lambda: eks.updates(seen.name))
    for name, version in _NEWER.items():
        eks.update_addon(AddonUpdate(seen.name, name, version), f"of-somebody-else: {name}")
        _rest(partial(eks.updates, seen.name, name))
    _look(keeper)


def _rest(updates: Callable[[], Sequence[EksUpdate]]) -> None:
    wait_until(lambda: all(each.status != "InProgress" for each in updates()), "EKS ends an update", pause=0.2)


def _end(settings: Settings, keeper: Keeper) -> dict[str, Any]:
    """What the world came to: versions, every update that EKS was made to begin, and what the cluster was told."""
    (member,) = keeper.run(keeper.runs()[0].id).plan.members  # type: ignore[union-attr]
    scope, name = member.scope, member.name
    assert scope is not None
    writers = _writers(settings, keeper)
    eks = writers.cloud(scope)
    _, plane = eks.control_plane(name)
    groups = [each.name for each in _stored(keeper, parts.NODE_GROUPS)]
    addons = [each.name for each in _stored(keeper, parts.MANAGED_ADDONS)]
    updates = [*eks.updates(name)]
    updates += [update for addon in addons for update in eks.updates(name, addon=addon)]
    updates += [update for group in groups for update in eks.updates(name, node_group=group)]
    run = keeper.run(keeper.runs()[0].id)
    assert run is not None
    with closing(writers.kube(scope, name, member.cluster)) as kube:
        return {
            "state": run.run.state,
            "why": str(run.run.why or ""),
            "version": str(plane.version),
            "addons": {addon: eks.addon(name, addon).version for addon in addons},  # type: ignore[union-attr]
            "groups": {group: str(eks.node_group(name, group).version) for group in groups},  # type: ignore[union-attr]
            "updates": sorted(f"{each.kind} {each.minor or ''} {each.addon_version} {each.status}" for each in updates),
            "steps": [f"{step.idx} {step.kind} {step.state}" for step in run.steps],
            "objects": {
                ref.name: found["metadata"]["generation"] for ref in _OBJECTS if (found := _read(kube, ref)) is not None
            },
            "pools": [_budgets(each) for each in _pools(kube)],
        }


def _pools(kube: KubeWriter) -> Sequence[Any]:
    try:
        return kube.objects(_POOLS)
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:  # there is no Karpenter
            raise
        return ()


def _budgets(pool: Any) -> Any:
    """What keeps a NodePool's nodes, with the marks of a hold."""
    marks = [each for each in pool["metadata"].get("annotations") or {} if "fleetkeeper" in each]
    return [pool["metadata"]["name"], pool["spec"]["disruption"].get("budgets"), marks]


def _read(kube: KubeWriter, ref: ObjectRef) -> Any:
    return kube.read(ref)


def _writers(settings: Settings, keeper: Keeper) -> LiveWriters:
    never = threading.Event()
    clouds = EksClouds(settings.aws, keeper.ports.clock, never)
    return LiveWriters(settings.kubernetes, EksWriters(settings.aws, clouds.sessions), SystemClock(), WallPace(never))


def _going(keeper: Keeper) -> bool:
    """Whether a run goes on, which one that paused by itself does not; what waits to see its cluster is shown it."""
    going = [run.id for run in keeper.runs(over=False) if run.state is not RunState.PAUSED]
    for id in going:
        stored = keeper.run(id)
        tasks = stored.tasks if stored and stored.run.state not in OVER else ()
        steps: list[Any] = list(stored.steps) if stored else []
        now_at = {(task.key, task.step) for task in tasks if task.ended_at is None}
        if any((step.key, step.idx) in now_at and step.kind in _SEEING for step in steps):
            _look(keeper)
    return bool(going)


def _bear(life: Life) -> int:
    pid = os.fork()
    if pid:
        return pid
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    code = 1
    try:
        live(life)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def prepare() -> None:
    """Load once what each engine loads when it begins: checks, the kinds of steps and gates, and the shipped data."""
    all_checks()
    all_steps()
    all_gates()
    shipped, patched = read_compat(), wiring
    patched.read_compat = lambda overlays=(): read_compat(overlays) if overlays else shipped  # type: ignore[attr-defined]


def main() -> None:
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no funeral
    for line in sys.stdin:
        print(_bear(Life(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
