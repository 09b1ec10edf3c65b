"""Files as `scan` reads them: what cannot be judged is told, what is large is streamed, nothing is read twice."""

import os
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

import pytest

from fleetkeeper.adapters.manifests import documents, read, source
from fleetkeeper.adapters.manifests.source import Count, Source
from fleetkeeper.core.chart_capabilities import Capabilities
from fleetkeeper.core.manifests import Cause, Manifest, Unjudged
from fleetkeeper.core.scan_screen import Screen
from fleetkeeper.core.versions import Minor

PDB = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: shop}\n"
FOUND = Manifest("policy/v1beta1", "PodDisruptionBudget", "web", "shop", "", 0)
SCREEN = Screen([("policy", "v1beta1", "PodDisruptionBudget"), ("", "v1", "Endpoints")])
CLUSTER = Capabilities(Minor(1, 36), (), frozenset())

Look = Callable[..., list[Manifest | Unjudged]]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Writes texts to files by their names and reads the folder; helm is not on the PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))

    def of(**texts: str | bytes) -> list[Manifest | Unjudged]:
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(Source(SCREEN, CLUSTER, "", Count()).read(["."]))

    return of


def brief(found: Sequence[Manifest | Unjudged]) -> list[tuple[str, str, int]]:
    """(cause or kind, file, line)."""
    return [(each.cause.value if isinstance(each, Unjudged) else each.kind, each.file, each.line) for each in found]


@pytest.mark.parametrize(
    ("text", "cause", "line"),
    [
        pytest.param("a: [1,\n", Cause.SYNTAX, 2, id="a bracket that is never closed"),
        pytest.param("a:\n\tb: 1\n", Cause.SYNTAX, 2, id="a tab that indents"),
        pytest.param("a: 1\n b: 2\n", Cause.SYNTAX, 2, id="a wrong indentation"),
        pytest.param("a: caf\xe9\n".encode("latin-1"), Cause.SYNTAX, 1, id="text that is no UTF-8"),
        pytest.param('{"a": "\\ud83d", "b"}', Cause.SYNTAX, 1, id="malformed JSON"),
        pytest.param("{{- if .Values.on }}\na: 1\n{{- end }}\n", Cause.TEMPLATE, 1, id="a template"),
        pytest.param("kind: Ingress\napiVersion: {{ .Values.v }}\n", Cause.TEMPLATE, 2, id="an apiVersion by template"),
        pytest.param("apiVersion: '{{ .v }}'\nkind: Ingress\n", Cause.TEMPLATE, 1, id="a quoted template"),
        pytest.param("\x7fELF\0\0\x01\0\0\0", Cause.NOT_TEXT, 0, id="a program"),
        pytest.param("\ufeffa: 1".encode("utf-16")[:-1], Cause.NOT_TEXT, 0, id="half a character of UTF-16"),
        pytest.param("kind: A\napiVersion: v1\nkind: B\n", Cause.DUPLICATE_KEY, 3, id="a kind that stands twice"),
        pytest.param("kind: &a *a\napiVersion: policy/v1beta1 PodDisruptionBudget\n", Cause.SYNTAX, 1, id="no alias"),
    ],
)
def test_what_cannot_be_judged_is_told_with_its_line(text: str | bytes, cause: Cause, line: int, look: Look) -> None:
    found = [each for each in look(a_yaml=text) if isinstance(each, Unjudged)]
    assert brief(found) == [(cause.value, "a.yaml", line)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="an empty file"),
        pytest.param("# only a comment\n", id="a comment"),
        pytest.param("---\n---\n", id="empty documents"),
        pytest.param("- apiVersion\n- kind\n", id="a list"),
        pytest.param("alert: '{{ $labels.pod }} is down'\n", id="a template in quotes, of another program"),
        pytest.param("? [a, b]\n: {kind: x}\n? {c: d}\n: 1\n", id="keys that are no text"),
        pytest.param("a: &a [*a]\nb: *a\n", id="an alias within its own anchor"),
        pytest.param('{"' + "k" * 3000 + '": 1}', id="JSON with a key that libyaml finds too long"),
        pytest.param("%YAML 1.2\n---\na: 1\n", id="a directive"),
    ],
)
def test_what_is_fine_says_nothing(text: str, look: Look) -> None:
    assert look(a_yaml=text) == []


def test_an_alias_of_nothing_is_told_where_it_may_hide_an_object(look: Look) -> None:
    assert brief(look(a_yaml="x: policy/v1beta1\nkind: PodDisruptionBudget\napiVersion: *gone\n")) == [
        ("syntax", "a.yaml", 3)
    ]


