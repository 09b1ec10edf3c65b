"""Opening clients: EKS tokens that are renewed, client certificates, and clusters that only a kubeconfig knows."""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.credentials import Bearer, TokenFile
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.model import ClusterId, ControlPlane
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud, Kube, Kubes
from fleetkeeper.errors import GapReason, ReadError, Refused
from tests.adapters.kube.kubeconfigs import write
from tests.adapters.kube.server import ApiServer, Asked, Reply, authority, reply, serving
from tests.adapters.kube.server import status as failure
from tests.adapters.kube.support import NOW, StillClock, TestPace, meta

ID = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/prod", NOW)
CLOUD = cast(Cloud, None)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def healthy(asked: Asked) -> Reply:
    if asked.path == "/version":
        return reply({"gitVersion": "v1.35.2-eks-1"})
    return reply({"metadata": meta("kube-system", "", creationTimestamp="2026-01-01T00:00:00Z")})


def access(*rows: KubeCluster, token_for: Any = None, clock: StillClock | None = None) -> KubeAccess:
    return KubeAccess(KubernetesSettings(rows), token_for, clock or StillClock(), TestPace(step=0.001))


def plane(server: ApiServer) -> ControlPlane:
    return ControlPlane("prod", Minor(1, 35), "ACTIVE", server.url, server.authority.ca)


def tokens() -> Callable[[Cloud, str], tuple[str, datetime]]:
    """A new token each time, good for 14 minutes as those of EKS are."""
    numbers: Iterator[int] = iter(range(1, 99))
    return lambda cloud, name: (f"{name}-{next(numbers)}", NOW + timedelta(minutes=14))


def test_an_eks_cluster_is_read_with_its_token() -> None:
    with serving(healthy) as server:
        kube = access(token_for=tokens()).of_eks(CLOUD, ID, plane(server))
        assert [kube.git_version(), kube.git_version()] == ["v1.35.2-eks-1"] * 2
        kube.close()
        assert {a.headers["Authorization"] for a in server.asked} == {"Bearer prod-1"}
        assert server.asked[0].headers["User-Agent"].startswith("fleetkeeper/")


def test_a_token_is_renewed_before_it_expires() -> None:
    clock = StillClock()
    with serving(healthy) as server:
        kube = access(token_for=tokens(), clock=clock).of_eks(CLOUD, ID, plane(server))
        for minutes in (0, 12, 1):
            clock.move(minutes=minutes)
            kube.git_version()
        kube.close()
        assert [a.headers["Authorization"][-1] for a in server.asked] == ["1", "1", "2"]


def test_a_401_is_tried_once_with_a_new_token() -> None:
    def script(asked: Asked) -> Reply:
        stale = asked.headers["Authorization"] == "Bearer prod-1"
        return reply(failure(401, "Unauthorized"), 401) if stale else healthy(asked)

    with serving(script) as server:
        kube = access(token_for=tokens()).of_eks(CLOUD, ID, plane(server))
        assert kube.git_version() == "v1.35.2-eks-1"
        kube.close()
        assert len(server.asked) == 2


def test_a_401_for_every_token_is_unauthenticated() -> None:
    with serving(lambda _: reply(failure(401, "Unauthorized"), 401)) as server:
        kube = access(token_for=tokens()).of_eks(CLOUD, ID, plane(server))
        with pytest.raises(Refused) as caught:
            kube.git_version()
        kube.close()
        assert caught.value.reason is GapReason.UNAUTHENTICATED
        assert len(server.asked) == 2


def test_a_token_that_cannot_be_had_is_the_gaps_reason() -> None:
    def denied(*_: object) -> tuple[str, datetime]:
        raise Refused("sts: AccessDenied")

    with serving(healthy) as server:
        kube = access(token_for=denied).of_eks(CLOUD, ID, plane(server))
        with pytest.raises(Refused, match="AccessDenied"):
            kube.git_version()
        kube.close()
        assert server.asked == []


@pytest.mark.parametrize("token", ["hush\r\nX: y", "hush☃", ""], ids=["a line break", "no ASCII", "empty"])
def test_a_token_that_is_no_header_is_refused_and_not_shown(token: str) -> None:
    with serving(healthy) as server:
        kube = access(token_for=lambda *_: (token, NOW + timedelta(hours=1))).of_eks(CLOUD, ID, plane(server))
        with pytest.raises(Refused) as caught:
            kube.git_version()
        kube.close()
        assert caught.value.reason is GapReason.UNAUTHENTICATED
        assert "hush" not in caught.value.detail
        assert server.asked == []


def test_a_row_with_only_a_proxy_keeps_the_token() -> None:
    row = KubeCluster("prod", arn=ID.arn, proxy_url="http://127.0.0.1:1")
    with serving(healthy) as server:
        kube = access(row, token_for=tokens()).of_eks(CLOUD, ID, plane(server))
        with pytest.raises(ReadError, match="the proxy"):
            kube.git_version()
        kube.close()


def test_a_standalone_cluster_is_its_kube_system_namespace(tmp_path: Path) -> None:
    with serving(healthy) as server:
        file = write(tmp_path, server.url, server.authority.ca, token="t")
        kubes: Kubes = access(KubeCluster("lab", kubeconfig=str(file)), KubeCluster("eks", arn="arn:x"))
        assert kubes.standalone() == ("lab",)
        found, kube = kubes.of_kubeconfig("lab")
        assert isinstance(kube, KubeReader)
        kube.close()
    assert found.id == ClusterId("kubeconfig:uid-kube-system", datetime.fromisoformat("2026-01-01T00:00:00Z"))
    assert (found.control_plane.version, found.control_plane.git_version) == (Minor(1, 35), "v1.35.2-eks-1")


