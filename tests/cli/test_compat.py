"""`fleetkeeper compat` as it is typed: lists of every kind, and the check of the operator's own folders."""

import json
from datetime import date
from pathlib import Path

import pytest

from fleetkeeper.cli import compat_tables
from fleetkeeper.core import compat_lists
from fleetkeeper.core.addon_versions import EndOfLife, Range, Rule, Strength, VersionRow
from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.compat import AddonRow, BehaviourRow, Compat, Confidence, Critical, Detect, MinorRow, Source
from fleetkeeper.core.versions import Minor, Version
from tests.cli.conftest import Command
from tests.core.fleets import assert_golden, rendered

PAGE = Source("acme.example/versions@0123abc", date(2026, 8, 22), Confidence.HIGH, "acme.toml")
OTHER = Source("acme.example/news (2026-03-20)", date(2026, 3, 20), Confidence.LOW, "acme.toml")
LISTS = ("minors", "apis", "behaviours", "addons", "karpenter")
M24, M25, M35, M36 = (Minor(1, minor) for minor in (24, 25, 35, 36))


def said(versions: str, oldest: Minor | None, newest: Minor | None, strength: Strength, note: str = "") -> VersionRow:
    return VersionRow(Range.parse(versions), strength, PAGE, oldest, newest, note)


ACME = AddonRow(
    "acme",
    "Acme",
    Detect(),
    PAGE,
    Critical.CNI,
    (
        said(">=2.0.0,<3.0.0", M25, None, Strength.REQUIRED, "needs EndpointSlices"),
        said(">=1.0.0,<2.0.0", None, M24, Strength.REQUIRED),
        said(">=1.0.0", M35, M35, Strength.TESTED),
        said("*", None, None, Strength.ADVISORY),
    ),
    Version.parse("2.9"),
    (
        EndOfLife(Range.parse(">=1.0.0,<2.0.0"), date(2025, 1, 31), OTHER),
        EndOfLife(Range(), date(2026, 3, 31), OTHER, "the project is retired"),
    ),
    (Rule.ONE_MINOR_AT_A_TIME,),
)
ROWS = Compat(
    minor_rows=(
        MinorRow(M35, PAGE, date(2025, 12, 17), None, date(2027, 2, 28), date(2026, 1, 28), date(2027, 3, 27)),
        MinorRow(M36, OTHER),
    ),
    addons=(ACME, AddonRow("bare", "Bare", Detect(), OTHER)),
    behaviours=(
        BehaviourRow("ipvs", M35, "deprecated", "the mode ipvs is deprecated", PAGE, "ipvs"),
        BehaviourRow("events", M36, "removed", "nobody can see this one", PAGE),
    ),
    apis=Apis(
        (
            ApiRow(
                "policy", "v1beta1", "PodSecurityPolicy", "podsecuritypolicies", PAGE, removed=M25, note="use labels"
            ),
            ApiRow(
                *("policy", "v1beta1", "PodDisruptionBudget", "poddisruptionbudgets", PAGE),
                deprecated=Minor(1, 21),
                removed=M25,
                replacement=("policy", "v1", "PodDisruptionBudget"),
            ),
            ApiRow("", "v1", "ComponentStatus", "componentstatuses", PAGE, deprecated=Minor(1, 19)),
        )
    ),
)


def test_the_tables_are_as_they_should_be() -> None:
    lists = compat_lists
    shown = (
        rendered(lambda console: compat_tables.show_minors(console, lists.minor_lines(ROWS))),
        rendered(lambda console: compat_tables.show_apis(console, lists.api_lines(ROWS))),
        rendered(lambda console: compat_tables.show_behaviours(console, lists.behaviour_lines(ROWS))),
        rendered(lambda console: compat_tables.show_addons(console, lists.addon_lines(ROWS))),
        rendered(lambda console: compat_tables.show_addons(console, lists.addon_lines(ROWS, M36), "1.36")),
        rendered(lambda console: compat_tables.show_versions(console, lists.version_lines(ACME))),
    )
    assert_golden("compat_tables.txt", "\n".join(shown))


