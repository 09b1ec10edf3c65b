"""What every test starts from: logging as a process has it before it is configured; and which tests share a worker."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from fleetkeeper.sim.control_plane import cache
from fleetkeeper.sim.control_plane.errors import ControlPlaneError

_PLANE = re.compile(r"tests/(?:control_plane|contract)/[^\[]*\[(?:.*-)?(1\.\d+)(?:-.*)?\]")
_PLANE_FIXTURES = frozenset({"plane_minor", "adjacent_minors"})
_SWAP = "tests/control_plane/test_swap.py", "tests/control_plane/test_wave.py"
_CHAOS = "tests/chaos/"
_LONG = (
    "control plane",
    _CHAOS,
    *_SWAP,
    "tests/test_wheel.py",
    "tests/engine/test_week.py",
    "tests/cli/",
    "tests/control_plane/",
    "tests/contract/",
    "tests/engine/",
    "tests/onboarding/",
    "tests/rehearsal/",
    "tests/sim/",
    "tests/adapters/",
    "tests/core/notices/",
)
"""How long lanes begin, the longest first. For one that began last, all workers but its own would wait."""


def lane_of(test: str) -> str:
    """What a test shares a worker with, by its id: the tests of its module, so that what they share is set up once; or
    those over a control plane of one minor, so that it starts once.

    Those of chaos keep several processes busy each: two at once would only be in each other's way. So would those that
    change the minor of planes of their own.
    """
    if test.startswith((*_SWAP, _CHAOS)):
        return _CHAOS if test.startswith(_CHAOS) else _SWAP[0]
    minor = _PLANE.match(test)
    return f"control plane {minor[1]}" if minor else test.partition("::")[0]


def turn_of(lane: str) -> int:
    return next((turn for turn, start in enumerate(_LONG) if lane.startswith(start)), len(_LONG))


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Each lane to one worker. (`--dist loadgroup` marks items in a way that pytest 9.2 no longer reads.)"""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # else those with the most tests are first, which are not the longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


def pytest_configure() -> None:
    """What a shell starts in the background, or under nohup, ignores Ctrl-C and the end of its terminal.

    So do the tests then, but not what they start, which would inherit it if the signals were not handled here.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Marks what needs a control plane, before -m chooses: a machine that cannot build one leaves it out by name.

    Puts lanes in their order, which is that in which workers get them.
    """
    for item in items:
        if _PLANE_FIXTURES.intersection(item.fixturenames):
            item.add_marker("control_plane")
    items.sort(key=lambda item: turn_of(lane_of(item.nodeid)))


@pytest.fixture(autouse=True)
def unconfigured_logs() -> Iterator[None]:
    """A test that runs a command configures logging for its process; the next test must not inherit that."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def helm() -> Path:
    """Helm's own program; a test that asks for it fails where it is not built, and says what builds it."""
    try:
        return cache.helm_program()
    except ControlPlaneError as error:
        pytest.fail(str(error), pytrace=False)
