"""Helm's records and their manifests: each payload read once, old revisions bounded, forged ones told as broken."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.adapters.kube import helm, manifests
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.helm import Revision
from fleetkeeper.core.observed import HelmUse, ReleaseTrace
from tests.adapters.kube.server import Asked, Reply, gzipped
from tests.adapters.kube.support import meta
from tests.adapters.kube.test_client import Object, cluster, looking

NAMES = frozenset({("batch/v1beta1", "CronJob"), ("policy/v1beta1", "PodDisruptionBudget")})
CRON = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata:\n  name: nightly\n  namespace: jobs\n"
FOUND = Revision("team", "web", 3, "sh.helm.release.v1.web.v3", "u@1")


def record(number: int, status: str = "superseded", manifest: str = "", name: str = "web", **more: Any) -> Object:
    chart = {"metadata": {"name": "nginx", "version": f"1.{number}.0", "kubeVersion": ">=1.25.0-0"}}
    release = {"name": name, "version": number, "info": {"status": status}, "chart": chart, "manifest": manifest}
    packed = base64.b64encode(base64.b64encode(gzipped(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": name, "status": status, "version": str(number)}
    place = meta(f"sh.helm.release.v1.{name}.v{number}", labels=labels, resourceVersion="1")
    return {"metadata": place, "data": {"release": packed}, **more}


def helm_cluster(*records: Object) -> Callable[[Asked], Reply]:
    """Secrets by the label selectors that Helm's records are asked for by."""

    def script(asked: Asked) -> Reply:
        wanted = asked.query.get("labelSelector", "")
        statuses = ("deployed", "superseded") if "superseded" in wanted else ("deployed",)
        some = [r for r in records if not wanted or r["metadata"]["labels"]["status"] in statuses]
        return cluster(secrets=some)(asked)

    return script


HISTORY = [
    record(1),
    record(2, manifest=f"---\n{CRON}"),
    record(3),
    record(4, "deployed", manifest=f"---\n# Source\n{CRON}---\nkind: Service\n"),
    record(5, "failed", manifest=CRON),
]


def payloads(asked: list[Asked]) -> list[str]:
    """The records that were read by themselves."""
    return [a.path.rpartition(".")[2] for a in asked if "/secrets/sh." in a.path]


def test_the_newest_deployed_revision_and_two_before_it_are_read() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, _):
        use = kube.helm_use(HelmUse(), NAMES)

    assert [(c.revision, c.chart_version, c.kube_version) for c in use.charts] == [
        (4, "1.4.0", ">=1.25.0-0"),
        (3, "1.3.0", ">=1.25.0-0"),
        (2, "1.2.0", ">=1.25.0-0"),
    ]
    trace = ReleaseTrace("team", "web", 4, True, "batch/v1beta1", "CronJob", "jobs", "nightly")
    assert [(t.revision, t.latest) for t in use.traces] == [(4, True), (2, False)]
    assert use.traces[0] == trace


def test_one_read_of_a_payload_serves_releases_and_use() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, server):
        (release,) = kube.helm_releases({}, NAMES)
        use = kube.helm_use(HelmUse(), NAMES)
        assert payloads(server.asked) == ["v4", "v3", "v2"]

    assert release.revision == 4
    assert len(use.traces) == 2


def test_what_is_known_is_not_read_again_unless_other_names_are_looked_for() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, _):
        known = kube.helm_use(HelmUse(), NAMES)
    with looking(helm_cluster(*HISTORY)) as (kube, server):
        assert kube.helm_use(known, NAMES) == known
        assert payloads(server.asked) == []
    with looking(helm_cluster(*HISTORY)) as (kube, server):
        assert kube.helm_use(known, frozenset()).traces == ()
        assert payloads(server.asked) == ["v4", "v3", "v2"]


def test_a_known_revision_that_is_no_longer_the_newest_is_told_as_older() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, _):
        known = kube.helm_use(HelmUse(), NAMES)
    with looking(helm_cluster(*HISTORY, record(6, "deployed"))) as (kube, server):
        use = kube.helm_use(known, NAMES)
        assert payloads(server.asked) == ["v6"]
    assert {(t.revision, t.latest) for t in use.traces} == {(4, False)}


def rewritten(found: Object, number: int) -> Object:
    """What Helm makes of a record when the next revision takes its place: another status, another resourceVersion."""
    labels = {**found["metadata"]["labels"], "status": "superseded"}
    return {**found, "metadata": {**found["metadata"], "labels": labels, "resourceVersion": str(number)}}


def test_a_revision_that_another_took_the_place_of_is_not_read_again() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, _):
        known = kube.helm_use(HelmUse(), NAMES)
    replaced = rewritten(HISTORY[3], 77)
    now = [*HISTORY[:3], replaced, record(6, "deployed")]
    with looking(helm_cluster(*now)) as (kube, server):
        use = kube.helm_use(known, NAMES)
        assert payloads(server.asked) == ["v6"]
    with looking(helm_cluster(*now)) as (kube, _):
        assert kube.helm_use(HelmUse(), NAMES) == use


