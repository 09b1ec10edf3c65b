"""A kubeconfig whose address or CA is not the cluster's is refused before any call, any plug-in and any connection."""

import textwrap
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fleetkeeper.adapters.kube import identity
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.model import ClusterId, ControlPlane
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.kube.kubeconfigs import write
from tests.adapters.kube.server import ApiServer, authority, reply, serving
from tests.adapters.kube.support import NOW, StillClock, TestPace

ARN = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
OTHER_CA = authority("another CA").ca


def no_token(*_: object) -> NoReturn:
    raise AssertionError("a token was asked for")


def access(clusters: tuple[KubeCluster, ...], token_for: Callable[..., tuple[str, datetime]] = no_token) -> KubeAccess:
    return KubeAccess(KubernetesSettings(clusters), token_for, StillClock(), TestPace(step=0.001))


def control_plane(server: ApiServer, **changed: Any) -> ControlPlane:
    told = {"endpoint": server.url, "ca_pem": server.authority.ca, **changed}
    return ControlPlane(name="prod", version=Minor(1, 35), status="ACTIVE", **told)


WRONG: dict[str, tuple[Callable[[ApiServer], dict[str, Any]], str]] = {
    "another address": (lambda s: {"server": "https://127.0.0.1:1"}, "leads to"),
    "the same CA at another path": (lambda s: {"server": f"{s.url}/other"}, "leads to"),
    "another CA at the same address": (lambda s: {"ca": OTHER_CA}, "not the cluster's"),
    "the cluster's CA beside another": (lambda s: {"ca": s.authority.ca + OTHER_CA}, "not the cluster's"),
    "no CA": (lambda s: {"ca": ""}, "no certificate-authority"),
    "a CA that is no PEM": (lambda s: {"ca": "junk"}, "no certificate-authority"),
    "PEM of junk": (lambda s: {"ca": "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----"}, ""),
    "no verification": (lambda s: {"insecure": True}, "insecure-skip-tls-verify"),
    "no TLS": (lambda s: {"server": s.url.replace("https", "http")}, "not an https address"),
    "a user in the address": (lambda s: {"server": s.url.replace("//", "//me:pw@")}, "more than"),
}


@pytest.mark.parametrize(("changed", "why"), WRONG.values(), ids=WRONG)
def test_a_kubeconfig_of_another_cluster_is_refused_before_anything_happens(
    tmp_path: Path, changed: Callable[[ApiServer], dict[str, Any]], why: str
) -> None:
    ran = tmp_path / "ran"
    with serving(lambda _: reply({"gitVersion": "v1.35.0"})) as server:
        told = {"server": server.url, "ca": server.authority.ca, **changed(server)}
        file = write(tmp_path, command=["/bin/sh", "-c", f"touch {ran}"], **told)
        row = KubeCluster("prod", arn=ARN, kubeconfig=str(file), context="c")
        with pytest.raises(ReadError) as caught:
            access((row,)).of_eks(None, ClusterId(ARN, NOW), control_plane(server))  # type: ignore[arg-type]
        assert caught.value.reason is GapReason.WRONG_ENDPOINT
        assert why in caught.value.detail
        assert "pw" not in caught.value.detail
        assert (server.asked, server.connections, ran.exists()) == ([], 0, False)


RIGHT: dict[str, Callable[[ApiServer], dict[str, Any]]] = {
    "the same": lambda s: {},
    "a slash at the end": lambda s: {"server": s.url + "/"},
    "capitals": lambda s: {"server": s.url.replace("https", "HTTPS")},
    "the CA encoded otherwise": lambda s: {"ca": "# my CA\r\n" + rewrapped(s.authority.ca)},
    "the CA twice": lambda s: {"ca": s.authority.ca * 2},
}


@pytest.mark.parametrize("changed", RIGHT.values(), ids=RIGHT)
def test_a_kubeconfig_of_the_cluster_is_used(
    tmp_path: Path, changed: Callable[[ApiServer], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(lambda _: reply({"gitVersion": "v1.35.0"})) as server:
        file = write(tmp_path, **{"server": server.url, "ca": server.authority.ca, **changed(server)}, token="mine")
        row = KubeCluster("prod", arn=ARN, kubeconfig=str(file), context="c")
        kube = access((row,)).of_eks(None, ClusterId(ARN, NOW), control_plane(server))  # type: ignore[arg-type]
        assert kube.git_version() == "v1.35.0"
        kube.close()
        assert server.asked[0].headers["Authorization"] == "Bearer mine"


def rewrapped(pem: str) -> str:
    body = "".join(pem.strip().splitlines()[1:-1])
    return "-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----\r\n".format(
        "\r\n".join(textwrap.wrap(body, 40))
    )


def test_a_cluster_that_is_being_made_has_no_endpoint_yet() -> None:
    plane = ControlPlane("new", Minor(1, 35), "CREATING", endpoint="", ca_pem="")
    with pytest.raises(ReadError, match="no endpoint yet"):
        access(()).of_eks(None, ClusterId(ARN, NOW), plane)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example:443/x/", "HTTPS://A.example./x", True),
        ("https://[::1]:6443", "https://[0:0:0:0:0:0:0:1]:6443", True),
        ("https://a.example/X", "https://a.example/x", False),
        ("https://a.example:444", "https://a.example", False),
    ],
)
def test_addresses_are_compared_as_addresses(one: str, other: str, same: bool) -> None:
    assert (identity.address(one) == identity.address(other)) is same


@pytest.mark.parametrize("bad", ["", "a.example", "https://", "https://a:b", "https://[", "https://a/?x=1", "ftp://a"])
def test_what_is_no_address_says_so(bad: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        identity.address(bad)
