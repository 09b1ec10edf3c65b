"""No name becomes markup: each case is what somebody could call an object, and how it is shown."""

import pytest

from fleetkeeper.core.messages.escape import advice, block, code, commands, escaped, is_harmless, words
from fleetkeeper.core.messages.plain import unmarked


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("web-1 is one pod", "web-1 is one pod", id="plain words stay"),
        pytest.param("<!channel> is up", "`&lt;!channel&gt;` is up", id="a mention is code"),
        pytest.param("ask @here, now", "ask `@here`, now", id="an at sign is code"),
        pytest.param("*bold* (_it_)", "`*bold*` (`_it_`)", id="formatting is code"),
        pytest.param("node :fire: down", "node `:fire:` down", id="an emoji is code"),
        pytest.param("arn:aws:iam::1:role/x", "`arn:aws:iam::1:role/x`", id="an ARN is code"),
        pytest.param("https://evil.example/a", "`https://evil.example/a`", id="a link is code"),
        pytest.param("run `helm upgrade` now", "run `helm upgrade` now", id="code stays code"),
        pytest.param("a ` b", "a ʼ b", id="a stray backtick is none"),
        pytest.param("a`b`c d", "aʼbʼc d", id="backticks inside of a word are none"),
        pytest.param("a\nb\tc", "a b c", id="line breaks become spaces"),
        pytest.param("a\x1b[31mb", "a\\x1b[31mb", id="a terminal command is spelled out"),
        pytest.param("a\u202eb", "a\\u202eb", id="text from right to left is spelled out"),
    ],
)
def test_words_are_shown_harmless(raw: str, shown: str) -> None:
    assert words(raw, 200) == shown
    assert is_harmless(shown)


@pytest.mark.parametrize(
    ("text", "limit"), [("<" * 50, 20), ("abc def ghi", 8), ("`" + "x" * 90 + "`", 30), ("a" * 500, 100)]
)
def test_a_cut_text_keeps_its_limit(text: str, limit: int) -> None:
    assert len(words(text, limit)) <= limit + 2
    assert len(escaped(text, limit)) <= limit


def test_a_name_keeps_what_it_is_in_code() -> None:
    assert code("a*b_c") == "`a*b_c`"
    assert code("") == "`?`"


def test_commands_are_found_in_advice_and_shown_as_code() -> None:
    patch = """kubectl -n pay patch pdb api --type merge -p '{"spec":{"maxUnavailable":1}}'"""
    text = f"run at least 2 replicas, then {patch}; or ask"
    assert commands(text) == (patch,)
    assert advice(text, 300) == f"run at least 2 replicas, then `{patch}`; or ask"


def test_what_helm_wrote_is_no_command() -> None:
    assert commands("helm wrote it as v1beta1") == ()


def test_a_block_keeps_its_lines_and_indents() -> None:
    assert block("- a: <1>\n+ a: 2\n  kind: X", 40) == "```\n- a: &lt;1&gt;\n+ a: 2\n  kind: X\n```"


def test_text_without_markup_is_what_was_written() -> None:
    assert unmarked("*Fix:* see `a*b` &lt;1&gt; &amp;lt;") == "Fix: see `a*b` <1> &lt;"