@pytest.mark.parametrize(
    ("namespace", "version"),
    [
        ({"name": "kube-system"}, "v1.35.2"),
        (meta("kube-system"), "v1.35.2"),
        (meta("kube-system", creationTimestamp="2026-01-01T00:00:00Z"), "unknown"),
    ],
    ids=["no uid", "no creation time", "no version"],
)
def test_a_cluster_that_cannot_be_identified_is_not_taken(namespace: object, version: str, tmp_path: Path) -> None:
    def script(asked: Asked) -> Reply:
        return reply({"gitVersion": version} if asked.path == "/version" else {"metadata": namespace})

    with serving(script) as server:
        file = write(tmp_path, server.url, server.authority.ca, token="t")
        with pytest.raises(ReadError) as caught:
            access(KubeCluster("lab", kubeconfig=str(file))).of_kubeconfig("lab")
        assert caught.value.reason is GapReason.INVALID_ANSWER


def test_a_name_that_is_not_configured_says_so() -> None:
    with pytest.raises(ReadError) as caught:
        access().of_kubeconfig("lab")
    assert caught.value.reason is GapReason.NOT_CONFIGURED


@pytest.mark.parametrize("how", ["inline", "files"])
def test_a_client_certificate_is_shown_and_no_key_stays_on_disk(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    mine = authority()
    pair = {"client-certificate": mine.client_certificate, "client-key": mine.client_key}
    if how == "inline":
        user = {f"{key}-data": base64.b64encode(pem.encode()).decode() for key, pem in pair.items()}
    else:
        for key, pem in pair.items():
            (tmp_path / key).write_text(pem, "utf-8")
        user = {key: key for key in pair}  # relative to the kubeconfig
    with serving(healthy, ask_client_certificate=True) as server:
        file = write(tmp_path, server.url, server.authority.ca, user=user)
        found, kube = access(KubeCluster("lab", kubeconfig=str(file))).of_kubeconfig("lab")
        kube.close()
        assert "Authorization" not in server.asked[0].headers
    assert found.name == "lab"
    assert list(scratch.iterdir()) == []


def test_no_client_certificate_where_one_is_asked_for_is_unreachable(tmp_path: Path) -> None:
    with serving(healthy, ask_client_certificate=True) as server:
        file = write(tmp_path, server.url, server.authority.ca, token="t")
        with pytest.raises(ReadError):
            access(KubeCluster("lab", kubeconfig=str(file))).of_kubeconfig("lab")


def test_a_key_that_is_no_key_is_refused_without_a_prompt(tmp_path: Path) -> None:
    junk = base64.b64encode(
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"
    ).decode()
    pem = base64.b64encode(authority().client_certificate.encode()).decode()
    with serving(healthy) as server:
        user = {"client-certificate-data": pem, "client-key-data": junk}
        file = write(tmp_path, server.url, server.authority.ca, user=user)
        with pytest.raises(Refused, match="client certificate or its key"):
            access(KubeCluster("lab", kubeconfig=str(file))).of_kubeconfig("lab")
        assert server.connections == 0


def test_a_plugins_answer_serves_every_client_of_its_user(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    body = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"p"}}'
    with serving(healthy) as server:
        command = ["/bin/sh", "-c", f"echo >> {runs}; echo '{body}'"]
        file = write(tmp_path, server.url, server.authority.ca, command=command)
        kubes = access(KubeCluster("lab", kubeconfig=str(file)))
        for _ in range(3):
            kubes.of_kubeconfig("lab")[1].close()
        assert server.asked[0].headers["Authorization"] == "Bearer p"
    assert runs.read_text() == "\n"


def test_a_plugin_that_fails_leaves_the_server_alone(tmp_path: Path) -> None:
    with serving(healthy) as server:
        file = write(
            tmp_path, server.url, server.authority.ca, command=["/bin/sh", "-c", "echo log in first >&2; exit 1"]
        )
        with pytest.raises(Refused, match="log in first") as caught:
            access(KubeCluster("lab", kubeconfig=str(file))).of_kubeconfig("lab")
        assert caught.value.reason is GapReason.UNAUTHENTICATED
        assert server.connections == 0


def test_the_server_name_of_the_certificate_may_be_given(tmp_path: Path) -> None:
    with serving(healthy, authority("named CA", ("api.internal",))) as server:
        file = write(tmp_path, server.url.replace("127.0.0.1", "localhost"), server.authority.ca, token="t")
        row = KubeCluster("lab", kubeconfig=str(file))
        with pytest.raises(ReadError, match="certificate was refused"):
            access(row).of_kubeconfig("lab")
        file.write_text(file.read_text().replace("server:", "tls-server-name: api.internal\n    server:"), "utf-8")
        access(row).of_kubeconfig("lab")[1].close()


def test_a_token_file_is_read_again_after_a_refusal(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n", "utf-8")
    credential = TokenFile(User(token_file=str(file)))
    assert credential.headers() == {"Authorization": "Bearer one"}
    assert not credential.renew()
    file.write_text("two\n", "utf-8")
    assert credential.renew()
    assert credential.headers() == {"Authorization": "Bearer two"}
    file.unlink()
    with pytest.raises(Refused):
        credential.renew()


def test_the_reader_is_the_port() -> None:
    port: type[Kube] = KubeReader
    assert port
    assert Bearer(lambda: ("t", NOW), StillClock()).key_pair() is None
