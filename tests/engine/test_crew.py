"""The engine's threads: what they are given is done, whatever becomes of the rest."""

import threading
import weakref
from queue import SimpleQueue

from fleetkeeper.engine.crew import Crew


class Claimed:
    """Something that must not be kept for longer than the work lasts."""


def test_all_that_was_given_is_done_when_the_block_is_left() -> None:
    done: SimpleQueue[int] = SimpleQueue()
    with Crew(3, "test") as crew:
        for number in range(100):
            crew.submit(done.put, number)
    assert sorted(done.get_nowait() for _ in range(100)) == list(range(100))


def test_one_slow_call_holds_up_nobody_else() -> None:
    finish, done = threading.Event(), threading.Event()
    with Crew(2, "test") as crew:
        crew.submit(finish.wait, 30)
        crew.submit(done.set)
        assert done.wait(30)
        finish.set()


def test_work_that_fails_costs_no_thread() -> None:
    done: SimpleQueue[str] = SimpleQueue()

    def fail() -> None:
        raise ValueError("a fault of its own")

    with Crew(1, "test") as crew:
        crew.submit(fail)
        crew.submit(done.put, "what came after")
    assert done.get_nowait() == "what came after"


def test_a_thread_that_waits_keeps_nothing() -> None:
    claimed, next_began = Claimed(), threading.Event()
    left = weakref.ref(claimed)
    with Crew(1, "test") as crew:
        crew.submit(lambda _: None, claimed)
        del claimed
        crew.submit(next_began.set)
        assert next_began.wait(30)
        assert left() is None
