"""Recall and precision of `scan` over a labelled corpus: every row of upstream's, in every form, for every target."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.manifests.source import Count, Source
from fleetkeeper.core.chart_capabilities import capabilities
from fleetkeeper.core.scan import Scope, judge, names_that_matter
from fleetkeeper.core.scan_screen import Screen
from fleetkeeper.core.versions import Minor
from tests.corpus.forms import CURRENT, FORMS, LOOKALIKES
from tests.corpus.upstream import Fact, facts

APIS = read_compat().apis
FACTS = tuple(facts())
TARGETS = [Minor(1, number) for number in range(16, 44)]
FORMS_EACH = 5  # of one fact; the corpus has every form some twenty times
LOOKALIKES_EACH = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file of the corpus. fact is None where nothing in it may be found; line is that of the apiVersion."""

    name: str
    text: bytes
    fact: Fact | None = None
    line: int = 0


def corpus() -> Iterator[Labelled]:
    for number, fact in enumerate(FACTS):
        for turn in range(FORMS_EACH):
            form = FORMS[(number * FORMS_EACH + turn) % len(FORMS)]
            text, line = form(fact.api_version, fact.kind)
            yield Labelled(f"{number:03}-{turn}-{form.__name__}.yaml", _bytes(text), fact, line)
        for turn in range(LOOKALIKES_EACH):
            lookalike = LOOKALIKES[(number * LOOKALIKES_EACH + turn) % len(LOOKALIKES)]
            name = f"{number:03}-{turn}-{lookalike.__name__}.yml"
            yield Labelled(name, _bytes(lookalike(fact.api_version, fact.kind)))
    for number, named in enumerate(CURRENT.split("|")):
        version, kind = named.split()
        for form in (FORMS[number % len(FORMS)], FORMS[(number + 7) % len(FORMS)]):
            yield Labelled(f"current-{number}-{form.__name__}.json", _bytes(form(version, kind)[0]))


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


CORPUS = tuple(corpus())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("corpus")
    for each in CORPUS:
        (top / each.name).write_bytes(each.text)
    return top


def test_the_corpus_is_large_and_has_every_shipped_row_and_form() -> None:
    assert len(CORPUS) >= 800
    assert len({each.name for each in CORPUS}) == len(CORPUS)
    shipped = {(row.api_version, row.kind) for row in APIS.rows if row.deprecated or row.removed}
    assert {(fact.api_version, fact.kind) for fact in FACTS} == shipped
    names = {each.name.removesuffix(".yaml").removesuffix(".yml").rpartition("-")[2] for each in CORPUS}
    assert names >= {form.__name__ for form in FORMS} | {each.__name__ for each in LOOKALIKES}


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_everything_that_upstream_removes_is_found_and_nothing_else(target: Minor, folder: Path) -> None:
    source = Source(Screen(names_that_matter(APIS, target)), capabilities(APIS, target), "", Count())
    found = {
        (Path(each.file).name, each.finding.severity.value, each.finding.key.rpartition("/")[2], each.line)
        for each in judge(source.read([str(folder)]), Scope(target), APIS)
    }
    wanted = {
        (each.name, severity, each.fact.kind, each.line)
        for each in CORPUS
        if each.fact and (severity := each.fact.severity(target))
    }
    assert sorted(wanted - found) == []
    assert sorted(found - wanted) == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form.__name__))
def test_a_screened_file_says_the_same_as_one_that_is_parsed(form: object, folder: Path) -> None:
    """The screen passes nothing that the parser would find: with a screen that passes nothing, the answer is equal."""

    class All(Screen):
        def may_hold(self, text: bytes) -> bool:
            return True

    target = Minor(1, 37)
    names = tuple(names_that_matter(APIS, target))
    paths = sorted(str(path) for path in folder.glob(f"*-{form.__name__}.*"))  # type: ignore[attr-defined]
    assert paths
    answers = [
        list(judge(Source(screen, capabilities(APIS, target), "", Count()).read(paths), Scope(target), APIS))
        for screen in (Screen(names), All(names))
    ]
    assert answers[0] == answers[1]
