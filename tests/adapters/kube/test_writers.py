"""The executor's way to API servers that a kubeconfig leads to: a context of its own, and the right cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.kube.writers import LiveWriters
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.model import ClusterId, ControlPlane, Scope
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import ObjectRef
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.kube.kubeconfigs import write
from tests.adapters.kube.server import ApiServer, Asked, Reply, reply, serving
from tests.adapters.kube.server import status as failure
from tests.adapters.kube.support import NOW, StillClock, TestPace, meta

SCOPE = Scope("111122223333", "eu-west-1")
ID = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/prod", NOW)
EDGE = ClusterId("kubeconfig:uid-kube-system", NOW)
KUBE_SYSTEM = ObjectRef("", "v1", "namespaces", "", "kube-system")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def healthy(_: Asked) -> Reply:
    return reply({"metadata": meta("kube-system", "")})


class Clouds:
    """EksWriters of one cluster; its tokens are numbered."""

    def __init__(self, control_plane: ControlPlane | None = None, id: ClusterId = ID) -> None:
        self._found = id, control_plane
        self._tokens = 0

    def of(self, scope: Scope) -> "Clouds":
        return self

    def control_plane(self, name: str) -> Any:
        return self._found

    def token(self, name: str) -> Any:
        self._tokens += 1
        return f"executor-{self._tokens}", NOW.replace(year=2030)


def writers(*rows: KubeCluster, clouds: Clouds | None = None) -> LiveWriters:
    chosen = cast(EksWriters, clouds or Clouds())
    return LiveWriters(KubernetesSettings(rows), chosen, StillClock(), TestPace(step=0.001))


def plane(server: ApiServer) -> ControlPlane:
    return ControlPlane("prod", Minor(1, 35), "ACTIVE", server.url, server.authority.ca)


def test_an_eks_cluster_gets_a_token_of_the_executors(tmp_path: Path) -> None:
    with serving(healthy) as server:
        kube = writers(clouds=Clouds(plane(server))).kube(SCOPE, "prod", ID)
        assert kube.read(KUBE_SYSTEM)
        kube.close()
        assert server.asked[0].headers["Authorization"] == "Bearer executor-1"


def test_a_token_that_is_refused_is_renewed_once() -> None:
    def script(asked: Asked) -> Reply:
        good = asked.headers["Authorization"] == "Bearer executor-2"
        return healthy(asked) if good else reply(failure(401, "Unauthorized"), 401)

    with serving(script) as server:
        kube = writers(clouds=Clouds(plane(server))).kube(SCOPE, "prod", ID)
        assert kube.read(KUBE_SYSTEM)
        assert len(server.asked) == 2


@pytest.mark.parametrize("arn", [ID.arn, ""], ids=["of EKS", "that only a kubeconfig knows"])
def test_a_kubeconfig_cluster_without_a_context_of_the_executors_is_not_touched(arn: str, tmp_path: Path) -> None:
    with serving(healthy) as server:
        file = write(tmp_path, server.url, server.authority.ca)
        row = KubeCluster("prod", arn, str(file), "c")
        with pytest.raises(ReadError, match="set its executor_context") as refused:
            writers(row, clouds=Clouds(plane(server))).kube(SCOPE if arn else None, "prod", ID)
        assert refused.value.reason is GapReason.NOT_CONFIGURED
        assert not server.asked


def test_the_executors_context_is_used_and_the_cluster_proven_by_its_kube_system(tmp_path: Path) -> None:
    with serving(healthy) as server:
        file = write(tmp_path, server.url, server.authority.ca)
        row = KubeCluster("edge", "", str(file), "readers-only", executor_context="c")
        kube = writers(row).kube(None, "edge", EDGE)
        kube.close()
        assert [each.path for each in server.asked] == ["/api/v1/namespaces/kube-system"]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda _: reply({"metadata": meta("other", "")}), id="has another kube-system"),
        pytest.param(lambda _: reply({}), id="has none"),
        pytest.param(lambda _: reply({"metadata": 5}), id="answers nonsense"),
    ],
)
def test_a_context_that_leads_to_a_cluster_is_refused_that(script: Callable[[Asked], Reply], tmp_path: Path) -> None:
    with serving(script) as server:
        file = write(tmp_path, server.url, server.authority.ca)
        row = KubeCluster("edge", "", str(file), executor_context="c")
        with pytest.raises(ReadError, match="another cluster than edge") as refused:
            writers(row).kube(None, "edge", EDGE)
        assert refused.value.reason is GapReason.WRONG_ENDPOINT


def test_a_context_of_an_eks_cluster_that_leads_elsewhere_is_refused_before_any_call(tmp_path: Path) -> None:
    with serving(healthy) as server, serving(healthy) as other:
        file = write(tmp_path, other.url, other.authority.ca)
        row = KubeCluster("prod", ID.arn, str(file), executor_context="c")
        with pytest.raises(ReadError) as refused:
            writers(row, clouds=Clouds(plane(server))).kube(SCOPE, "prod", ID)
        assert refused.value.reason is GapReason.WRONG_ENDPOINT
        assert not server.asked
        assert not other.asked


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(reply("not found", 404), GapReason.NOT_FOUND, id="an API that is not served"),
        pytest.param(reply(failure(403, "no", "Forbidden"), 403), GapReason.FORBIDDEN, id="forbidden"),
        pytest.param(reply(failure(409, "no", "Conflict"), 409), GapReason.IN_USE, id="a conflict"),
        pytest.param(reply(failure(422, "no", "Invalid"), 422), GapReason.REJECTED, id="invalid"),
        pytest.param(reply(failure(429, "slow down"), 429), GapReason.THROTTLED, id="throttled"),
        pytest.param(reply(failure(500, "no"), 500), GapReason.SERVER_ERROR, id="a server error"),
        pytest.param(
            reply({}, 302, headers={"Location": "https://elsewhere"}), GapReason.INVALID_ANSWER, id="a redirect"
        ),
        pytest.param(reply([1]), GapReason.INVALID_ANSWER, id="no object"),
        pytest.param(reply({}, headers={"Content-Encoding": "gzip"}), GapReason.INVALID_ANSWER, id="packed"),
    ],
)
def test_an_answer_is_told_as_what_it_is_and_asked_for_once(answer: Reply, reason: GapReason) -> None:
    with serving(lambda _: answer) as server:
        kube = writers(clouds=Clouds(plane(server))).kube(SCOPE, "prod", ID)
        with pytest.raises(ReadError) as failed:
            kube.create(ObjectRef("velero.io", "v1", "backups", "velero", "one"), {"spec": {}})
        assert failed.value.reason is reason
        (sent,) = server.asked
        assert (sent.method, sent.path) == ("POST", "/apis/velero.io/v1/namespaces/velero/backups")
        assert (sent.body, sent.headers["Content-Type"]) == (b'{"spec":{}}', "application/json")
