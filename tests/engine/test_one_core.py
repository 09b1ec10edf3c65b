"""Threads of an engine share a core of Linux, which the kernel may change; what they start has all of them."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest

from fleetkeeper.engine import one_core
from fleetkeeper.engine.crew import Crew
from fleetkeeper.engine.one_core import OneCore, on_every_core
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.engine.world import Answer
from tests.engine.rig import Cloud, WallClock, begin, engine, migrated, working
from tests.waiting import wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread cannot be kept to a core")

WHOLE = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


def cores() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


def in_a_thread(work: Callable[[], None]) -> None:
    """So that a core that a test takes away is not missed by the next."""
    faults: list[BaseException] = []

    def kept() -> None:
        try:
            work()
        except BaseException as fault:  # it is raised again where it is seen
            faults.append(fault)

    thread = threading.Thread(target=kept)
    thread.start()
    thread.join()
    if faults:
        raise faults[0]


@contextmanager
def crew_on_a_core() -> Iterator[tuple[OneCore, Callable[[], frozenset[int]]]]:
    """The core of the crew, and where its one thread may run now."""
    answers: SimpleQueue[frozenset[int]] = SimpleQueue()
    with Crew(1, "test") as crew, OneCore(crew.ids) as core:

        def crews() -> frozenset[int]:
            crew.submit(lambda: answers.put(cores()))
            return answers.get(timeout=30)

        yield core, crews


@pytest.mark.parametrize("whole", [frozenset(), frozenset({0})], ids=["not Linux", "a single core"])
def test_where_there_is_nothing_to_choose_nobody_is_kept(
    whole: frozenset[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_core, "_WHOLE", whole)
    monkeypatch.setattr(one_core, "_core", never)
    with Crew(1, "test") as crew, OneCore(crew.ids) as core:
        core.settle()
        core.settle()


def never() -> int:
    raise AssertionError("nobody asks")


@linux
@pytest.mark.skipif(len(WHOLE) < 2, reason="this machine has a single core")
class TestSeveralCores:
    def test_the_threads_share_one_until_the_work_is_over(self) -> None:
        def work() -> None:
            with crew_on_a_core() as (core, crews):
                assert crews() == WHOLE
                core.settle()
                assert len(cores()) == 1
                assert crews() == cores()
            assert cores() == WHOLE

        in_a_thread(work)

    def test_now_and_then_the_kernel_may_choose_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(one_core, "_CHOSEN_EVERY", 0.0)

        def work() -> None:
            with crew_on_a_core() as (core, crews):
                core.settle()
                first = cores()
                core.settle()
                assert (cores(), crews()) == (WHOLE, first)
                (other, *_) = WHOLE - first
                os.sched_setaffinity(0, {other})  # as if the kernel had woken it there
                core.settle()
                assert cores() == crews() == {other}

        in_a_thread(work)

    def test_it_stays_for_a_while_where_it_is(self) -> None:
        def work() -> None:
            with crew_on_a_core() as (core, crews):
                for _ in range(3):  # the first choice is made in the turns at the beginning
                    core.settle()
                first = cores()
                for _ in range(10):
                    core.settle()
                    assert cores() == crews() == first

        in_a_thread(work)

    def test_threads_that_cannot_be_kept_are_let_go_for_good(self) -> None:
        def work() -> None:
            gone = 2**22  # above any thread's id that Linux gives
            with OneCore([gone]) as core:
                for _ in range(3):
                    core.settle()
                    assert cores() == WHOLE

        in_a_thread(work)

    def test_a_kernel_that_does_not_tell_the_core_keeps_nobody(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(one_core, "_THREAD", tmp_path / "stat")

        def work() -> None:
            with crew_on_a_core() as (core, crews):
                core.settle()
                assert cores() == crews() == WHOLE

        in_a_thread(work)

    def test_what_is_started_in_between_has_every_core(self) -> None:
        def work() -> None:
            with crew_on_a_core() as (core, _):
                core.settle()
                kept = cores()
                with on_every_core():
                    assert cores() == WHOLE
                assert cores() == kept

        in_a_thread(work)

    def test_an_engine_at_work_looks_at_its_tasks_on_one_core(self, tmp_path: Path) -> None:
        cloud = Looked(WallClock(), timedelta())
        made = engine(migrated(tmp_path), cloud, cloud.clock, pace=Pace(timedelta(milliseconds=50)))
        begin(made.runs, cloud.clock.now())
        with working(made):
            wait_until(lambda: not made.runs.runs(over=False), "the run is over")
        made.runs.close()
        assert cloud.seen
        assert all(len(each) == 1 for each in cloud.seen)


class Looked(Cloud):
    """Remembers where the thread of each question may run."""

    seen: list[frozenset[int]]

    def __init__(self, clock: WallClock, takes: timedelta) -> None:
        super().__init__(clock, takes)
        self.seen = []

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:
        self.seen.append(cores())
        return super().ask(name, query)
