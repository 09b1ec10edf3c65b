"""Fixtures over a real control plane: one alive per worker, and a fresh namespace for each test."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from fleetkeeper.sim.control_plane import build, cache
from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.plane import ControlPlane

MINORS = os.environ.get("FLEETKEEPER_CONTROL_PLANE_MINORS", "").split() or build.DEFAULT_MINORS


def require_control_plane(*minors: str) -> None:
    """Fails with the command to run where a minor is not built."""
    problem = None
    try:
        for minor in minors:
            cache.find_programs(minor)
    except ControlPlaneError as error:
        problem = f"{error}; or leave these tests out: pytest -m 'not control_plane'"
    if problem is not None:
        pytest.fail(problem, pytrace=False)


@pytest.fixture(scope="session", params=MINORS)
def plane_minor(request: pytest.FixtureRequest) -> str:
    """A Kubernetes minor that is built, such as "1.36"."""
    minor = str(request.param)
    require_control_plane(minor)
    return minor


@pytest.fixture(scope="session")
def adjacent_minors() -> tuple[str, str]:
    """Two minors that are built, the older first, between which one upgrade goes."""
    older, newer = build.DEFAULT_MINORS
    require_control_plane(older, newer)
    return older, newer


@pytest.fixture(scope="session")
def control_plane(plane_minor: str) -> Iterator[ControlPlane]:
    """A running plane with controllers, scheduler and KWOK, shared by the worker's tests; use `namespace`."""
    with ControlPlane(plane_minor) as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of an empty namespace of this test alone."""
    name = f"test-{uuid4().hex[:12]}"
    control_plane.create_namespace(name)
    yield name
    control_plane.request("DELETE", f"/api/v1/namespaces/{name}")
