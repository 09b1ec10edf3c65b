"""FK109 by the version of kube-proxy, the hop and the kubelets."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import Addon, Addons, FoundBy
from fleetkeeper.core.snapshot import Hop
from tests.core.checks.addons import release
from tests.core.checks.nodes import node
from tests.core.checks.skew_rows import SKEW
from tests.core.checks.snapshots import HOP, found, hops, snapshot

IMAGE = "kube-system/DaemonSet/kube-proxy"


def proxy(version: str, by: FoundBy = FoundBy.EKS) -> Addons:
    return Addons((Addon("kube-proxy", version, by, "kube-proxy" if by is FoundBy.EKS else IMAGE),))


def judged(addons: Addons, *, kubelet: str = "v1.34.2", hop: Hop = HOP, compat: Compat = SKEW) -> tuple[Finding, ...]:
    snap = snapshot({parts.ADDONS: addons, parts.NODES: (node(kubelet=kubelet),)})
    return found("FK109", snap, hop, compat)


def test_a_kube_proxy_that_the_target_does_not_take_blocks() -> None:
    (finding,) = judged(proxy("v1.31.7-eksbuild.2"), kubelet="v1.33.1")
    assert (finding.severity, finding.blocks, finding.subject) == (
        Severity.BLOCKER,
        True,
        Subject("Addon", "kube-proxy"),
    )
    assert finding.message == "kube-proxy v1.31.7-eksbuild.2 is too old: 1.35 takes none older than 1.32"
    assert finding.fix == (
        "aws eks update-addon --cluster-name shop --addon-name kube-proxy"
        " --addon-version <a version of 1.34> --resolve-conflicts PRESERVE"
    )


def test_the_fix_names_the_version_that_eks_offers() -> None:
    offers = (release("v1.34.1-eksbuild.2", "1.34", addon="kube-proxy", default="1.34"),)
    addons = proxy("v1.31.7-eksbuild.2")
    (finding,) = found("FK109", snapshot({parts.ADDONS: addons, parts.ADDON_RELEASES: offers}), compat=SKEW)
    assert "--addon-version v1.34.1-eksbuild.2 " in finding.fix


def test_a_kube_proxy_that_eks_does_not_manage_is_mended_by_its_image() -> None:
    (finding,) = judged(proxy("v1.31.7", FoundBy.IMAGE))
    assert finding.fix == f"set the image of {IMAGE} to a version of 1.34"


def test_a_later_hop_is_judged_by_its_own_target() -> None:
    made = [len(judged(proxy("v1.32.0-eksbuild.2"), hop=hop)) for hop in hops("1.34", "1.36")]
    assert made == [0, 1]


@pytest.mark.parametrize(
    ("version", "kubelet", "says"),
    [
        pytest.param("v1.35.0", "v1.34.2", "is newer than the control plane (1.34)", id="newer than the API server"),
        pytest.param("v1.34.0", "v1.30.2", "too far from the kubelets of 1 node (node-a)", id="far from a kubelet"),
    ],
)
def test_what_the_hop_does_not_break_warns(version: str, kubelet: str, says: str) -> None:
    (finding,) = judged(proxy(version), kubelet=kubelet)
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert says in finding.message


@pytest.mark.parametrize(
    ("addons", "compat", "says"),
    [
        pytest.param(proxy(""), SKEW, "the version of kube-proxy (kube-proxy) is not known", id="no version"),
        pytest.param(proxy("v1.34.0"), Compat(), "no row of the skew policy tells of it", id="no row"),
        pytest.param(Addons((), ("workloads",)), SKEW, "not found, and workloads was not seen", id="not all was seen"),
    ],
)
def test_what_cannot_be_judged_blocks_as_unknown(addons: Addons, compat: Compat, says: str) -> None:
    (finding,) = judged(addons, compat=compat)
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, True)
    assert says in finding.message


@pytest.mark.parametrize(
    "addons",
    [
        pytest.param(Addons(()), id="a cluster without kube-proxy"),
        pytest.param(proxy("v1.34.1-eksbuild.2"), id="a version within the skew"),
    ],
)
def test_nothing_is_told_of_what_is_fine(addons: Addons) -> None:
    assert judged(addons) == ()


def test_the_nodes_own_word_about_kube_proxy_is_not_believed() -> None:
    snap = snapshot({parts.ADDONS: proxy("v1.34.1"), parts.NODES: (node(proxy="v1.20.1"),)})
    assert found("FK109", snap, compat=SKEW) == ()