def test_a_target_narrows_every_list() -> None:
    assert [line.minor for line in compat_lists.minor_lines(ROWS, M35)] == ["1.35"]
    assert [line.kind for line in compat_lists.api_lines(ROWS, M25)] == ["PodDisruptionBudget", "PodSecurityPolicy"]
    assert [line.kind for line in compat_lists.api_lines(ROWS, Minor(1, 19))] == ["ComponentStatus"]
    assert [line.id for line in compat_lists.behaviour_lines(ROWS, M36)] == ["events"]
    assert [line.goes_with for line in compat_lists.addon_lines(ROWS, M35)] == [(">=2.0.0,<3.0.0", ">=1.0.0"), ()]
    assert [(line.range, line.strength) for line in compat_lists.version_lines(ACME, M24)] == [
        (">=1.0.0,<2.0.0", "required"),
        ("*", "advisory"),
        ("*", "end of life"),
        (">=1.0.0,<2.0.0", "end of life"),
    ]


@pytest.mark.parametrize("what", LISTS)
def test_each_list_is_written_for_people_and_for_machines(what: str, command: Command) -> None:
    table = command("compat", "show", what)
    document = command("compat", "show", what, "-o", "json")
    assert (table.exit_code, table.stderr, document.exit_code, document.stderr) == (0, "", 0, "")
    assert max(map(len, table.stdout.splitlines())) <= 100
    found = json.loads(document.stdout)
    assert (found["schema_version"], found["kind"]) == (1, what if what != "karpenter" else "addon_versions")
    assert all(item["origin"]["source"] and item["origin"]["date"] for item in found["items"])
    head, *rows = [json.loads(line) for line in command("compat", "show", what, "-o", "jsonl").stdout.splitlines()]
    assert head["schema_version"] == 1
    assert rows == found["items"]


def test_without_a_word_the_minors_are_shown(command: Command) -> None:
    assert command("compat", "show").stdout == command("compat", "show", "minors").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("no-such-addon",), "no-such-addon is no addon of compat", id="an addon that nobody knows"),
        pytest.param(("addons", "--target", "1.36.1"), "--target 1.36.1", id="a patch for a target"),
    ],
)
def test_what_cannot_be_shown_is_a_mistake_of_the_caller(words: tuple[str, ...], told: str, command: Command) -> None:
    found = command("compat", "show", *words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


# ---- check

GOOD = """
id = "acme"
name = "Acme"
confidence = "high"
source = "our platform team"
date = 2026-11-01

[detect]
images = ["reg.example/acme/app"]

[[versions]]
range = ">=1.0.0"
oldest = "1.30"
strength = "required"
confidence = "high"
source = "our platform team"
date = 2026-11-01
"""


def folder(root: Path, text: str) -> Path:
    (root / "addons").mkdir(parents=True)
    (root / "addons" / "acme.toml").write_text(text, encoding="utf-8")
    return root


def test_a_good_folder_is_told_to_be_good(command: Command, tmp_path: Path) -> None:
    shipped, own = command("compat", "check"), command("compat", "check", str(folder(tmp_path / "own", GOOD)))
    assert (shipped.exit_code, own.exit_code, own.stderr) == (0, 0, "")
    assert own.stdout.startswith("Good: ")
    assert shipped.stdout != own.stdout
    assert "no folder was named" in shipped.stderr


def test_every_mistake_of_a_folder_is_told_with_its_line(command: Command, tmp_path: Path) -> None:
    text = GOOD.replace('oldest = "1.30"', "oldest = 1.30").replace('"required"', '"must"')
    found = command("compat", "check", str(folder(tmp_path / "own", text)))
    assert (found.exit_code, found.stdout) == (1, "")
    assert "acme.toml:13: versions[0].oldest: must be quoted: 1.30 unquoted is the number 1.3" in found.stderr
    assert "acme.toml:14: versions[0].strength: must be one of required" in found.stderr
    assert "2 mistakes" in found.stderr


def test_the_configured_folders_are_checked(command: Command, tmp_path: Path) -> None:
    folder(tmp_path / "own", GOOD.replace('">=1.0.0"', '">=2.0,<1.0"'))
    (tmp_path / "fleetkeeper.toml").write_text('compat_folders = ["own"]\n', encoding="utf-8")
    found = command("compat", "check")
    assert found.exit_code == 1
    assert ">=2.0,<1.0 holds no version at all" in found.stderr
