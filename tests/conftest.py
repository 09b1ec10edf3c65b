"""What every test starts from: logging as a process has it before it is configured; and which tests share a worker."""

import re
from collections.abc import Iterator

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_PLANE = re.compile(r"tests/(?:control_plane|contract)/[^\[]*\[(?:.*-)?(1\.\d+)(?:-.*)?\]")
_SWAP = "tests/control_plane/test_swap.py"
_CHAOS = "tests/chaos/"


def lane_of(test: str) -> str:
    """What a test shares a worker with, by its id: those over a control plane of one minor, so that it starts once.

    Those of chaos keep several processes busy each: two at once would only be in each other's way.
    """
    if test.startswith((_SWAP, _CHAOS)):
        return _SWAP if test.startswith(_SWAP) else _CHAOS
    minor = _PLANE.match(test)
    return f"control plane {minor[1]}" if minor else test


class Lanes(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Each lane to one worker. (`--dist loadgroup` marks items in a way that pytest 9.2 no longer reads.)"""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


@pytest.fixture(autouse=True)
def unconfigured_logs() -> Iterator[None]:
    """A test that runs a command configures logging for its process; the next test must not inherit that."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
