"""Compat rows: strict reading, indexes, support phases, and the shipped data itself."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.addon_rows import addon_row, contests
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Critical, Detect, MinorRow, Source
from fleetkeeper.core.compat_rows import minor_row, skew_row
from fleetkeeper.core.image_index import Tells
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.support import Phase, Support, support_at, support_of
from fleetkeeper.core.versions import Minor
from fleetkeeper.documents import parse
from fleetkeeper.errors import ConfigError

SHIPPED = read_compat()
SOURCE = Source("a page", date(2026, 1, 1), Confidence.HIGH, "x.toml")
TAIL = 'confidence = "high"\nsource = "a page"\ndate = 2026-01-01\n'


def read_minor(text: str) -> MinorRow:
    root = parse(f"[[minor]]\n{text}\n{TAIL}", "x.toml")
    (row,) = [minor_row(table) for table in root.tables("minor")]
    root.finish()
    assert row is not None
    return row


def read_addon(text: str, detect: str = 'images = ["quay.io/acme/app"]') -> AddonRow:
    root = parse(f"{text}\n{TAIL}[detect]\n{detect}\n", "x.toml")
    row = addon_row(root)
    root.finish()
    assert row is not None
    return row


ADDON = 'id = "acme"\nname = "Acme"'


def test_a_minor_row_is_read_whole() -> None:
    assert read_minor('minor = "1.30"\neks_end_of_standard = 2025-07-23\neks_end_of_extended = 2026-07-23') == MinorRow(
        Minor(1, 30), SOURCE, eks_end_of_standard=date(2025, 7, 23), eks_end_of_extended=date(2026, 7, 23)
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        pytest.param("minor = 1.30", 2, "minor", id="an unquoted minor, which TOML reads as 1.3"),
        pytest.param('minor = "1.30.2"', 2, "is not a Kubernetes minor", id="a patch"),
        pytest.param('minor = "v1.30"', 2, "is not a Kubernetes minor", id="a v"),
        pytest.param('minor = "1.30"\neks_release = "2024-05-23"', 3, "eks_release", id="a day in quotes"),
        pytest.param('minor = "1.30"\neks_eol = 2024-05-23', 3, "unknown key", id="an unknown key"),
        pytest.param(
            'minor = "1.30"\nupstream_release = 2025-01-01\nupstream_end = 2024-01-01',
            4,
            "must come after",
            id="an end before the start",
        ),
        pytest.param('minor = "1.30"\neks_end_of_extended = 2024-01-01', 3, "stands without", id="half a support span"),
    ],
)
def test_a_minor_row_is_refused_for(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_minor(text)
    assert [(m.line, said in str(m)) for m in refused.value.mistakes] == [(line, True)]


def test_a_skew_row_is_read_whole() -> None:
    names = 'id = "kubelet"\ncomponent = "kubelet"\nreference = "kube-apiserver"'
    root = parse(f'[[skew]]\n{names}\nolder = 3\nnewer = 0\nfrom = "1.25"\n{TAIL}', "x.toml")
    (row,) = [skew_row(table) for table in root.tables("skew")]
    root.finish()
    assert row is not None
    assert (row.component, row.older, row.newer, row.start, row.before) == ("kubelet", 3, 0, Minor(1, 25), None)


def test_an_addon_row_is_read_whole() -> None:
    row = read_addon(
        ADDON + '\ncritical = "cni"',
        'images = ["quay.io/acme/app", "*.dkr.ecr.*.amazonaws.com/acme"]\nhelm_charts = ["acme"]\n'
        'eks_addon = "acme"\nworkload = "kube-system/DaemonSet/acme"\nnamespaces = ["acme"]',
    )
    assert row.critical is Critical.CNI
    assert row.source == SOURCE
    assert row.detect.images == ("quay.io/acme/app", "*.dkr.ecr.*.amazonaws.com/acme")
    assert (row.eks_home, row.home("acme"), row.home("other")) == ("acme", "acme", "other")


@pytest.mark.parametrize(
    ("text", "detect", "said"),
    [
        pytest.param('name = "Acme"', "images = ['quay.io/a/b']", "id", id="no id"),
        pytest.param(
            'id = "Acme!"\nname = "A"', "images = ['quay.io/a/b']", "lower-case", id="an id that is no file name"
        ),
        pytest.param(
            f'{ADDON}\ncritical = "very"', "images = ['quay.io/a/b']", "must be one of", id="an unknown reason"
        ),
        pytest.param(ADDON, "", "names nothing", id="nothing to find it by"),
        pytest.param(ADDON, "companion_images = ['quay.io/a/b']", "names nothing", id="only a part to find it by"),
        pytest.param(ADDON, "images = ['quay.io/a/b:v1']", "without tag", id="a tag"),
        pytest.param(ADDON, "images = ['quay.io/a@sha256:00']", "without tag", id="a digest"),
        pytest.param(ADDON, "images = ['acme/app']", "with its host", id="no host"),
        pytest.param(ADDON, "images = ['quay.io/a/*']", "must be a repository", id="a glob for the name itself"),
        pytest.param(ADDON, "images = ['quay.io/a/b', 'quay.io/a/b']", "twice", id="a pattern twice"),
        pytest.param(ADDON, "workload = 'kube-system/aws-node'", "namespace/Kind/name", id="half a workload"),
        pytest.param(ADDON, "image = ['quay.io/a/b']\nhelm_charts = ['a']", "did you mean images", id="a misspelt key"),
    ],
)
def test_an_addon_row_is_refused_for(text: str, detect: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_addon(text, detect)
    assert said in str(refused.value)


def rows(**detects: Detect) -> list[AddonRow]:
    return [AddonRow(id, id, detect, SOURCE) for id, detect in detects.items()]


@pytest.mark.parametrize(
    ("a", "b", "contested"),
    [
        pytest.param(Detect(images=("quay.io/x/app",)), Detect(images=("quay.io/x/app",)), True, id="the same image"),
        pytest.param(
            Detect(images=("quay.io/x/app",)), Detect(images=("ghcr.io/x/app",)), True, id="images that mirror alike"
        ),
        pytest.param(Detect(images=("quay.io/x/app",)), Detect(companion_images=("quay.io/x/app",)), True, id="a part"),
        pytest.param(
            Detect(images=("quay.io/x/cmd/app",)), Detect(images=("quay.io/y/cmd/app",)), False, id="a generic tail"
        ),
        pytest.param(
            Detect(images=("quay.io/x/app",)), Detect(images=("quay.io/y/app",)), False, id="another team's app"
        ),
        pytest.param(Detect(helm_charts=("a",)), Detect(companion_charts=("a",)), True, id="the same chart"),
        pytest.param(Detect(crd_groups=("a.io",)), Detect(crd_groups=("a.io",)), True, id="the same API group"),
        pytest.param(Detect(crd_groups=("a.io",)), Detect(crds=("b.a.io",)), False, id="one CRD of a group"),
        pytest.param(Detect(eks_addon="a"), Detect(eks_addon="a"), True, id="the same EKS addon"),
        pytest.param(
            Detect(workload="a/Deployment/b"), Detect(workload="a/Deployment/b"), True, id="the same workload"
        ),
    ],
)
def test_a_contest_between_two_addons_over(a: Detect, b: Detect, contested: bool) -> None:
    assert [(c.addon, c.claimed_by) for c in contests(rows(a=a, b=b))] == [("b", "a")] * contested


@pytest.mark.parametrize(
    ("reference", "addon"),
    [
        pytest.param("quay.io/x/app:v1", "exact", id="the repository itself"),
        pytest.param("reg.example:5000/mirror/x/app@sha256:" + "0" * 64, "exact", id="a mirror that keeps the path"),
        pytest.param("reg.example/quay.io/x/app", "exact", id="a mirror that keeps the host"),
        pytest.param("quay.io/x/app-arm64:v1", "exact", id="one architecture"),
        pytest.param("x/app", "exact", id="another registry, here Docker Hub"),
        pytest.param("quay.io/x/app/more", None, id="a longer path"),
        pytest.param("quay.io/x/apps", None, id="a longer name"),
        pytest.param("quay.io/y/app", None, id="another team's app"),
        pytest.param("123456789012.dkr.ecr.eu-west-1.amazonaws.com/cni:v1", "glob", id="any account and region"),
        pytest.param("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/cni:v1", "glob", id="China"),
        pytest.param("ecr.example/cni:v1", None, id="a host of another shape"),
        pytest.param("a.b.dkr.ecr.eu-west-1.amazonaws.com/cni", None, id="a glob is one component of a host"),
        pytest.param("quay.io/k/cmd/controller", "generic", id="a generic path at home"),
        pytest.param("reg.example/m/k/cmd/controller", "generic", id="a generic path mirrored with what stands before"),
        pytest.param("reg.example/other/cmd/controller", None, id="a generic path of others"),
        pytest.param("registry.k8s.io/proxy:v1", "short", id="a path of one component"),
        pytest.param("reg.example/registry.k8s.io/proxy:v1", "short", id="its mirror, which keeps the host"),
        pytest.param("reg.example/proxy:v1", None, id="the bare name of others"),
        pytest.param("traefik:v3", "hub", id="an official image"),
        pytest.param("nginx", None, id="another official image"),
        pytest.param("reg.example/library/nginx", None, id="a mirror of another official image"),
        pytest.param("not an image", None, id="no image"),
    ],
)
def test_an_image_is_claimed_by(reference: str, addon: str | None) -> None:
    compat = Compat(
        addons=tuple(
            rows(
                exact=Detect(images=("quay.io/x/app",)),
                glob=Detect(images=("*.dkr.ecr.*.amazonaws.com/cni",)),
                generic=Detect(images=("quay.io/k/cmd/controller",)),
                short=Detect(images=("registry.k8s.io/proxy",)),
                hub=Detect(images=("docker.io/library/traefik",)),
            )
        )
    )
    for _ in range(2):  # the second answer comes from memory
        claim = compat.claim_of_image(reference)
        assert (claim.addon if claim else None) == addon


def test_main_images_and_charts_come_first() -> None:
    detect = Detect(
        images=("quay.io/x/main", "ghcr.io/y/main", "quay.io/x/webhook"),
        images_own_version=("quay.io/x/operator",),
        companion_images=("quay.io/x/sidecar",),
        helm_charts=("main",),
        companion_charts=("crds",),
    )
    compat = Compat(addons=tuple(rows(a=detect)))
    images = [compat.claim_of_image(f"r.io/{name}") for name in ("y/main", "x/webhook", "x/operator", "x/sidecar")]
    assert [(claim.tells, claim.rank) for claim in images if claim] == [
        (Tells.VERSION, 0),
        (Tells.VERSION, 1),
        (Tells.PRESENCE, 2),
        (Tells.PART, 3),
    ]
    charts = [compat.claim_of_chart(name) for name in ("main", "crds", "other")]
    assert [(c.tells, c.rank) if c else None for c in charts] == [(Tells.VERSION, 0), (Tells.PART, 1), None]


# ---- support

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MINOR = Minor(1, 34)


def dates(standard: datetime | None, extended: datetime | None, status: str = "") -> SupportedVersion:
    return SupportedVersion(MINOR, standard, extended, status, "told")


@pytest.mark.parametrize(
    ("sources", "support"),
    [
        pytest.param([dates(NOW + 9.5 * DAY, NOW + 99 * DAY)], (Phase.STANDARD, 9.5, 9), id="standard"),
        pytest.param([dates(NOW + 0.5 * DAY, NOW + 99 * DAY)], (Phase.STANDARD, 0.5, 0), id="the last day"),
        pytest.param([dates(NOW, NOW + 99 * DAY)], (Phase.EXTENDED, 99, 99), id="the very end of standard is extended"),
        pytest.param([dates(NOW - 9 * DAY, NOW)], (Phase.UNSUPPORTED, 0, 0), id="the very end of extended is the end"),
        pytest.param([dates(NOW - 9 * DAY, None)], (Phase.UNSUPPORTED, -9, 0), id="no extension was ever offered"),
        pytest.param([dates(None, NOW + 9 * DAY)], (Phase.UNKNOWN, 9, 9), id="which of two spans is not said"),
        pytest.param([dates(None, NOW + 9 * DAY, "EXTENDED_SUPPORT")], (Phase.EXTENDED, 9, 9), id="which span is said"),
        pytest.param([dates(None, None, "STANDARD_SUPPORT")], (Phase.STANDARD, None, None), id="only a status"),
        pytest.param(
            [dates(NOW - 9 * DAY, NOW - DAY, "STANDARD_SUPPORT")], (Phase.UNSUPPORTED, -1, 0), id="dates beat status"
        ),
        pytest.param([dates(None, None, "ODD")], (Phase.UNKNOWN, None, None), id="an unknown status"),
        pytest.param([None], (Phase.UNKNOWN, None, None), id="nobody knows"),
        pytest.param(
            [dates(None, None, "STANDARD_SUPPORT"), dates(NOW - DAY, NOW + DAY)],
            (Phase.EXTENDED, 1, 1),
            id="the first with dates",
        ),
        pytest.param(
            [dates(NOW + DAY, NOW + 9 * DAY), dates(NOW - DAY, NOW + DAY)],
            (Phase.STANDARD, 1, 1),
            id="the cloud before compat",
        ),
    ],
)
def test_support_is(sources: list[SupportedVersion | None], support: tuple[Phase, float | None, int | None]) -> None:
    phase, days, left = support
    found = support_at(NOW, MINOR, sources)
    assert (found.phase, found.ends_at, found.days_left) == (
        phase,
        NOW + days * DAY if days is not None else None,
        left,
    )


def test_support_prefers_the_cloud_and_falls_back_on_the_rows() -> None:
    cloud = [SupportedVersion(Minor(1, 33), NOW + 5 * DAY, None), dates(NOW + 3 * DAY, NOW + 9 * DAY)]
    assert support_of(MINOR, cloud, SHIPPED, NOW) == Support(MINOR, Phase.STANDARD, NOW + 3 * DAY, 3, "told")
    for nothing in (None, [], cloud[:1]):
        found = support_of(MINOR, nothing, SHIPPED, NOW)
        assert (found.phase, found.ends_at, found.days_left) == (Phase.STANDARD, datetime(2026, 12, 2, tzinfo=UTC), 11)
    assert support_of(Minor(1, 99), None, SHIPPED, NOW).phase is Phase.UNKNOWN


# ---- the shipped data


def test_the_shipped_minors_are_without_a_hole() -> None:
    minors = SHIPPED.minors()
    assert minors[0] == Minor(1, 18)
    assert minors[-1] == Minor(1, 37)
    assert all(older.next() == newer for older, newer in pairwise(minors))


@pytest.mark.parametrize(
    ("minor", "phase"),
    [
        ("1.18", "unsupported"),
        ("1.30", "unsupported"),
        ("1.31", "extended"),
        ("1.33", "extended"),
        ("1.34", "standard"),
        ("1.36", "standard"),
        ("1.37", "unknown"),
    ],
)
def test_the_shipped_dates_say_on_2026_11_20(minor: str, phase: str) -> None:
    assert support_of(Minor.parse(minor), None, SHIPPED, NOW).phase.value == phase


def test_upstream_supports_a_minor_for_itself() -> None:
    assert support_at(NOW, MINOR, [SHIPPED.upstream_support(MINOR)]).phase is Phase.UNSUPPORTED
    assert support_at(NOW, Minor(1, 36), [SHIPPED.upstream_support(Minor(1, 36))]).phase is Phase.STANDARD
    assert SHIPPED.upstream_support(Minor(1, 37)) is None
    assert SHIPPED.support(Minor(1, 37)) is None


def test_the_shipped_extended_support_is_a_year() -> None:
    for minor in SHIPPED.minors():
        row = SHIPPED.minor_row(minor)
        assert row is not None
        if minor >= Minor(1, 23) and row.eks_end_of_standard and row.eks_end_of_extended:
            assert row.eks_end_of_standard.replace(year=row.eks_end_of_standard.year + 1) == row.eks_end_of_extended


def test_every_shipped_row_has_a_source_that_was_there_when_it_was_written() -> None:
    sources = [row.source for row in SHIPPED.minor_rows]
    sources += [row.source for row in SHIPPED.skew]
    sources += [row.source for row in SHIPPED.addons]
    assert not [s for s in sources if not s.text or not date(2024, 1, 1) < s.date <= date(2026, 11, 20)]


def test_no_trace_is_claimed_by_two_shipped_addons() -> None:
    assert not list(contests(SHIPPED.addons))


def test_every_shipped_pattern_finds_its_own_addon() -> None:
    wrong = [
        (row.id, pattern)
        for row in SHIPPED.addons
        for pattern in (*row.detect.images, *row.detect.images_own_version, *row.detect.companion_images)
        if (claim := SHIPPED.claim_of_image(_concrete(pattern))) is None or claim.addon != row.id
    ]
    assert not wrong


def _concrete(pattern: str) -> str:
    return pattern.replace("*", "602401143452", 1).replace("*", "us-west-2", 1) + ":v1.2.3"


def test_no_shipped_tail_is_an_image_that_anybody_could_have() -> None:
    common = [
        "nginx",
        "redis",
        "postgres",
        "busybox",
        "controller",
        "operator",
        "app",
        "agent",
        "proxy",
        "node",
        "base",
    ]
    owners = ["library", "bitnami", "acme", "release", "cmd", "images", "base", "infra", "platform", "controller"]
    claimed = [
        f"reg.example/{owner}/{name}"
        for owner in owners
        for name in common
        if SHIPPED.claim_of_image(f"reg.example/{owner}/{name}")
    ]
    assert not claimed


def _ids(found: Iterable[AddonRow]) -> set[str]:
    return {row.id for row in found}


def test_the_shipped_addons_that_can_take_a_cluster_down() -> None:
    assert _ids(row for row in SHIPPED.addons if row.critical) == {
        "vpc-cni",
        "cilium",
        "calico",
        "kube-proxy",
        "coredns",
        "node-local-dns",
        "aws-ebs-csi-driver",
        "rook-ceph",
        "aws-efs-csi-driver",
        "secrets-store-csi-driver",
        "karpenter",
        "eks-pod-identity-agent",
    }


def test_the_shipped_kubelet_skew() -> None:
    kubelet = [row for row in SHIPPED.skew if row.component == "kubelet"]
    assert {(row.older, row.newer, str(row.start or ""), str(row.before or "")) for row in kubelet} == {
        (3, 0, "1.25", ""),
        (2, 0, "", "1.25"),
    }
