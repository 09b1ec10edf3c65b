"""What the documentation names exists: commands, options, make targets, links, settings, metrics, log events."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from fleetkeeper.clock import SystemClock
from fleetkeeper.core.notices.values import Delivery, Turn
from fleetkeeper.core.readiness import Tally
from fleetkeeper.engine.deliver import DeliveryCounts
from fleetkeeper.engine.observe import Outcome
from fleetkeeper.metrics import Metrics
from tests.cli import tree

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SECTIONS = (
    *("store", "aws", "kubernetes", "observe", "mapping", "assess", "engine"),
    *("owners", "notices", "slack", "serve", "log"),
)
SECRETS = {"FLEETKEEPER_STORE__PASSWORD", "FLEETKEEPER_AWS__EXTERNAL_ID"}

_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parts(path: Path) -> tuple[list[str], str]:
    """The lines inside fences, and the text outside of them."""
    pieces = re.split(r"^```.*$", path.read_text("utf-8"), flags=re.MULTILINE)
    return [line for fence in pieces[1::2] for line in fence.splitlines()], "\n".join(pieces[::2])


def code(path: Path) -> list[str]:
    """Everything that is set as code: lines in fences without their comments, and spans."""
    fenced, prose = parts(path)
    return [line.partition("#")[0].strip() for line in fenced] + _SPAN.findall(prose)


# ---- commands


def written_commands() -> Iterator[tuple[str, str]]:
    """(page, command as written): code that begins with fleetkeeper, and the first column of the README's table."""
    for path in PAGES:
        for text in code(path):
            if text.startswith("fleetkeeper "):
                yield name(path), text.removeprefix("fleetkeeper ")
    table = (ROOT / "README.md").read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    for row in table.splitlines():
        if row.startswith("| `"):
            yield from (("README.md", text) for text in _SPAN.findall(row.split(" | ")[0]))


def wrong_with(text: str) -> str:
    """What is wrong with a command as a page writes it, "" when nothing is."""
    words = text.replace("[", " ").replace("]", " ").split()
    here: tuple[str, ...] = ()
    free = -1
    while words:
        word = words.pop(0)
        if default := tree.default(here, word):
            words.insert(0, word)
            word = default
        if word.startswith("-"):
            option = word.partition("=")[0]
            if option in ("-h", "--help"):
                continue
            if not any(option in names for names in tree.options(here)):
                return f"fleetkeeper {' '.join(here)} has no option {option}"
            if not tree.is_flag(here, option) and "=" not in word and words:
                words.pop(0)
        elif inner := [w for w in tree.commands() if w[:-1] == here and w]:
            missing = {choice for choice in word.split("|") if (*here, choice) not in inner}
            if missing:
                return f"fleetkeeper {' '.join(here)} has no command {', '.join(sorted(missing))}"
            here = (*here, word.split("|")[0])
            free = tree.arguments(here)
        elif word not in ("or", "..."):
            free -= 1
            if free < 0 and "or" not in text.split():
                return f"fleetkeeper {' '.join(here)} takes no {word}"
    return ""


@pytest.mark.parametrize(("page", "text"), sorted(set(written_commands())))
def test_a_command_that_a_page_names_exists(page: str, text: str) -> None:
    assert wrong_with(text) == ""


def test_the_search_finds_commands_and_their_mistakes() -> None:
    """Guards the tests above against finding nothing."""
    found = {text for _, text in written_commands()}
    assert {"db upgrade", "serve", "get clusters", "onboard 111111111111", "observe [-l SELECTOR]"} <= found
    assert wrong_with("get clouds") == "fleetkeeper get has no command clouds"
    assert wrong_with("get clusters|clouds") == "fleetkeeper get has no command clouds"
    assert wrong_with("get clusters --when 7d") == "fleetkeeper get clusters has no option --when"
    assert wrong_with("observe now") == "fleetkeeper observe takes no now"
    assert wrong_with("plan addons-only -l ring=canary --out plan.json") == ""
    assert wrong_with("plan addons-only now") == "fleetkeeper plan make takes no now"
    assert wrong_with("-v get clusters -o json --at 7d") == ""


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = {text.split()[1] for text in code(path) if re.match(r"make [a-z]", text)}
    assert asked <= targets


