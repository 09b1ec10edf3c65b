"""Constraints of charts, each answer taken from github.com/Masterminds/semver v3 at 71f2b39."""

import pytest

from fleetkeeper.core.constraint import LIMIT, Constraint

EKS = "v1.35.2-eks-0a1b2c3"


@pytest.mark.parametrize(
    ("constraint", "version", "accepts"),
    [
        pytest.param(">=1.25.0", "v1.35.2", True, id="a release within a range"),
        pytest.param(">=1.25.0", EKS, False, id="a version of EKS is a pre-release to a range without a suffix"),
        pytest.param(">=1.25.0-0", EKS, True, id="the suffix -0 lets a version of EKS in"),
        pytest.param(">=1.25-0", EKS, True, id="the suffix counts after a short version too"),
        pytest.param(">=1.25.0-0 <1.35.0", EKS, False, id="an upper end keeps a newer version out"),
        pytest.param(">=1.25.0 <1.36.0-0", EKS, True, id="one suffix counts for its whole group"),
        pytest.param(">=1.36.0-0 || >=1.25.0", EKS, False, id="a suffix does not count for another group"),
        pytest.param("<1.35.2-0", EKS, False, id="a word comes after a number"),
        pytest.param("<1.35.2-z", EKS, True, id="words are ordered by letter"),
        pytest.param("<1.35.2", "v1.35.2-eks-0", False, id="a pre-release of the end is not let in"),
        pytest.param("1.25 - 1.34", "v1.34.9", True, id="a hyphen range ends with the last patch of its short end"),
        pytest.param("1.25 - 1.34", "v1.35.0", False, id="a hyphen range ends before the next minor"),
        pytest.param("1.25.0-0 - 1.35.0-0", "v1.34.9-eks-1", True, id="a hyphen range with suffixes"),
        pytest.param(">1.34", "v1.34.9", False, id="greater than a minor begins with the next minor"),
        pytest.param(">1.34", "v1.35.0", True, id="the next minor is greater than a minor"),
        pytest.param("<=1.35", "v1.35.9", True, id="at most a minor takes its patches"),
        pytest.param("~1.35.1", "v1.35.2", True, id="a tilde takes later patches"),
        pytest.param("~1.34.1", "v1.35.2", False, id="a tilde takes no later minor"),
        pytest.param("~1", "v1.35.2", True, id="a tilde of a major takes its minors"),
        pytest.param("^1.25.0", "v1.35.2", True, id="a caret takes later minors"),
        pytest.param("^1.25.0", "v2.0.0", False, id="a caret takes no later major"),
        pytest.param("^0.2.3", "v0.3.0", False, id="a caret below one stays within the minor"),
        pytest.param("1.35.x", "v1.35.2", True, id="a wildcard takes every patch"),
        pytest.param("1.35.X-0", EKS, True, id="a wildcard with a suffix takes EKS"),
        pytest.param("*", "v1.35.2", True, id="a star takes every release"),
        pytest.param("*", EKS, False, id="a star takes no pre-release"),
        pytest.param("!=1.35.x", "v1.35.2", False, id="unequal to a wildcard"),
        pytest.param("=1.35.2", "v1.35.2", True, id="equal"),
        pytest.param(" >= 1.25.0-0 , < 1.36.0-0 ", EKS, True, id="blanks and a comma"),
        pytest.param("=> 1.25-0", EKS, True, id="the sloppy order of the signs"),
        pytest.param("v1.35.2+k3s1", "v1.35.2", True, id="build numbers take no part"),
    ],
)
def test_a_constraint_takes_what_helm_takes(constraint: str, version: str, accepts: bool) -> None:
    assert Constraint.parse(constraint).accepts(version) is accepts


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("latest", id="a word"),
        pytest.param(">=1.25.0,", id="a comma after the last term"),
        pytest.param(">=1.25<1.30", id="nothing between two terms"),
        pytest.param(">=1.25 ||", id="an empty side"),
        pytest.param(">=1.25.0-01", id="a suffix that begins with a zero"),
        pytest.param("1.2.3.4", id="four numbers"),
        pytest.param(" " * LIMIT + "1", id="more text than any constraint has"),
    ],
)
def test_what_helm_cannot_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"constraint|suffix"):
        Constraint.parse(text)


def test_a_version_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Constraint.parse("*").accepts("latest")
