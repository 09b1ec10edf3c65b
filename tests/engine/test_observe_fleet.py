"""Which clusters are read, kept as old, and gone: lists that fail, choices, clusters that come, go and change."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, parts
from fleetkeeper.engine.observe import Choice
from fleetkeeper.engine.observe_cluster import NEVER_DESCRIBED
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON, SCOPE
from tests.engine.fakes import OTHER, FakeCloud, Fleet, Reads, described, fails


@pytest.fixture
def fleet(store: SqlStore) -> Fleet:
    return Fleet(store)


def two_accounts(store: SqlStore) -> Fleet:
    """A cluster of the same name in both, with another minor."""
    other = FakeCloud(OTHER, {"shop": described("shop", "1.35")}, account=model.Account(OTHER.account, "lab"))
    return Fleet(store, FakeCloud(), other)


def test_namesakes_in_two_accounts_are_two_rows_and_nothing_is_mixed(store: SqlStore) -> None:
    fleet = two_accounts(store)
    fleet.observe()

    versions = {name: str(row.value(parts.CONTROL_PLANE).version) for name, row in fleet.rows().items()}
    assert versions == {f"shop@{SCOPE.account}": "1.34", f"shop@{OTHER.account}": "1.35"}


# A cluster that is listed and cannot be described


def test_a_cluster_that_is_listed_but_never_described_has_a_row_of_gaps(fleet: Fleet) -> None:
    fleet.broken[(parts.CONTROL_PLANE, "shop")] = fails(GapReason.FORBIDDEN, "no eks:DescribeCluster")
    outcome = fleet.observe()

    shop = fleet.rows()["shop"]
    assert shop.id == model.ClusterId(fleet.cloud.id("shop").arn, NEVER_DESCRIBED)
    assert set(shop.gaps) == set(parts.ALL_PARTS)
    assert {gap.detail for gap in shop.gaps.values()} == {"no eks:DescribeCluster"}
    assert [part for part, name in fleet.reads.done if name == "shop"] == [parts.CONTROL_PLANE]
    assert outcome.incomplete == 1


def test_it_keeps_that_row_once_it_is_described(fleet: Fleet) -> None:
    fleet.broken[(parts.CONTROL_PLANE, "shop")] = fails(GapReason.FORBIDDEN)
    fleet.observe()
    fleet.later()
    fleet.broken.clear()
    fleet.later()

    shop = fleet.rows()["shop"]
    assert (shop.id, shop.first_seen) == (fleet.cloud.id("shop"), NOON)
    assert fleet.gaps() == {}


def test_a_known_cluster_that_is_not_described_for_a_tick_is_old_under_its_own_id_and_place(fleet: Fleet) -> None:
    fleet.cloud.clusters["shop"] = described("shop", tags={"environment": "dev", "ring": "canary"})
    fleet.observe()
    fleet.broken[(parts.CONTROL_PLANE, "shop")] = fails(GapReason.THROTTLED)
    fleet.later()

    shop = fleet.rows()["shop"]
    assert shop.id == fleet.cloud.id("shop")
    assert (shop.placement.environment, shop.placement.ring) == ("dev", "canary")
    assert set(shop.gaps) == set(parts.ALL_PARTS)
    assert shop.parts[parts.NODES].observed_at == NOON
    assert fleet.store.changes(NOON + timedelta(minutes=1)) == ()


# A scope that cannot be listed


def test_a_scope_that_cannot_be_listed_keeps_its_rows_as_old_with_the_reason(store: SqlStore) -> None:
    fleet = two_accounts(store)
    fleet.observe()
    fleet.reads.broken[(parts.CLUSTERS, "")] = fails(GapReason.FORBIDDEN, "no eks:ListClusters")
    fleet.clouds.clouds[1].reads = healthy = Reads()
    outcome = fleet.later()

    old, new = fleet.rows()[f"shop@{SCOPE.account}"], fleet.rows()[f"shop@{OTHER.account}"]
    assert set(old.gaps) == set(parts.ALL_PARTS)
    assert {(g.reason, g.detail) for g in old.gaps.values()} == {(GapReason.FORBIDDEN, "no eks:ListClusters")}
    assert {p.observed_at for p in old.parts.values()} == {NOON}
    assert new.gaps == {}
    assert healthy.count(parts.CONTROL_PLANE) == 1
    assert list(outcome.not_listed) == [str(SCOPE)]
    assert (outcome.clusters, outcome.incomplete, outcome.complete) == (2, 1, False)


def test_a_scope_that_never_could_be_listed_is_told(fleet: Fleet) -> None:
    fleet.broken[(parts.CLUSTERS, "")] = fails(GapReason.UNAUTHENTICATED)
    outcome = fleet.observe()

    assert outcome.not_listed[str(SCOPE)].reason is GapReason.UNAUTHENTICATED
    assert fleet.rows() == {}
    assert set(fleet.store.scope_parts(SCOPE)) == {parts.ACCOUNT, parts.CLUSTERS}


def test_accounts_that_could_not_be_discovered_leave_their_clusters_as_old_with_the_reason(store: SqlStore) -> None:
    fleet = two_accounts(store)
    fleet.observe()
    lost = fleet.clouds.clouds.pop()
    fleet.clouds.gaps["organization"] = model.Gap(GapReason.FORBIDDEN, "no organizations:ListRoots", NOON)
    outcome = fleet.later()

    assert set(fleet.rows()) == {f"shop@{SCOPE.account}", f"shop@{OTHER.account}"}
    old = fleet.rows()[f"shop@{lost.scope.account}"]
    assert {g.detail for g in old.gaps.values()} == {"no organizations:ListRoots"}
    assert set(outcome.not_listed) == {"organization"}
    assert outcome.incomplete == 1


# Clusters that go


def test_a_cluster_that_is_listed_no_more_is_gone(fleet: Fleet) -> None:
    fleet.cloud.clusters["lab"] = described("lab")
    fleet.observe()
    del fleet.cloud.clusters["lab"]
    fleet.later()

    assert set(fleet.rows()) == {"shop"}
    (change,) = fleet.store.changes(NOON + timedelta(minutes=1))
    assert (change.part, change.cluster_name, change.after) == ("cluster", "lab", None)


def break_the_list(fleet: Fleet) -> str:
    fleet.broken[(parts.CLUSTERS, "")] = fails(GapReason.TIMEOUT)
    return ""


def stop(fleet: Fleet) -> str:
    fleet.cancel.set()
    return ""


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(break_the_list, id="the list failed"),
        pytest.param(stop, id="we were told to stop"),
        pytest.param(lambda _: "name=shop", id="only some were asked for"),
        pytest.param(lambda _: "account=999988887777", id="only another account was asked for"),
    ],
)
def test_nothing_is_gone_unless_the_whole_list_was_seen(fleet: Fleet, trouble: Callable[[Fleet], str]) -> None:
    fleet.cloud.clusters["lab"] = described("lab")
    fleet.kubes.alone["edge"] = described("edge")
    fleet.observe()
    del fleet.cloud.clusters["lab"]
    selector = trouble(fleet)
    if selector or fleet.cancel.is_set():
        del fleet.kubes.alone["edge"]
    fleet.later(selector)

    assert set(fleet.rows()) == {"shop", "lab", "edge"}


def test_a_cluster_that_is_deleted_between_list_and_description_is_old_and_then_gone(fleet: Fleet) -> None:
    fleet.observe()
    fleet.broken[(parts.CONTROL_PLANE, "shop")] = fails(GapReason.NOT_FOUND)
    fleet.later()
    assert set(fleet.gaps().values()) == {"not found"}
    fleet.cloud.clusters.clear()
    fleet.later()
    assert fleet.rows() == {}


# Which clusters


@pytest.mark.parametrize(
    ("choice", "selector", "expected"),
    [
        pytest.param(Choice(), "", {"shop", "shop-lab", "pay"}, id="all"),
        pytest.param(Choice(names=("shop*",)), "", {"shop", "shop-lab"}, id="by a pattern of names"),
        pytest.param(Choice(exclude_names=("*-lab",)), "", {"shop", "pay"}, id="without some names"),
        pytest.param(Choice(names=("shop*",), exclude_names=("*-lab",)), "", {"shop"}, id="by both"),
        pytest.param(Choice(tags={"team": "pay"}), "", {"pay"}, id="by a tag"),
        pytest.param(Choice(tags={"team": "pay", "x": "y"}), "", set[str](), id="by tags that must all be there"),
        pytest.param(Choice(), "name=shop", {"shop"}, id="by a selector on the name"),
        pytest.param(Choice(), "version!=1.34", {"pay"}, id="by a selector on the version"),
        pytest.param(Choice(), "tag:team=pay", {"pay"}, id="by a selector on a tag"),
        pytest.param(Choice(), "region=eu-*,account=1*,name!=pay", {"shop", "shop-lab"}, id="by many terms"),
        pytest.param(Choice(), "region=us-*", set[str](), id="by a region that is not there"),
    ],
)
def test_only_the_chosen_clusters_are_read(fleet: Fleet, choice: Choice, selector: str, expected: set[str]) -> None:
    fleet.cloud.clusters |= {"shop-lab": described("shop-lab"), "pay": described("pay", "1.35", tags={"team": "pay"})}
    fleet.choice = choice
    outcome = fleet.observe(selector)

    assert set(fleet.rows()) == expected
    assert {name for part, name in fleet.reads.done if part == parts.NODES} == expected
    assert outcome.clusters == len(expected)


def test_what_a_name_can_decide_costs_no_description(fleet: Fleet) -> None:
    fleet.cloud.clusters["lab"] = described("lab")
    fleet.choice = Choice(exclude_names=("lab",))
    fleet.observe()

    assert fleet.reads.count(parts.CONTROL_PLANE) == 1


def test_an_account_that_a_selector_leaves_out_is_not_even_listed(store: SqlStore) -> None:
    fleet = two_accounts(store)
    fleet.observe(f"account={OTHER.account}")

    assert fleet.reads.count(parts.CLUSTERS) == 1
    assert set(fleet.rows()) == {"shop"}


def test_a_cluster_that_cannot_be_described_is_chosen_by_what_was_last_known(fleet: Fleet) -> None:
    fleet.cloud.clusters["pay"] = described("pay", tags={"environment": "dev", "ring": "canary"})
    fleet.observe()
    fleet.broken[(parts.CONTROL_PLANE, "*")] = fails(GapReason.THROTTLED)
    outcome = fleet.later("ring=canary")

    assert set(fleet.gaps("pay")) == set(parts.ALL_PARTS)
    assert fleet.gaps("shop") == {}
    assert outcome.clusters == 1


# Clusters that only a kubeconfig knows


def test_a_cluster_of_a_kubeconfig_needs_no_cloud(store: SqlStore) -> None:
    fleet = Fleet(store)
    fleet.clouds.clouds.clear()
    fleet.kubes.alone["edge"] = described("edge", "1.33")
    outcome = fleet.observe()

    edge = fleet.rows()["edge"]
    assert (edge.id.arn, edge.scope) == ("kubeconfig:uid-of-edge", None)
    assert set(edge.parts) == {parts.CONTROL_PLANE, *parts.KUBE_PARTS, parts.ADDONS}
    assert outcome.complete
    assert fleet.kubes.open == 0


def test_a_cluster_of_a_kubeconfig_that_never_answered_has_a_row_and_keeps_it(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    fleet.broken[("connect", "edge")] = fails(GapReason.UNREACHABLE, "connection refused")
    fleet.observe()
    assert fleet.rows()["edge"].id == model.ClusterId("kubeconfig:edge", NEVER_DESCRIBED)
    assert set(fleet.gaps("edge").values()) == {"unreachable"}
    fleet.broken.clear()
    fleet.later()

    edge = fleet.rows()["edge"]
    assert (edge.id.arn, edge.first_seen) == ("kubeconfig:uid-of-edge", NOON)
    assert fleet.gaps("edge") == {}
    assert set(fleet.rows()) == {"shop", "edge"}


def test_a_cluster_of_a_kubeconfig_that_does_not_answer_for_a_tick_is_old(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    fleet.observe()
    fleet.broken[("connect", "edge")] = fails(GapReason.TIMEOUT)
    fleet.later()

    edge = fleet.rows()["edge"]
    assert edge.id.arn == "kubeconfig:uid-of-edge"
    assert edge.parts[parts.NODES].observed_at == NOON
    assert set(fleet.gaps("edge").values()) == {"timeout"}


def test_a_cluster_that_is_taken_out_of_the_configuration_is_gone(fleet: Fleet) -> None:
    fleet.kubes.alone |= {"edge": described("edge"), "rim": described("rim")}
    fleet.observe()
    del fleet.kubes.alone["edge"]
    fleet.later()

    assert set(fleet.rows()) == {"shop", "rim"}


def test_another_cluster_behind_the_same_kubeconfig_takes_the_place_of_the_old_one(fleet: Fleet) -> None:
    fleet.kubes.alone["edge"] = described("edge")
    fleet.observe()
    fleet.kubes.uids["edge"] = "another"
    fleet.later()

    assert fleet.rows()["edge"].id.arn == "kubeconfig:another"
    assert fleet.rows()["edge"].first_seen == fleet.clock.at
