"""What EKS answers as rows of the operator's folder: only what changed, beside what people wrote."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.addon_rows import addon_row
from fleetkeeper.core.addon_versions import Strength
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Detect, MinorRow, Source
from fleetkeeper.core.compat_rows import minor_row
from fleetkeeper.core.compat_update import (
    Offer,
    Span,
    addon_text,
    changed_minors,
    changed_spans,
    kubernetes_edit,
    minor_block,
    spans,
    with_minors,
)
from fleetkeeper.core.model import AddonRelease, SupportedVersion
from fleetkeeper.core.versions import Minor
from fleetkeeper.documents import parse

TODAY = date(2026, 11, 20)
PAGE = Source("a page", date(2026, 8, 22), Confidence.MEDIUM)
M33, M34, M35, M36 = (Minor(1, minor) for minor in (33, 34, 35, 36))
KNOWN = MinorRow(M35, PAGE, date(2025, 12, 17), eks_end_of_standard=date(2027, 3, 27))


def at(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def told(minor: Minor, standard: date | None, extended: date | None = None) -> SupportedVersion:
    return SupportedVersion(minor, at(standard), at(extended), "STANDARD_SUPPORT")


def offer(*versions: SupportedVersion, releases: tuple[AddonRelease, ...] = ()) -> Offer:
    return Offer("111122223333/eu-west-1", TODAY, versions, (M33, M34, M35, M36), releases)


# ---- minors


@pytest.mark.parametrize(
    ("version", "standard", "extended"),
    [
        pytest.param(told(M35, date(2027, 4, 1)), date(2027, 4, 1), None, id="a day that moved"),
        pytest.param(
            told(M35, date(2027, 3, 27), date(2028, 3, 27)), date(2027, 3, 27), date(2028, 3, 27), id="a day more"
        ),
        pytest.param(told(M35, None, date(2028, 3, 27)), date(2027, 3, 27), date(2028, 3, 27), id="a day less told"),
    ],
)
def test_the_days_of_eks_replace_the_known_ones(
    version: SupportedVersion, standard: date, extended: date | None
) -> None:
    ((before, after),) = changed_minors(Compat((KNOWN,)), offer(version))
    assert before == KNOWN
    assert (after.eks_end_of_standard, after.eks_end_of_extended) == (standard, extended)
    assert after.upstream_release == KNOWN.upstream_release
    assert after.source == Source(
        "eks:DescribeClusterVersions in 111122223333/eu-west-1; the rest: a page", TODAY, Confidence.HIGH
    )


def test_a_second_answer_names_the_first_source_once() -> None:
    ((_, first),) = changed_minors(Compat((KNOWN,)), offer(told(M35, date(2027, 4, 1))))
    ((_, second),) = changed_minors(Compat((first,)), offer(told(M35, date(2027, 5, 1))))
    assert second.source.text == first.source.text


def test_what_is_known_already_is_no_change() -> None:
    assert changed_minors(Compat((KNOWN,)), offer(told(M35, date(2027, 3, 27)))) == ()


def test_a_minor_that_nobody_knew_is_added() -> None:
    ((before, after),) = changed_minors(Compat((KNOWN,)), offer(told(M36, date(2027, 8, 2))))
    assert before is None
    assert (after.minor, after.eks_end_of_standard) == (M36, date(2027, 8, 2))
    assert after.source.text == "eks:DescribeClusterVersions in 111122223333/eu-west-1"


OWN = """# our own

[[minor]]
minor = "1.34"  # we pay for it
eks_end_of_standard = 2026-12-02
confidence = "high"
source = "us"
date = 2026-11-01

