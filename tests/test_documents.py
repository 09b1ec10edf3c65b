"""The loader of TOML: typed values, and every mistake with its line."""

import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper import documents
from fleetkeeper.documents import Table
from fleetkeeper.errors import ConfigError
from fleetkeeper.toml_source import MAX_DEPTH, KeyPath, places


def complaints(text: str | bytes, read: Callable[[Table], object] = lambda _: None) -> list[str]:
    """What reading the text complains of, a line each."""
    try:
        root = documents.parse(text, "f.toml")
        read(root)
        root.finish()
    except ConfigError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("text", "read", "value"),
    [
        pytest.param('a = "x"', lambda t: t.text("a"), "x", id="a text"),
        pytest.param("", lambda t: t.text("a", "d"), "d", id="an absent text with a default"),
        pytest.param('a = ""', lambda t: t.text("a", ""), "", id="an empty text where the default is empty"),
        pytest.param('a.b = "x"', lambda t: t.table("a").text("b"), "x", id="a dotted key"),
        pytest.param('a = {b = "x"}', lambda t: t.table("a").text("b"), "x", id="an inline table"),
        pytest.param('"a b"."c.d" = "x"', lambda t: t.table("a b").text("c.d"), "x", id="quoted keys"),
        pytest.param("a = 5", lambda t: t.integer("a"), 5, id="a whole number"),
        pytest.param("a = 5", lambda t: t.number("a"), 5.0, id="a whole number where a fraction may be"),
        pytest.param("a = 0", lambda t: t.integer("a", 7), 0, id="zero is not absent"),
        pytest.param("a = false", lambda t: t.boolean("a", True), False, id="false is not absent"),
        pytest.param('a = ["x", "y"]', lambda t: t.texts("a"), ("x", "y"), id="a list"),
        pytest.param("a = []", lambda t: t.texts("a", ("d",)), (), id="an empty list is not absent"),
        pytest.param("a = 2026-01-31", lambda t: t.day("a"), date(2026, 1, 31), id="a date"),
        pytest.param(
            "a = 2026-01-31T12:00:00+02:00",
            lambda t: t.moment("a"),
            datetime(2026, 1, 31, 10, tzinfo=UTC),
            id="a time, in UTC",
        ),
        pytest.param('[a]\nx = "1"', lambda t: t.mapping("a"), {"x": "1"}, id="free keys"),
        pytest.param('a = "12"', lambda t: t.parsed("a", int), 12, id="a text in a form of its own"),
        pytest.param("", lambda t: t.parsed("a", int, optional=True), None, id="an absent form"),
        pytest.param('a = ["1", "2"]', lambda t: t.each("a", int), (1, 2), id="a list in a form of its own"),
        pytest.param(
            '[[a]]\nb = "1"\n[[a]]\nb = "2"',
            lambda t: [i.text("b") for i in t.tables("a")],
            ["1", "2"],
            id="an array of tables",
        ),
        pytest.param(
            '[a.x]\nb = "1"\n[a.y]\nb = "2"',
            lambda t: {name: inner.text("b") for name, inner in t.named("a").items()},
            {"x": "1", "y": "2"},
            id="tables under free names",
        ),
        pytest.param(b'\xef\xbb\xbfa = "x"\r\nb = "y"\r\n', lambda t: t.text("a") + t.text("b"), "xy", id="BOM, CRLF"),
    ],
)
def test_a_table_hands_out(text: str | bytes, read: Callable[[Table], object], value: object) -> None:
    root = documents.parse(text, "f.toml")
    assert read(root) == value
    root.finish()


