"""What tests of the simulator start from: AWS over HTTP."""

from collections.abc import Iterator

import pytest

from tests.sim.worlds import Aws, a_world, strictly_served


@pytest.fixture
def aws() -> Iterator[Aws]:
    """The common world; a module that needs another one has a fixture of that name."""
    with strictly_served(a_world()) as running:
        yield running