def test_a_broken_document_hides_no_other(look: Look) -> None:
    found = look(a_yaml=f"a: [\n---\n{PDB}---\nb: }}\n---\n{PDB}")
    assert brief(found) == [
        ("syntax", "a.yaml", 2),
        ("PodDisruptionBudget", "a.yaml", 3),
        ("syntax", "a.yaml", 7),
        ("PodDisruptionBudget", "a.yaml", 9),
    ]


def test_the_last_of_two_keys_counts_and_both_are_told(look: Look) -> None:
    found = look(a_yaml=f"apiVersion: policy/v1\nkind: PodDisruptionBudget\n{PDB}")
    assert brief(found) == [
        ("duplicate key", "a.yaml", 3),
        ("duplicate key", "a.yaml", 4),
        ("PodDisruptionBudget", "a.yaml", 3),
    ]


def test_aliases_of_aliases_cost_nothing(look: Look) -> None:
    """A billion laughs of lists: each level has the one before ten times."""
    levels = [f"x0: &x0 {{apiVersion: v1, kind: List, items: [{{{PDB.replace(chr(10), ', ')}}}]}}"]
    for level in range(1, 40):
        inner = ", ".join([f"*x{level - 1}"] * 10)
        levels.append(f"x{level}: &x{level} {{apiVersion: v1, kind: List, items: [{inner}], <<: [{inner}]}}")
    bomb = "\n".join([*levels, "apiVersion: v1", "kind: List", "items: [*x39]", "<<: *x39"])
    assert brief(look(a_yaml=bomb)) == [("PodDisruptionBudget", "a.yaml", 1)]


def test_nesting_of_any_depth_ends_well(look: Look) -> None:
    deep, deeper = ("[{a: " * number + "}]" * number for number in (500, 100_000))
    assert brief(look(a_yaml=f"a: {deep}\n---\n{PDB}x: {deep}\n", b_yaml=f"{PDB}x: {deeper}\n")) == [
        ("PodDisruptionBudget", "a.yaml", 3),
        ("syntax", "b.yaml", 0),
    ]


def test_many_brackets_side_by_side_are_not_deep(look: Look) -> None:
    assert brief(look(a_yaml=f"{PDB}x: [{'[], {}, ' * 9000}]\n")) == [("PodDisruptionBudget", "a.yaml", 1)]


def test_links_are_followed_but_no_folder_is_walked_twice(look: Look, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "up").symlink_to(tmp_path)
    (tmp_path / "itself.yaml").symlink_to("itself.yaml")
    (tmp_path / "gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    found = look(inner__a_yaml=PDB, _git__b_yaml=PDB, c_txt=PDB)
    assert brief(found) == [
        ("unreadable", "gone.yaml", 0),
        ("unreadable", "itself.yaml", 0),
        ("unreadable", "pipe.yaml", 0),
        ("PodDisruptionBudget", "inner/a.yaml", 1),
    ]


def test_a_file_that_may_not_be_read_is_told(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal is made here."""

    def refusing(path: str) -> FileIO:
        if path == "a.yaml":
            raise PermissionError(13, "Permission denied")
        return FileIO(path)

    monkeypatch.setattr(source, "FileIO", refusing)
    assert brief(look(a_yaml=PDB, b_yaml=PDB)) == [("unreadable", "a.yaml", 0), ("PodDisruptionBudget", "b.yaml", 1)]


@pytest.mark.parametrize("block", [7, 64, 4096])
def test_large_texts_are_read_in_blocks_with_the_same_answer(
    block: int, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whole document that is large, one after it, and marks that lie across the ends of blocks."""
    filler = "".join(f"- line {number}: 'apiVersion: nothing'\n" for number in range(200))
    text = f"a:\n{filler}---\r\n{PDB}x:\n{filler}--- # next\nb: 1\n---\n{PDB}---\nc: [\n---\nd: 1\n"
    whole = brief(look(a_yaml=text))
    monkeypatch.setattr(documents, "_BLOCK", block)
    monkeypatch.setattr(read, "LARGE", 1000)
    monkeypatch.setattr(read, "SMALL", 100)
    assert brief(look()) == whole
    assert whole == [
        ("PodDisruptionBudget", "a.yaml", 203),
        ("PodDisruptionBudget", "a.yaml", 410),
        ("syntax", "a.yaml", 415),
    ]


def test_a_large_document_that_is_malformed_is_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "LARGE", 100)
    monkeypatch.setattr(read, "SMALL", 10)
    assert brief(look(a_yaml="a:\n" + "- 1\n" * 100 + "- [\n")) == [("syntax", "a.yaml", 103)]