def test_modules_that_the_architecture_names_exist() -> None:
    """By the end of their path: the page says `stepping.py` where the folder is plain."""
    there = [p.relative_to(ROOT).as_posix() for p in (ROOT / "fleetkeeper").rglob("*.py")]
    spans = _SPAN.findall(parts(ROOT / "docs" / "architecture.md")[1])
    named = {span for span in spans if re.fullmatch(r"[a-z_/]+\.py", span) and not span.startswith("tests/")}
    assert len(named) > 15
    assert [each for each in sorted(named) if not any(f"/{p}".endswith(f"/{each}") for p in there)] == []


# ---- links, settings, metrics, events


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_relative_links_resolve(path: Path) -> None:
    targets = [link.partition("#")[0] for link in _LINK.findall(parts(path)[1]) if "://" not in link]
    assert [t for t in targets if t and not (path.parent / t).exists()] == []


def settings_keys() -> set[str]:
    """Every table and key of the example, also those that are commented because they need a file or a variable."""
    example = re.sub(r"^# (\w+ = |\[\[)", r"\1", (ROOT / "config.example.toml").read_text("utf-8"), flags=re.MULTILINE)
    return set(_keys(tomllib.loads(example), ""))


def _keys(value: Any, prefix: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{prefix}{key}"
            yield from _keys(inner, f"{prefix}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner, prefix)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_settings_exist(path: Path) -> None:
    keys = settings_keys()
    spans = [re.match(r"([a-z_]+(?:\.[a-z_]+)+)(?: = .*)?$", text) for text in code(path)]
    named = {m[1] for m in spans if m and m[1].split(".")[0] in SECTIONS and not m[1].endswith((".py", ".toml"))}
    assert named <= keys
    variables = set(re.findall(r"FLEETKEEPER_[A-Z0-9_]+__[A-Z0-9_]+", path.read_text("utf-8"))) - SECRETS
    assert {v.removeprefix("FLEETKEEPER_").lower().replace("__", ".") for v in variables} <= keys


def test_metrics_exist_and_all_are_documented() -> None:
    metrics = Metrics()
    metrics.observed(Outcome(1, 0, {}, False), datetime(2026, 11, 20, tzinfo=UTC))
    metrics.assessed(Tally(findings=Counter({("blocker", "FK301"): 1})))
    metrics.rollbacks(
        {("shop", "1", "eu-west-1"): datetime(2026, 11, 27, tzinfo=UTC)}, lambda: datetime(2026, 11, 20, tzinfo=UTC)
    )
    metrics.notified(Turn(muted={"FK401": 0.2}), datetime(2026, 11, 20, tzinfo=UTC))
    metrics.delivers(DeliveryCounts(SystemClock()))
    metrics.outbox({Delivery.SENT: 1})
    exposed = generate_latest(metrics.registry).decode()
    real = set(re.findall(r"^# TYPE (fleetkeeper_\w+)", exposed, re.MULTILINE))
    named = set(re.findall(r"`(fleetkeeper_[a-z_]+)", (ROOT / "docs" / "operations.md").read_text("utf-8")))
    assert named == {n for n in real if not n.endswith("_created")}
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert set(re.findall(r"fleetkeeper_[a-z_]*[a-z]", text)) <= real


def test_log_events_exist() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## Logs")[2].partition("## ")[0]
    named = {span for span in _SPAN.findall(text) if re.fullmatch(r"[a-z]+(_[a-z]+)+|serving|listening|stopping", span)}
    logged: set[str] = set()
    for path in (ROOT / "fleetkeeper").rglob("*.py"):
        logged |= set(re.findall(r'_log\.\w+\(\s*"(\w+)"', path.read_text("utf-8")))
    assert len(named) >= 9
    assert named <= logged