@pytest.mark.parametrize(
    ("text", "read", "expected"),
    [
        pytest.param("", lambda t: t.text("a"), "f.toml: a: is missing", id="a missing key of the whole file"),
        pytest.param("[t]\n", lambda t: t.table("t").text("a"), "f.toml:1: t.a: is missing", id="a missing key"),
        pytest.param('a = ""', lambda t: t.text("a"), "f.toml:1: a: must not be empty", id="a required text is empty"),
        pytest.param("a = []", lambda t: t.texts("a"), "f.toml:1: a: must not be empty", id="a required list is empty"),
        pytest.param(
            "# c\na = 1.30",
            lambda t: t.text("a"),
            "f.toml:2: a: must be quoted: 1.30 unquoted is the number 1.3",
            id="an unquoted version",
        ),
        pytest.param(
            'a = [\n "1.29",\n # next\n 1.30]',
            lambda t: t.texts("a"),
            "f.toml:4: a[1]: must be quoted: 1.30 unquoted is the number 1.3",
            id="an unquoted version in a list of many lines",
        ),
        pytest.param(
            "a = 111122223333",
            lambda t: t.text("a"),
            "f.toml:1: a: must be quoted: 111122223333 unquoted is the number 111122223333",
            id="an unquoted account id",
        ),
        pytest.param(
            "a = 2026-01-31",
            lambda t: t.text("a"),
            "f.toml:1: a: must be quoted: 2026-01-31 unquoted is a date",
            id="an unquoted date where text is wanted",
        ),
        pytest.param("a = true", lambda t: t.text("a"), "f.toml:1: a: must be text, not true", id="true for text"),
        pytest.param(
            'a = "5"', lambda t: t.integer("a"), "f.toml:1: a: must be a whole number, not text", id="a quoted number"
        ),
        pytest.param(
            "a = true",
            lambda t: t.integer("a"),
            "f.toml:1: a: must be a whole number, not true or false",
            id="true is no number",
        ),
        pytest.param("a = nan", lambda t: t.number("a"), "f.toml:1: a: must be an ordinary number", id="nan"),
        pytest.param(
            "a = 0", lambda t: t.integer("a", 5, minimum=1), "f.toml:1: a: must be at least 1", id="a number too small"
        ),
        pytest.param(
            "a = 9.5", lambda t: t.number("a", maximum=9), "f.toml:1: a: must be at most 9", id="a number too large"
        ),
        pytest.param(
            'a = "2026-01-31"',
            lambda t: t.day("a"),
            "f.toml:1: a: must be a date such as 2026-01-31, without quotes",
            id="a quoted date",
        ),
        pytest.param(
            "a = 2026-01-31T12:00:00",
            lambda t: t.moment("a"),
            "f.toml:1: a: must be a date and time with an offset such as 2026-01-31T12:00:00Z, without quotes",
            id="a time without an offset",
        ),
        pytest.param(
            'a = "debig"',
            lambda t: t.text("a", choices=("debug", "info")),
            "f.toml:1: a: must be one of debug, info — did you mean debug?",
            id="a choice misspelt",
        ),
        pytest.param(
            'a = "x"', lambda t: t.text("a", check=lambda _: "must be y"), "f.toml:1: a: must be y", id="a check"
        ),
        pytest.param(
            'a = "x"',
            lambda t: t.parsed("a", int),
            "f.toml:1: a: invalid literal for int() with base 10: 'x'",
            id="a form of its own",
        ),
        pytest.param(
            'a = ["x", "x"]', lambda t: t.texts("a"), "f.toml:1: a[1]: x is listed twice", id="a text listed twice"
        ),
        pytest.param(
            '[[t]]\nurl = "u"\n[[t]]\nulr = "u"',
            lambda t: [i.text("url", "") for i in t.tables("t")],
            "f.toml:4: t[1].ulr: unknown key — did you mean url?",
            id="a key misspelt in the second table",
        ),
        pytest.param(
            "zzz = 1",
            lambda t: (t.text("a", ""), t.text("b", "")),
            "f.toml:1: zzz: unknown key — known here: a, b",
            id="a key like no other",
        ),
        pytest.param("[t]\na = 1", lambda _: None, "f.toml:1: t: unknown key", id="a table nobody asked for"),
        pytest.param("t = 1", lambda t: t.table("t"), "f.toml:1: t: must be a table headed [t]", id="no table"),
        pytest.param(
            "[t]",
            lambda t: t.tables("t"),
            "f.toml:1: t: must be a list of tables, each headed [[t]]",
            id="one table where many may be",
        ),
        pytest.param(
            '[t]\na = "x"\nb = 1',
            lambda t: t.mapping("t"),
            "f.toml:3: t.b: must be quoted: 1 unquoted is the number 1",
            id="a number among free keys",
        ),
        pytest.param(
            '"a\\u001b" = 1', lambda _: None, 'f.toml:1: "a\\u001b": unknown key', id="a control character in a key"
        ),
    ],
)
def test_a_mistake_names_its_line_and_key(text: str, read: Callable[[Table], object], expected: str) -> None:
    assert complaints(text, read) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a = 1\na = 2", "f.toml:2: is not valid TOML: cannot overwrite a value", id="a duplicate key"),
        pytest.param("[a]\n[a]", "f.toml:2: is not valid TOML: cannot declare ('a',) twice", id="a duplicate table"),
        pytest.param(
            "# c\na = 012345678901",
            "f.toml:2: is not valid TOML: expected newline or end of document after a statement"
            " — quote text such as a version or an account id",
            id="an unquoted account id that begins with 0",
        ),
        pytest.param(
            "a = 1.30.1  # latest",
            "f.toml:1: is not valid TOML: expected newline or end of document after a statement"
            " — quote text such as a version or an account id",
            id="an unquoted patch version",
        ),
        pytest.param("a = 1\nb", "f.toml:2: is not valid TOML: expected '=' after a key in a key/value pair", id="end"),
        pytest.param(b"a = 1\nb = '\xff'", "f.toml:2: is not UTF-8 text — save the file as UTF-8", id="not UTF-8"),
        pytest.param("a = '\ud800'", "f.toml:1: is not UTF-8 text — save the file as UTF-8", id="half a character"),
        pytest.param("a = " + "9" * 5000, "f.toml: has a number that is too long", id="a number past Python's digits"),
        pytest.param("a = " + "[" * 9000, f"f.toml: is nested deeper than {MAX_DEPTH} levels", id="open brackets"),
        pytest.param("a." * 40 + "b = 1", f"f.toml: is nested deeper than {MAX_DEPTH} levels", id="a long dotted key"),
        pytest.param(
            "a." * 9000 + "b = 1", "f.toml:1: has a line longer than 16384 characters — break the line", id="long line"
        ),
        pytest.param("a = 1\n" * 400_000, "f.toml: is larger than 2 MiB", id="a huge file"),
    ],
)
def test_what_is_no_sound_toml_is_one_mistake(text: str | bytes, expected: str) -> None:
    assert complaints(text) == [expected]