# the next one
[[minor]]
minor = "1.36"
confidence = "low"
source = "us"
date = 2026-11-01
"""


def test_a_file_of_the_operator_keeps_what_people_wrote() -> None:
    after = with_minors(OWN, {M34: "[[minor]]\nNEW 34\n", M35: "[[minor]]\nNEW 35\n"})
    assert after == (
        "# our own\n\n[[minor]]\nNEW 34\n\n# the next one\n"
        + OWN.partition("# the next one\n")[2]
        + "\n[[minor]]\nNEW 35\n"
    )


def test_the_diff_shows_the_days_that_change_though_another_file_has_the_row() -> None:
    changes = changed_minors(Compat((KNOWN,)), offer(told(M35, date(2027, 4, 1))))
    edit = kubernetes_edit("", changes)
    lines = edit.diff().splitlines()
    assert lines[:2] == ["--- a/kubernetes.toml", "+++ b/kubernetes.toml"]
    assert {"-eks_end_of_standard = 2027-03-27", "+eks_end_of_standard = 2027-04-01"} <= set(lines)
    assert " upstream_release = 2025-12-17" in lines


days = st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1), days)
def test_a_row_is_read_as_it_is_written(source: str, day: date | None) -> None:
    row = MinorRow(M35, Source(source, TODAY, Confidence.LOW, "x.toml"), eks_end_of_standard=day)
    root = parse(minor_block(row), "x.toml")
    read = [minor_row(table) for table in root.tables("minor")]
    root.finish()
    assert read == [row]


# ---- addons

CNI = AddonRow("vpc-cni", "VPC CNI", Detect(eks_addon="vpc-cni"), PAGE)


def release(version: str, *minors: Minor, addon: str = "vpc-cni") -> AddonRelease:
    return AddonRelease(addon, version, tuple((minor, False) for minor in minors))


RELEASES = (
    release("v1.20.4-eksbuild.1", M33, M34),
    release("v1.20.5-eksbuild.2", M34, M36),
    release("v1.21.0-eksbuild.1", M35, M36),
    release("v1.21.0-eksbuild.1", Minor(1, 20)),
    release("latest", M35),
    release("v9.9.9", M35, addon="coredns"),
)
SPANS = (Span(Minor(1, 21), M35, M36), Span(Minor(1, 20), M33, M34), Span(Minor(1, 20), M36, M36))
DOCUMENT = """id = "vpc-cni"
name = "VPC CNI"
confidence = "high"
source = "a page"
date = 2026-08-22

[detect]
eks_addon = "vpc-cni"

[[versions]]
range = "<1.12.0"
newest = "1.25"
strength = "required"
confidence = "high"
source = "a page"
date = 2026-08-22
"""


def read(text: str) -> AddonRow:
    root = parse(text, "vpc-cni.toml")
    row = addon_row(root)
    root.finish()
    assert row is not None
    return row


def test_a_line_of_versions_spans_the_adjoining_minors_that_have_it() -> None:
    assert spans(offer(releases=RELEASES), "vpc-cni") == SPANS


def test_what_eks_offers_stands_behind_what_people_wrote() -> None:
    answer = offer(releases=RELEASES)
    found = changed_spans(CNI, answer)
    assert found == SPANS
    text = addon_text(DOCUMENT, found, answer)
    assert text.startswith(DOCUMENT)
    rows = read(text).versions
    assert [(str(r.versions), str(r.oldest), str(r.newest), r.strength) for r in rows[1:]] == [
        (">=1.21.0,<1.22.0", "1.35", "1.36", Strength.TESTED),
        (">=1.20.0,<1.21.0", "1.33", "1.34", Strength.TESTED),
        (">=1.20.0,<1.21.0", "1.36", "1.36", Strength.TESTED),
    ]
    assert rows[1].source.text == "eks:DescribeAddonVersions in 111122223333/eu-west-1"


def test_the_same_answer_changes_nothing_and_a_new_one_replaces_the_old() -> None:
    answer = offer(releases=RELEASES)
    text = addon_text(DOCUMENT, SPANS, answer)
    assert changed_spans(read(text), answer) is None
    later = offer(releases=(release("v1.22.0-eksbuild.1", M36),))
    found = changed_spans(read(text), later)
    assert found == (Span(Minor(1, 22), M36, M36),)
    assert addon_text(text, found, later) == addon_text(DOCUMENT, found, later)


def test_a_comment_between_two_tables_stays() -> None:
    answer = offer(releases=RELEASES)
    text = addon_text(DOCUMENT, SPANS, answer) + "\n# mind this\n[[end_of_life]]\nrange = 1\n"
    assert "\n# mind this\n[[end_of_life]]\nrange = 1\n" in addon_text(text, SPANS, answer)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(AddonRow("acme", "Acme", Detect(images=("x.io/a/b",)), PAGE), id="is no EKS addon"),
        pytest.param(AddonRow("new", "New", Detect(eks_addon="new"), PAGE), id="is not offered"),
    ],
)
def test_nothing_changes_for_an_addon_that(row: AddonRow) -> None:
    assert changed_spans(row, offer(releases=RELEASES)) is None
