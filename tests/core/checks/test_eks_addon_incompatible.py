"""FK202 by what EKS offers for both minors."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import AddonRelease, ManagedAddon
from tests.core.checks.addons import ROWS, managed, release
from tests.core.checks.snapshots import found, snapshot

OLD = "v1.19.0-eksbuild.1"


def judged(*releases: AddonRelease, addon: ManagedAddon | None = None) -> tuple[Finding, ...]:
    seen = {parts.MANAGED_ADDONS: (addon or managed(),), parts.ADDON_RELEASES: releases}
    return found("FK202", snapshot(seen), compat=ROWS)


def test_the_fix_names_the_targets_default_where_both_minors_have_it() -> None:
    (finding,) = judged(
        release(OLD, "1.34"),
        release("v1.20.1-eksbuild.2", "1.34", "1.35", default="1.35"),
        release("v1.21.0-eksbuild.1", "1.34", "1.35"),
    )
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert finding.message == f"vpc-cni {OLD} is not offered for 1.35; v1.20.1-eksbuild.2 is, and for 1.34 too"
    assert finding.fix == (
        "before 1.34 → 1.35: aws eks update-addon --cluster-name shop --addon-name vpc-cni"
        " --addon-version v1.20.1-eksbuild.2 --resolve-conflicts PRESERVE"
    )


def test_the_fix_names_the_newest_on_both_minors_where_the_default_is_on_one() -> None:
    (finding,) = judged(
        release(OLD, "1.34"),
        release("v1.20.9-eksbuild.1", "1.34", "1.35"),
        release("v1.20.10-eksbuild.1", "1.34", "1.35"),
        release("v1.22.0-eksbuild.1", "1.35", default="1.35"),
    )
    assert "--addon-version v1.20.10-eksbuild.1 " in finding.fix


def test_without_a_version_on_both_minors_the_update_comes_right_after_and_holds_nothing_up() -> None:
    (finding,) = judged(release(OLD, "1.34"), release("v1.22.0-eksbuild.1", "1.35"))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert finding.fix.startswith("right after 1.34 → 1.35: aws eks update-addon")
    assert "--addon-version v1.22.0-eksbuild.1 " in finding.fix


def test_an_addon_that_the_target_lacks_blocks() -> None:
    (finding,) = judged(release(OLD, "1.34"), release("v1", "1.35", addon="coredns"))
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert "vpc-cni is not offered for 1.35 in any version" in finding.message


@pytest.mark.parametrize(("name", "blocks"), [("vpc-cni", True), ("adot", False)])
def test_a_target_that_eks_was_not_asked_about_is_unknown(name: str, blocks: bool) -> None:
    (finding,) = judged(release(OLD, "1.34", addon=name), addon=managed(name))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, blocks)
    assert finding.fix == f"aws eks describe-addon-versions --addon-name {name} --kubernetes-version 1.35"


def test_an_addon_that_is_offered_for_the_target_is_not_told() -> None:
    assert judged(release(OLD, "1.34", "1.35")) == ()
