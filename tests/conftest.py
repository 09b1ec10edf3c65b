"""What every test starts from: logging as a process has it before it is configured; and which tests share a worker."""

import re
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
_YEAR = "tests/core/notices/test_year.py"


def lane_of(test: str) -> str:
    """What a test shares a worker with, by its id: those over a control plane of one minor, so that it starts once.

    Those of chaos keep several processes busy each: two at once would only be in each other's way. So would those that
    change the minor of planes of their own. Those of a year share the year, which takes ten seconds to live.
    """
    if test.startswith(_YEAR):
        return _YEAR
    if test.startswith((*_SWAP, _CHAOS)):
        return _CHAOS if test.startswith(_CHAOS) else _SWAP[0]
    minor = _PLANE.match(test)
    return f"control plane {minor[1]}" if minor else test


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Each lane to one worker. (`--dist loadgroup` marks items in a way that pytest 9.2 no longer reads.)"""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Marks what needs a control plane, before -m chooses: a machine that cannot build one leaves it out by name."""
    for item in items:
        if _PLANE_FIXTURES.intersection(item.fixturenames):
            item.add_marker("control_plane")


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
