"""Which versions of an addon go with a minor: ranges, rows of every strength, and the strict reading of both."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.addon_rows import addon_row
from fleetkeeper.core.addon_versions import EndOfLife, Range, Rule, Strength, VersionRow, accepts, lowest_accepted
from fleetkeeper.core.compat import AddonRow, Confidence, Source
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.documents import parse
from fleetkeeper.errors import ConfigError

SOURCE = Source("a page", date(2026, 1, 1), Confidence.HIGH, "acme.toml")
TAIL = 'confidence = "high"\nsource = "a page"\ndate = 2026-01-01\n'
HEAD = f'id = "acme"\nname = "Acme"\n{TAIL}'
DETECT = '[detect]\nimages = ["quay.io/acme/app"]\n'


def row(versions: str, oldest: str = "", newest: str = "", strength: Strength = Strength.REQUIRED) -> VersionRow:
    return VersionRow(Range.parse(versions), strength, SOURCE, _minor(oldest), _minor(newest))


def _minor(text: str) -> Minor | None:
    return Minor.parse(text) if text else None


def v(text: str) -> Version:
    return Version.parse(text)


# ---- ranges


@pytest.mark.parametrize(
    ("versions", "version", "inside"),
    [
        pytest.param(">=1.2.0,<1.5.0", "1.2.0", True, id="its least version"),
        pytest.param(">=1.2.0,<1.5.0", "1.5.0", False, id="the version that it ends before"),
        pytest.param(">=1.2.0,<1.5.0", "1.10.0", False, id="ten is after two"),
        pytest.param("<=1.15.1", "1.15.1", True, id="its greatest version"),
        pytest.param("<=1.15.1", "v1.15.1-eksbuild.3", True, id="a vendor's build of its greatest version"),
        pytest.param("=1.14.3", "v1.14.3-eksbuild.11", True, id="a vendor's build of its only version"),
        pytest.param(">1.14.3", "v1.14.3-eksbuild.11", False, id="a build is no later version"),
        pytest.param(">=1.9.3-eksbuild.6", "v1.9.3-eksbuild.5", False, id="an earlier build than the one it names"),
        pytest.param(">=1.9.3-eksbuild.6", "v1.9.3-eksbuild.10", True, id="a later build than the one it names"),
        pytest.param(">=2.0.0", "2.0.0-rc.1", False, id="a candidate comes before its release"),
        pytest.param("*", "0.0.1", True, id="every version"),
    ],
)
def test_a_range_holds(versions: str, version: str, inside: bool) -> None:
    assert Range.parse(versions).accepts(v(version)) is inside


@pytest.mark.parametrize(
    "text", ["1.2", "", ">=", "~1.2", ">=1.2 <1.3", ">=1.2,", "chart", "chart>=1.2", "^1.0", "1.x"]
)
def test_a_text_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        Range.parse(text)


numbers = st.integers(0, 12)
triples = st.tuples(numbers, numbers, numbers)
bounds = st.tuples(st.sampled_from([">=", ">", "<=", "<", "="]), triples)
TRUTH = {
    ">=": lambda one, other: one >= other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    "<": lambda one, other: one < other,
    "=": lambda one, other: one == other,
}


def dotted(triple: tuple[int, int, int]) -> str:
    return ".".join(map(str, triple))


def text_of(found: list[tuple[str, tuple[int, int, int]]]) -> str:
    return ",".join(f"{operator}{dotted(triple)}" for operator, triple in found)


@given(st.lists(bounds, min_size=1, max_size=3), triples)
def test_a_range_is_all_of_its_comparators(
    found: list[tuple[str, tuple[int, int, int]]], at: tuple[int, int, int]
) -> None:
    parsed = Range.parse(text_of(found))
    assert parsed.accepts(v(dotted(at))) is all(TRUTH[operator](at, triple) for operator, triple in found)


@given(st.lists(bounds, max_size=3), st.booleans())
def test_a_range_is_read_as_it_is_written(found: list[tuple[str, tuple[int, int, int]]], of_chart: bool) -> None:
    text = f"{'chart ' if of_chart else ''}{text_of(found) or '*'}"
    assert str(Range.parse(text)) == text
    assert Range.parse(text).of_chart is of_chart


@given(st.lists(bounds, min_size=1, max_size=3), triples)
def test_an_empty_range_holds_nothing(found: list[tuple[str, tuple[int, int, int]]], at: tuple[int, int, int]) -> None:
    parsed = Range.parse(text_of(found))
    assert not (parsed.is_empty and parsed.accepts(v(dotted(at))))


# ---- judging

S = Strength
OPEN = row(">=1.0.0", "1.20")
ENDS = row(">=1.0.0,<2.0.0", "1.20", "1.30")
JUDGED = {
    "inside both": ((ENDS,), "", "1.5.0", "1.25", True),
    "past the newest minor of a requirement": ((ENDS,), "", "1.5.0", "1.31", False),
    "before the oldest minor of a requirement": ((ENDS,), "", "1.5.0", "1.19", False),
    "past a table of support": ((row(">=1.0.0", "", "1.30", S.SUPPORTED),), "", "1.5.0", "1.31", False),
    "past what was tested": ((row(">=1.0.0", "", "1.30", S.TESTED),), "", "1.5.0", "1.31", None),
    "past what others infer": ((row(">=1.0.0", "", "1.30", S.HEURISTIC),), "", "1.5.0", "1.31", None),
    "another pairing than the recommended": ((row("*", "1.30", "1.30", S.RECOMMENDED),), "", "1.5.0", "1.31", None),
    "only told, never judged": ((row("*", "", "", S.ADVISORY),), "", "1.5.0", "1.31", None),
    "without any constraint": ((row("*", "", "", S.NONE),), "2.0.0", "9.0.0", "1.99", True),
    "of no row": ((ENDS,), "", "2.0.0", "1.25", None),
    "with no rows": ((), "", "1.0.0", "1.25", None),
    "the requirement says no, whatever was tested": (
        (row("*", "1.20", "1.40", S.TESTED), ENDS),
        "",
        "1.5.0",
        "1.31",
        False,
    ),
    "newer than what was known, in a closed range": ((ENDS,), "1.4.0", "1.5.0", "1.25", None),
    "newer, and a row names that line": ((row(">=1.5.0,<1.6.0", "1.20", "1.30"),), "1.4.0", "1.5.0", "1.25", True),
    "newer, and a row names that line for other minors": (
        (row(">=1.5.0,<1.6.0", "1.20", "1.30"),),
        "1.4.0",
        "1.5.0",
        "1.31",
        False,
    ),
    "newer by a patch only": ((ENDS,), "1.5.0", "1.5.9", "1.25", True),
    "newer, where a row lasts": ((OPEN,), "1.4.0", "9.9.0", "1.36", True),
    "newer, and the minor is past what the row of its time knew": (
        (row(">=1.0.0", "1.20", "1.30"),),
        "1.4.0",
        "1.9.0",
        "1.31",
        None,
    ),
    "newer, and the minor is too old already": ((OPEN,), "1.4.0", "9.9.0", "1.19", False),
    "a chart's row, and the chart is not known": ((row("chart >=1.0.0", "1.20"),), "", "5.0.0", "1.25", None),
}


@pytest.mark.parametrize(("rows", "freshest", "version", "on", "answer"), JUDGED.values(), ids=JUDGED)
def test_a_version_is_judged(
    rows: tuple[VersionRow, ...], freshest: str, version: str, on: str, answer: bool | None
) -> None:
    said = accepts(rows, v(freshest) if freshest else None, v(version), Minor.parse(on))
    assert said.answer is answer
    assert said.reason


def test_a_chart_row_is_asked_with_the_version_of_the_chart() -> None:
    rows = (row("chart >=2.0.0", "1.30"), row("chart <2.0.0", "", "1.30"))
    assert accepts(rows, None, v("9.9.9"), Minor(1, 31), v("2.1.0")).answer is True
    assert accepts(rows, None, v("9.9.9"), Minor(1, 31), v("1.1.0")).answer is False


def test_the_reason_names_the_row() -> None:
    assert accepts((ENDS,), None, v("1.5.0"), Minor(1, 31)).reason == (
        "versions >=1.0.0,<2.0.0 go with 1.20 to 1.30 (required)"
    )
    untested = row("*", "1.30", "1.30", S.TESTED)
    assert accepts((untested,), None, v("1.5.0"), Minor(1, 31)).reason == (
        "it was not tested there: versions * go with 1.30 (tested)"
    )


minors = st.integers(20, 30).map(lambda minor: Minor(1, minor))
spans = st.tuples(st.none() | minors, st.none() | minors)
rows_of = st.builds(
    lambda found, strength, span: VersionRow(Range.parse(text_of(found) or "*"), strength, SOURCE, *span),
    st.lists(bounds, max_size=2),
    st.sampled_from(Strength),
    spans,
)
several = st.lists(rows_of, max_size=5)
versions_of = triples.map(lambda triple: v(dotted(triple)))


@given(several, st.none() | versions_of, versions_of, minors, st.randoms())
def test_the_order_of_rows_changes_no_answer(
    rows: list[VersionRow], freshest: Version | None, version: Version, on: Minor, chance: object
) -> None:
    mixed = sorted(rows, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert accepts(rows, freshest, version, on).answer is accepts(mixed, freshest, version, on).answer


@given(several, st.none() | versions_of, versions_of, minors)
def test_only_a_requirement_or_a_table_of_support_says_no(
    rows: list[VersionRow], freshest: Version | None, version: Version, on: Minor
) -> None:
    said = accepts(rows, freshest, version, on)
    assert said.answer is not False or said.strength in (S.REQUIRED, S.SUPPORTED)
    assert said.answer is None or (said.row in rows and said.row is not None and said.row.versions.accepts(version))


@given(several, st.none() | versions_of, versions_of, minors, spans)
def test_hearsay_takes_back_no_answer(
    rows: list[VersionRow],
    freshest: Version | None,
    version: Version,
    on: Minor,
    span: tuple[Minor | None, Minor | None],
) -> None:
    known = [each for each in rows if each.strength is not S.NONE]
    before = accepts(known, freshest, version, on).answer
    after = accepts([*known, VersionRow(Range(), S.HEURISTIC, SOURCE, *span)], freshest, version, on).answer
    assert before is None or after is before


# ---- the fix


@pytest.mark.parametrize(
    ("rows", "on", "above", "fix"),
    [
        pytest.param(
            (row(">=1.0,<1.1", "1.20", "1.30"), row(">=1.1,<1.2", "1.21", "1.31"), row(">=1.2,<1.3", "1.22", "1.32")),
            "1.31",
            "1.0.4",
            ">=1.1,<1.2",
            id="the nearest that goes with the minor",
        ),
        pytest.param(
            (row(">=1.0,<1.1", "1.20", "1.30"), row(">=1.1,<1.2", "1.25")),
            "1.24",
            "1.1.1",
            None,
            id="never a downgrade",
        ),
        pytest.param((row(">=1.0", "1.20", "1.30", S.HEURISTIC),), "1.25", "0.9", None, id="never by hearsay"),
        pytest.param((row("chart >=1.0", "1.20"),), "1.25", "0.9", None, id="never the version of a chart"),
        pytest.param(
            (row(">=1.0,<2.0", "1.20", "1.24"), row(">=1.0,<2.0", "1.20", "1.30", S.TESTED), row(">=3.0", "1.20")),
            "1.25",
            "0.9",
            ">=3.0",
            id="never what a more binding row takes back",
        ),
        pytest.param((), "1.25", "1.0", None, id="none without rows"),
    ],
)
def test_the_fix_is(rows: tuple[VersionRow, ...], on: str, above: str, fix: str | None) -> None:
    found = lowest_accepted(rows, Minor.parse(on), v(above))
    assert (str(found) if found else None) == fix


@given(several, minors, versions_of)
def test_a_fix_is_a_row_of_its_own_that_covers_the_minor(rows: list[VersionRow], on: Minor, above: Version) -> None:
    found = lowest_accepted(rows, on, above)
    assert found is None or any(each.versions == found and each.covers(on) for each in rows)


# ---- reading


def read(versions: str = "", top: str = "") -> AddonRow:
    root = parse(f"{HEAD}{top}{DETECT}{versions}", "acme.toml")
    found = addon_row(root)
    root.finish()
    assert found is not None
    return found


def test_an_addon_is_read_with_its_versions() -> None:
    read_back = read(
        '[[versions]]\nrange = ">=2.0.0,<2.2.0"\noldest = "1.15"\nnewest = "1.21"\nstrength = "required"\n'
        f'note = "mind this"\n{TAIL}[[end_of_life]]\nrange = "<2.0.0"\nday = 2025-01-31\n{TAIL}',
        'freshest = "3.5.0"\nrules = ["one-minor-at-a-time"]\n',
    )
    versions = Range.parse(">=2.0.0,<2.2.0")
    assert read_back.versions == (VersionRow(versions, S.REQUIRED, SOURCE, Minor(1, 15), Minor(1, 21), "mind this"),)
    assert read_back.ends == (EndOfLife(Range.parse("<2.0.0"), date(2025, 1, 31), SOURCE),)
    assert (read_back.freshest, read_back.rules) == (v("3.5.0"), (Rule.ONE_MINOR_AT_A_TIME,))


ROW = f'[[versions]]\nrange = ">=2.0.0"\nstrength = "required"\n{TAIL}'
FIRST = 8  # the line of [[versions]]: five of the head, two of [detect]
WRONG = {
    "an unquoted range, which TOML reads as a number": (ROW.replace('">=2.0.0"', "1.30"), FIRST + 1, "must be quoted"),
    "a version that is no range": (ROW.replace(">=2.0.0", "2.0.0"), FIRST + 1, "is not a range"),
    "a range that holds nothing": (ROW.replace(">=2.0.0", ">=2.0,<1.9"), FIRST + 1, "holds no version at all"),
    "an unquoted minor, which TOML reads as 1.3": (f"{ROW}oldest = 1.30\n", FIRST + 6, "must be quoted"),
    "a patch for a minor": (f'{ROW}newest = "1.30.1"\n', FIRST + 6, "is not a Kubernetes minor"),
    "minors in the wrong order": (f'{ROW}oldest = "1.30"\nnewest = "1.29"\n', FIRST + 7, "must not be before oldest"),
    "an unknown strength": (ROW.replace("required", "unknown"), FIRST + 2, "must be one of required, supported"),
    "no source": (ROW.replace('source = "a page"\n', ""), FIRST, "is missing"),
    "no date": (ROW.replace("date = 2026-01-01\n", ""), FIRST, "is missing"),
    "an unknown key": (f'{ROW}kube_min = "1.20"\n', FIRST + 6, "unknown key"),
    "a day in quotes": (
        f'[[end_of_life]]\nrange = "*"\nday = "2026-01-01"\n{TAIL}',
        FIRST + 2,
        "must be a date",
    ),
}


@pytest.mark.parametrize(("text", "line", "said"), WRONG.values(), ids=WRONG)
def test_an_addon_is_refused_with_its_line_for(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert [(m.file, m.line, said in str(m)) for m in refused.value.mistakes] == [("acme.toml", line, True)]


@pytest.mark.parametrize(
    ("top", "said"),
    [
        pytest.param("freshest = 1.30\n", "must be quoted", id="an unquoted freshest version"),
        pytest.param('freshest = "new"\n', "is not a version", id="a freshest that is no version"),
        pytest.param('rules = ["equal"]\n', "must be one of", id="an unknown rule"),
    ],
)
def test_the_head_of_an_addon_is_refused_for(top: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(top=top)
    assert [(m.line, said in str(m)) for m in refused.value.mistakes] == [(6, True)]
