"""What every Store must do, on SQLite and on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, parts
from fleetkeeper.core.model import Gap, Part
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.observe_cluster import NEVER_DESCRIBED
from fleetkeeper.engine.ports import Observation, Store
from fleetkeeper.errors import GapReason
from tests.contract.observed import (
    NOON,
    PLACEMENT,
    SCOPE,
    addon,
    cluster_id,
    control_plane,
    later,
    listed,
    missed,
    node,
    node_group,
    release,
    seen,
    snapshot,
)

SHOP = cluster_id()


@pytest.fixture
def known(store: SqlStore) -> SqlStore:
    """A store that has seen all of the cluster `shop` once, at noon."""
    store.save_many([listed(SHOP)], [(SHOP, seen(snapshot()))])
    return store


def look(store: SqlStore, part: str, value: object, at: datetime) -> None:
    store.save(SHOP, [Observation(part, value, None, at)])


def value_of(store: Store, part: str) -> object:
    found = store.cluster_part(SHOP, part)
    return found.value if found else None


class TestLatest:
    def test_every_part_comes_back_as_it_was_saved(self, known: SqlStore) -> None:
        (cluster,) = known.clusters()
        assert cluster.parts == {name: Part(value, NOON) for name, value in snapshot().items()}
        assert (cluster.id, cluster.name, cluster.scope, cluster.placement) == (SHOP, "shop", SCOPE, PLACEMENT)
        assert (cluster.first_seen, cluster.last_seen, cluster.gone_at) == (NOON, NOON, None)

    def test_only_the_parts_that_were_asked_for_are_read(self, known: SqlStore) -> None:
        assert known.clusters(only=())[0].parts == {}
        assert set(known.clusters(only={parts.NODES, "unheard of"})[0].parts) == {parts.NODES}

    def test_an_unchanged_value_gets_a_new_time(self, known: SqlStore) -> None:
        known.save_cluster(SHOP, "shop", SCOPE, PLACEMENT, later(15))
        known.save(SHOP, seen(snapshot(), later(15)))
        (cluster,) = known.clusters()
        assert {part.observed_at for part in cluster.parts.values()} == {later(15)}
        assert (cluster.first_seen, cluster.last_seen) == (NOON, later(15))

    def test_a_changed_value_replaces_the_old_one(self, known: SqlStore) -> None:
        look(known, parts.NODES, (node(1, ready=False),), later(15))
        assert known.cluster_part(SHOP, parts.NODES) == Part((node(1, ready=False),), later(15))

    def test_items_in_another_order_are_no_change(self, known: SqlStore) -> None:
        look(known, parts.NODES, (node(3), node(1), node(2)), later(15))
        assert value_of(known, parts.NODES) == (node(1), node(2), node(3))

    def test_an_observation_that_comes_late_changes_nothing(self, known: SqlStore) -> None:
        look(known, parts.NODES, (), later(-15))
        known.save(SHOP, [missed(parts.PODS, later(-15))])
        assert value_of(known, parts.NODES) == snapshot()[parts.NODES]
        assert known.clusters()[0].gaps == {}

    def test_a_large_value_comes_back_whole(self, known: SqlStore) -> None:
        large = snapshot(workloads=2000)[parts.WORKLOADS]
        look(known, parts.WORKLOADS, large, later(15))
        assert value_of(known, parts.WORKLOADS) == large

    def test_an_empty_value_is_not_an_unseen_one(self, known: SqlStore) -> None:
        look(known, parts.NODE_GROUPS, (), later(15))
        assert known.cluster_part(SHOP, parts.NODE_GROUPS) == Part((), later(15))
        assert known.cluster_part(SHOP, "no such part") is None
        assert known.cluster_part(cluster_id("other"), parts.NODES) is None

    def test_times_in_another_zone_are_the_same_moments(self, store: SqlStore) -> None:
        tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
        id = cluster_id(created=tokyo)
        store.save_many([listed(id, tokyo)], [(id, seen({parts.NODES: ()}, tokyo))])
        (cluster,) = store.clusters()
        assert cluster.id == cluster_id(created=NOON)
        assert cluster.parts[parts.NODES].observed_at == NOON
        assert cluster.last_seen.tzinfo is UTC

    def test_a_time_without_a_zone_is_refused(self, known: SqlStore) -> None:
        with pytest.raises(ValueError, match="has no time zone"):
            known.changes(NOON.replace(tzinfo=None))

    def test_a_value_of_the_wrong_type_is_refused(self, known: SqlStore) -> None:
        with pytest.raises(TypeError, match="the part nodes is"):
            look(known, parts.NODES, (addon(),), later(1))
        with pytest.raises(TypeError, match="'nods' is not a part"):
            look(known, "nods", (), later(1))

    def test_a_cluster_that_was_never_listed_is_refused(self, store: SqlStore) -> None:
        with pytest.raises(ValueError, match="before it was listed"):
            store.save(SHOP, seen(snapshot()))
        assert store.clusters() == ()


class TestScopes:
    def test_a_scope_has_parts_of_its_own(self, known: SqlStore) -> None:
        values = {
            parts.ACCOUNT: model.Account(SCOPE.account, "shop", "Prod/Shop", {"tier": "1"}),
            parts.CLUSTERS: ("bar", "foo"),
            parts.AUTO_SCALING_GROUPS: (model.AutoScalingGroup("asg", "shop", 3, ("i-1", "i-2")),),
            parts.CLUSTER_VERSIONS: (model.SupportedVersion(Minor(1, 34), later(9999), None, "standard", "EKS"),),
            parts.ADDON_RELEASES: (model.AddonRelease("coredns", "v1.12.4", ((Minor(1, 34), True),)),),
        }
        known.save(SCOPE, seen(values))
        assert known.scope_parts(SCOPE) == {name: Part(value, NOON) for name, value in values.items()}
        assert known.scope_parts(model.Scope("9", "mars-1")) == {}

    def test_scopes_are_those_of_clusters_and_of_parts(self, known: SqlStore) -> None:
        other = model.Scope("9", "cn-north-1", "aws-cn")
        known.save(other, [missed(parts.CLUSTERS, NOON, GapReason.FORBIDDEN)])
        assert known.scopes() == (SCOPE, other)
        assert known.scope_parts(other)[parts.CLUSTERS] == Part(None, None, Gap(GapReason.FORBIDDEN, "no answer", NOON))


class TestGaps:
    def test_a_gap_keeps_the_last_good_value_and_its_time(self, known: SqlStore) -> None:
        known.save(SHOP, [missed(parts.NODES, later(15))])
        gap = Gap(GapReason.TIMEOUT, "no answer", later(15))
        assert known.cluster_part(SHOP, parts.NODES) == Part(snapshot()[parts.NODES], NOON, gap)

    def test_a_part_that_was_never_seen_is_a_gap_without_a_value(self, store: SqlStore) -> None:
        store.save_many([listed(SHOP)], [(SHOP, [missed(parts.NODES, NOON)])])
        gap = Gap(GapReason.TIMEOUT, "no answer", NOON)
        assert store.cluster_part(SHOP, parts.NODES) == Part(None, None, gap)

    def test_the_same_reason_keeps_its_first_time_and_tells_the_newest_detail(self, known: SqlStore) -> None:
        for minutes in (15, 30, 45):
            known.save(SHOP, [missed(parts.NODES, later(minutes), detail=f"no answer at {minutes}")])
        assert known.clusters()[0].gaps == {parts.NODES: Gap(GapReason.TIMEOUT, "no answer at 45", later(15))}

    def test_another_reason_begins_anew(self, known: SqlStore) -> None:
        known.save(SHOP, [missed(parts.NODES, later(15))])
        known.save(SHOP, [missed(parts.NODES, later(30), GapReason.FORBIDDEN)])
        assert known.clusters()[0].gaps == {parts.NODES: Gap(GapReason.FORBIDDEN, "no answer", later(30))}

    def test_a_good_read_clears_it(self, known: SqlStore) -> None:
        known.save(SHOP, [missed(parts.NODES, later(15))])
        look(known, parts.NODES, snapshot()[parts.NODES], later(30))
        assert known.cluster_part(SHOP, parts.NODES) == Part(snapshot()[parts.NODES], later(30))
        known.save(SHOP, [missed(parts.NODES, later(45))])
        assert known.clusters()[0].gaps[parts.NODES].since == later(45)

    def test_a_good_read_from_before_the_failure_does_not_clear_it(self, known: SqlStore) -> None:
        known.save(SHOP, [missed(parts.NODES, later(30))])
        look(known, parts.NODES, (), later(15))
        gap = Gap(GapReason.TIMEOUT, "no answer", later(30))
        assert known.cluster_part(SHOP, parts.NODES) == Part((), later(15), gap)

    def test_a_value_and_a_gap_of_one_part_in_one_batch_are_stored_in_turn(self, known: SqlStore) -> None:
        known.save(SHOP, [*seen({parts.NODES: ()}, later(15)), missed(parts.NODES, later(16))])
        gap = Gap(GapReason.TIMEOUT, "no answer", later(16))
        assert known.cluster_part(SHOP, parts.NODES) == Part((), later(15), gap)


class TestClusters:
    def test_a_cluster_that_is_no_longer_listed_is_gone(self, known: SqlStore) -> None:
        blog = cluster_id("blog")
        known.save_many([listed(blog)], [])
        known.mark_gone(SCOPE, [blog], later(15))
        assert [cluster.name for cluster in known.clusters()] == ["blog"]
        assert known.cluster_part(SHOP, parts.NODES) == Part(snapshot()[parts.NODES], NOON)

    def test_only_clusters_of_the_listed_scope_are_gone(self, known: SqlStore) -> None:
        known.save_many([listed(model.ClusterId("kubeconfig:abc", NOON), name="lab", scope=None)], [])
        known.mark_gone(model.Scope("9", "eu-west-1"), [], later(15))
        assert [cluster.name for cluster in known.clusters()] == ["lab", "shop"]
        known.mark_gone(None, [], later(15))
        assert [cluster.name for cluster in known.clusters()] == ["shop"]

    def test_a_listing_that_is_older_than_the_last_sight_removes_nothing(self, known: SqlStore) -> None:
        known.save_cluster(SHOP, "shop", SCOPE, PLACEMENT, later(30))
        known.mark_gone(SCOPE, [], later(15))
        assert len(known.clusters()) == 1

    def test_a_cluster_that_is_listed_again_is_back_with_its_parts(self, known: SqlStore) -> None:
        known.mark_gone(SCOPE, [], later(15))
        known.save_cluster(SHOP, "shop", SCOPE, PLACEMENT, later(30))
        (cluster,) = known.clusters()
        assert (cluster.first_seen, cluster.gone_at) == (NOON, None)
        assert cluster.value(parts.NODES) == snapshot()[parts.NODES]
        assert known.clusters(at=later(20)) == ()

    def test_the_same_arn_made_again_is_another_cluster(self, known: SqlStore) -> None:
        again = cluster_id(created=later(5))
        known.save_cluster(again, "shop", SCOPE, PLACEMENT, later(15))
        (cluster,) = known.clusters()
        assert (cluster.id, cluster.parts) == (again, {})
        assert [(c.cluster, c.before is None) for c in known.changes(later(1))] == [(SHOP, False), (again, True)]

    def test_a_cluster_that_could_not_be_described_keeps_its_row_once_it_is(self, store: SqlStore) -> None:
        unknown = cluster_id(created=NEVER_DESCRIBED)
        store.save_many([listed(unknown)], [(unknown, [missed(parts.CONTROL_PLANE, NOON)])])
        store.save_many([listed(SHOP, later(15))], [(SHOP, seen(snapshot(), later(15)))])
        (cluster,) = store.clusters()
        assert (cluster.id, cluster.first_seen, cluster.gaps) == (SHOP, NOON, {})
        assert [change.part for change in store.changes(NOON)] == ["cluster"]

    def test_a_kubeconfig_cluster_without_an_identity_keeps_its_row_once_it_has_one(self, store: SqlStore) -> None:
        unknown = model.ClusterId("kubeconfig:lab", NEVER_DESCRIBED)
        identified = model.ClusterId("kubeconfig:0f3c", NOON)
        store.save_many([listed(unknown, name="lab", scope=None)], [])
        store.save_many([listed(identified, later(15), name="lab", scope=None)], [])
        assert [cluster.id for cluster in store.clusters()] == [identified]


class TestHistory:
    def test_the_fleet_as_it_was(self, known: SqlStore) -> None:
        look(known, parts.CONTROL_PLANE, control_plane("1.35"), later(60))
        look(known, parts.NODES, (node(1, kubelet="v1.35.0"), node(9)), later(70))
        then, now = (known.clusters(at=later(minutes))[0] for minutes in (59, 80))
        assert then.value(parts.CONTROL_PLANE).version == Minor(1, 34)
        assert [n.kubelet for n in then.value(parts.NODES)] == ["v1.34.2-eks-a1b2c3"] * 3
        assert now.value(parts.CONTROL_PLANE).version == Minor(1, 35)
        assert [n.kubelet for n in now.value(parts.NODES)] == ["v1.35.0", "v1.34.2-eks-a1b2c3"]
        assert set(then.parts) == set(parts.HISTORY_PARTS)
        assert (then.parts[parts.NODES].observed_at, now.parts[parts.ADDONS].observed_at) == (later(59), NOON)

    def test_the_past_keeps_what_does_not_flicker(self, known: SqlStore) -> None:
        (then,) = known.clusters(at=NOON)
        assert then.value(parts.CONTROL_PLANE) == control_plane(status="", ca_pem="")
        assert then.value(parts.NODE_GROUPS) == (node_group(status="", desired=0),)
        assert then.value(parts.ADDONS).found[0] == addon(status="")
        assert then.value(parts.HELM_RELEASES) == (release(key=""),)
        assert [n.group for n in then.value(parts.NODES)] == ["workers"] * 3

    def test_before_the_first_sight_there_was_nothing(self, known: SqlStore) -> None:
        assert known.clusters(at=later(-1)) == ()
        known.save_cluster(cluster_id("blog"), "blog", SCOPE, PLACEMENT, later(15))
        assert [cluster.name for cluster in known.clusters(at=later(14))] == ["shop"]

    def test_a_part_that_was_seen_empty_was_empty_and_one_that_was_not_seen_is_absent(self, store: SqlStore) -> None:
        store.save_many([listed(SHOP)], [(SHOP, seen({parts.NODES: ()}))])
        look(store, parts.HELM_RELEASES, (release(),), later(15))
        assert store.clusters(at=NOON)[0].parts == {parts.NODES: Part((), NOON)}

    def test_a_cluster_stood_where_it_stood(self, known: SqlStore) -> None:
        moved = model.Placement("staging", "early", "shop", True, "map.toml:3")
        known.save_cluster(SHOP, "shop", SCOPE, moved, later(15))
        assert [known.clusters(at=later(m))[0].placement for m in (14, 15)] == [PLACEMENT, moved]


class TestChanges:
    def test_the_first_sight_of_a_cluster_is_one_change(self, known: SqlStore) -> None:
        (change,) = known.changes(NOON)
        assert (change.at, change.cluster, change.part, change.item, change.before) == (NOON, SHOP, "cluster", "", None)
        assert change.after is not None
        assert change.after["name"] == "shop"

    def test_a_departure_is_one_change(self, known: SqlStore) -> None:
        known.mark_gone(SCOPE, [], later(15))
        (change,) = known.changes(later(1))
        assert (change.at, change.part, change.after) == (later(15), "cluster", None)

    def test_an_upgrade_tells_before_and_after(self, known: SqlStore) -> None:
        look(known, parts.CONTROL_PLANE, control_plane("1.35", status="UPDATING"), later(15))
        (change,) = known.changes(later(1))
        assert change.before is not None
        assert change.after is not None
        assert (change.part, change.item) == (parts.CONTROL_PLANE, "")
        assert (change.before["version"], change.after["version"]) == ("1.34", "1.35")

    def test_arrivals_and_departures_name_their_item_newest_first(self, known: SqlStore) -> None:
        look(known, parts.HELM_RELEASES, (release("egress"),), later(15))
        look(known, parts.NODES, (node(1), node(2)), later(30))
        told = [(c.at, c.part, c.item, c.before is None, c.after is None) for c in known.changes(later(1))]
        assert told == [
            (later(30), parts.NODES, node(3).name, False, True),
            (later(15), parts.HELM_RELEASES, "web/egress", True, False),
            (later(15), parts.HELM_RELEASES, "web/ingress", False, True),
        ]

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            pytest.param(parts.NODES, tuple(node(n, ready=False) for n in (1, 2, 3)), id="a node that is not ready"),
            pytest.param(parts.NODE_GROUPS, (node_group(desired=8, status="UPDATING"),), id="a group that scaled"),
            pytest.param(parts.CONTROL_PLANE, control_plane(status="UPDATING"), id="a control plane that is updating"),
            pytest.param(parts.HELM_RELEASES, (release(key="uid@9"),), id="a release whose secret was touched"),
            pytest.param(
                parts.ADDONS,
                model.Addons(
                    (addon(found_by=model.FoundBy.IMAGE, where="kube-system"), addon("ingress-nginx", "1.13.3")),
                    ("crds",),
                ),
                id="an addon that another source found",
            ),
            pytest.param(parts.PODS, model.Pods(41, ()), id="a part without history"),
        ],
    )
    def test_no_change_is(self, known: SqlStore, part: str, value: object) -> None:
        look(known, part, value, later(15))
        assert known.changes(later(1)) == ()
        assert value_of(known, part) == value

    def test_the_first_good_read_of_a_part_is_no_change(self, store: SqlStore) -> None:
        store.save_many([listed(SHOP)], [(SHOP, [missed(parts.HELM_RELEASES, NOON, GapReason.FORBIDDEN)])])
        look(store, parts.HELM_RELEASES, (release(),), later(15))
        assert store.changes(later(1)) == ()
        look(store, parts.HELM_RELEASES, (release(chart_version="4.14.0"),), later(30))
        assert [change.item for change in store.changes(later(1))] == ["web/ingress"]

    def test_a_gap_is_no_change(self, known: SqlStore) -> None:
        known.save(SHOP, [missed(part, later(15)) for part in parts.ALL_PARTS])
        assert known.changes(later(1)) == ()

    def test_a_move_in_the_fleet_is_a_change(self, known: SqlStore) -> None:
        moved = model.Placement("staging", "early", "shop", True, "map.toml:3")
        known.save_cluster(SHOP, "shop", SCOPE, moved, later(15))
        (change,) = known.changes(later(1))
        assert change.part == "cluster"
        assert [side and side["placement"]["ring"] for side in (change.before, change.after)] == ["late", "early"]  # type: ignore[index]

    def test_since_is_included_and_until_is_not(self, known: SqlStore) -> None:
        look(known, parts.CONTROL_PLANE, control_plane("1.35"), later(15))
        assert len(known.changes(later(15), later(16))) == 1
        assert known.changes(later(1), later(15)) == ()

    def test_two_items_of_one_name_are_two_items(self, known: SqlStore) -> None:
        look(
            known,
            parts.ADDONS,
            model.Addons((addon(), addon("ingress-nginx", "1"), addon("ingress-nginx", "2"))),
            later(9),
        )
        assert [c.item for c in known.changes(later(1))] == ["ingress-nginx", "ingress-nginx (2)"]


class TestRetention:
    def test_old_history_and_gone_clusters_are_forgotten_and_the_living_stay(self, known: SqlStore) -> None:
        gone = cluster_id("gone")
        known.save_many([listed(gone)], [(gone, seen(snapshot()))])
        known.mark_gone(SCOPE, [SHOP], later(1))
        look(known, parts.CONTROL_PLANE, control_plane("1.35"), later(2))
        known.win_slot("observe", NOON, "me", NOON)
        known.prune(NOON + timedelta(days=31), history_days=30)
        assert [cluster.id for cluster in known.clusters()] == [SHOP]
        assert [c.part for c in known.changes(NOON - timedelta(days=1))] == [parts.CONTROL_PLANE, "cluster"]
        assert known.cluster_part(gone, parts.NODES) is None
        assert known.win_slot("observe", NOON, "me", NOON)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nul \0 byte", id="NUL"),
        pytest.param("lone \ud800 surrogate \udfff", id="lone surrogates"),
        pytest.param("'; DROP TABLE cluster; --", id="SQL"),
        pytest.param('%s %(x)s :name {} \\ "', id="place holders"),
        pytest.param("\u202e rtl \U0001f4a5 \x1b[31m", id="controls and astral characters"),
    ],
)
def test_hostile_text_is_stored_everywhere_and_is_no_change_when_it_repeats(store: SqlStore, text: str) -> None:
    id = model.ClusterId(f"arn:{text}", NOON)
    scope = model.Scope(text, text, text)
    values = {parts.NODES: (node(name=text, group=text),), parts.NAMESPACES: (model.Namespace(text, {text: text}),)}
    placement = model.Placement(text, text, text, True, text)
    for at in (NOON, later(15)):
        store.save_many([listed(id, at, name=text, scope=scope, placement=placement)], [(id, seen(values, at))])
    store.save(id, [missed(parts.PODS, NOON, detail=text)])
    store.save(scope, seen({parts.CLUSTERS: (text,)}))
    assert store.win_slot(text, NOON, text, NOON)
    (cluster,) = store.clusters()
    (change,) = store.changes(NOON)
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert cluster.value(parts.NODES)[0].name == clean
    assert cluster.value(parts.NAMESPACES) == (model.Namespace(clean, {clean: clean}),)
    assert cluster.name == change.cluster_name == cluster.gaps[parts.PODS].detail == clean.replace("\0", "\ufffd")
    assert store.cluster_part(id, parts.NODES) is not None
    assert store.clusters(at=NOON)[0].value(parts.NODES)[0].group == clean
