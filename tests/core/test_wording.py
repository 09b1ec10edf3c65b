"""The words that findings share."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.wording import counted, read, some
from tests.core.checks.snapshots import NOW, snapshot


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "", id="none"),
        pytest.param(1, "0", id="one"),
        pytest.param(3, "0, 1, 2", id="as many as are shown"),
        pytest.param(10, "0, 1, 2 and 7 more", id="more than are shown"),
    ],
)
def test_three_examples_stand_for_all(number: int, text: str) -> None:
    assert some(map(str, range(number))) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes")])
def test_a_noun_follows_its_number(number: int, text: str) -> None:
    assert counted(number, "node") == text


def test_evidence_has_the_time_of_its_read() -> None:
    assert read(snapshot(), parts.NODES, "nodes", "kubelet 1.34").at == NOW
    assert read(snapshot(unseen=(parts.NODES,)), parts.NODES, "nodes", "kubelet 1.34").at is None
