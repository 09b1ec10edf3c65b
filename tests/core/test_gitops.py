"""What objects of Argo CD and Flux say: where they deploy which chart, and whether it is there and well."""

import hashlib
from typing import Any

import pytest

from fleetkeeper.core.gitops import APPLICATION, HELM_RELEASE, apps_of, deploying, is_there, served
from fleetkeeper.core.model import Crd
from fleetkeeper.core.observed import GitOpsApp
from fleetkeeper.sim.objects.gitops import application, definition, helm_release, released, synced

Object = dict[str, Any]


def argo(status: Object | None = None, **spec: Any) -> tuple[GitOpsApp, ...]:
    made = application("web", "podinfo", "6.5.0", "shop")
    made["spec"] |= spec
    return tuple(apps_of(APPLICATION, made | ({"status": status} if status else {})))


def flux(status: Object | None = None, generation: int = 1, **spec: Any) -> tuple[GitOpsApp, ...]:
    made = helm_release("web", "podinfo", "6.5.0", "shop")
    made["metadata"]["generation"] = generation
    made["spec"] |= spec
    return tuple(apps_of(HELM_RELEASE, made | ({"status": status} if status else {})))


def test_an_application_as_argo_cd_has_it() -> None:
    assert argo(synced("6.5.0")) == (
        GitOpsApp(
            kind="Application",
            namespace="argocd",
            name="web",
            chart="podinfo",
            repo="https://charts.example.com",
            version="6.5.0",
            destination="shop",
            release="web",
            deployed="6.5.0",
            ready=True,
            state="Synced, Healthy",
            automated=True,
            owner={"team": "web"},
        ),
    )


def test_a_helm_release_as_flux_has_it() -> None:
    assert flux(released("podinfo", "6.5.0", 1)) == (
        GitOpsApp(
            kind="HelmRelease",
            namespace="flux-system",
            name="web",
            chart="podinfo",
            repo="HelmRepository/charts",
            version="6.5.0",
            destination="shop",
            release="web",
            deployed="6.5.0",
            ready=True,
            state="Ready",
            automated=True,
            owner={"team": "web"},
        ),
    )


CHART = {"repoURL": "https://charts", "chart": "podinfo", "targetRevision": "6.*"}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        pytest.param(
            {"source": {**CHART, "helm": {"releaseName": "in"}}}, [("podinfo", "6.*", "in")], id="its own name"
        ),
        pytest.param(
            {"source": {"repoURL": "https://git", "path": "web", "targetRevision": "main"}},
            [("", "", "web")],
            id="a folder has no chart version",
        ),
        pytest.param(
            {"source": {}, "sources": [CHART, {"repoURL": "https://git", "ref": "values"}]},
            [("podinfo", "6.*", "web")],
            id="values of another source deploy nothing",
        ),
        pytest.param(
            {"source": {}, "sources": [CHART, {**CHART, "chart": "redis"}]},
            [("podinfo", "6.*", "web"), ("redis", "6.*", "web")],
            id="several charts",
        ),
        pytest.param({"destination": {"server": "https://10.0.0.1", "namespace": "shop"}}, [], id="another cluster"),
        pytest.param({"destination": {"name": "spoke-7", "namespace": "shop"}}, [], id="another cluster by its name"),
        pytest.param(
            {"destination": {"name": "in-cluster", "namespace": "shop"}}, [("podinfo", "6.5.0", "web")], id="here"
        ),
    ],
)
def test_the_charts_of_an_application(spec: Object, found: list[tuple[str, str, str]]) -> None:
    assert [(each.chart, each.version, each.release) for each in argo(**spec)] == found


def test_the_revisions_of_several_sources_are_theirs_in_order() -> None:
    status = {"sync": {"status": "Synced", "revisions": ["6.5.4", "8.0.1"]}, "health": {"status": "Healthy"}}
    found = argo(status, sources=[CHART, {**CHART, "chart": "redis"}])
    assert [each.deployed for each in found] == ["6.5.4", "8.0.1"]


@pytest.mark.parametrize(
    ("policy", "automated"),
    [
        pytest.param({}, False, id="by hand"),
        pytest.param({"automated": {}}, True, id="automated"),
        pytest.param({"automated": {"enabled": False}}, False, id="automated, and turned off"),
        pytest.param({"automated": None}, False, id="null"),
    ],
)
def test_whether_a_change_is_carried_out_by_itself(policy: Object, automated: bool) -> None:
    (found,) = argo(syncPolicy=policy)
    assert found.automated is automated


LONG = "a-team-with-a-very-long-name", "a-release-with-a-very-long-name"


