"""What of a stored cluster could name an owner, for each kind of thing that findings are about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.finding import CLUSTER, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.owner_sources import OBJECT_PARTS, Surroundings, needed, surroundings
from fleetkeeper.core.owner_values import About, Deployed, Directory, Source
from fleetkeeper.core.owners import resolve
from tests.core.checks.snapshots import control_plane

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ACCOUNT = model.Account("111122223333", "lab", tags={"Team": "lab", "CostType": "x"})
CONTROL_PLANE = control_plane(tags={"Owner": "fleet", "Name": "shop", "acme:crew": "blue"})


def workload(name: str, namespace: str = "shop", kind: str = "Deployment", **keys: str) -> model.Workload:
    return model.Workload(kind, namespace, name, f"uid-{name}", (f"registry.example/{name}:1",), owner=keys)


def app(name: str, **more: Any) -> observed.GitOpsApp:
    texts = {"chart": "", "repo": "https://github.com/acme/x", "version": "", "destination": "shop", "release": name}
    return observed.GitOpsApp("Application", "argocd", name, **texts | more)


def around(values: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Surroundings:
    whole = {parts.CONTROL_PLANE: CONTROL_PLANE, **values}
    return surroundings("shop", {"name": "shop"}, whole.get, ACCOUNT, keys)


def finding(subject: Subject, key: str = "", **more: Any) -> Finding:
    return Finding("FK999", Severity.WARNING, subject, "a message", "a fix", key, **more)


def named(about: About) -> dict[str, tuple[str, dict[str, str]]]:
    """Source → (place, keys), without those of the cluster and the account, which everything has."""
    wide = (Source.CLUSTER, Source.ACCOUNT)
    return {each.value: (about.places[each], dict(keys)) for each, keys in about.keys.items() if each not in wide}


CART = workload("cart", team="cart")
NAMESPACES = (model.Namespace("shop", {"owner": "shop"}), model.Namespace("kube-system"))
OF_NAMESPACE = ("Namespace shop", {"owner": "shop"})
OF_CART = ("Deployment shop/cart", {"team": "cart"})

BY_KIND = [
    pytest.param(
        Subject("Deployment", "cart", "shop"),
        {parts.WORKLOADS: (CART,)},
        {"object": OF_CART, "namespace": OF_NAMESPACE},
        id="a workload by its own keys and its namespace's",
    ),
    pytest.param(
        Subject("Pod", "lone", "shop"),
        {parts.PODS: model.Pods(1, (workload("lone", kind="Pod", team="lone"),))},
        {"object": ("Pod shop/lone", {"team": "lone"}), "namespace": OF_NAMESPACE},
        id="a pod without a controller by its own",
    ),
    pytest.param(
        Subject("Pod", "cart-1", "shop"),
        {
            parts.WORKLOADS: (CART,),
            parts.POD_NOTES: (observed.PodNote("shop", "cart-1", "finalizers", controller="Deployment/cart"),),
        },
        {"controller": OF_CART, "namespace": OF_NAMESPACE},
        id="a pod by its controller's",
    ),
    pytest.param(
        Subject("ValidatingWebhookConfiguration", "guard"),
        {parts.WEBHOOKS: (observed.Webhook("ValidatingWebhookConfiguration", "guard", "a", True, "shop/guard"),)},
        {"namespace": OF_NAMESPACE},
        id="a webhook by the namespace of its service",
    ),
    pytest.param(
        Subject("APIService", "v1.metrics"),
        {
            parts.API_SERVICES: (
                observed.ApiService("v1.metrics", "metrics", "v1", "shop/m", False, owner={"team": "m"}),
            )
        },
        {"object": ("APIService v1.metrics", {"team": "m"}), "namespace": OF_NAMESPACE},
        id="an aggregated API by its own and its service's namespace",
    ),
    pytest.param(
        Subject("PersistentVolume", "pv-1"),
        {parts.VOLUMES: (observed.PersistentVolume("pv-1", "local", claim="shop/data"),)},
        {"namespace": OF_NAMESPACE},
        id="a volume by the namespace of its claim",
    ),
    pytest.param(
        Subject("Addon", "shop/Deployment/cert-manager"),
        {},
        {"namespace": OF_NAMESPACE},
        id="an addon by the namespace that it runs in",
    ),
    pytest.param(Subject("Addon", "kube-proxy"), {}, {}, id="an addon of EKS by the cluster alone"),
    pytest.param(Subject("DaemonSet", "aws-node", "kube-system"), {}, {}, id="what is in kube-system by the cluster"),
    pytest.param(
        Subject("NodeGroup", "blue"),
        {parts.NODE_GROUPS: (model.NodeGroup("blue", "ACTIVE", None, "", "", "", (), 1, 1, 1, tags={"Owner": "b"}),)},
        {"node group": ("node group blue", {"Owner": "b"})},
        id="a node group by its tags",
    ),
    pytest.param(
        Subject("Namespace", "shop"), {}, {"object": OF_NAMESPACE, "namespace": OF_NAMESPACE}, id="a namespace"
    ),
    pytest.param(CLUSTER, {}, {}, id="the cluster by its own tags and its account's"),
]


@pytest.mark.parametrize(("subject", "values", "expected"), BY_KIND)
def test_an_object_is_known_by(subject: Subject, values: Mapping[str, Any], expected: dict[str, Any]) -> None:
    found = around({parts.NAMESPACES: NAMESPACES, **values}).about(finding(subject))
    assert named(found) == expected
    assert found.keys[Source.CLUSTER] == {"Owner": "fleet"}
    assert found.keys[Source.ACCOUNT] == {"Team": "lab"}
    assert (found.places[Source.CLUSTER], found.places[Source.ACCOUNT]) == ("cluster shop", "account lab")


def test_keys_of_ones_own_are_found_among_tags_as_they_are_written() -> None:
    found = around({}, ("ACME:crew",)).about(finding(CLUSTER))
    assert found.keys[Source.CLUSTER] == {"Owner": "fleet", "acme:crew": "blue"}


def test_a_node_is_known_by_its_group() -> None:
    group = model.NodeGroup("blue", "ACTIVE", None, "", "", "", (), 1, 1, 1, tags={"Owner": "b"})
    node = model.Node(
        *("n1", "u", "v1.34.1", "", "linux", "amd64", "", ""),
        model.ComputeKind.MANAGED,
        "blue",
        True,
        True,
        "",
        "",
        "",
        NOW,
    )
    found = around({parts.NODE_GROUPS: (group,), parts.NODES: (node,)}).about(finding(Subject("Node", "n1")))
    assert named(found) == {"node group": ("node group blue", {"Owner": "b"})}


# ---- keys that a check hands on


def budget(**keys: str) -> Mapping[str, Any]:
    return {parts.WORKLOADS: (CART,), parts.BUDGETS: (observed.Budget("shop", "cart-pdb", owner=keys),)}


PDB = Subject("PodDisruptionBudget", "cart-pdb", "shop")


def test_a_budget_has_its_own_keys() -> None:
    found = around(budget(owner="pdb")).about(finding(PDB, owner={"owner": "pdb"}))
    assert named(found) == {"object": ("PodDisruptionBudget shop/cart-pdb", {"owner": "pdb"})}


def test_keys_that_a_budget_has_of_its_workload_are_told_as_the_workloads() -> None:
    found = around(budget()).about(finding(PDB, owner={"team": "cart"}))
    assert named(found) == {"controller": OF_CART}


def test_a_volume_goes_by_the_workload_that_mounts_it() -> None:
    volume = observed.PersistentVolume("pv-1", "local", claim="shop/data")
    values = {parts.VOLUMES: (volume,), parts.WORKLOADS: (CART,)}
    found = around(values).about(finding(Subject("PersistentVolume", "pv-1"), owner={"team": "cart"}))
    assert named(found) == {"controller": OF_CART}


def test_what_is_stored_now_goes_before_what_the_finding_remembers() -> None:
    found = around({parts.WORKLOADS: (CART,)}).about(
        finding(Subject("Deployment", "cart", "shop"), owner={"team": "old"})
    )
    assert named(found) == {"object": OF_CART}


def test_an_object_that_only_its_finding_knows_has_its_keys() -> None:
    ingress = Subject("Ingress", "web", "shop")
    found = around({}).about(finding(ingress, owner={"team": "web"}))
    assert named(found) == {"object": ("Ingress shop/web", {"team": "web"})}


def test_the_tags_of_a_node_group_that_a_finding_carries_are_not_those_of_an_object() -> None:
    group = model.NodeGroup("blue", "ACTIVE", None, "", "", "", (), 1, 1, 1, tags={"Owner": "b"})
    found = around({parts.NODE_GROUPS: (group,)}).about(finding(Subject("NodeGroup", "blue"), owner={"Owner": "b"}))
    assert list(named(found)) == ["node group"]


# ---- callers and clients


API = Subject("API", "cronjobs.v1beta1.batch")


def test_a_caller_stands_for_the_api_that_it_calls() -> None:
    use = LiveUse((Subject("Deployment", "cart", "shop"),))
    found = around({parts.WORKLOADS: (CART,), parts.NAMESPACES: NAMESPACES}).about(finding(API, use=use))
    assert named(found) == {
        "controller": ("Deployment shop/cart, which calls it", {"team": "cart"}),
        "namespace": OF_NAMESPACE,
    }


def test_a_caller_that_is_the_object_itself_is_no_controller() -> None:
    subject = Subject("Deployment", "cart", "shop")
    found = around({parts.WORKLOADS: (CART,)}).about(finding(subject, use=LiveUse((subject,))))
    assert named(found) == {"object": OF_CART}


def stat(agent: str, day: int) -> ClientStat:
    return ClientStat(agent, 9, NOW.replace(day=day))


def insight(*clients: ClientStat) -> Insight:
    use = Deprecation("/apis/batch/v1beta1/cronjobs", "/apis/batch/v1/cronjobs", "1.36", clients)
    return Insight("i-1", "Deprecated APIs", "UPGRADE_READINESS", InsightStatus.ERROR, None, "", NOW, (use,))


@pytest.mark.parametrize(
    "about", [finding(API), finding(Subject("Insight", "Deprecated APIs"), "i-1")], ids=["api", "insight"]
)
def test_the_last_client_that_no_workload_explains_is_named(about: Finding) -> None:
    seen = insight(
        stat("kubectl/v1", 9), stat("legacy-sync/v2", 12), stat("cart/v1", 15), stat("kube-apiserver/v1", 16)
    )
    found = around({parts.INSIGHTS: (seen,), parts.WORKLOADS: (CART,)}).about(about)
    assert found.user_agent == "legacy-sync/v2"


def test_a_service_account_leads_to_its_namespace() -> None:
    call = observed.AuditCall("batch", "v1beta1", "cronjobs", "system:serviceaccount:shop:gone", "gone/v1", 3, NOW)
    found = around({parts.AUDIT_CALLS: (call,), parts.NAMESPACES: NAMESPACES}).about(finding(API))
    assert (found.user_agent, found.namespace, named(found)) == ("gone/v1", "shop", {"namespace": OF_NAMESPACE})


# ---- what deploys it


SITE = app("site", path="deploy/site", owner={"team": "web"})
LED_BY = [
    pytest.param({"argocd.argoproj.io/tracking-id": "site:apps/Deployment:shop/cart"}, id="Argo CD's tracking id"),
    pytest.param({"argocd.argoproj.io/tracking-id": "argocd_site:apps/Deployment:shop/cart"}, id="of any namespace"),
    pytest.param({"argocd.argoproj.io/instance": "site"}, id="Argo CD's instance"),
    pytest.param({"app.kubernetes.io/instance": "site"}, id="the instance, where there is such an application"),
    pytest.param({"app.kubernetes.io/part-of": "site"}, id="what it is part of, likewise"),
    pytest.param(
        {"meta.helm.sh/release-name": "site", "meta.helm.sh/release-namespace": "shop"}, id="the Helm release"
    ),
]


@pytest.mark.parametrize("keys", LED_BY)
def test_an_application_is_found_by(keys: dict[str, str]) -> None:
    values = {parts.WORKLOADS: (workload("cart", **keys),), parts.GITOPS: (SITE, app("other", destination="x"))}
    found = around(values).about(finding(Subject("Deployment", "cart", "shop")))
    assert found.applications[0] == Deployed("Application", "site", "https://github.com/acme/x", "deploy/site")
    assert named(found)["application"] == ("Application argocd/site, which deploys it", {"team": "web"})


CHART, FOLDER = app("site", chart="web", version="1.2.3"), app("site", path="deploy/more")
IN_GIT = Deployed("Application", "site", "https://github.com/acme/x", "deploy/site")
DECLARED = [
    pytest.param((SITE, app("other", path="x")), IN_GIT, id="the folder of its application"),
    pytest.param((CHART,), None, id="nowhere that is known, of a chart"),
    pytest.param((SITE, CHART), None, id="nowhere that is known, of a folder and a chart"),
    pytest.param((SITE, FOLDER), None, id="nowhere that is known, of two folders"),
    pytest.param((), None, id="nowhere that is known, without the application"),
]


@pytest.mark.parametrize(("apps", "declared"), DECLARED)
def test_an_object_is_declared_in(apps: tuple[observed.GitOpsApp, ...], declared: Deployed | None) -> None:
    cart = workload("cart", **{"argocd.argoproj.io/tracking-id": "site:apps/Deployment:shop/cart"})
    found = around({parts.WORKLOADS: (cart,), parts.GITOPS: apps}).about(finding(Subject("Deployment", "cart", "shop")))
    assert found.declared == declared
    assert resolve(found, Directory()).declared == declared


def test_an_instance_that_no_application_is_called_is_none() -> None:
    cart = workload("cart", **{"app.kubernetes.io/instance": "cart"})
    found = around({parts.WORKLOADS: (cart,)}).about(finding(Subject("Deployment", "cart", "shop")))
    assert found.applications == ()


def test_of_namesakes_the_one_that_deploys_into_the_namespace_is_meant() -> None:
    near, far = app("site", destination="shop", repo="near"), replace(app("site", repo="far"), namespace="x")
    cart = workload("cart", **{"app.kubernetes.io/instance": "site"})
    found = around({parts.WORKLOADS: (cart,), parts.GITOPS: (replace(far, destination="y"), near)})
    about = found.about(finding(Subject("Deployment", "cart", "shop")))
    assert [each.repository for each in about.applications] == ["near"]


def test_a_release_of_helm_goes_by_a_workload_of_it() -> None:
    cart = workload("cart", **{"meta.helm.sh/release-name": "site", "team": "cart"})
    found = around({parts.WORKLOADS: (cart,)}).about(finding(Subject("HelmRelease", "site", "shop")))
    assert found.keys[Source.CONTROLLER]["team"] == "cart"
    assert found.applications == (Deployed("Helm release", "site"),)


def test_flux_objects_are_named_even_where_they_are_not_read() -> None:
    cart = workload("cart", **{"kustomize.toolkit.fluxcd.io/name": "apps"})
    found = around({parts.WORKLOADS: (cart,)}).about(finding(Subject("Deployment", "cart", "shop")))
    assert found.applications == (Deployed("Kustomization", "apps"),)


# ---- what is read


def test_large_parts_are_read_only_where_they_can_say_something() -> None:
    assert needed([finding(CLUSTER)]) == (parts.CONTROL_PLANE,)
    assert needed([finding(Subject("NodeGroup", "blue"))]) == (parts.CONTROL_PLANE, parts.NODE_GROUPS)
    assert parts.WORKLOADS in needed([finding(Subject("Deployment", "a", "b"))])
    assert set(needed([finding(API), finding(PDB)])) <= set(OBJECT_PARTS)


def test_nothing_seen_is_no_fault() -> None:
    found = surroundings("shop", {}, lambda _: None, None, ())
    for check in all_checks():
        assert found.about(finding(Subject(check.code, "x", "y"))).keys == {}
