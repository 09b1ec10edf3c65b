"""Hostile text: nothing that a terminal obeys or hides comes through, and harmless text is left alone."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.text import safe

ANY = st.text(st.characters(exclude_categories=()))
HOSTILE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("payments", "payments", id="plain text is left alone"),
        pytest.param(
            "Zahlungen für Zoë, 支払い, платежи, תשלומים 🙂",
            "Zahlungen für Zoë, 支払い, платежи, תשלומים 🙂",
            id="any script",
        ),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="an ANSI colour"),
        pytest.param("\x1b]0;title\x07", "\\x1b]0;title\\x07", id="a terminal title"),
        pytest.param("\x9b2J", "\\x9b2J", id="an eight-bit control sequence"),
        pytest.param("a\r\nFAKE: all fine\t", "a\\x0d\\x0aFAKE: all fine\\x09", id="a second line for the log"),
        pytest.param("a\u2028b\u2029c", "a\\u2028b\\u2029c", id="line breaks of Unicode"),
        pytest.param("invoice\u202efdp.exe", "invoice\\u202efdp.exe", id="a bidi override"),
        pytest.param("a\u2066b\u2069", "a\\u2066b\\u2069", id="a bidi isolate"),
        pytest.param("ad\u200bmin\ufeff", "ad\\u200bmin\\ufeff", id="zero-width characters"),
        pytest.param("a\U000e0041", "a\\U000e0041", id="an invisible tag"),
        pytest.param("a\ufe0f\U000e0100", "a\\ufe0f\\U000e0100", id="variation selectors"),
        pytest.param("\u3164", "\\u3164", id="a letter that draws nothing"),
        pytest.param("a\ud800b", "a\\ud800b", id="a lone surrogate"),
        pytest.param("\x00", "\\x00", id="a NUL, which PostgreSQL refuses"),
        pytest.param("C:\\x1b", "C:\\x1b", id="a backslash stays one backslash"),
        pytest.param("Vie\u0302\u0323t", "Vie\u0302\u0323t", id="letters with two marks"),
        pytest.param("e" + "\u0301" * 5, "e" + "\u0301" * 3 + "\\u0301" * 2, id="a tower of marks"),
        pytest.param("\u0301x", "\\u0301x", id="a mark for whatever stands before the text"),
    ],
)
def test_text_is_shown_as(text: str, shown: str) -> None:
    assert safe(text, 200) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        pytest.param("payments", 8, "payments", id="what just fits is whole"),
        pytest.param("payments", 7, "paymen…", id="a cut shows"),
        pytest.param("ab\x1bcd", 5, "ab…", id="a spelled-out character is never split"),
        pytest.param("ab\x1b", 6, "ab\\x1b", id="a spelled-out character counts as what it shows"),
        pytest.param("payments", 1, "…", id="one character is the ellipsis"),
        pytest.param("payments", 0, "", id="no room"),
    ],
)
def test_text_is_cut_to(text: str, limit: int, shown: str) -> None:
    assert safe(text, limit) == shown


@settings(deadline=None)  # the machine is shared
@given(ANY, st.integers(min_value=0, max_value=40))
def test_nothing_hostile_comes_through(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(char) for char in shown} & HOSTILE
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown.splitlines()) <= 1


@settings(deadline=None)  # the machine is shared
@given(ANY, st.integers(min_value=0, max_value=40))
def test_safe_text_stays_as_it_is(text: str, limit: int) -> None:
    assert safe(safe(text, limit), limit) == safe(text, limit)


@settings(deadline=None)  # the machine is shared
@given(st.text(st.characters(codec="ascii", min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_is_left_alone(text: str) -> None:
    assert safe(text, len(text)) == text
