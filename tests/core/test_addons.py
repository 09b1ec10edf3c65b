"""Addons of a fleet as rows: what runs, what EKS offers, and where more may run unseen."""

from typing import Any

import pytest

from fleetkeeper.cli import fleet_tables
from fleetkeeper.core import model, parts
from fleetkeeper.core.addons import addon_rows, addons_not_seen
from fleetkeeper.core.versions import Minor
from tests.contract.observed import SCOPE, addon
from tests.core.fleets import LAB, assert_golden, cluster, fleet, rendered

M33, M34, M35 = Minor(1, 33), Minor(1, 34), Minor(1, 35)


def release(version: str, *minors: Minor, name: str = "coredns") -> model.AddonRelease:
    return model.AddonRelease(name, version, tuple((m, False) for m in minors))


def with_addons(*found: model.Addon, not_seen: tuple[str, ...] = (), **other: Any) -> model.SeenCluster:
    return cluster(values={parts.ADDONS: model.Addons(found, not_seen)}, **other)


NEWEST: dict[str, tuple[tuple[model.AddonRelease, ...], str]] = {
    "the newest for the cluster's minor": (
        (release("v1.11.4-eksbuild.2", M34), release("v1.12.4-eksbuild.1", M34)),
        "v1.12.4-eksbuild.1",
    ),
    "builds count": (
        (release("v1.12.4-eksbuild.10", M34), release("v1.12.4-eksbuild.9", M34)),
        "v1.12.4-eksbuild.10",
    ),
    "numbers are no text": ((release("v1.9.3", M34), release("v1.12.0", M34)), "v1.12.0"),
    "not one for another minor": (
        (release("v1.12.4-eksbuild.1", M33, M34), release("v1.14.0-eksbuild.1", M35)),
        "v1.12.4-eksbuild.1",
    ),
    "a version that cannot be read is left out": ((release("latest", M34), release("v1.2.3", M34)), "v1.2.3"),
    "nothing for this addon": ((release("v1.0.0", M34, name="vpc-cni"),), ""),
    "nothing at all": ((), ""),
}


@pytest.mark.parametrize(("releases", "expected"), NEWEST.values(), ids=NEWEST)
def test_what_eks_offers(releases: tuple[model.AddonRelease, ...], expected: str) -> None:
    (row,) = addon_rows(fleet(with_addons(addon()), **{parts.ADDON_RELEASES: releases}))

    assert row.newest == expected


def test_offers_are_those_of_the_clusters_own_account_and_region() -> None:
    found = fleet(
        with_addons(addon()),
        with_addons(addon(), scope=LAB),
        **{parts.ADDON_RELEASES: (release("v1.12.9-eksbuild.1", M34),)},
    )

    assert [(row.account, row.newest) for row in addon_rows(found)] == [
        (SCOPE.account, "v1.12.9-eksbuild.1"),
        (LAB.account, ""),
    ]


@pytest.mark.parametrize("found_by", [f for f in model.FoundBy if f is not model.FoundBy.EKS])
def test_eks_offers_nothing_for_what_it_does_not_manage(found_by: model.FoundBy) -> None:
    own = addon(found_by=found_by)
    (row,) = addon_rows(fleet(with_addons(own), **{parts.ADDON_RELEASES: (release("v1.12.9", M34),)}))

    assert row.newest == ""


def test_rows_are_in_the_order_of_clusters_and_addons() -> None:
    found = fleet(
        with_addons(addon("vpc-cni"), addon("coredns"), name="b"),
        with_addons(addon("coredns"), name="a", scope=LAB),
        with_addons(addon("coredns"), name="a"),
    )

    assert [(r.cluster, r.account, r.addon.id) for r in addon_rows(found)] == [
        ("a", SCOPE.account, "coredns"),
        ("a", LAB.account, "coredns"),
        ("b", SCOPE.account, "coredns"),
        ("b", SCOPE.account, "vpc-cni"),
    ]


def test_a_cluster_that_only_a_kubeconfig_knows_has_rows_without_offers() -> None:
    (row,) = addon_rows(fleet(with_addons(addon(), scope=None)))

    assert (row.account, row.region, row.minor, row.newest) == ("", "", "1.34", "")


def test_a_cluster_whose_minor_was_never_seen_has_rows_without_offers() -> None:
    seen = with_addons(addon(), never=(parts.CONTROL_PLANE,))
    (row,) = addon_rows(fleet(seen, **{parts.ADDON_RELEASES: (release("v1.12.9", M34),)}))

    assert (row.minor, row.newest) == ("?", "")


def test_where_more_may_run_is_told_for_each_of_two_namesakes() -> None:
    found = fleet(
        with_addons(addon(), not_seen=(parts.HELM_RELEASES, parts.PODS)),
        with_addons(addon(), not_seen=(parts.CRDS,), scope=LAB),
        cluster("never", never=(parts.ADDONS,)),
        with_addons(name="edge", not_seen=(parts.PODS,), scope=None),
        with_addons(addon(), name="whole"),
    )

    assert addons_not_seen(found) == {
        f"shop ({SCOPE})": ("helm releases", "pods"),
        f"shop ({LAB})": ("crds",),
        f"never ({SCOPE})": ("everything",),
        "edge": ("pods",),
    }


def test_the_table_of_addons() -> None:
    found = fleet(
        with_addons(
            addon(),
            addon("vpc-cni", "v1.22.4-eksbuild.2"),
            addon("ingress-nginx", "1.13.3", found_by=model.FoundBy.HELM, where="web/ingress"),
            addon("cert-manager", "", found_by=model.FoundBy.CRD, where="certificates.cert-manager.io"),
            addon(
                "a-controller-with-a-name-that-is-far-too-long",
                "v1.0.0-rc.1+a-build-of-its-own",
                found_by=model.FoundBy.IMAGE,
                where="a-namespace/Deployment/a-controller-with-a-name-that-is-far-too-long",
            ),
        ),
        with_addons(
            addon(
                "metrics-server", "0.8.0", found_by=model.FoundBy.IMAGE, where="kube-system/Deployment/metrics-server"
            ),
            name="\x1b[31medge",
            scope=None,
            not_seen=(parts.HELM_RELEASES,),
        ),
        **{
            parts.ADDON_RELEASES: (
                release("v1.13.2-eksbuild.4", M34),
                release("v1.22.4-eksbuild.2", M34, name="vpc-cni"),
            )
        },
    )
    text = rendered(lambda console: fleet_tables.show_addons(console, addon_rows(found), addons_not_seen(found)))

    assert max(map(len, text.splitlines())) <= 100
    assert_golden("addons_table.txt", text)
