"""update-addon on a simulated EKS: what it decides of each state, and that a crash anywhere leaves one update."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.observed import Customised
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Skip, Undone, Verdict, Wait
from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAddon, SimIssue
from tests.engine.steps.walking import SECOND, Place, Walk, told

OLD, NEW = "v1.13.2-eksbuild.19", "v1.14.3-eksbuild.11"


@pytest.fixture
def place() -> Place:
    return Place()


def dns(place: Place) -> SimAddon:
    return place.cluster.addons["coredns"]


def walk(place: Place, **other: str) -> Walk:
    return place.walk("update-addon", **{"addon": "coredns", "version": NEW, **other})


def begun(place: Place) -> int:
    return len(place.cluster.eks.updates)


def set_status(status: str, version: str = OLD, *issues: SimIssue) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        dns(place).status, dns(place).version, dns(place).issues = status, version, list(issues)

    return change


def by_someone(place: Place) -> None:
    cloud = place.world.writers.cloud(place.subject().scope or pytest.fail("no scope"))
    cloud.update_addon(AddonUpdate("shop", "coredns", NEW), "of-somebody-else")


_DEGRADED = SimIssue(
    "InsufficientNumberOfReplicas", "The add-on is unhealthy because it doesn't have the desired number"
)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda _: None, Act, f"from {OLD} to {NEW} .*configuration is kept", id="an older one is updated"),
        pytest.param(set_status("ACTIVE", NEW), Done, "already", id="one that is there is done"),
        pytest.param(
            set_status("ACTIVE", "v1.15.0-eksbuild.1"), Skip, "somebody else updated it", id="a newer one is skipped"
        ),
        pytest.param(lambda p: p.cluster.addons.clear(), Skip, "not installed", id="a missing one is skipped"),
        pytest.param(set_status("CREATING"), Wait, "being created", id="one that is created is waited for"),
        pytest.param(set_status("DELETING"), Blocked, "being deleted", id="one that is deleted blocks"),
        pytest.param(
            by_someone, Wait, f"to {NEW} by arn:aws:iam::.*executor", id="an update of somebody else is waited for"
        ),
        pytest.param(set_status("UPDATING"), Wait, "UPDATING", id="an update that is not listed is waited for"),
        pytest.param(
            set_status("DEGRADED", OLD, _DEGRADED), Failed, "InsufficientNumberOfReplicas", id="a degraded one fails"
        ),
        pytest.param(
            set_status("DEGRADED", NEW, _DEGRADED), Failed, "DEGRADED", id="one that is there and degraded fails"
        ),
        pytest.param(set_status("UPDATE_FAILED"), Act, "update coredns", id="one whose last update failed is updated"),
    ],
)
def test_of_what_it_sees(place: Place, change: Callable[[Place], None], kind: type[Verdict], says: str) -> None:
    change(place)
    before = begun(place)
    verdict = walk(place).look()
    assert isinstance(verdict, kind), verdict
    assert_says(verdict, says)
    assert begun(place) == before


def assert_says(verdict: Verdict, says: str) -> None:
    assert re.search(says, told(verdict)), verdict


def test_it_ends_at_the_version_with_its_configuration_and_remembers_what_was(place: Place) -> None:
    dns(place).configuration = '{"replicaCount": 3}'
    run = walk(place)
    run.ticks(2)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=2)
    done = run.tick()
    assert isinstance(done, Done)
    assert done.keep is not None
    assert (done.keep["before.version"], done.keep["before.configuration"]) == (OLD, '{"replicaCount": 3}')
    assert (dns(place).version, dns(place).configuration, begun(place)) == (NEW, '{"replicaCount": 3}', 1)


@pytest.mark.parametrize("minutes", [0, 2], ids=["while it still runs", "after it has ended"])
@pytest.mark.parametrize(
    "ticks_before", [0, 1, 2], ids=["before anything", "after the intent is stored", "after the act is stored"]
)
def test_a_crash_leaves_one_update(place: Place, ticks_before: int, minutes: int) -> None:
    run = walk(place)
    if ticks_before:
        run.ticks(ticks_before)
    place.later(minutes=minutes)
    run.ticks(3)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert (begun(place), dns(place).version) == (1, NEW)


@pytest.mark.parametrize("minutes", [0, 2], ids=["while it still runs", "after it has ended"])
def test_a_crash_before_the_act_is_stored_finds_the_update_again(place: Place, minutes: int) -> None:
    run = walk(place)
    run.forgets = True
    run.ticks(2)
    assert (begun(place), "update" in run.memory) == (1, False)
    place.later(minutes=minutes)
    run.ticks(2)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert begun(place) == 1


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_leaves_one_update(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation="UpdateAddon", count=2)]
    run = walk(place)
    run.ticks(6)
    place.later(minutes=2)
    assert isinstance(run.ticks(2), Done)
    assert begun(place) == 1


def test_after_a_lost_answer_an_update_to_another_version_is_not_taken_as_ours(place: Place) -> None:
    run = walk(place)
    run.tick()
    cloud = place.world.writers.cloud(place.subject().scope or pytest.fail("no scope"))
    cloud.update_addon(AddonUpdate("shop", "coredns", OLD), "of-somebody-else")
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "by arn:aws:iam::" in waits.why
    assert waits.owner.startswith("arn:aws:iam::")


def test_an_update_that_fails_says_why_and_what_to_do_and_may_be_retried(place: Place) -> None:
    dns(place).conflicts = ["Deployment.apps coredns - .spec.replicas"]
    run = walk(place, resolve="NONE")
    run.ticks(2)
    place.later(minutes=2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "ConfigurationConflict" in failed.why
    assert "resolve = PRESERVE" in failed.fix
    assert not failed.final

    run.retry()
    dns(place).conflicts = []
    run.ticks(2)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert begun(place) == 2


def test_a_version_that_eks_does_not_offer_fails_in_eks_own_words(place: Place) -> None:
    run = walk(place, version="v1.99.0-eksbuild.1")
    run.ticks(2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "Addon version specified is not supported" in failed.why
    assert begun(place) == 0


def test_an_addon_that_stays_degraded_after_its_update_fails_after_a_while(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.later(minutes=2)
    set_status("DEGRADED", NEW, _DEGRADED)(place)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=10)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "get pods" in failed.fix


def test_an_addon_that_somebody_changed_during_its_update_fails(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.later(minutes=2)
    dns(place).version = OLD
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "somebody else changed it since" in failed.why


def test_an_addon_that_is_deleted_during_its_update_fails(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.later(minutes=2)
    gone = place.cluster.addons.pop("coredns")
    run.memory = {key: value for key, value in run.memory.items() if key != "update"}
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert failed.final
    assert gone.version == NEW


def test_an_abort_takes_nothing_back_and_says_how_to(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    place.later(minutes=2)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert f"--addon-version {OLD}" in undone.note
    assert (dns(place).version, begun(place)) == (NEW, 1)


def test_a_cluster_that_only_a_kubeconfig_knows_has_no_eks_addons(place: Place) -> None:
    run = walk(place)
    run.subject = place.subject(scope=None)
    failed = run.look()
    assert isinstance(failed, Failed)
    assert failed.final


def test_a_word_that_the_plan_did_not_resolve_fails(place: Place) -> None:
    failed = walk(place, version="latest").look()
    assert isinstance(failed, Failed)
    assert "plan" in failed.why


def test_the_memory_of_an_earlier_attempt_is_not_that_of_this_one(place: Place) -> None:
    run = walk(place)
    run.ticks(2)
    assert "update" in run.memory
    again = replace(run.moment, token=SECOND)
    seen = run.step.look(place.world, run.subject, again)
    assert isinstance(run.step.decide(seen, again), Wait)


# ---- what is somebody's own

REPLICAS = Customised("coredns", "Deployment", "kube-system", "coredns", "spec.replicas", "kubectl-edit")


@pytest.mark.parametrize(
    ("resolve", "says"),
    [
        ("PRESERVE", "1 field changed in the cluster: kept: Deployment kube-system/coredns spec.replicas"),
        ("OVERWRITE", "1 field changed in the cluster: overwritten with what the addon has: Deployment"),
        ("NONE", "1 field changed in the cluster: conflicts on which it fails: Deployment"),
    ],
)
def test_the_dry_run_says_what_becomes_of_each_field_that_is_somebodys_own(
    place: Place, resolve: str, says: str
) -> None:
    dns(place).configuration = '{"replicaCount": 3, "resources": {"limits": {"memory": "1Gi"}}}'
    place.store.values[parts.CUSTOMISED] = (REPLICAS, replace(REPLICAS, addon="vpc-cni"))
    act = walk(place, resolve=resolve).look()
    assert isinstance(act, Act)
    assert f"(its configuration is kept: replicaCount, resources.limits.memory; {says}" in act.what


def test_fields_that_were_never_looked_for_are_told_as_not_known(place: Place) -> None:
    place.store.observed_at = None
    act = walk(place).look()
    assert isinstance(act, Act)
    assert "what was changed in the cluster is not known, and would be kept" in act.what


def test_an_overwrite_sends_the_configuration_for_eks_would_drop_it(place: Place) -> None:
    dns(place).configuration = '{"replicaCount": 3}'
    run = walk(place, resolve="OVERWRITE")
    run.ticks(2)
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert (dns(place).version, dns(place).configuration) == (NEW, '{"replicaCount": 3}')


def test_a_conflict_names_every_field_that_eks_names(place: Place) -> None:
    dns(place).conflicts = [f"Deployment.apps coredns - .spec.template.spec.field{n}" for n in range(9)]
    run = walk(place, resolve="NONE")
    run.ticks(2)
    place.later(minutes=2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert all(field in failed.why for field in dns(place).conflicts)


# ---- back


def test_a_newer_one_is_taken_back_where_the_direction_is_any(place: Place) -> None:
    dns(place).version = NEW
    run = walk(place, version=OLD, direction="any")
    act = run.tick()
    assert isinstance(act, Act)
    assert act.what.startswith(f"take coredns back from {NEW} to {OLD} through EKS")
    run.tick()
    place.later(minutes=2)
    assert isinstance(run.tick(), Done)
    assert dns(place).version == OLD


def test_a_restore_puts_version_and_configuration_back(place: Place) -> None:
    dns(place).configuration = '{"replicaCount": 3}'
    run = walk(place, undo="restore")
    run.ticks(2)
    place.later(minutes=2)
    run.memory = getattr(run.tick(), "keep", {})
    dns(place).configuration = '{"replicaCount": 1}'
    assert isinstance(run.undo(), Wait)
    place.later(minutes=2)
    assert run.undo() == Undone(f"coredns is at {OLD} as before")
    assert (dns(place).version, dns(place).configuration, begun(place)) == (OLD, '{"replicaCount": 3}', 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda p: p.cluster.addons.clear(), "is gone or being deleted", id="one that is gone"),
        pytest.param(set_status("ACTIVE", "v1.12.3-eksbuild.1"), "somebody else changed it since", id="one that moved"),
    ],
)
def test_a_restore_leaves(place: Place, change: Callable[[Place], None], says: str) -> None:
    run = walk(place, undo="restore")
    run.ticks(2)
    place.later(minutes=2)
    change(place)
    left = run.undo()
    assert isinstance(left, Residue)
    assert says in left.what
    assert begun(place) == 1


def test_a_restore_of_what_was_never_touched_does_nothing(place: Place) -> None:
    assert walk(place, undo="restore").undo() == Undone("coredns was not touched")


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({"version": NEW}, "addon", "is missing", id="no addon"),
        pytest.param({"addon": "coredns"}, "version", "is missing", id="no version"),
        pytest.param({"addon": "coredns", "version": "newest"}, "version", "such as v1.11.4", id="no version at all"),
        pytest.param(
            {"addon": "coredns", "version": NEW, "resolve": "PRESERV"}, "resolve", "did you mean PRESERVE", id="a slip"
        ),
        pytest.param(
            {"addon": "coredns", "version": NEW, "addons": "x"}, "addons", "did you mean addon", id="an unknown one"
        ),
        pytest.param({"addon": 5, "version": NEW}, "addon", "must be a text, not 5", id="a number for a name"),
    ],
)
def test_it_refuses_parameters(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("update-addon", **params)
    assert says in refused.value.wrong[name]
