"""Observation over fakes and a real store: what fails is a Gap with its reason, and costs nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason, StoreUnavailable
from tests.contract.observed import NOON, SCOPE
from tests.engine.fakes import OTHER, FakeCloud, Fleet, described, fails

CLOUD_READS = (parts.CONTROL_PLANE, *parts.CLOUD_PARTS)


@pytest.fixture
def fleet(store: SqlStore) -> Fleet:
    return Fleet(store)


# What is seen


def test_a_healthy_cluster_is_seen_whole(fleet: Fleet) -> None:
    outcome = fleet.observe()

    assert (outcome.clusters, outcome.incomplete, outcome.complete) == (1, 0, True)
    shop = fleet.rows()["shop"]
    assert shop.id == fleet.cloud.id("shop")
    assert shop.placement.environment == "production"
    expected = fleet.cloud.clusters["shop"]
    assert {part: shop.value(part) for part in expected if part != parts.ADDONS} == {
        part: value for part, value in expected.items() if part != parts.ADDONS
    }
    assert "coredns" in {addon.id for addon in shop.value(parts.ADDONS).found}
    assert fleet.kubes.open == 0


def test_a_scope_is_seen_with_what_its_clusters_share(fleet: Fleet) -> None:
    fleet.observe()

    found = fleet.store.scope_parts(SCOPE)
    assert set(found) == set(parts.SCOPE_PARTS)
    assert found[parts.CLUSTERS].value == ("shop",)
    assert found[parts.ACCOUNT].value == model.Account(SCOPE.account, "retail")
    assert all(part.gap is None for part in found.values())


def test_a_cluster_that_was_made_anew_under_its_name_is_another_cluster(fleet: Fleet) -> None:
    fleet.observe()
    fleet.cloud.created["shop"] = NOON + timedelta(minutes=5)
    fleet.later()

    assert fleet.rows()["shop"].id.created_at == NOON + timedelta(minutes=5)
    assert fleet.rows()["shop"].first_seen == fleet.clock.at


def test_releases_of_addons_are_asked_once_per_minor_and_scope(store: SqlStore) -> None:
    names = {f"c{n}": described(f"c{n}", "1.34" if n % 3 else "1.35") for n in range(30)}
    fleet = Fleet(store, FakeCloud(SCOPE, names), FakeCloud(OTHER, {"far": described("far", "1.35")}))
    fleet.observe()

    asked = sorted(minor for part, minor in fleet.reads.done if part == parts.ADDON_RELEASES)
    assert asked == ["1.34", "1.35", "1.35"]
    assert fleet.reads.count(parts.CLUSTER_VERSIONS) == fleet.reads.count(parts.AUTO_SCALING_GROUPS) == 2


def test_releases_are_asked_for_every_minor_that_is_offered_from_the_oldest_in_use_on(fleet: Fleet) -> None:
    fleet.cloud.clusters["lab"] = described("lab", "1.35")
    fleet.cloud.offered = ("1.32", "1.33", "1.34", "1.35", "1.36")
    fleet.observe()

    assert [minor for part, minor in fleet.reads.done if part == parts.ADDON_RELEASES] == ["1.34", "1.35", "1.36"]


@pytest.mark.parametrize(
    ("days", "kind", "minor", "asked"),
    [
        pytest.param(1, "VersionUpdate", "1.34", ["1.33", "1.34"], id="upgraded yesterday"),
        pytest.param(8, "VersionUpdate", "1.34", ["1.34"], id="upgraded too long ago"),
        pytest.param(1, "VersionUpdate", "1.33", ["1.34"], id="moved by nobody known since"),
        pytest.param(1, "VersionRollback", "1.34", ["1.34"], id="taken back already"),
    ],
)
def test_releases_are_asked_for_the_minor_that_a_cluster_may_go_back_to(
    fleet: Fleet, days: int, kind: str, minor: str, asked: list[str]
) -> None:
    moved = observed.EksUpdate("u-1", kind, "Successful", NOON - timedelta(days=days), Minor.parse(minor))
    fleet.cloud.clusters["shop"] = {**described("shop", "1.34"), parts.UPDATES: (moved,)}
    fleet.cloud.offered = ("1.32", "1.33", "1.34")
    fleet.observe()

    assert [found for part, found in fleet.reads.done if part == parts.ADDON_RELEASES] == asked


def test_an_account_without_clusters_is_asked_for_no_quotas_and_no_releases(store: SqlStore) -> None:
    fleet = Fleet(store, FakeCloud(clusters={}))
    fleet.observe()

    assert fleet.reads.count(parts.QUOTAS) == fleet.reads.count(parts.ADDON_RELEASES) == 0


def test_the_cloud_is_told_the_groups_and_what_is_known_of_updates_and_launch_templates(fleet: Fleet) -> None:
    fleet.observe()
    expected, cloud = fleet.cloud.clusters["shop"], fleet.cloud
    assert cloud.groups_told["shop"] == expected[parts.NODE_GROUPS]
    assert (cloud.known_updates["shop"], cloud.known_templates["shop"]) == ({}, ())
    fleet.later()

    assert cloud.known_updates["shop"] == {each.id: each for each in expected[parts.UPDATES]}
    assert cloud.known_templates["shop"] == expected[parts.LAUNCH_TEMPLATES]
    assert cloud.known_images["shop"] == expected[parts.IMAGES]


def test_releases_for_minors_that_a_selector_leaves_out_are_kept(fleet: Fleet) -> None:
    fleet.cloud.clusters["lab"] = described("lab", "1.35")
    fleet.observe()
    fleet.later("name=lab")

    releases = fleet.store.scope_parts(SCOPE)[parts.ADDON_RELEASES].value
    assert isinstance(releases, tuple)
    assert {str(minor) for release in releases for minor, _ in release.minors} == {"1.34", "1.35"}


def test_helm_is_told_which_releases_are_known(fleet: Fleet) -> None:
    fleet.observe()
    assert fleet.kubes.known_releases["shop"] == {}
    fleet.later()
    assert list(fleet.kubes.known_releases["shop"]) == ["ingress-uid@1234"]


@pytest.mark.parametrize("refusal", [None, GapReason.UNREACHABLE], ids=["all is well", "the API server is dead"])
def test_helm_secrets_are_read_only_where_the_operator_asked(fleet: Fleet, refusal: GapReason | None) -> None:
    fleet.helm_secrets = False
    if refusal:
        fleet.broken[("connect", "shop")] = fails(refusal)
    outcome = fleet.observe()

    assert fleet.reads.count(parts.HELM_RELEASES) == 0
    assert fleet.gaps()[parts.HELM_RELEASES] == "not configured"
    assert parts.HELM_RELEASES not in fleet.rows()["shop"].gaps
    assert outcome.complete is (refusal is None)


def test_releases_of_helm_are_forgotten_once_nobody_asks_for_them_any_more(fleet: Fleet) -> None:
    fleet.observe()
    fleet.helm_secrets = False
    fleet.later()

    addons = fleet.rows()["shop"].value(parts.ADDONS)
    assert {a.found_by for a in addons.found} == {model.FoundBy.EKS}
    assert addons.not_seen == ()


# One part fails


@pytest.mark.parametrize("part", [*parts.CLOUD_PARTS, parts.WORKLOADS, parts.PODS, parts.CRDS, parts.HELM_RELEASES])
@pytest.mark.parametrize("reason", [GapReason.FORBIDDEN, GapReason.SERVER_ERROR, GapReason.INVALID_ANSWER])
def test_a_part_that_fails_is_a_gap_and_all_others_are_stored(fleet: Fleet, part: str, reason: GapReason) -> None:
    fleet.broken[(part, "shop")] = fails(reason, "the words of the API")
    outcome = fleet.observe()

    # Without its node groups nobody can say which launch templates are the cluster's, and without those which images.
    # Without its definitions nobody can say whether Argo CD and Flux are there.
    with_it = {
        parts.NODE_GROUPS: (parts.LAUNCH_TEMPLATES, parts.IMAGES),
        parts.LAUNCH_TEMPLATES: (parts.IMAGES,),
        parts.CRDS: (parts.GITOPS,),
    }
    missed = {part, *with_it.get(part, ())}
    assert fleet.gaps() == dict.fromkeys(missed, reason.value)
    assert fleet.seen() == set(parts.ALL_PARTS) - missed
    assert fleet.rows()["shop"].parts[part].gap == model.Gap(reason, "the words of the API", NOON)
    assert (outcome.incomplete, outcome.complete, outcome.not_listed) == (1, False, {})


@pytest.mark.parametrize("part", [parts.CLUSTER_VERSIONS, parts.AUTO_SCALING_GROUPS, parts.QUOTAS])
def test_a_shared_part_that_fails_is_a_gap_of_the_scope(fleet: Fleet, part: str) -> None:
    fleet.broken[(part, "")] = fails(GapReason.FORBIDDEN)
    fleet.observe()

    found = fleet.store.scope_parts(SCOPE)
    assert {name for name, p in found.items() if p.gap} == {part}
    assert fleet.gaps() == {}


def test_a_part_that_fails_keeps_its_last_good_value_as_old(fleet: Fleet) -> None:
    fleet.observe()
    fleet.broken[(parts.NODES, "shop")] = fails(GapReason.FORBIDDEN)
    began = fleet.clock.turn(15)
    fleet.observe()
    fleet.later()

    nodes = fleet.rows()["shop"].parts[parts.NODES]
    assert nodes.value == fleet.cloud.clusters["shop"][parts.NODES]
    assert nodes.observed_at == NOON
    assert nodes.gap == model.Gap(GapReason.FORBIDDEN, "it was told to", began)


@pytest.mark.parametrize(
    "part", ["connect", parts.NODES, parts.PODS, parts.NODE_GROUPS, parts.CONTROL_PLANE, parts.ADDON_RELEASES]
)
def test_a_fault_of_our_own_is_a_gap_of_its_part_and_costs_nobody_else(
    fleet: Fleet, logged: list[Any], part: str
) -> None:
    fleet.cloud.clusters["lab"] = described("lab", "1.35")
    fleet.broken[(part, "shop" if part != parts.ADDON_RELEASES else "1.34")] = ZeroDivisionError("oops")
    fleet.observe()

    assert fleet.gaps("lab") == {}
    missed = fleet.rows()["shop"].gaps or {p: g.gap for p, g in fleet.store.scope_parts(SCOPE).items() if g.gap}
    assert {(g.reason, g.detail) for g in missed.values() if g} == {
        (GapReason.INVALID_ANSWER, "a fault of fleetkeeper's own: ZeroDivisionError: oops")
    }
    (entry,) = [entry for entry in logged if entry["event"] == "part_failed"]
    assert entry["log_level"] == "error"
    assert entry["exc_info"] is True
    assert fleet.kubes.open == 0


def test_a_value_that_cannot_be_stored_is_a_gap_of_its_part(fleet: Fleet) -> None:
    fleet.cloud.clusters["shop"][parts.NODES] = ("no node",)
    fleet.cloud.clusters["lab"] = described("lab")
    outcome = fleet.observe()

    assert fleet.gaps() == {parts.NODES: "invalid answer"}
    assert "own: TypeError" in fleet.rows()["shop"].gaps[parts.NODES].detail
    assert fleet.seen() == set(parts.ALL_PARTS) - {parts.NODES}
    assert fleet.gaps("lab") == {}
    assert outcome.incomplete == 1


def test_a_cluster_whose_place_cannot_be_found_keeps_its_row_and_costs_nobody_else(
    fleet: Fleet, logged: list[Any]
) -> None:
    fleet.cloud.clusters["lab"] = described("lab")
    fleet.observe()
    usual = fleet.place

    def place(name: str, *rest: Any) -> model.Placement:
        if name == "shop":
            raise KeyError(name)
        return usual(name, *rest)

    fleet.place = place
    outcome = fleet.later()

    assert set(fleet.rows()) == {"shop", "lab"}
    assert fleet.rows()["lab"].last_seen == fleet.clock.at
    assert (outcome.clusters, outcome.incomplete) == (2, 1)
    assert [(entry["event"], entry["cluster"]) for entry in logged] == [("cluster_failed", "shop")]


def test_without_a_database_nothing_goes_on(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> None:
        raise StoreUnavailable("locked")

    monkeypatch.setattr(fleet.store, "save_many", unavailable)
    with pytest.raises(StoreUnavailable):
        fleet.observe()
    assert fleet.kubes.open == 0


# The API server fails


@pytest.mark.parametrize(
    "reason",
    [GapReason.UNREACHABLE, GapReason.TIMEOUT, GapReason.UNAUTHENTICATED, GapReason.WRONG_ENDPOINT],
)
@pytest.mark.parametrize("where", ["connect", parts.NODES])
def test_after_a_hopeless_answer_the_other_parts_are_not_tried(fleet: Fleet, reason: GapReason, where: str) -> None:
    fleet.broken[(where, "shop")] = fails(reason, "dead")
    fleet.observe()

    assert [part for part, _ in fleet.reads.done if part in parts.KUBE_PARTS] == (
        [where] if where in parts.NODES else []
    )
    assert fleet.gaps() == dict.fromkeys(parts.KUBE_PARTS, reason.value)
    assert fleet.seen() == {*CLOUD_READS, parts.ADDONS}
    assert fleet.kubes.open == 0


@pytest.mark.parametrize("reason", [GapReason.FORBIDDEN, GapReason.THROTTLED, GapReason.SERVER_ERROR])
def test_after_any_other_answer_they_are(fleet: Fleet, reason: GapReason) -> None:
    fleet.broken[(parts.NODES, "shop")] = fails(reason)
    fleet.observe()

    assert fleet.gaps() == {parts.NODES: reason.value}


def test_a_dead_cluster_costs_nobody_elses_row(store: SqlStore) -> None:
    clusters = {f"c{n}": described(f"c{n}") for n in range(12)}
    fleet = Fleet(store, FakeCloud(SCOPE, clusters))
    for name in ("c3", "c7"):
        fleet.broken[("connect", name)] = fails(GapReason.UNREACHABLE)
    outcome = fleet.observe()

    assert (outcome.clusters, outcome.incomplete) == (12, 2)
    assert {name for name in clusters if fleet.gaps(name)} == {"c3", "c7"}
    assert len(fleet.rows()) == 12


# Addons from what is seen now and what was seen last


def test_addons_keep_the_last_known_of_a_source_that_went_dark(fleet: Fleet) -> None:
    fleet.observe()
    before = fleet.rows()["shop"].value(parts.ADDONS)
    assert before.not_seen == ()
    fleet.broken[(parts.MANAGED_ADDONS, "shop")] = fails(GapReason.THROTTLED)
    fleet.later()

    after = fleet.rows()["shop"].value(parts.ADDONS)
    assert after.found == before.found
    assert after.not_seen == (parts.MANAGED_ADDONS,)
    assert fleet.store.changes(NOON + timedelta(minutes=1)) == ()


def test_an_addon_that_is_really_gone_is_gone(fleet: Fleet) -> None:
    fleet.observe()
    fleet.cloud.clusters["shop"][parts.MANAGED_ADDONS] = ()
    fleet.later()

    assert "coredns" not in {a.id for a in fleet.rows()["shop"].value(parts.ADDONS).found}


def test_with_the_api_server_dead_addons_of_eks_are_still_new(fleet: Fleet) -> None:
    fleet.broken[("connect", "shop")] = fails(GapReason.UNREACHABLE)
    fleet.observe()

    addons = fleet.rows()["shop"].value(parts.ADDONS)
    assert [a.id for a in addons.found] == ["coredns"]
    assert addons.not_seen == (parts.HELM_RELEASES, parts.WORKLOADS, parts.PODS, parts.CRDS)


@pytest.mark.parametrize("first", [True, False], ids=["at the first look", "later"])
def test_with_every_source_dark_addons_are_old_not_fine(fleet: Fleet, first: bool) -> None:
    if not first:
        fleet.observe()
    fleet.broken[("connect", "shop")] = fails(GapReason.UNREACHABLE)
    fleet.broken[(parts.MANAGED_ADDONS, "shop")] = fails(GapReason.THROTTLED)
    fleet.later()

    addons = fleet.rows()["shop"].parts[parts.ADDONS]
    assert addons.gap is not None
    assert addons.gap.reason is GapReason.THROTTLED
    assert addons.observed_at == (None if first else NOON)


# The audit log


def test_the_audit_log_is_read_from_where_the_last_good_look_ended(fleet: Fleet) -> None:
    fleet.observe()
    first = fleet.clock.at
    fleet.broken[(parts.AUDIT_CALLS, "shop")] = fails(GapReason.TIMEOUT)
    fleet.later()
    fleet.broken.clear()
    fleet.later()

    lag = timedelta(minutes=5)
    assert fleet.cloud.audit_windows == [
        (first - lag - timedelta(days=1), first - lag),
        (first - lag, first - lag + timedelta(minutes=15)),
        (first - lag, first - lag + timedelta(minutes=30)),
    ]


def test_what_the_audit_log_told_before_is_kept_and_added_to(fleet: Fleet) -> None:
    fleet.observe()
    (call,) = fleet.rows()["shop"].value(parts.AUDIT_CALLS)
    new = replace(call, count=2, last=fleet.clock.at)
    fleet.cloud.clusters["shop"] = {**fleet.cloud.clusters["shop"], parts.AUDIT_CALLS: (new,)}
    fleet.later()

    assert fleet.rows()["shop"].value(parts.AUDIT_CALLS) == (replace(new, count=call.count + 2),)


@pytest.mark.parametrize("refusal", [None, GapReason.THROTTLED], ids=["all is well", "EKS does not answer"])
def test_the_audit_log_is_read_only_where_the_operator_asked(fleet: Fleet, refusal: GapReason | None) -> None:
    fleet.audit_logs = False
    if refusal:
        fleet.broken[(parts.CONTROL_PLANE, "shop")] = fails(refusal)
    outcome = fleet.observe()

    assert fleet.reads.count(parts.AUDIT_CALLS) == 0
    assert fleet.gaps()[parts.AUDIT_CALLS] == "not configured"
    assert outcome.complete is (refusal is None)


def test_a_cluster_that_exports_no_audit_log_is_not_asked_for_it(fleet: Fleet) -> None:
    fleet.cloud.clusters["shop"] = described("shop", audit_logs=False)
    outcome = fleet.observe()

    assert fleet.reads.count(parts.AUDIT_CALLS) == 0
    assert fleet.gaps()[parts.AUDIT_CALLS] == "not configured"
    assert outcome.complete
