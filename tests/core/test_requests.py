"""Quantities as whole numbers, and what a pod takes of a node."""

import pytest

from fleetkeeper.core import requests
from fleetkeeper.core.live import Room
from fleetkeeper.core.quantities import millis, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("12", 12), ("1.5", 2), ("+3", 3), (".5", 1), ("5.", 5), (7, 7), (1.2, 2)),
        *(("1k", 1000), ("2M", 2_000_000), ("3G", 3 * 10**9), ("1T", 10**12), ("1P", 10**15), ("8E", 8 * 10**18)),
        *(("1Ki", 1024), ("64Mi", 64 << 20), ("1.5Gi", 3 << 29), ("1Ti", 1 << 40), ("1Pi", 1 << 50), ("7Ei", 7 << 60)),
        *(("1e3", 1000), ("2E2", 200), ("5e-1", 1), ("100m", 1), ("1n", 1), ("2000m", 2), ("128974848000m", 128974848)),
    ],
)
def test_a_quantity_is(text: str | float, number: int) -> None:
    assert whole(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1000), ("250m", 250), ("0.1", 100), ("100u", 1), ("1500000n", 2), ("2k", 2_000_000), (0, 0)],
)
def test_thousandths(text: str | float, number: int) -> None:
    assert millis(text) == number


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "Ki", "1e", "0x10", "١", "1Mi5", "inf", "nan"])
def test_what_is_no_quantity(text: str) -> None:
    for read in (whole, millis):
        with pytest.raises(ValueError, match="is no quantity"):
            read(text)


@pytest.mark.parametrize(
    ("given", "room"),
    [
        pytest.param(([],), Room(0, 0, 1), id="nothing but its place"),
        pytest.param(([(100, 5), (50, 7)],), Room(150, 12, 1), id="its containers"),
        pytest.param(
            ([(100, 5)], [((300, 1), False), ((200, 9), False)]), Room(300, 9, 1), id="the largest init container"
        ),
        pytest.param(([(100, 5)], [((30, 1), True), ((20, 2), True)]), Room(150, 8, 1), id="its sidecars"),
        pytest.param(
            ([(100, 5)], [((30, 1), True), ((200, 9), False)]), Room(230, 10, 1), id="a sidecar and what starts after"
        ),
        pytest.param(
            ([(10, 5)], [((200, 9), False), ((30, 1), True)]), Room(200, 9, 1), id="a sidecar that starts last"
        ),
        pytest.param(([(100, 5)], (), (400, None)), Room(400, 5, 1), id="what the whole pod asks for"),
        pytest.param(([(100, 5)], (), (0, 0), (7, 8)), Room(7, 8, 1), id="a pod that asks for nothing, with overhead"),
        pytest.param(
            ([(100, 5)], [((300, 1), False)], (None, None), (7, 8)), Room(307, 13, 1), id="overhead on top of all"
        ),
    ],
)
def test_a_pod_wants(given: tuple[object, ...], room: Room) -> None:
    assert requests.wants(*given) == room  # type: ignore[arg-type]
