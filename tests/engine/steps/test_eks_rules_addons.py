"""Every rule of EKS about addons (docs/simulator-eks.md, "Addons"), and what the steps make of it."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.observed import Customised
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Undone, Verdict, Wait
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.sim.world import SimAddon
from tests.contract.observed import control_plane
from tests.engine.steps.walking import RUN, Place, Walk

OLD, NEW = "v1.13.2-eksbuild.19", "v1.14.3-eksbuild.11"
REPLICAS = "Deployment.apps coredns - .spec.replicas"


@pytest.fixture
def place() -> Place:
    return Place()


def walk(place: Place, **other: str) -> Walk:
    return place.walk("update-addon", **{"addon": "coredns", "version": NEW, **other})


def ended(place: Place, run: Walk) -> Verdict:
    """The verdict once the update is over."""
    run.ticks(2)
    place.later(minutes=2)
    return run.tick()


def version(place: Place) -> str:
    return place.cluster.addons["coredns"].version


def test_a_version_that_does_not_serve_the_minor_fails_in_ekss_words_and_changes_nothing(place: Place) -> None:
    failed = ended(place, walk(place, version="v1.99.0-eksbuild.1"))
    assert isinstance(failed, Failed)
    assert failed.why.endswith("Addon version specified is not supported")
    assert (version(place), place.cluster.eks.updates) == (OLD, {})


def test_kube_proxy_goes_back_while_the_control_plane_is_still_newer(place: Place) -> None:
    place.cluster.addons["kube-proxy"] = SimAddon("kube-proxy", "v1.34.7-eksbuild.4")
    run = walk(place, addon="kube-proxy", version="v1.33.13-eksbuild.3", direction="any")
    assert isinstance(ended(place, run), Done)
    assert (place.cluster.version, place.cluster.addons["kube-proxy"].version) == ("1.34", "v1.33.13-eksbuild.3")


def test_with_none_a_field_changed_by_hand_fails_the_update_and_the_old_version_stays(place: Place) -> None:
    place.cluster.addons["coredns"].conflicts = [REPLICAS]
    failed = ended(place, walk(place, resolve="NONE"))
    assert isinstance(failed, Failed)
    assert REPLICAS in failed.why
    assert "say resolve = PRESERVE to keep or OVERWRITE to drop them" in failed.fix
    assert (version(place), place.cluster.addons["coredns"].status) == (OLD, "UPDATE_FAILED")


@pytest.mark.parametrize(("resolve", "stays"), [("PRESERVE", [REPLICAS]), ("OVERWRITE", [])])
def test_preserve_keeps_such_a_field_and_overwrite_takes_it_back_as_the_dry_run_says(
    place: Place, resolve: str, stays: list[str]
) -> None:
    place.cluster.addons["coredns"].conflicts = [REPLICAS]
    changed = Customised("coredns", "Deployment", "kube-system", "coredns", "spec.replicas", "kubectl-edit")
    place.store.values[parts.CUSTOMISED] = (changed,)
    run = walk(place, resolve=resolve)
    said = run.look()
    assert isinstance(said, Act)
    assert {"PRESERVE": "changed in the cluster: kept:", "OVERWRITE": "overwritten with"}[resolve] in said.what
    assert isinstance(ended(place, run), Done)
    assert place.cluster.addons["coredns"].conflicts == stays


@pytest.mark.parametrize("resolve", ["PRESERVE", "OVERWRITE", "NONE"])
def test_the_configuration_is_kept_whatever_becomes_of_conflicts(place: Place, resolve: str) -> None:
    place.cluster.addons["coredns"].configuration = '{"replicaCount": 3}'
    assert isinstance(ended(place, walk(place, resolve=resolve)), Done)
    assert place.cluster.addons["coredns"].configuration == '{"replicaCount": 3}'


def test_no_step_creates_an_addon_so_none_is_created_with_preserve(place: Place) -> None:
    del place.cluster.addons["coredns"]
    assert isinstance(walk(place).ticks(3), Skip)
    assert "coredns" not in place.cluster.addons


@pytest.mark.parametrize("text", ['{"replicaCount": 3}', "replicaCount: 3\n", ""], ids=["JSON", "YAML", "none"])
def test_a_configuration_goes_back_as_the_mapping_that_eks_gave(place: Place, text: str) -> None:
    place.cluster.addons["coredns"].configuration = text
    run = walk(place, undo="restore")
    done = ended(place, run)
    assert isinstance(done, Done)
    run.memory = done.keep or {}
    place.cluster.addons["coredns"].configuration = '{"replicaCount": 9}'
    assert isinstance(run.undo(), Wait)
    place.later(minutes=2)
    assert isinstance(run.undo(), Undone)
    assert (version(place), place.cluster.addons["coredns"].configuration or "{}") == (OLD, text or "{}")


@pytest.mark.parametrize(("status", "kind"), [("CREATING", Wait), ("UPDATING", Wait), ("DELETING", Blocked)])
def test_an_addon_that_is_busy_is_waited_for_and_never_asked(place: Place, status: str, kind: type[Verdict]) -> None:
    place.cluster.addons["coredns"].status = status
    assert isinstance(walk(place).ticks(3), kind)
    assert place.cluster.eks.updates == {}


def test_no_step_deletes_an_addon_and_one_deleted_by_somebody_fails_for_good(place: Place) -> None:
    assert [kind for kind in all_steps() if "delete" in kind] == ["delete-node-group"]
    run = walk(place)
    run.forgets = True
    run.ticks(2)
    del place.cluster.addons["coredns"]
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert failed.final


def test_an_addon_does_not_follow_the_minor_so_postflight_asks_for_the_version_of_the_plan(place: Place) -> None:
    specs = (StepSpec("dns", "update-addon", {"addon": "coredns", "version": NEW}), StepSpec("after", "postflight"))
    place.cluster.version = "1.35"
    place.runs.add("update-addon")
    place.store.values[parts.CONTROL_PLANE] = control_plane()
    run = place.walk("postflight")
    run.subject = place.subject(RUN, steps=specs)
    failed = run.look()
    assert isinstance(failed, Failed)
    assert f"coredns is at {OLD}, not at {NEW}" in failed.why


def test_addons_update_beside_the_control_plane(place: Place) -> None:
    place.cluster.status = "UPDATING"
    assert isinstance(ended(place, walk(place)), Done)
    assert version(place) == NEW
