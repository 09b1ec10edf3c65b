"""Image references: ports, tags and digests are told apart, and no text makes the parser raise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.images import Image, parse, version_of
from fleetkeeper.core.versions import Version

DIGEST = "sha256:" + "0123456789abcdef" * 4
ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        pytest.param("nginx", Image("docker.io", "library/nginx"), id="an official image"),
        pytest.param("nginx:1.25", Image("docker.io", "library/nginx", "1.25"), id="an official image with a tag"),
        pytest.param("bitnami/redis:7.2", Image("docker.io", "bitnami/redis", "7.2"), id="an image of Docker Hub"),
        pytest.param("index.docker.io/nginx", Image("docker.io", "library/nginx"), id="Docker Hub's other name"),
        pytest.param("localhost/app:1", Image("localhost", "app", "1"), id="localhost is a host"),
        pytest.param("reg:5000/team/app", Image("reg:5000", "team/app"), id="a port is no tag"),
        pytest.param("reg:5000/team/app:v1", Image("reg:5000", "team/app", "v1"), id="a port and a tag"),
        pytest.param(f"reg:5000/app@{DIGEST}", Image("reg:5000", "app", "", DIGEST), id="a port and a digest"),
        pytest.param("[::1]:5000/app:v1", Image("[::1]:5000", "app", "v1"), id="an IPv6 host"),
        pytest.param("reg:5000", Image("docker.io", "library/reg", "5000"), id="without a path it is a tag"),
        pytest.param("Reg.example/app", Image("reg.example", "app"), id="a host in capitals"),
        pytest.param(f"quay.io/a/b@{DIGEST}", Image("quay.io", "a/b", "", DIGEST), id="digest only"),
        pytest.param(f"quay.io/a/b:v1.2.3@{DIGEST}", Image("quay.io", "a/b", "v1.2.3", DIGEST), id="tag and digest"),
        pytest.param("gcr.io/a/b/c/d/e:x", Image("gcr.io", "a/b/c/d/e", "x"), id="a deep path"),
        pytest.param("quay.io/a_b/c__d/e-f.g", Image("quay.io", "a_b/c__d/e-f.g"), id="separators in a path"),
    ],
)
def test_a_reference_is_read(reference: str, image: Image) -> None:
    assert parse(reference) == image


@pytest.mark.parametrize(
    "reference",
    ["", " ", ":", "@", "/", "a:", "a@", "a:b:c", "a//b", "/a", "a/", "A/a", "quay.io/A", "a@sha256:abc",
     "https://quay.io/a", "a b", "nginx\n", "a@b@c", "-a", "a-", "a.example:99999999/b", "a" * 300,
     "quay.io/" + "a/" * 150 + "a", "ä/b"],
)  # fmt: skip
def test_bad_input_is_no_image(reference: str) -> None:
    assert parse(reference) is None


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        pytest.param("a:v1.2.3", "v1.2.3", id="a version"),
        pytest.param(f"a:v1.2.3@{DIGEST}", "v1.2.3", id="a version beside a digest"),
        pytest.param(f"reg:5000/a@{DIGEST}", "", id="a digest and a port are no version"),
        pytest.param(f"{ECR}/eks/coredns:v1.30.0-eksbuild.3", "v1.30.0-eksbuild.3", id="a build of EKS"),
        pytest.param(f"{ECR}/eks/kube-proxy:v1.33.1-minimal-eksbuild.2", "v1.33.1-minimal-eksbuild.2", id="minimal"),
        pytest.param("a:3.1-alpine", "3.1-alpine", id="a flavour"),
        pytest.param("a", "", id="no tag"),
        pytest.param("a:latest", "", id="latest"),
        pytest.param("a:7", "", id="a floating major"),
        pytest.param("a:20240515", "", id="a day"),
        pytest.param("a:1a2b3c4", "", id="a commit"),
        pytest.param("a:main-1.2", "", id="a branch"),
    ],
)
def test_the_version_of_an_image_is_its_tag_or_nothing(reference: str, version: str) -> None:
    image = parse(reference)
    assert image is not None
    assert image.version == version


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (ECR, ECR),
        ("602401143452.dkr.ecr-fips.us-west-2.amazonaws.com", ECR),
        ("602401143452.dkr-ecr.us-west-2.on.aws", ECR),
        ("918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn", "918309763551.dkr.ecr.cn-north-1.amazonaws.com"),
    ],
)
def test_every_private_ecr_host_is_known_by_one_name(host: str, name: str) -> None:
    image = parse(f"{host}/eks/coredns:v1.11.4")
    assert image is not None
    assert image.name == f"{name}/eks/coredns"
    assert image.ecr == (host.partition(".")[0], host.split(".")[-3 if host.endswith("on.aws") else 3])
    assert str(image) == f"{host}/eks/coredns:v1.11.4"


@pytest.mark.parametrize("host", ["public.ecr.aws", "quay.io", "evil-602401143452.dkr.ecr.us-west-2.amazonaws.com"])
def test_another_host_is_no_private_ecr(host: str) -> None:
    image = parse(f"{host}/eks/coredns")
    assert image is not None
    assert image.ecr is None
    assert image.name == f"{host}/eks/coredns"


PART = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)


@settings(deadline=None)  # the machine is shared
@given(
    st.sampled_from(["quay.io", "reg:5000", "localhost", ECR, "docker.io"]),
    st.lists(PART, min_size=2, max_size=4).map("/".join),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True) | st.just(""),
    st.sampled_from(["", DIGEST]),
)
def test_what_is_written_is_read_back(registry: str, repository: str, tag: str, digest: str) -> None:
    image = Image(registry, repository, tag, digest)
    assert parse(str(image)) == image


@settings(deadline=None)  # the machine is shared
@given(st.text() | st.text("ab1.:/@-_[]A", max_size=40))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    image = parse(text)
    if image is not None:
        assert parse(str(image)) == image


@settings(deadline=None)  # the machine is shared
@given(st.text("v0123.4-+_ax\n", max_size=30) | st.text())
def test_what_counts_as_a_version_can_be_compared(text: str) -> None:
    if version_of(text):
        assert Version.parse(text)
