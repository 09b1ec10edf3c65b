"""Minors and versions: what is read, what is refused, and the orders that semver does not know."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.versions import Minor, Version

NUMBER = st.integers(min_value=0, max_value=999_999_999)
SUFFIX = st.sampled_from(
    ["", "-rc.1", "-rc10", "-alpha", "-0", "-alpine", "-minimal-eksbuild.2", "-eksbuild.3", "+k3s1", "-rke2r1", "+up1"]
)
VERSIONS = st.builds(
    lambda v, numbers, suffix: v + ".".join(map(str, numbers)) + suffix,
    st.sampled_from(["", "v"]),
    st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=3),
    SUFFIX,
).map(Version.parse)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        pytest.param("1.36", Minor(1, 36), id="a bare minor"),
        pytest.param("v1.36.3", Minor(1, 36), id="a patch with a v"),
        pytest.param("1.36+", Minor(1, 36), id="the plus of old EKS API servers"),
        pytest.param("v1.35.6-eks-a1b2c3", Minor(1, 35), id="a kubelet of EKS"),
        pytest.param("v1.30.1+k3s1", Minor(1, 30), id="k3s"),
        pytest.param(" 1.36\n", Minor(1, 36), id="blanks around it"),
    ],
)
def test_a_minor_is_read_from(text: str, minor: Minor) -> None:
    assert Minor.parse(text) == minor


@pytest.mark.parametrize("text", ["", "1", "one.two", "1.36abc", "1.", ".36", "1.٣٦", "1.99999", "1.3\n.6"])
def test_a_minor_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a Kubernetes version"):
        Minor.parse(text)


def test_minors_follow_each_other_by_number_not_by_text() -> None:
    assert Minor.parse("1.9").next() == Minor.parse("1.10") > Minor.parse("1.9")
    assert Minor(1, 10).previous() == Minor(1, 9)
    assert str(Minor(1, 30)) == "1.30"


def test_no_minor_comes_before_a_zero() -> None:
    with pytest.raises(ValueError, match=r"no minor comes before 1\.0"):
        Minor(1, 0).previous()


@pytest.mark.parametrize(
    "ascending",
    [
        pytest.param(
            ["1.16.0", "1.16.0-eksbuild.1", "1.16.0-eksbuild.2", "1.16.0-eksbuild.10", "1.16.1"], id="EKS builds"
        ),
        pytest.param(["v1.33.1-minimal-eksbuild.2", "v1.33.1-eksbuild.3"], id="a minimal image is a build like others"),
        pytest.param(["v1.35.6", "v1.35.6-eks-a1b2c3", "v1.35.7"], id="an EKS kubelet is newer than upstream's"),
        pytest.param(["v1.30.1", "v1.30.1+k3s1", "v1.30.1-k3s2", "v1.30.2"], id="k3s builds, as version and as tag"),
        pytest.param(["v1.30.1", "v1.30.1+rke2r1", "v1.30.1-rke2r2-build20240515"], id="rke2 builds"),
        pytest.param(["1.27.3-gke.100", "1.27.3-gke.1286000"], id="GKE builds"),
        pytest.param(["4.0.0-0", "4.0.0-alpha.1", "4.0.0-beta", "4.0.0-rc.1", "4.0.0"], id="pre-releases come before"),
        pytest.param(["1.2.0-rc9", "1.2.0-rc10", "1.2.0-rc.11"], id="release candidates count, they are not spelled"),
        pytest.param(["1.2.0-rc1+k3s1", "1.2.0", "1.2.0+k3s1"], id="a build of a release candidate"),
        pytest.param(["1.9", "1.10", "1.10.1"], id="two parts"),
        pytest.param(["9", "10"], id="one part"),
        pytest.param(["1.36.9", "1.36.10"], id="numbers, not text"),
    ],
)
def test_versions_ascend(ascending: list[str]) -> None:
    parsed = [Version.parse(text) for text in ascending]
    parsed.reverse()
    assert [str(version) for version in sorted(parsed)] == ascending
    assert len(set(parsed)) == len(parsed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("v1.16.0", "1.16.0", id="a v says nothing"),
        pytest.param("1.31", "1.31.0", id="a missing patch is zero"),
        pytest.param("v1.33.1-minimal-eksbuild.2", "1.33.1-eksbuild.2", id="minimal names the base image"),
        pytest.param("0.38.0-debian", "0.38.0", id="a flavour is no pre-release"),
        pytest.param("7.52.0-jmx", "7.52.0", id="a flavour of a vendor"),
        pytest.param("v1.35.6-eks-a1b2c3", "v1.35.6-eks-1234567", id="commits have no order"),
        pytest.param("1.2.3+up1.2.0", "1.2.3", id="build metadata"),
        pytest.param("1.2.3.4", "1.2.3", id="a fourth number is read past"),
        pytest.param("1.2.0-RC1", "1.2.0-rc.1", id="capitals"),
    ],
)
def test_versions_are_equal(one: str, other: str) -> None:
    assert Version.parse(one) == Version.parse(other)
    assert hash(Version.parse(one)) == hash(Version.parse(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "v",
        "main-1.2",
        "sha-1.2",
        "1.2rc1",
        "-1.2",
        "1..2",
        "1.2.x",
        "1.2.3.RELEASE",
        "٣.١",
        "edge-24.8.2",
    ],
)
def test_a_version_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version.parse(text)


def test_a_version_shows_as_it_was_read() -> None:
    assert str(Version.parse("v1.11.4-eksbuild.2")) == "v1.11.4-eksbuild.2"


def test_a_version_knows_its_minor() -> None:
    assert Version.parse("v1.35.6-eksbuild.2").minor == Minor(1, 35)


def test_a_version_is_no_text() -> None:
    assert Version.parse("1.2.3") != "1.2.3"


@settings(deadline=None)  # the machine is shared
@given(VERSIONS, VERSIONS, VERSIONS)
def test_versions_have_one_total_order(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert not (a <= b <= c) or a <= c
    assert a != b or hash(a) == hash(b)


@settings(deadline=None)  # the machine is shared
@given(NUMBER, NUMBER, NUMBER, SUFFIX, st.booleans())
def test_every_version_is_read_with_its_numbers(major: int, minor: int, patch: int, suffix: str, v: bool) -> None:
    parsed = Version.parse(f"{'v' * v}{major}.{minor}.{patch}{suffix}")
    assert (parsed.core.major, parsed.core.minor, parsed.core.patch) == (major, minor, patch)


@settings(deadline=None)  # the machine is shared
@given(st.text())
def test_any_text_is_read_or_refused_with_a_value_error(text: str) -> None:
    for read in (Minor.parse, Version.parse):
        with contextlib.suppress(ValueError):
            read(text)
