"""Which cluster fleetkeeper runs in, by the settings or by its pod; what is not known is said."""

from dataclasses import replace

import pytest

from fleetkeeper.core.hosting import ELSEWHERE, NOWHERE, Home, Pod, certificates, hosting
from fleetkeeper.core.model import ClusterId
from tests.contract.observed import NOON, cluster_id, control_plane


def pem(body: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


OURS, OTHERS = pem("T1VSUw=="), pem("T1RIRVJT")
EKS = cluster_id("shop")
BARE = ClusterId("kubeconfig:uid-1", NOON)
PLANE = control_plane(ca_pem=OURS)


@pytest.mark.parametrize(
    ("home", "is_own"),
    [
        pytest.param(Home(), False, id="out of a pod"),
        pytest.param(Home(EKS.arn), True, id="the settings name it"),
        pytest.param(Home(cluster_id("other").arn, Pod(OURS)), False, id="the settings name another"),
        pytest.param(Home(NOWHERE, Pod(OURS)), False, id="the settings say none"),
        pytest.param(Home(pod=Pod(OURS)), True, id="the pod trusts its certificate"),
        pytest.param(Home(pod=Pod(OTHERS + OURS)), True, id="the pod trusts its certificate beside an older one"),
        pytest.param(Home(pod=Pod(OURS.replace("VSU", "V\r\nSU"))), True, id="the certificate is laid out anew"),
        pytest.param(Home(pod=Pod(OTHERS)), False, id="the pod trusts another"),
        pytest.param(Home(pod=Pod(OURS, uid="uid-1")), True, id="the UID says nothing of an EKS cluster"),
    ],
)
def test_an_eks_cluster_is_ours(home: Home, is_own: bool) -> None:
    found = hosting(home, EKS, PLANE)
    assert found.is_own is is_own
    assert found == ELSEWHERE or "it goes alone, after all others" in found.note
    assert found.leave == ""


@pytest.mark.parametrize(
    ("pod", "is_own"),
    [
        pytest.param(Pod(OTHERS, uid="uid-1"), True, id="its kube-system is ours"),
        pytest.param(Pod(OURS, uid="uid-2"), False, id="it shares a CA, and its kube-system is another"),
        pytest.param(Pod(OURS), True, id="it shares our CA, and kube-system may not be read"),
    ],
)
def test_a_cluster_that_a_kubeconfig_knows_is_ours(pod: Pod, is_own: bool) -> None:
    assert hosting(Home(pod=pod), BARE, PLANE).is_own is is_own


@pytest.mark.parametrize(
    ("pod", "ca_pem", "why"),
    [
        pytest.param(Pod(unknown="the pod has no certificate"), OURS, "the pod has no certificate", id="no files"),
        pytest.param(Pod(OURS), "", "no certificate of its API server is known", id="a cluster by the system's CAs"),
    ],
)
def test_what_is_not_known_is_said_with_what_to_set(pod: Pod, ca_pem: str, why: str) -> None:
    found = hosting(Home(pod=pod), EKS, replace(PLANE, ca_pem=ca_pem))
    assert (found.is_own, found.leave) == (False, "")
    assert why in found.note
    assert found.note.endswith("set engine.own_cluster")


def test_on_sqlite_ours_is_left_out_and_no_other() -> None:
    home = Home(pod=Pod(OURS), on_sqlite=True)
    assert "its store is SQLite" in hosting(home, EKS, PLANE).leave
    assert hosting(home, EKS, replace(PLANE, ca_pem=OTHERS)) == ELSEWHERE


def test_a_text_without_certificates_has_none() -> None:
    assert certificates("-----BEGIN CERTIFICATE-----") == frozenset()
