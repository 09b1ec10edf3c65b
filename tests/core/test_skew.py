"""The window of versions by the shipped rows of the skew policy."""

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.skew import window
from fleetkeeper.core.versions import Minor

SHIPPED = read_compat()


@pytest.mark.parametrize(
    ("server", "oldest"),
    [("1.24", "1.22"), ("1.25", "1.23"), ("1.28", "1.25"), ("1.32", "1.29"), ("1.35", "1.32"), ("1.37", "1.34")],
)
def test_the_oldest_kubelet_is_the_one_that_upstream_lists(server: str, oldest: str) -> None:
    last, reference = Minor.parse(oldest), Minor.parse(server)
    taken = window(SHIPPED, "kubelet", last, reference)
    refused = window(SHIPPED, "kubelet", last.previous(), reference)
    assert taken is not None
    assert refused is not None
    assert taken.oldest <= last <= taken.newest == reference
    assert last.previous() < refused.oldest


def test_a_kubelet_before_1_25_is_out_of_the_window_of_1_27() -> None:
    found = window(SHIPPED, "kubelet", Minor(1, 24), Minor(1, 27))
    assert found is not None
    assert found.oldest == Minor(1, 25)


def test_kube_proxy_may_be_ahead_of_its_kubelet() -> None:
    found = window(SHIPPED, "kube-proxy", Minor(1, 34), Minor(1, 32), of="kubelet")
    assert found is not None
    assert (found.oldest, found.newest) == (Minor(1, 29), Minor(1, 35))


def test_a_component_without_a_row_has_no_window() -> None:
    assert window(Compat(), "kubelet", Minor(1, 34), Minor(1, 35)) is None
    assert window(SHIPPED, "etcd", Minor(1, 34), Minor(1, 35)) is None