@pytest.mark.parametrize(
    ("spec", "name", "release"),
    [
        pytest.param({"releaseName": "in"}, "web", "in", id="named"),
        pytest.param({"releaseName": ""}, "web", "shop-web", id="composed"),
        pytest.param({"releaseName": "", "targetNamespace": ""}, "web", "web", id="in its own namespace"),
        pytest.param(
            {"releaseName": "", "targetNamespace": LONG[0]},
            LONG[1],
            f"{'-'.join(LONG)[:40]}-{hashlib.sha256('-'.join(LONG).encode()).hexdigest()[:12]}",
            id="too long for Helm",
        ),
    ],
)
def test_what_flux_calls_the_release(spec: Object, name: str, release: str) -> None:
    made = helm_release(name, "podinfo", "1", "shop")
    made["spec"] |= spec
    (found,) = apps_of(HELM_RELEASE, made)
    assert found.release == release
    assert len(found.release) <= 53


@pytest.mark.parametrize(
    ("found", "state"),
    [
        pytest.param(argo(), "not looked at yet", id="an Application without a status"),
        pytest.param(argo(synced("6.5.0", "Degraded")), "Synced, Degraded", id="a degraded one"),
        pytest.param(argo(synced("6.4.0", sync="OutOfSync")), "OutOfSync, Healthy", id="one that is out of sync"),
        pytest.param(flux(), "its present form was not looked at yet", id="a HelmRelease without a status"),
        pytest.param(
            flux(released("podinfo", "6.5.0", 1), 2), "its present form was not looked at yet", id="an old status"
        ),
        pytest.param(
            flux(released("podinfo", "6.5.0", 1, False, "timed out")),
            "not ready (UpgradeFailed: timed out)",
            id="failed",
        ),
        pytest.param(flux(released("podinfo", "6.5.0", 1), suspend=True), "suspended", id="a suspended one"),
        pytest.param(argo(synced("6.4.9")), "Synced, Healthy", id="one that is at another version"),
    ],
)
def test_what_is_not_there_or_not_well_says_why(found: tuple[GitOpsApp, ...], state: str) -> None:
    (app,) = found
    assert app.state == state
    assert is_there(app, "6.5.0") is (state == "suspended")


def test_what_is_there_is_what_the_controller_deployed_of_a_range() -> None:
    (app,) = argo(synced("6.5.4"), source=CHART)
    assert is_there(app, "6.5.4")
    assert not is_there(app, "6.*")


def test_what_flux_fetched_is_the_version_with_or_without_its_digest() -> None:
    (app,) = flux(released("podinfo", "6.5.0+0a1b2c3d", 1))
    assert is_there(app, "6.5.0")
    assert is_there(app, "6.5.0+0a1b2c3d")
    assert not is_there(app, "6.5")


def test_a_helm_release_into_another_cluster_is_none_of_ours() -> None:
    assert flux(kubeConfig={"secretRef": {"name": "spoke"}}) == ()


@pytest.mark.parametrize("kind", [APPLICATION, HELM_RELEASE])
@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"metadata": {"name": 7}, "spec": [], "status": "no"}, id="wrong types"),
        pytest.param(
            {"spec": {"source": None, "chart": "x", "destination": []}, "status": {"history": {}}}, id="deeper"
        ),
        pytest.param(
            {"spec": {"sources": [None, 3]}, "status": {"conditions": [1], "sync": {"revisions": 5}}}, id="lists"
        ),
    ],
)
def test_a_document_of_any_form_is_read(kind: str, document: Object) -> None:
    assert all(isinstance(each, GitOpsApp) for each in apps_of(kind, document))


def test_a_release_is_found_by_its_namespace_and_name() -> None:
    (app,) = argo()
    assert deploying((app,), "shop", "web") is app
    assert deploying((app,), "web", "web") is None
    assert deploying((app,), "shop", "podinfo") is None


def crd(kind: str, *versions: tuple[str, bool]) -> Crd:
    spec = definition(kind)["spec"]
    return Crd("name", spec["group"], kind, tuple((name, is_served, False, False) for name, is_served in versions))


def test_only_kinds_with_a_definition_are_served() -> None:
    other = Crd("applications.app.k8s.io", "app.k8s.io", "Application", (("v1", True, True, False),))
    assert served(()) == ((), "")
    assert served((other, crd(HELM_RELEASE, ("v2beta2", True), ("v2", True)))) == ((HELM_RELEASE,), "")
    assert served((crd(HELM_RELEASE, ("v2", True)), crd(APPLICATION, ("v1alpha1", True))))[0] == (
        APPLICATION,
        HELM_RELEASE,
    )


def test_a_kind_that_is_served_at_another_version_only_is_told() -> None:
    assert served((crd(HELM_RELEASE, ("v2beta2", True), ("v2", False)),)) == (
        (),
        "HelmRelease of helm.toolkit.fluxcd.io is served as v2beta2, and can be read as v2 only",
    )
