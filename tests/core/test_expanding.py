"""The ways of single clusters through an upgrade and back: which steps, where, with which parameters, and why."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.expanding.fold import Known
from fleetkeeper.core.expanding.needs import needs_of
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.plan import Need
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.release_plan import ChartSource
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.traits import AUTO_MODE, RELEASE_REPAIR
from fleetkeeper.core.versions import Minor
from tests.contract.observed import addon as found_addon
from tests.contract.observed import release as helm_release
from tests.core.fleets import gap
from tests.core.plans import addon, release
from tests.core.upgrades import (
    ADDONS,
    M33,
    M34,
    M35,
    OFFERED,
    back,
    group,
    member_node,
    names,
    small,
    up,
)

SPOT = (ComputeKind.KARPENTER, "spot")


def with_karpenter(version: str = "1.33", kubelet: str = "1.33", **other: Any) -> Snapshot:
    nodes = (member_node(1, version), member_node(2, kubelet, *SPOT))
    return small(version=version, nodes=nodes, **other)


def step(snap: Snapshot, name: str, target: str = "1.34") -> StepSpec:
    (found,) = [each for each in up(snap, target).steps if each.name == name]
    return found


# ---- up


def test_one_hop_has_each_step_once_and_in_its_place() -> None:
    way = up(small())
    assert [each.name for each in way.steps] == [
        "preflight",
        "insights-1-34",
        "control-plane-1-34",
        "bake-1-34",
        "nodes-web-1-34",
        "after-coredns-1-34",
        "after-kube-proxy-1-34",
        "after-vpc-cni-1-34",
        "postflight",
    ]
    assert way.facts == {
        "node group web": "1.33",
        "addon coredns": "v1.12.4-eksbuild.1",
        "addon kube-proxy": "v1.33.1-eksbuild.1",
        "addon vpc-cni": "v1.20.4-eksbuild.1",
    }


def test_the_frozen_parameters_are_those_of_the_steps_and_no_others() -> None:
    params = {each.name: dict(each.params) for each in up(with_karpenter()).steps}
    assert params["insights-1-34"] == {"category": "UPGRADE_READINESS"}
    assert params["hold-1-34"] == {"pools": ()}
    assert params["control-plane-1-34"] == {"from": "1.33", "to": "1.34"}
    assert params["bake-1-34"] == {"for": "1h"}
    assert params["nodes-web-1-34"] == {"group": "web", "to": "1.34"}
    assert params["release-1-34"] == {"pools": (), "to": "1.34", "wait": True}
    assert params["after-coredns-1-34"] == {"addon": "coredns", "version": "v1.13.2-eksbuild.1"}


def test_three_hops_roll_nodes_on_the_second_where_the_skew_ends() -> None:
    """1.32 kubelets may stay behind 1.35, and not behind 1.36."""
    snap = small(groups=(group(version="1.32"),), nodes=(member_node(1, "1.32"),))
    way = up(snap, "1.36")
    assert names(way) == [
        "control-plane-1-34",
        "control-plane-1-35",
        "nodes-web-1-35",
        "before-coredns-1-36",
        "control-plane-1-36",
        "nodes-web-1-36",
        "after-coredns-1-36",
        "after-kube-proxy-1-36",
        "after-vpc-cni-1-36",
    ]
    (early,) = [each for each in way.steps if each.name == "nodes-web-1-35"]
    assert early.why == (
        "kubelets of node group web are at 1.32: behind 1.36 by 4, and 3 is the most that EKS allows, so they roll to"
        " 1.35 before the next hop"
    )
    assert [each.hop for each in way.steps if each.kind == "bake"] == ["1.34", "1.35", "1.36"]
    assert [each.name for each in way.steps if each.kind == "refresh-insights"] == [
        "insights-1-34",
        "insights-1-35",
        "insights-1-36",
        "insights-again-1-36",
    ], "once a hop, and again where an addon moved before the control plane"


def test_nodes_wait_for_the_last_hop_where_the_skew_allows_it() -> None:
    assert [each for each in names(up(small(), "1.36")) if each.startswith("nodes")] == ["nodes-web-1-36"]


def test_the_names_of_all_steps_differ() -> None:
    found = [each.name for each in up(with_karpenter(kubelet="1.32"), "1.36").steps]
    assert len(found) == len(set(found))


# ---- addons


@pytest.mark.parametrize(
    ("addons", "target", "wanted"),
    [
        pytest.param(
            {"coredns": "v1.11.4-eksbuild.1"},
            "1.34",
            [("before-coredns-1-34", "v1.12.4-eksbuild.1"), ("after-coredns-1-34", "v1.13.2-eksbuild.1")],
            id="one that does not go with the next minor moves before, to a version of both, and on afterwards",
        ),
        pytest.param(
            {"coredns": "v1.11.4-eksbuild.1"},
            "1.35",
            [("before-coredns-1-34", "v1.12.4-eksbuild.1"), ("after-coredns-1-35", "v1.13.2-eksbuild.1")],
            id="of versions of both the one that also goes with the minors after is taken, so it moves once",
        ),
        pytest.param(
            {"vpc-cni": "v1.18.0-eksbuild.1"},
            "1.34",
            [
                ("before-vpc-cni-1-1-34", "v1.19.6-eksbuild.1"),
                ("before-vpc-cni-2-1-34", "v1.20.4-eksbuild.1"),
                ("after-vpc-cni-1-34", "v1.21.1-eksbuild.1"),
            ],
            id="one minor at a time where the addon's rule says so",
        ),
        pytest.param(
            {"kube-proxy": "v1.33.1-eksbuild.1"},
            "1.36",
            [("after-kube-proxy-1-36", "v1.36.1-eksbuild.1")],
            id="kube-proxy only after the control plane, and only on the last hop while the skew allows it",
        ),
        pytest.param(
            {"kube-proxy": "v1.31.0-eksbuild.1"},
            "1.35",
            [("after-kube-proxy-1-34", "v1.34.1-eksbuild.1"), ("after-kube-proxy-1-35", "v1.35.1-eksbuild.1")],
            id="kube-proxy that would be too old for the next hop moves after the one before it",
        ),
        pytest.param(
            {"kube-proxy": "v1.30.1-eksbuild.1"},
            "1.34",
            [("before-kube-proxy-1-34", "v1.33.1-eksbuild.1"), ("after-kube-proxy-1-34", "v1.34.1-eksbuild.1")],
            id="kube-proxy that is too old for the first hop gets to the present minor before it, and never further",
        ),
    ],
)
def test_where_an_addon_moves(addons: Mapping[str, str], target: str, wanted: list[tuple[str, str]]) -> None:
    way = up(small(addons=[addon(name, version) for name, version in addons.items()]), target)
    assert way.obstacle == ""
    moves = [(each.name, each.params["version"]) for each in way.steps if each.kind == "update-addon"]
    assert moves == wanted


def test_why_an_addon_moves_has_the_versions_in_it() -> None:
    snap = small(addons=(addon("coredns", "v1.11.4-eksbuild.1"), ADDONS[1]))
    assert step(snap, "before-coredns-1-34").why == (
        "coredns v1.11.4-eksbuild.1 does not go with 1.34 (EKS does not offer it for 1.34); v1.12.4-eksbuild.1 goes"
        " with 1.33 and 1.34, so it is there before the control plane"
    )
    assert step(snap, "after-kube-proxy-1-34").why == (
        "kube-proxy is at v1.33.1-eksbuild.1, and never runs ahead of the API server; v1.34.1-eksbuild.1 is the newest"
        " of EKS for 1.34"
    )


def test_an_addon_that_goes_with_nothing_of_both_minors_moves_right_after_where_a_cluster_lives_without_it() -> None:
    apart = (*OFFERED, release("guard", "v0.100.0-eksbuild.1", M33), release("guard", "v0.120.0-eksbuild.1", M34))
    way = up(small(addons=(addon("guard", "v0.100.0-eksbuild.1"),), releases=apart))
    assert [each.name for each in way.steps if each.kind == "update-addon"] == ["after-guard-1-34"]
    (note,) = way.notes
    assert note == ("guard: EKS offers no version of it for both 1.33 and 1.34; it moves right after the control plane")


# ---- who is left out


NOT_ASKED = tuple(
    replace(each, minors=tuple((minor, default) for minor, default in each.minors if minor < M35)) for each in OFFERED
)
APART = (*(each for each in OFFERED if each.addon != "coredns"), release("coredns", "v1.11.4-eksbuild.1", M33))


@pytest.mark.parametrize(
    ("snap", "target", "told"),
    [
        pytest.param(
            small(releases=(*APART, release("coredns", "v1.13.2-eksbuild.1", M34)), addons=(addon(version="v1.11.4"),)),
            "1.34",
            "EKS offers no version of it for both 1.33 and 1.34",
            id="an addon that accepts no common version, and the cluster cannot do without it",
        ),
        pytest.param(
            small(releases=NOT_ASKED),
            "1.35",
            "whether coredns v1.12.4-eksbuild.1 goes with 1.35 is not known: EKS was not asked yet which addon",
            id="unknown compatibility is never taken for yes",
        ),
        pytest.param(
            small(groups=(group(version=None),), nodes=(member_node(1, "1.31"),)),
            "1.35",
            "before 1.34 → 1.35: node group web is at 1.31, and 1.35 takes no kubelet older than 1.32: put an image of"
            " 1.34 into its launch template",
            id="a group with images of its own that gets out of skew on the way",
        ),
        pytest.param(
            small(nodes=(member_node(1, "1.33"), member_node(2, "1.30", ComputeKind.SELF_MANAGED, "old"))),
            "1.34",
            "before 1.33 → 1.34: Auto Scaling group old is at 1.30, and 1.34 takes no kubelet older than 1.31: replace"
            " its nodes by ones of 1.33 first; fleetkeeper does not touch them",
            id="self-managed nodes out of skew",
        ),
        pytest.param(
            small(nodes=(member_node(1, "1.33"), member_node(2, "1.30", ComputeKind.UNKNOWN, ""))),
            "1.34",
            "nodes (unknown) is at 1.30",
            id="nodes of an unknown kind out of skew are not taken for managed ones",
        ),
        pytest.param(
            small(groups=(group(version="1.30"),), nodes=()),
            "1.34",
            "roll it to 1.33 first: aws eks update-nodegroup-version --cluster-name shop --nodegroup-name web"
            " --kubernetes-version 1.33",
            id="a managed group that is out of skew before the first hop",
        ),
        pytest.param(
            small(nodes=(member_node(1, "1.33"), replace(member_node(2, "1.33"), kubelet="unknown"))),
            "1.34",
            "the kubelets of node group web tell no version that can be read",
            id="a kubelet whose version cannot be read",
        ),
        pytest.param(
            small(gaps={parts.NODES: gap()}), "1.34", "its nodes could not be seen (forbidden: no)", id="nodes unseen"
        ),
        pytest.param(
            small(addons=(addon("kube-proxy", "v1.35.1-eksbuild.1"),)),
            "1.34",
            "kube-proxy v1.35.1-eksbuild.1 does not go with 1.34 (it is newer than 1.34",
            id="kube-proxy that is ahead already",
        ),
    ],
)
def test_a_cluster_that_cannot_be_led_there_is_left_out_with_what_to_do(snap: Snapshot, target: str, told: str) -> None:
    way = up(snap, target)
    assert told in way.obstacle
    assert way.steps == ()


def test_what_nobody_touches_is_named_where_it_may_stay() -> None:
    snap = small(
        groups=(group(), group("own", None)),
        nodes=(
            member_node(1, "1.33"),
            member_node(2, "1.33", group="own"),
            member_node(3, "1.32", ComputeKind.HYBRID, ""),
        ),
    )
    way = up(snap)
    assert [each for each in names(way) if each.startswith("nodes")] == ["nodes-web-1-34"]
    stays, after = "fleetkeeper does not touch such nodes", "replace them by ones of 1.34 afterwards"
    assert way.notes == (
        f"nodes (hybrid) stays at 1.32: {stays} (hybrid); {after}",
        f"node group own stays at 1.33: {stays} (its own images); {after}",
    )


# ---- Karpenter, Fargate, Auto Mode


def test_karpenter_is_held_before_the_first_control_plane_and_let_go_after_the_last() -> None:
    assert [each for each in names(up(with_karpenter(), "1.35")) if each.startswith(("hold", "control", "rel"))] == [
        "hold-1-34",
        "control-plane-1-34",
        "control-plane-1-35",
        "release-1-35",
    ]


def test_karpenter_is_let_go_where_its_nodes_must_roll_and_held_again() -> None:
    way = up(with_karpenter(kubelet="1.32"), "1.36")
    found = {each.name: each for each in way.steps if each.kind in ("hold-nodes", "release-nodes")}
    assert list(found) == ["hold-1-34", "release-1-35", "hold-1-36", "release-1-36"]
    assert [each.params["pools"] for each in found.values()] == [(), ("spot",), ("spot",), ()]
    assert found["release-1-35"].params == {"pools": ("spot",), "to": "1.35", "wait": True}
    assert "behind 1.36 by 4" in found["release-1-35"].why


def test_karpenter_without_a_node_is_held_too() -> None:
    snap = small(values={parts.ADDONS: model.Addons((found_addon("karpenter", "1.8.1"),))})
    assert "hold-1-34" in names(up(snap))


def test_pods_of_fargate_are_made_anew_on_the_last_hop() -> None:
    snap = small(nodes=(member_node(1, "1.33"), member_node(2, "1.33", ComputeKind.FARGATE, "batch")))
    assert [each for each in names(up(snap, "1.35")) if each.startswith("fargate")] == ["fargate-1-35"]
    assert step(snap, "fargate-1-34").params == {"to": "1.34"}


@pytest.mark.parametrize(
    "snap",
    [
        pytest.param(small(plane={"auto_mode": True}), id="by the control plane"),
        pytest.param(small(nodes=(member_node(1, "1.33", ComputeKind.AUTO_MODE, "system"),)), id="by its nodes"),
    ],
)
def test_auto_mode_asks_for_an_approval_of_its_own(snap: Snapshot) -> None:
    assert up(snap).traits == (AUTO_MODE,)
    assert up(small()).traits == ()


# ---- Helm


CHARTS = Known(charts=(ChartSource("ingress", "ingress-nginx", {"4.13.3": "1.13.3"}),))


def test_a_release_that_names_a_removed_api_is_repaired_and_asks_for_an_approval_of_its_own() -> None:
    trace = observed.ReleaseTrace("web", "ingress", 7, True, "flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema")
    values = {parts.HELM_RELEASES: (helm_release(),), parts.HELM_USE: observed.HelmUse((), (trace,))}
    snap = small(version="1.31", addons=(), releases=OLD, values=values)
    way = up(snap, "1.32", known=CHARTS)
    (repair,) = [each for each in way.steps if each.kind == "repair-release"]
    assert repair.params == {"namespace": "web", "release": "ingress", "to": "1.32"}
    assert way.traits == (RELEASE_REPAIR,)
    assert way.steps.index(repair) < [each.kind for each in way.steps].index("upgrade-control-plane")


OLD = tuple(release("coredns", "v1.11.4-eksbuild.1", Minor(1, number)) for number in (31, 32, 33))


# ---- back


def test_nodes_and_addons_go_back_before_the_control_plane_and_what_fits_stays() -> None:
    snap = small(version="1.34", addons=AHEAD)
    way = back(snap, {"vpc-cni": "v1.19.6-eksbuild.1", "coredns": "v1.12.1-eksbuild.1"})
    assert names(way) == ["nodes-web", "addons-coredns", "control-plane"]
    params = {each.name: dict(each.params) for each in way.steps}
    assert params["nodes-web"] == {"group": "web", "to": "1.33", "direction": "any"}
    assert params["addons-coredns"] == {
        "addon": "coredns",
        "version": "v1.12.1-eksbuild.1",
        "direction": "any",
        "undo": "restore",
    }
    assert params["insights"] == {"category": "ROLLBACK_READINESS"}
    assert params["control-plane"] == {"from": "1.34", "to": "1.33"}
    (coredns,) = [each for each in way.steps if each.name == "addons-coredns"]
    assert coredns.why == (
        "coredns v1.13.2-eksbuild.1 does not go with 1.33 (EKS does not offer it for 1.33); it was v1.12.1-eksbuild.1"
        " before the upgrade"
    )


PROXY = (addon("kube-proxy", "v1.34.1-eksbuild.1"),)
BOTH = release("kube-proxy", "v1.33.1-eksbuild.1", Minor(1, 33), Minor(1, 34))


def test_kube_proxy_goes_back_before_the_control_plane_where_eks_offers_the_minor_before_there() -> None:
    snap = small(version="1.34", addons=PROXY, groups=(), nodes=(), releases=(*OFFERED, BOTH))
    (proxy,) = [each for each in back(snap, {"kube-proxy": BOTH.version}).steps if each.kind == "update-addon"]
    assert proxy.params["version"] == BOTH.version


def test_kube_proxy_that_eks_takes_back_to_nothing_closes_the_way() -> None:
    obstacle = back(small(version="1.34", addons=PROXY, groups=(), nodes=())).obstacle
    assert obstacle.startswith("kube-proxy v1.34.1-eksbuild.1 does not go with 1.33 (it is newer than 1.33")
    assert obstacle.endswith("and EKS offers no older version for both 1.34 and 1.33")


AHEAD = (addon("coredns", "v1.13.2-eksbuild.1"), addon("vpc-cni", "v1.20.4-eksbuild.1"))


def test_without_history_the_newest_that_goes_with_both_is_taken() -> None:
    way = back(small(version="1.34", addons=AHEAD))
    (coredns,) = [each for each in way.steps if each.kind == "update-addon"]
    assert coredns.params["version"] == "v1.12.4-eksbuild.1"
    assert "what it was before the upgrade is not known" in coredns.why


def test_nodes_that_were_not_rolled_yet_stay() -> None:
    snap = small(version="1.34", addons=(), groups=(group(version="1.33"),), nodes=(member_node(1, "1.33"),))
    assert names(back(snap)) == ["control-plane"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (ComputeKind.FARGATE, "delete these pods first"),
        (ComputeKind.KARPENTER, "let its EC2NodeClass select a fixed image of 1.33"),
        (ComputeKind.SELF_MANAGED, "replace them by nodes of 1.33 first; fleetkeeper does not touch them"),
    ],
)
def test_nodes_that_are_too_new_and_nobody_takes_back_close_the_way(kind: ComputeKind, told: str) -> None:
    snap = small(version="1.34", addons=(), nodes=(member_node(2, "1.34", kind, "spot"),))
    assert told in back(snap).obstacle


def test_auto_mode_goes_back_with_its_timeout_and_an_approval_of_its_own() -> None:
    snap = small(version="1.34", addons=(), groups=(), nodes=(), plane={"auto_mode": True})
    way = back(snap)
    (move,) = [each for each in way.steps if each.kind == "rollback-control-plane"]
    assert (dict(move.params), way.traits) == ({"from": "1.34", "to": "1.33", "timeout_minutes": 720}, (AUTO_MODE,))
    assert any("nodes go back first" in each for each in way.notes)


# ---- what a member takes


PLACES = observed.ClusterPrerequisites(
    subnets=(observed.Subnet("subnet-1", "a", 40), observed.Subnet("subnet-2", "b", 3)),
    node_subnets=(observed.Subnet("subnet-a", "a", 400), observed.Subnet("subnet-b", "b", 15)),
)
QUOTA = observed.Quota("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 64, 20)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        pytest.param(
            lambda found: found,
            (
                Need("quota:123456789012/eu-west-1/L-1216C47A", 8, 44),
                Need("subnet:subnet-1", 5, 40),
                Need("subnet:subnet-a", 20, 400),
                Need("subnet:subnet-b", 15, 15),
            ),
            id="two nodes a zone, five addresses where there are five, and never more than there is",
        ),
        pytest.param(
            lambda found: replace(found, update_strategy="MINIMAL"),
            (Need("subnet:subnet-1", 5, 40),),
            id="a group that terminates before it launches takes nothing more",
        ),
        pytest.param(
            lambda found: replace(found, max_unavailable="6"),
            (
                Need("quota:123456789012/eu-west-1/L-1216C47A", 12, 44),
                Need("subnet:subnet-1", 5, 40),
                Need("subnet:subnet-a", 30, 400),
                Need("subnet:subnet-b", 15, 15),
            ),
            id="a group that takes many side by side needs more at once",
        ),
    ],
)
def test_what_a_member_takes_of_its_account(
    change: Callable[[model.NodeGroup], model.NodeGroup], wanted: tuple[Need, ...]
) -> None:
    snap = small(groups=(change(group()),), values={parts.PREREQUISITES: PLACES}, shared={parts.QUOTAS: (QUOTA,)})
    assert needs_of(snap, up(snap).steps) == wanted
