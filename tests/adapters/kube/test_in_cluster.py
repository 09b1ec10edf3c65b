"""What our pod shows of its API server: the files of a service account, and a server that answers over TLS."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fleetkeeper.adapters.kube.in_cluster import pod_of
from fleetkeeper.adapters.kube.limits import Limits
from fleetkeeper.core.hosting import Pod
from tests.adapters.kube.server import ApiServer, Asked, Reply, reply, serving, status
from tests.adapters.kube.support import StillClock, TestPace, meta

ASKED = (Limits(attempts=1), TestPace(step=0.001), StillClock())


def healthy(asked: Asked) -> Reply:
    assert asked.headers["Authorization"] == "Bearer of-the-pod"
    return reply({"metadata": meta("kube-system", "", creationTimestamp="2026-01-01T00:00:00Z")})


def forbidden(asked: Asked) -> Reply:
    return reply(status(403, "Forbidden"), 403)


def in_pod(server: ApiServer, folder: Path) -> Mapping[str, str]:
    """The environment of a pod, whose service account's files are in the folder."""
    (folder / "ca.crt").write_text(server.authority.ca, "utf-8")
    (folder / "token").write_text("of-the-pod\n", "utf-8")
    place = urlsplit(server.url)
    return {"KUBERNETES_SERVICE_HOST": str(place.hostname), "KUBERNETES_SERVICE_PORT": str(place.port)}


def test_a_pod_knows_the_certificate_and_the_kube_system_of_its_cluster(tmp_path: Path) -> None:
    with serving(healthy) as server:
        assert pod_of(in_pod(server, tmp_path), tmp_path, ASKED) == Pod(server.authority.ca, "uid-kube-system")
        assert [each.path for each in server.asked] == ["/api/v1/namespaces/kube-system"]


def test_nobody_is_asked_where_the_certificate_is_enough(tmp_path: Path) -> None:
    with serving(healthy) as server:
        assert pod_of(in_pod(server, tmp_path), tmp_path) == Pod(server.authority.ca)
        assert server.asked == []


def test_a_service_account_that_may_read_nothing_leaves_the_certificate(tmp_path: Path) -> None:
    with serving(forbidden) as server:
        assert pod_of(in_pod(server, tmp_path), tmp_path, ASKED) == Pod(server.authority.ca)


def test_out_of_a_pod_there_is_none(tmp_path: Path) -> None:
    assert pod_of({}, tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"], ids=["none", "an empty one", "one that is no text"])
def test_a_pod_without_a_certificate_does_not_know(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_bytes(content)
    found = pod_of({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)
    assert found is not None
    assert "certificate" in found.unknown
