"""The steps that a plan gives to each addon of a member: which, to which version, and by which way."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.versions import Minor
from tests.core.plans import PLAYBOOK, UPDATE, addon, candidate, plan, release, rules


def reason(made: Plan) -> str:
    (left,) = made.header.left
    assert made.members == ()
    return left.reason


def updates(made: Plan) -> list[tuple[str, str, str]]:
    """(step, addon, version) of each addon update."""
    (member,) = made.members
    steps = [each for each in member.steps if each.kind == "update-addon"]
    return [(step.name, str(step.params["addon"]), str(step.params["version"])) for step in steps]


def test_each_addon_gets_a_step_of_its_own() -> None:
    made = plan(candidate("shop", addon(), addon("kube-proxy", "v1.34.0-eksbuild.1"), addon("unknown", "v1.0.0")))
    assert updates(made) == [
        ("update-coredns", "coredns", "v1.13.2-eksbuild.1"),
        ("update-kube-proxy", "kube-proxy", "v1.34.1-eksbuild.2"),
    ]
    (member,) = made.members
    assert [step.name for step in member.steps] == ["preflight", "update-coredns", "update-kube-proxy"]
    assert member.facts == {
        "version": "1.34",
        "status": "ACTIVE",
        "addon coredns": "v1.12.1-eksbuild.1",
        "addon kube-proxy": "v1.34.0-eksbuild.1",
    }


def wants(**params: Any) -> Any:
    return replace(PLAYBOOK, steps=(replace(UPDATE, params=params),))


@pytest.mark.parametrize(
    ("params", "versions"),
    [
        pytest.param({"addon": "*"}, ["v1.13.2-eksbuild.1", "v1.21.0-eksbuild.1"], id="the newest of every addon"),
        pytest.param({"addon": "vpc-cni"}, ["v1.21.0-eksbuild.1"], id="one addon"),
        pytest.param({"addon": ("vpc-cni", "gone")}, ["v1.21.0-eksbuild.1"], id="those of a list that are there"),
        pytest.param(
            {"addon": "*", "version": "default"},
            ["v1.12.4-eksbuild.1", "v1.21.0-eksbuild.1"],
            id="what EKS itself installs for the minor",
        ),
        pytest.param(
            {"addon": "coredns", "version": "v1.12.4-eksbuild.1"}, ["v1.12.4-eksbuild.1"], id="a version by its name"
        ),
    ],
)
def test_which_version_an_addon_goes_to(params: dict[str, Any], versions: list[str]) -> None:
    found = candidate("shop", addon(), addon("vpc-cni", "v1.20.4-eksbuild.1"))
    assert [version for _, _, version in updates(plan(found, playbook=wants(**params)))] == versions


def test_a_version_that_eks_does_not_offer_is_not_taken() -> None:
    made = plan(playbook=wants(addon="coredns", version="v1.14.0-eksbuild.1"))
    assert reason(made).endswith("coredns stays: EKS does not offer v1.14.0-eksbuild.1 for 1.34")


def test_an_addon_is_never_taken_back() -> None:
    newer = candidate("shop", addon(version="v1.13.9-eksbuild.1"))
    assert reason(plan(newer)).startswith("nothing to do")
    assert reason(plan(newer, playbook=wants(addon="*", version="default"))).startswith("nothing to do")


def test_an_addon_that_moves_one_minor_at_a_time_gets_a_step_for_each() -> None:
    made = plan(
        candidate("shop", addon("vpc-cni", "v1.19.0-eksbuild.1")), compat=rules(vpc_cni=Rule.ONE_MINOR_AT_A_TIME)
    )
    assert updates(made) == [
        ("update-vpc-cni-1", "vpc-cni", "v1.20.4-eksbuild.2"),
        ("update-vpc-cni-2", "vpc-cni", "v1.21.0-eksbuild.1"),
    ]


def test_it_goes_as_far_as_the_minors_between_are_offered() -> None:
    found = candidate("shop", addon("vpc-cni", "v1.18.0-eksbuild.1"), releases=RELEASED_WITH_A_HOLE)
    made = plan(found, compat=rules(vpc_cni=Rule.ONE_MINOR_AT_A_TIME))
    assert [version for _, _, version in updates(made)] == ["v1.19.0-eksbuild.1"]
    assert made.members[0].notes == (
        "vpc-cni moves one minor at a time, and EKS offers none of 1.20 on the way to v1.21.0-eksbuild.1",
    )


RELEASED_WITH_A_HOLE = (
    release("vpc-cni", "v1.19.0-eksbuild.1", Minor(1, 34)),
    release("vpc-cni", "v1.21.0-eksbuild.1", Minor(1, 34)),
)


def test_kube_proxy_is_not_taken_past_its_cluster() -> None:
    ahead = release("kube-proxy", "v1.35.0-eksbuild.1", Minor(1, 34))
    found = candidate("shop", addon("kube-proxy", "v1.34.0-eksbuild.1"), releases=(ahead,))
    assert len(plan(found).members) == 1
    assert reason(plan(found, compat=rules(kube_proxy=Rule.NOT_AHEAD))).startswith("nothing to do")
