"""What every test starts from: logging as a process has it before it is configured."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def unconfigured_logs() -> Iterator[None]:
    """A test that runs a command configures logging for its process; the next test must not inherit that."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