def test_a_syntax_error_does_not_repeat_the_line_for_it_may_hold_a_secret() -> None:
    (message,) = complaints('password = "hunter2\n')
    assert "hunter2" not in message


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml: cannot be read: No such file"):
        documents.read(tmp_path / "no.toml")


def test_all_mistakes_are_told_at_once_in_file_order() -> None:
    def read(root: Table) -> None:
        root.boolean("c", False)
        root.integer("a")
        root.mistake("b", "contradicts a", "remove it")
        root.has("b")

    assert complaints('a = "x"\nb = 1\nd = 1\nc = 5\n', read) == [
        "f.toml:1: a: must be a whole number, not text",
        "f.toml:2: b: contradicts a — remove it",
        "f.toml:3: d: unknown key — known here: a, b, c",
        "f.toml:4: c: must be true or false, not a whole number",
    ]


def test_a_variable_overrides_the_file_and_is_read_as_the_wanted_type() -> None:
    root = documents.parse("[t]\nn = 1\nlist = ['a']\n", "f.toml")
    for key, value in {"n": "7", "list": "x, y", "flag": "TRUE", "map": "a=1,b=2", "f": "0.5"}.items():
        root.override(("t", key), value, f"T__{key.upper()}")
    table = root.table("t")
    assert (table.integer("n"), table.texts("list"), table.boolean("flag")) == (7, ("x", "y"), True)
    assert (table.mapping("map"), table.number("f")) == ({"a": "1", "b": "2"}, 0.5)
    assert table.origin_of("n") == "env T__N"
    assert root.mistakes() == ()


def test_mistakes_of_variables_name_the_variable_and_come_last() -> None:
    root = documents.parse("[t]\nx = 1\n", "f.toml")
    for path, value in {("t", "n"): "many", ("t", "flag"): "yes", ("t", "m"): "a", ("u", "x"): "1"}.items():
        root.override(path, value, "__".join(path).upper())
    table = root.table("t")
    table.integer("n")
    table.boolean("flag")
    table.mapping("m")
    assert [str(m) for m in root.mistakes()] == [
        "f.toml:2: t.x: unknown key — known here: flag, m, n",
        "env T__FLAG: t.flag: must be true or false, not text",
        "env T__M: t.m: must be written key=value,key=value",
        "env T__N: t.n: must be a whole number, not text",
        "env U__X: u: unknown key — known here: t",
    ]


