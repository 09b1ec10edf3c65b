"""What is read of an API server for an upgrade, put together with what EKS says, and with what was seen before."""

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, observed, parts
from fleetkeeper.errors import GapReason
from tests.engine.fakes import FakeCloud, Fleet, described, fails

CHANGED = observed.Customised("coredns", "ConfigMap", "kube-system", "coredns", "data.Corefile", "kubectl")


@pytest.fixture
def fleet(store: SqlStore) -> Fleet:
    return Fleet(store, FakeCloud())


def addons(fleet: Fleet) -> model.Addons:
    found: model.Addons = fleet.rows()["shop"].value(parts.ADDONS)
    return found


def test_what_was_changed_of_an_addon_that_eks_does_not_manage_is_nobodys_loss(fleet: Fleet) -> None:
    own = observed.Customised("vpc-cni", "DaemonSet", "kube-system", "aws-node", "spec", "kubectl")
    fleet.cloud.clusters["shop"][parts.CUSTOMISED] = (CHANGED, own)
    fleet.observe()

    assert fleet.rows()["shop"].value(parts.CUSTOMISED) == (CHANGED,)


def test_when_eks_does_not_say_which_addons_it_manages_the_last_answer_holds(fleet: Fleet) -> None:
    fleet.observe()
    fleet.reads.broken[parts.MANAGED_ADDONS, "shop"] = fails(GapReason.THROTTLED)
    fleet.later()

    assert fleet.rows()["shop"].value(parts.CUSTOMISED) == (CHANGED,)


def test_the_mode_of_kube_proxy_stands_with_the_addons_and_outlasts_a_failure(fleet: Fleet) -> None:
    fleet.observe()
    first = addons(fleet).proxy_mode
    fleet.reads.broken["proxy mode", "shop"] = fails(GapReason.FORBIDDEN)
    fleet.later()

    assert (first, addons(fleet).proxy_mode) == ("iptables", "iptables")
    assert fleet.gaps() == {}


def test_a_cluster_of_a_kubeconfig_has_no_addons_of_eks(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    fleet.observe()

    assert fleet.rows()["edge"].value(parts.CUSTOMISED) == ()
