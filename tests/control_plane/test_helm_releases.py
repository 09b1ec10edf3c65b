"""Helm's releases by the real helm on the real API server: looked at, compared, upgraded, cut off, repaired."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import cast

import pytest
import yaml

from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.adapters.kube.writers import LiveWriters
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.control_plane.helm_sides import CONFIG, FILES, Side, crd, releases, settings
from tests.waiting import wait_until

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def side(control_plane: ControlPlane, namespace: str, helm: Path, tmp_path: Path) -> Iterator[Side]:
    made = Side(control_plane, namespace, helm, tmp_path)
    yield made
    for group in ("acme", "more"):
        made.remove(f"{CRDS}/guards.{group}.example.com")


def test_a_release_is_looked_at_and_what_is_none_is_none(side: Side) -> None:
    assert side.releases.look(side.ref) is None
    side.package("1.0.0")
    side.install()
    seen = side.releases.look(side.ref)
    assert seen is not None
    assert (seen.newest.number, seen.newest.status, seen.newest.chart, seen.newest.version) == (
        1,
        "deployed",
        "acme",
        "1.0.0",
    )
    assert (seen.deployed, seen.newest.token, seen.newest.owner) == ((1,), "", "")
    assert seen.newest.at is not None


def test_what_an_upgrade_would_change_is_told_without_secrets(side: Side) -> None:
    side.package("1.0.0")
    extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
    files = {name: text for name, text in FILES.items() if name != "budget.yaml"} | {"more.yaml": extra}
    choice = side.package("2.0.0", files)
    side.install(password="hunter22", text="mine")
    found = side.releases.difference(side.ref, choice)
    where = side.namespace
    assert found.changed == (f"ConfigMap {where}/web-settings", f"Secret {where}/web-login")
    assert found.new == (f"ConfigMap {where}/more",)
    assert found.gone == (f"PodDisruptionBudget {where}/web-front",)
    assert "-  version: 1.0.0\n+  version: 2.0.0\n" in found.text
    assert "hunter22" not in found.text
    assert "(hidden, " in found.text
    assert side.history() == [(1, "deployed")]


def test_an_upgrade_keeps_the_values_and_is_marked(side: Side) -> None:
    side.package("1.0.0")
    choice = side.package("2.0.0")
    side.install(text="mine")
    package = side.releases.difference(side.ref, choice).package
    side.releases.upgrade(side.ref, choice, package, TOKEN)
    side.releases.upgrade(side.ref, choice, package, TOKEN)
    assert side.ended(TOKEN).exit_code == 0
    assert (side.text_of("version"), side.text_of("text")) == ("2.0.0", "mine")
    assert side.history() == [(1, "superseded"), (2, "deployed")]
    seen = side.releases.look(side.ref)
    assert seen is not None
    assert (seen.newest.version, seen.newest.token, seen.newest.began_here) == ("2.0.0", TOKEN, True)
    left = [path for path in (side.engine / "helm").rglob("*") if path.name in ("kubeconfig", "token")]
    assert left == []


def test_a_package_that_changed_since_it_was_looked_at_is_not_installed(side: Side) -> None:
    side.package("1.0.0")
    choice = side.package("2.0.0")
    side.install()
    with pytest.raises(ReadError, match="is another one than was looked at"):
        side.releases.upgrade(side.ref, choice, "0" * 64, TOKEN)
    assert side.history() == [(1, "deployed")]


def test_helms_own_words_are_told_where_it_cannot_render(side: Side) -> None:
    side.package("1.0.0")
    choice = side.package("2.0.0", {"settings.yaml": '{{ fail (printf "no %s here" .Values.password) }}'})
    side.install(password="hunter22")
    found = side.releases.difference(side.ref, choice)
    assert "no *** here" in found.refused
    assert found.changed == ()
    side.releases.upgrade(side.ref, choice, found.package, TOKEN)
    ended = side.ended(TOKEN)
    assert ended.exit_code == 1
    assert "no *** here" in ended.output
    assert "hunter22" not in ended.output


def test_a_chart_that_is_not_listed_is_refused(side: Side) -> None:
    choice = side.package("1.0.0")
    side.install()
    elsewhere = type(choice)("other", "acme", "1.0.0")
    with pytest.raises(ReadError, match=r"no \[\[engine.charts\]\] of the name other; they have acme") as refused:
        side.releases.difference(side.ref, elsewhere)
    assert refused.value.reason is GapReason.NOT_CONFIGURED
    with pytest.raises(ReadError, match=r"acme-3.0.0.tgz is not there"):
        side.releases.difference(side.ref, type(choice)("acme", "acme", "3.0.0"))


# ---- CRDs


def test_crds_that_helm_wrote_are_taken_over_and_new_ones_made(side: Side) -> None:
    side.package("1.0.0", crds={"guards.yaml": yaml.safe_dump(crd("one"))})
    both = {"guards.yaml": yaml.safe_dump(crd("two")), "more.yaml": yaml.safe_dump(crd("new", "more.example.com"))}
    choice = side.package("2.0.0", crds=both)
    side.install()
    found = side.releases.difference(side.ref, choice)
    assert (found.crds, found.contested) == (("guards.acme.example.com", "guards.more.example.com"), ())
    side.releases.upgrade(side.ref, choice, found.package, TOKEN)
    assert side.ended(TOKEN).exit_code == 0
    live = side.object(f"{CRDS}/guards.acme.example.com")
    assert live is not None
    assert live["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] == "two"
    assert side.releases.difference(side.ref, choice).crds == ()


def test_a_crd_that_belongs_to_somebody_else_is_left_alone(side: Side) -> None:
    side.plane.create(f"{CRDS}?fieldManager=argocd-controller", crd("theirs"))
    side.package("1.0.0", FILES)
    choice = side.package("2.0.0", crds={"guards.yaml": yaml.safe_dump(crd("ours"))})
    side.install()
    found = side.releases.difference(side.ref, choice)
    assert found.contested == ("guards.acme.example.com: its fields belong to argocd-controller",)
    with pytest.raises(ReadError, match="its fields belong to argocd-controller"):
        side.releases.upgrade(side.ref, choice, found.package, TOKEN)
    assert side.history() == [(1, "deployed")]


# ---- repair


def old_manifest(side: Side) -> str:
    """The release as it was made when the cluster still served these."""
    manifest = side.record(1).manifest
    return manifest.replace("policy/v1\n", "policy/v1beta1\n").replace("autoscaling/v2\n", "autoscaling/v2beta2\n")


def test_a_release_that_names_removed_apis_can_be_upgraded_after_its_repair(side: Side) -> None:
    side.package("1.0.0")
    side.package("2.0.0")
    side.install(text="mine")
    side.write_record(1, old_manifest(side))
    package = str(side.charts / "acme-2.0.0.tgz")
    assert "no matches for kind" in side.run("upgrade", "web", package, "--reuse-values", fails=True)

    to = Minor(1, 35)
    where = side.namespace
    found = {each.what: (each.to, each.problem) for each in side.releases.renamed(side.ref, to)}
    assert found == {
        f"policy/v1beta1 PodDisruptionBudget {where}/web-front": ("policy/v1", ""),
        f"autoscaling/v2beta2 HorizontalPodAutoscaler {where}/web-front": ("autoscaling/v2", ""),
    }
    newest = side.history()[-1][0]
    side.releases.repair(side.ref, to, TOKEN)
    assert side.history()[-1] == (newest + 1, "deployed")
    assert [number for number, status in side.history() if status == "deployed"] == [newest + 1]
    assert side.releases.renamed(side.ref, to) == ()
    repaired = side.record(newest + 1)
    assert repaired.manifest == side.record(1).manifest.replace("v1beta1", "v1").replace("v2beta2", "v2")
    assert repaired.values == {"text": "mine"}

    side.run("upgrade", "web", package, "--reset-then-reuse-values")
    assert (side.text_of("version"), side.text_of("text")) == ("2.0.0", "mine")
    side.run("rollback", "web", str(newest + 1))
    assert side.text_of("version") == "1.0.0"


def test_a_repair_that_was_cut_off_goes_on_where_it_ended(side: Side) -> None:
    side.package("1.0.0")
    side.install()
    side.write_record(1, old_manifest(side))
    side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    side.plane.request(
        "PATCH",
        f"/api/v1/namespaces/{side.namespace}/secrets/sh.helm.release.v1.web.v1",
        {"metadata": {"labels": {"status": "deployed"}}},
        content_type="application/merge-patch+json",
    )
    side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    assert side.history() == [(1, "superseded"), (2, "deployed")]


def test_a_repair_is_given_back_only_where_the_old_apis_are_served(side: Side) -> None:
    side.package("1.0.0")
    side.install()
    before = old_manifest(side)
    side.write_record(1, before)
    side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    assert "does not serve policy/v1beta1 PodDisruptionBudget" in side.releases.give_back(side.ref, TOKEN)
    assert side.history() == [(1, "superseded"), (2, "deployed")]

    side.write_record(1, before.replace("v1beta1", "v1").replace("v2beta2", "v2"))
    assert side.releases.give_back(side.ref, TOKEN) == ""
    assert side.history() == [(1, "deployed")]
    assert side.releases.give_back(side.ref, TOKEN) == ""
    side.run("upgrade", "web", str(side.charts / "acme-1.0.0.tgz"))


def test_a_repair_stays_when_somebody_upgraded_since(side: Side) -> None:
    side.package("1.0.0")
    side.install()
    side.write_record(1, old_manifest(side))
    side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    side.run("upgrade", "web", str(side.charts / "acme-1.0.0.tgz"))
    seen = side.releases.look(side.ref)
    assert seen is not None
    assert (seen.newest.number, seen.newest.token) == (3, "")
    assert side.releases.give_back(side.ref, TOKEN) == ""
    assert side.history() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]


def test_an_object_whose_fields_became_others_is_not_repaired(side: Side) -> None:
    side.package("1.0.0")
    side.install()
    manifest = side.record(1).manifest
    old = manifest.replace("autoscaling/v2\n", "autoscaling/v2beta1\n")
    old = old.replace("target: {type: Utilization, averageUtilization: 60}", "targetAverageUtilization: 60")
    side.write_record(1, old)
    (found,) = side.releases.renamed(side.ref, Minor(1, 35))
    assert found.what.startswith("autoscaling/v2beta1 HorizontalPodAutoscaler")
    assert "targetAverageUtilization" in found.problem
    with pytest.raises(ReadError, match="cannot be repaired"):
        side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    assert side.history() == [(1, "deployed")]


def test_a_release_that_flux_keeps_is_known_by_its_record(side: Side) -> None:
    side.package("1.0.0", {"settings.yaml": CONFIG})
    side.install()
    path = f"/api/v1/namespaces/{side.namespace}/secrets/sh.helm.release.v1.web.v1?fieldManager=helm-controller"
    side.plane.request(
        "PATCH", path, {"metadata": {"annotations": {"a": "b"}}}, content_type="application/merge-patch+json"
    )
    seen = side.releases.look(side.ref)
    assert seen is not None
    assert seen.newest.owner == "Flux"


# ---- rights


@pytest.fixture
def executor(control_plane: ControlPlane) -> Iterator[Identity]:
    """A member of the group that the shipped role is bound to, as long as the test goes."""
    yield control_plane.mint("fleetkeeper-executor", shipped.EXECUTOR_GROUP)
    for kind in ("clusterroles", "clusterrolebindings"):
        control_plane.request("DELETE", f"{RBAC}/{kind}/fleetkeeper-executor-helm")


def test_the_opt_in_role_is_what_releases_need_and_without_it_none_is_seen(side: Side, executor: Identity) -> None:
    side.package("1.0.0")
    choice = side.package("2.0.0", crds={"guards.yaml": yaml.safe_dump(crd("new"))})
    side.install()
    side.identity = executor
    with pytest.raises(ReadError, match='cannot list resource "secrets"') as refused:
        side.releases.look(side.ref)
    assert refused.value.reason is GapReason.FORBIDDEN

    for manifest in yaml.safe_load_all(shipped.text_of(shipped.KUBERNETES_EXECUTOR_HELM)):
        side.plane.create(f"{RBAC}/{manifest['kind'].lower()}s", manifest)
    secrets = f"/api/v1/namespaces/{side.namespace}/secrets"
    wait_until(lambda: side.plane.request("GET", secrets, identity=executor).ok, "the role holds")
    side.write_record(1, old_manifest(side))
    side.releases.repair(side.ref, Minor(1, 35), TOKEN)
    found = side.releases.difference(side.ref, choice)
    side.releases.upgrade(side.ref, choice, found.package, OTHER)
    assert side.ended(OTHER).exit_code == 0
    assert side.history()[-1] == (3, "deployed")


def test_helm_goes_by_the_executors_context_and_never_by_the_readers(side: Side) -> None:
    uid = side.plane.request("GET", "/api/v1/namespaces/kube-system").json()["metadata"]["uid"]
    found = json.loads(side.plane.kubeconfig())
    (own,) = found["contexts"]
    reader = {"name": "reader", "context": {**own["context"], "user": "reader"}}
    found["contexts"].append(reader)
    found["users"].append({"name": "reader", "user": {"token": "of-nobody"}})
    file = side.folder / "both"
    file.write_text(json.dumps(found | {"current-context": "reader"}), "utf-8")
    row = KubeCluster("plane", kubeconfig=str(file), context="reader", executor_context=own["name"], proxy_url="")
    clouds = cast(EksWriters, None)
    live = LiveWriters(KubernetesSettings((row,)), clouds, SystemClock(), WallPace(Event()))
    side.package("1.0.0")
    choice = side.package("2.0.0")
    side.install()
    ref = replace(side.ref, id=ClusterId(f"kubeconfig:{uid}", side.ref.id.created_at))
    by = releases(settings(side.engine, side.charts, side.helm), live)
    by.upgrade(ref, choice, by.difference(ref, choice).package, TOKEN)
    assert side.ended(TOKEN).exit_code == 0
    assert side.text_of("version") == "2.0.0"
    with pytest.raises(ReadError, match="leads to another cluster than plane"):
        by.look(side.ref)