def test_origins_name_the_place_of_every_value() -> None:
    root = documents.parse('a = 1\n[[t]]\nb = ["x",\n"y"]\n[t.c]\n"d e" = 1\n', "f.toml")
    root.override(("v",), "1", "V")
    assert root.origins() == {"a": "f.toml:1", "t[0].b": "f.toml:3", 't[0].c."d e"': "f.toml:6", "v": "env V"}


# ---- any text, and any valid document

_HOSTILE = st.text(alphabet="ab.=[]{}\"'\\#,\n\r\t 01-:TZ+_einfu\ufeff\x00é", max_size=60)


@settings(deadline=None)  # the machine is shared
@given(st.one_of(_HOSTILE, st.text(), st.binary()))
def test_any_text_is_a_table_or_a_config_error(text: str | bytes) -> None:
    with suppress(ConfigError):
        root = documents.parse(text, "f.toml")
        assert all(origin.startswith("f.toml") for origin in root.origins().values())


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08X}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text) + '"'


def _key(text: str) -> str:
    return text if text and all(c in "abcXYZ019-_" for c in text) else _quoted(text)


_KEYS = st.text(alphabet="abcXYZ019-_", min_size=1, max_size=4) | st.text(max_size=4)
_SCALARS = st.one_of(
    st.text(max_size=8).map(_quoted),
    st.sampled_from(["'it\"s'", "'''raw\nlines'''", '"""\nmore "lines"\n"""', '"\\u00e9\\t"']),
    st.integers(-(10**12), 10**12).map(str),
    st.sampled_from(["1.30", "0x1F", "1_000", "6.6e-34", "+inf", "true", "false", "07:32:00"]),
    st.sampled_from(["1979-05-27", "1979-05-27 07:32:00Z", "1979-05-27T00:32:00.999-07:00", "1979-05-27T07:32:00"]),
)
_INLINE = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda xs: "[" + " ,# c\n ".join(xs) + ("\n]" if xs else "]")),
        st.dictionaries(_KEYS, inner, max_size=3).map(
            lambda d: "{ " + ", ".join(f"{_key(k)} = {v}" for k, v in d.items()) + " }"
        ),
    ),
    max_leaves=6,
)


@st.composite
def _valid_documents(draw: st.DrawFn) -> str:
    """Pairs (plain and dotted), tables and arrays of tables with tables in them, under names that do not collide."""
    lines: list[str] = []
    for number in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["comment", "table", "array", "pair"]))
        name = f"{_key(draw(_KEYS))}.k{number}" if draw(st.booleans()) else f"k{number}"
        if kind == "comment":
            lines += ["# é", ""]
        elif kind == "pair":
            lines.insert(0, f"{_key(f'p{number}')}.{_key(draw(_KEYS))} = {draw(_INLINE)}")
        elif kind == "table":
            lines += [f"[ t.{name} ]", *_pairs(draw)]
        else:
            for _ in range(draw(st.integers(1, 3))):
                lines += [f"[[l.{name}]]", *_pairs(draw), f"[l.{name}.inner]", *_pairs(draw)]
                lines += [f"[[l.{name}.deep]]", f"[[l.{name}.deep]]", *_pairs(draw)]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def _pairs(draw: st.DrawFn) -> list[str]:
    return [f"{_key(key)} = {value}" for key, value in draw(st.dictionaries(_KEYS, _INLINE, max_size=3)).items()]


def _leaves(value: object, path: KeyPath = ()) -> list[tuple[KeyPath, object]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for item, inner in enumerate(value) for leaf in _leaves(inner, (*path, item))]
    return [(path, value)]


@settings(deadline=None)  # the machine is shared
@given(_valid_documents())
def test_the_places_of_a_valid_document_agree_with_its_values(text: str) -> None:
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # two drawn names met
    found = places(text)
    lines = text.split("\n")
    for path, value in _leaves(values):
        place = found[path]
        written = tomllib.loads(f"x = {place.raw}")["x"]
        assert repr(written) == repr(value)
        assert place.raw.split("\n", maxsplit=1)[0].strip("\r") in lines[place.line - 1]
