"""The fleet as rows: versions, support, compute, ages, and what is not seen with what to do about it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fleetkeeper.cli import fleet_tables
from fleetkeeper.core import model, parts
from fleetkeeper.core.fleet import (
    SHOWN,
    Fleet,
    compute_of,
    each_node,
    fix_for,
    fleet_rows,
    gap_rows,
    node_lines,
    node_rows,
    rollback_ends,
    self_managed_groups,
)
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.support import Phase
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON, PLACEMENT, SCOPE, control_plane, node_group
from tests.core.fleets import LAB, assert_golden, cluster, fleet, gap, nodes, rendered

UNMAPPED = model.Placement("production", "", "", False, "nothing maps it")


def test_a_healthy_cluster_is_one_row() -> None:
    (row,) = fleet_rows(fleet())

    assert (row.name, row.account, row.account_name, row.region) == ("shop", SCOPE.account, "retail-prod", "eu-west-1")
    assert (row.version, row.status, row.support_type) == (Minor(1, 34), "ACTIVE", "STANDARD")
    assert (row.nodes, row.kubelets, row.addons, row.addons_not_seen) == (3, (Minor(1, 34),), 2, ())
    assert row.compute == ("managed", "fargate")
    assert (row.observed_at, row.stale, row.gaps) == (NOON - timedelta(minutes=5), False, {})
    assert row.support is not None
    assert (row.support.phase, row.support.days_left) == (Phase.STANDARD, 11)


AGES: dict[str, tuple[model.SeenCluster, float | None, bool]] = {
    "seen just now": (cluster(age=0), 0, False),
    "seen an hour ago is not stale yet": (cluster(age=60), 60, False),
    "older than that is stale": (cluster(age=61), 61, True),
    "a part that was never seen makes it stale": (cluster(never=(parts.NODES,)), None, True),
    "a part that is not shown does not": (cluster(never=(parts.CRDS,)), 5, False),
    "a gap alone does not, while the last value is young": (cluster(gaps={parts.NODES: gap()}), 5, False),
}


@pytest.mark.parametrize(("seen", "minutes", "stale"), AGES.values(), ids=AGES)
def test_the_age_of_a_row_is_that_of_its_oldest_part(
    seen: model.SeenCluster, minutes: float | None, stale: bool
) -> None:
    (row,) = fleet_rows(fleet(seen))

    assert row.observed_at == (None if minutes is None else NOON - timedelta(minutes=minutes))
    assert row.stale is stale


@pytest.mark.parametrize("part", SHOWN)
def test_one_old_part_makes_the_row_old(part: str) -> None:
    seen = cluster(age=0)
    old = model.Part(seen.parts[part].value, NOON - timedelta(hours=3), gap())
    (row,) = fleet_rows(fleet(replace(seen, parts={**seen.parts, part: old})))

    assert row.observed_at == NOON - timedelta(hours=3)
    assert row.stale


def test_what_was_never_seen_is_unknown_and_not_nothing() -> None:
    (row,) = fleet_rows(fleet(cluster(never=tuple(parts.ALL_PARTS))))

    assert (row.version, row.status, row.support, row.nodes, row.addons) == (None, "", None, None, None)
    assert (row.kubelets, row.compute) == ((), ())


def test_clusters_are_in_the_order_of_urgency() -> None:
    found = fleet(
        cluster("b", "1.35"),
        cluster("unknown", never=(parts.CONTROL_PLANE,)),
        cluster("a", "1.35"),
        cluster("z", "1.33"),
        cluster("a", "1.35", scope=LAB),
    )

    assert [(row.name, row.account) for row in fleet_rows(found)] == [
        ("z", SCOPE.account),
        ("a", SCOPE.account),
        ("a", LAB.account),
        ("b", SCOPE.account),
        ("unknown", SCOPE.account),
    ]


SUPPORT: dict[str, tuple[str, Phase]] = {
    "in standard support": ("1.35", Phase.STANDARD),
    "in extended support": ("1.33", Phase.EXTENDED),
    "a minor that EKS does not name": ("1.20", Phase.UNKNOWN),
}


@pytest.mark.parametrize(("version", "phase"), SUPPORT.values(), ids=SUPPORT)
def test_support_is_what_eks_says_in_that_account(version: str, phase: Phase) -> None:
    (row,) = fleet_rows(fleet(cluster(version=version)))

    assert row.support is not None
    assert row.support.phase is phase


def test_a_scope_of_which_nothing_is_stored_has_no_names_and_no_dates() -> None:
    found = fleet()
    (row,) = fleet_rows(Fleet(found.clusters, {}, found.compat, found.now, found.stale_after))

    assert row.account_name == ""
    assert row.support is not None
    assert row.support.phase is Phase.UNKNOWN


def test_kubelets_are_told_by_minor_and_what_cannot_be_read_is_left_out() -> None:
    mixed = (*nodes(1), *nodes(2, kubelet="v1.33.1-eks-1"), *nodes(1, kubelet="dev"))
    (row,) = fleet_rows(fleet(cluster(values={parts.NODES: mixed})))

    assert (row.nodes, row.kubelets) == (4, (Minor(1, 33), Minor(1, 34)))


# Compute


def asg(name: str = "legacy", cluster: str = "shop", node_group: str = "") -> model.AutoScalingGroup:
    return model.AutoScalingGroup(name, cluster, 2, ("i-1",), node_group)


KIND = model.ComputeKind
ALONE: dict[str, Any] = {parts.NODE_GROUPS: (), parts.FARGATE_PROFILES: (), parts.NODES: ()}
COMPUTE: dict[str, tuple[dict[str, Any], tuple[model.AutoScalingGroup, ...], tuple[str, ...]]] = {
    "none": ({}, (), ()),
    "a managed group without a node": ({parts.NODE_GROUPS: (node_group(),)}, (), ("managed",)),
    "a profile without a node": (
        {parts.FARGATE_PROFILES: (model.FargateProfile("f", "ACTIVE", ()),)},
        (),
        ("fargate",),
    ),
    "auto mode": ({parts.CONTROL_PLANE: control_plane(auto_mode=True)}, (), ("auto mode",)),
    "a group of our own": ({}, (asg(),), ("self-managed",)),
    "a group of a managed one": ({}, (asg(node_group="workers"),), ()),
    "a group of another cluster": ({}, (asg(cluster="pay"),), ()),
    "nodes by their kind": (
        {parts.NODES: (*nodes(1, kind=KIND.HYBRID), *nodes(1, kind=KIND.KARPENTER), *nodes(1, kind=KIND.UNKNOWN))},
        (),
        ("karpenter", "hybrid", "unknown"),
    ),
    "traits come after kinds": (
        {
            parts.NODES: (*nodes(1, os="windows"), *nodes(1, os_image="Bottlerocket OS 1.50")),
            parts.NODE_GROUPS: (node_group(ami_type="CUSTOM"),),
        },
        (),
        ("managed", "bottlerocket", "custom AMI", "windows"),
    ),
    "the type of an image tells as well": (
        {
            parts.NODE_GROUPS: (
                node_group(ami_type="BOTTLEROCKET_ARM_64"),
                node_group(name="w", ami_type="WINDOWS_CORE_2022_x86_64"),
            )
        },
        (),
        ("managed", "bottlerocket", "windows"),
    ),
}


@pytest.mark.parametrize(("values", "groups", "expected"), COMPUTE.values(), ids=COMPUTE)
def test_how_nodes_come_and_go(
    values: dict[str, Any], groups: tuple[model.AutoScalingGroup, ...], expected: tuple[str, ...]
) -> None:
    seen = cluster(values=ALONE | values)

    assert compute_of(fleet(seen, **{parts.AUTO_SCALING_GROUPS: groups}), seen) == expected


def test_a_cluster_without_a_cloud_has_no_groups() -> None:
    seen = cluster(scope=None)

    assert self_managed_groups(fleet(seen, **{parts.AUTO_SCALING_GROUPS: (asg(),)}), seen) == ()


def test_nodes_that_are_alike_are_one_line_and_an_empty_group_is_one_too() -> None:
    values = {
        parts.NODES: (*nodes(2), *nodes(1, ready=False), *nodes(1, kubelet="v1.33.1"), *nodes(1, group="")),
        parts.NODE_GROUPS: (node_group(), node_group(name="idle", ami_type="CUSTOM")),
    }
    lines = [(x.group, x.kubelet, x.count, x.ready, x.traits) for x in node_lines(cluster(values=values))]

    assert lines == [
        ("", "v1.34.2-eks-a1b2c3", 1, 1, ()),
        ("idle", "", 0, 0, ("custom AMI",)),
        ("workers", "v1.33.1", 1, 1, ()),
        ("workers", "v1.34.2-eks-a1b2c3", 3, 2, ()),
    ]


def test_a_group_of_the_same_name_that_is_not_managed_takes_no_traits_from_it() -> None:
    values = {
        parts.NODES: nodes(1, kind=KIND.KARPENTER, group="workers"),
        parts.NODE_GROUPS: (node_group(ami_type="CUSTOM"),),
    }
    lines = {(line.kind, line.traits) for line in node_lines(cluster(values=values))}

    assert lines == {(KIND.KARPENTER, ()), (KIND.MANAGED, ("custom AMI",))}


def test_nodes_of_namesakes_stay_with_their_accounts() -> None:
    found = fleet(cluster(scope=LAB), cluster(), cluster("edge", scope=None))

    assert [(r.cluster, r.account) for r in node_rows(found)] == [
        ("edge", ""),
        ("shop", SCOPE.account),
        ("shop", LAB.account),
    ]
    assert [(n.cluster, n.account, n.node.name[:11]) for n in each_node(found)][2:4] == [
        ("edge", "", "ip-10-0-0-3"),
        ("shop", SCOPE.account, "ip-10-0-0-1"),
    ]


# Gaps


def test_parts_that_share_a_reason_are_one_row_with_the_first_ones_words() -> None:
    seen = cluster(
        gaps={
            parts.PODS: gap(GapReason.FORBIDDEN, "cannot list pods", 10),
            parts.NODES: gap(GapReason.FORBIDDEN, "cannot list nodes", 20),
            parts.CRDS: gap(GapReason.FORBIDDEN, "cannot list nodes", 5),
            parts.INSIGHTS: gap(GapReason.THROTTLED, "slow down"),
            parts.HELM_RELEASES: gap(GapReason.NOT_CONFIGURED, "nobody asked"),
        }
    )
    found = gap_rows(fleet_rows(fleet(seen)), {})

    assert {(row.subject, row.parts, row.gap.reason, row.gap.detail) for row in found} == {
        (f"shop ({SCOPE})", (parts.INSIGHTS,), GapReason.THROTTLED, "slow down"),
        (
            f"shop ({SCOPE})",
            (parts.NODES, parts.PODS, parts.CRDS),
            GapReason.FORBIDDEN,
            "cannot list nodes (and 1 more like it)",
        ),
    }
    assert max(NOON - row.gap.since for row in found) == timedelta(minutes=20)


def test_what_could_not_be_listed_comes_first() -> None:
    found = gap_rows(fleet_rows(fleet(cluster(gaps={parts.PODS: gap()}))), {str(LAB): gap(GapReason.UNAUTHENTICATED)})

    assert [(row.subject, row.parts) for row in found] == [
        (str(LAB), (parts.CLUSTERS,)),
        (f"shop ({SCOPE})", (parts.PODS,)),
    ]


@pytest.mark.parametrize("reason", [r for r in GapReason if r is not GapReason.NOT_CONFIGURED])
def test_every_reason_has_a_fix(reason: GapReason) -> None:
    assert len(fix_for(reason, "shop")) > 10
    assert "{" not in fix_for(reason, "shop")


def test_a_name_with_braces_does_not_break_its_fix() -> None:
    assert "a{b}c" in fix_for(GapReason.FORBIDDEN, "a{b}c")


# Tables


def everything() -> Fleet:
    """One of each: healthy, behind, stale, unmapped, unreachable from the start, without a cloud, hostile."""
    dead = gap(GapReason.UNREACHABLE, "get /api/v1/nodes: Connection refused", 180)
    denied = gap(GapReason.FORBIDDEN, 'list pods: pods is forbidden: User "reader" cannot list resource "pods"', 2880)
    names = (parts.CONTROL_PLANE, *parts.CLOUD_PARTS)
    behind = (*nodes(2), *nodes(9, kubelet="v1.33.4-eks-1", os="windows", group="windows", kind=KIND.SELF_MANAGED))
    return fleet(
        cluster("shop", "1.34", values={parts.NODES: behind}),
        cluster("shop", "1.35", scope=LAB, gaps={parts.PODS: denied}, placement=replace(PLACEMENT, environment="dev")),
        cluster("erp", "1.33", age=200, gaps=dict.fromkeys(parts.KUBE_PARTS, dead), placement=UNMAPPED),
        cluster(
            "new",
            "1.35",
            never=tuple(p for p in parts.ALL_PARTS if p not in names),
            gaps=dict.fromkeys(parts.KUBE_PARTS, dead),
        ),
        cluster("never-described", never=tuple(parts.ALL_PARTS), placement=UNMAPPED),
        cluster("edge", "1.32", scope=None),
        cluster("\x1b[31mred\u202e-and-a-name-that-is-far-too-long-for-one-column", "1.35"),
    )


def test_the_table_of_the_fleet() -> None:
    found = everything()
    rows = fleet_rows(found)
    gaps = gap_rows(rows, {"444455556666/eu-west-1": gap(GapReason.UNAUTHENTICATED, "sts:AssumeRole: expired", 30)})
    text = rendered(lambda console: fleet_tables.show_clusters(console, rows, gaps, found.now))

    assert max(map(len, text.splitlines())) <= 100
    assert_golden("fleet_table.txt", text)


def test_the_wide_table_of_the_fleet() -> None:
    found = everything()
    rows = fleet_rows(found)
    text = rendered(lambda console: fleet_tables.show_clusters_wide(console, rows, (), found.now), width=250)

    assert_golden("fleet_table_wide.txt", text)


UPGRADE = EksUpdate("u-1", "VersionUpdate", "Successful", NOON - timedelta(days=1, hours=21), Minor(1, 34))


def test_a_way_back_is_told_for_as_long_as_it_is_open() -> None:
    moved = cluster(values={parts.UPDATES: (UPGRADE,)})
    found = fleet(moved, cluster("till", scope=LAB))
    rows = fleet_rows(found)
    text = rendered(lambda console: fleet_tables.show_clusters(console, rows, (), found.now))
    assert "\nWays back\nshop: rollback to 1.33 possible for 5 d 3 h, until " in text
    assert rollback_ends(found) == {("shop", SCOPE.account, SCOPE.region): NOON + timedelta(days=5, hours=3)}

    late = replace(found, now=NOON + timedelta(days=6))
    rows = fleet_rows(late)
    assert "Ways back" not in rendered(lambda console: fleet_tables.show_clusters(console, rows, (), late.now))
    assert rollback_ends(late) == {}


def test_of_many_ways_back_those_that_end_first_are_told() -> None:
    moved = tuple(cluster(f"shop-{number}", values={parts.UPDATES: (UPGRADE,)}) for number in range(7))
    found = fleet(*moved)
    text = rendered(lambda console: fleet_tables.show_clusters(console, fleet_rows(found), (), found.now))
    assert text.count("rollback to 1.33 possible") == 5
    assert "and 2 more, later: fleetkeeper get clusters -o wide" in text


def test_the_table_of_nodes() -> None:
    text = rendered(lambda console: fleet_tables.show_nodes(console, node_rows(everything())))

    assert max(map(len, text.splitlines())) <= 100
    assert_golden("nodes_table.txt", text)


def test_the_table_of_each_node() -> None:
    tainted = nodes(1, schedulable=False, ready=False, created_at=None)
    found = fleet(cluster(values={parts.NODES: (*nodes(2), *tainted)}))
    text = rendered(lambda console: fleet_tables.show_each_node(console, each_node(found), found.now))

    assert max(map(len, text.splitlines())) <= 100
    assert_golden("each_node_table.txt", text)


def test_an_empty_fleet_says_what_to_do() -> None:
    text = rendered(
        lambda console: fleet_tables.show_clusters(console, (), (), datetime(2026, 1, 1, tzinfo=NOON.tzinfo))
    )

    assert text.startswith("No clusters yet: run `fleetkeeper observe`")