def test_an_older_revision_that_somebody_changed_is_read_again() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, _):
        known = kube.helm_use(HelmUse(), NAMES)
    changed = rewritten(record(3, manifest=f"---\n{CRON}"), 78)
    with looking(helm_cluster(*HISTORY[:2], changed, *HISTORY[3:])) as (kube, server):
        use = kube.helm_use(known, NAMES)
        assert payloads(server.asked) == ["v3"]
    assert [trace.revision for trace in use.traces] == [4, 3, 2]


def test_the_records_are_listed_once_for_releases_and_use() -> None:
    with looking(helm_cluster(*HISTORY)) as (kube, server):
        kube.helm_releases({}, NAMES)
        kube.helm_use(HelmUse(), NAMES)
        assert len([a for a in server.asked if a.path.endswith("/secrets")]) == 1


def test_many_old_revisions_come_in_one_answer() -> None:
    some = [record(n, "superseded" if n < 3 else "deployed", name=f"r{k}") for k in range(4) for n in (1, 2, 3)]
    with looking(helm_cluster(*some)) as (kube, server):
        use = kube.helm_use(HelmUse(), NAMES)
        assert [p for p in payloads(server.asked) if p != "v3"] == []
    assert [(c.release, c.revision) for c in use.charts] == [(f"r{k}", n) for k in range(4) for n in (3, 2, 1)]


def test_a_forged_record_is_told_as_broken() -> None:
    forged = record(4, "deployed")
    with looking(helm_cluster({**forged, "data": {"release": "%%%"}})) as (kube, _):
        (chart,) = kube.helm_use(HelmUse(), NAMES).charts
    assert chart.broken
    assert chart.chart == ""


def test_a_bomb_is_told_as_broken() -> None:
    packed = base64.b64encode(base64.b64encode(gzipped(b" " * (64 << 20), 9))).decode()
    with looking(helm_cluster({**record(4, "deployed"), "data": {"release": packed}})) as (kube, _):
        (chart,) = kube.helm_use(HelmUse(), NAMES).charts
    assert "larger than 32 MiB" in chart.broken


def test_a_release_that_was_never_deployed_holds_nothing() -> None:
    with looking(helm_cluster(record(1), record(2))) as (kube, _):
        assert kube.helm_use(HelmUse(), NAMES).charts == ()


def held(manifest: str) -> list[tuple[str, str]]:
    return [(trace.kind, trace.object_name) for trace in manifests.traces(FOUND, manifest, NAMES)]


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(f"---\n# Source: a.yaml\n{CRON}", id="after a comment"),
        pytest.param(f"kind: Service\n---\n{CRON}---\n", id="between others"),
        pytest.param('{"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "nightly"}}', id="JSON"),
        pytest.param('---\n"apiVersion": "batch/v1beta1"\nkind: CronJob\nmetadata: {name: nightly}\n', id="quoted"),
        pytest.param(
            "apiVersion: v1\nkind: List\nitems:\n- " + CRON.replace("\n", "\n  ").rstrip() + "\n", id="in a list"
        ),
        pytest.param(CRON.replace("\n", "\r\n"), id="with Windows line ends"),
        pytest.param(f"--- # a comment\n{CRON}", id="after a separator with a comment"),
    ],
)
def test_an_old_version_is_found(manifest: str) -> None:
    assert held(manifest) == [("CronJob", "nightly")]


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\n", id="the present version"),
        pytest.param(CRON.replace("kind: CronJob", "kind: Job"), id="a kind without a row"),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  job: |\n    apiVersion: batch/v1beta1\n    kind: CronJob\n",
            id="text in a ConfigMap",
        ),
        pytest.param(f"# {CRON.splitlines()[0]}\nkind: CronJob\n", id="a comment"),
        pytest.param(f"{CRON}  broken: [\n", id="no YAML"),
        pytest.param("apiVersion: [batch/v1beta1]\nkind: CronJob\n", id="a list for a version"),
        pytest.param("", id="nothing"),
    ],
)
def test_no_old_version_is_found(manifest: str) -> None:
    assert held(manifest) == []


@given(st.text(alphabet="apiVersion: bt/v1e\n-kd{}[]&*\"'CronJ", max_size=200))
def test_arbitrary_manifests_never_raise(manifest: str) -> None:
    held(f"{CRON}---\n{manifest}")
    held(f"apiVersion: batch/v1beta1\n{manifest}")


def test_a_manifest_nested_without_end_is_no_trace() -> None:
    assert held(f"apiVersion: batch/v1beta1\nspec: {'[' * 50_000}") == []


def test_of_each_release_those_before_the_newest_deployed_are_kept() -> None:
    found = [helm.revision(structs_of(record(n, s))) for n, s in ((1, "deployed"), (9, "deployed"), (8, "superseded"))]
    assert [(each.number, latest) for each, latest in helm.kept(found, 1)] == [(9, True), (8, False)]


def structs_of(document: Object) -> Any:
    return msgspec.convert(document, structs.Object)
