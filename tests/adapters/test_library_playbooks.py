"""The library of playbooks: what is shipped is sound, the operator's own lie over it, every mistake is told."""

from pathlib import Path

import pytest

from fleetkeeper.adapters.library_playbooks import read_files, read_playbooks
from fleetkeeper.core.kind_words import GATES as GATE_WORDS
from fleetkeeper.core.kind_words import STEPS as STEP_WORDS
from fleetkeeper.core.playbook import Changes, OnFailure, When
from fleetkeeper.errors import ConfigError
from fleetkeeper.values import digest
from tests.core.plans import GATES, STEPS

OWN = """\
name = "{name}"
title = "{title}"
purpose = "Because."
changes = "nothing"
[[steps]]
name = "look"
kind = "preflight"
[[stages]]
name = "all"
"""


def own(folder: Path, name: str, title: str = "Own", file: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{file or name}.toml"
    path.write_text(OWN.format(name=name, title=title), "utf-8")
    return path


def test_what_is_shipped() -> None:
    found = read_playbooks((), STEPS, GATES)
    assert {name: each.changes for name, each in found.items()} == {
        "addons-only": Changes.ADDONS,
        "minor-upgrade": Changes.MINOR,
        "observe-only": Changes.NOTHING,
        "rollback": Changes.ROLLBACK,
        "rotate-nodes": Changes.NODES,
    }
    assert found["addons-only"].origin == "shipped addons-only.toml"


def test_the_addon_wave_begins_with_a_canary_and_asks_before_the_rest() -> None:
    canary, rest = read_playbooks((), STEPS, GATES)["addons-only"].stages
    assert (canary.clusters, str(canary.max_concurrency), str(canary.max_failures)) == ("ring=canary", "1", "0")
    assert [(gate.kind, gate.when) for gate in canary.gates] == [("soak", When.AFTER)]
    assert (rest.clusters, [(gate.kind, gate.when) for gate in rest.gates]) == ("", [("approval", When.BEFORE)])
    assert canary.on_failure is rest.on_failure is OnFailure.PAUSE


def test_every_kind_of_what_is_shipped_has_words_of_its_own() -> None:
    found = read_playbooks((), STEPS, GATES).values()
    assert {step.kind for each in found for step in each.steps} <= set(STEP_WORDS)
    assert {gate.kind for each in found for stage in each.stages for gate in stage.gates} <= set(GATE_WORDS)


def test_a_playbook_of_ones_own_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    path = own(tmp_path / "a", "addons-only", "First")
    later = own(tmp_path / "b", "addons-only", "Second")
    own(tmp_path / "a", "mine")
    found = read_playbooks((path.parent, later.parent), STEPS, GATES)
    assert list(found) == ["addons-only", "minor-upgrade", "observe-only", "rollback", "rotate-nodes", "mine"]
    assert (found["addons-only"].title, found["addons-only"].origin) == ("Second", str(later))
    assert found["addons-only"].digest == digest(later.read_text("utf-8"))


def test_mistakes_of_every_file_are_told_at_once(tmp_path: Path) -> None:
    one, two = own(tmp_path, "one", file="other"), own(tmp_path, "two")
    two.write_text("name = ", "utf-8")
    with pytest.raises(ConfigError) as told:
        read_playbooks((tmp_path, tmp_path / "none"), STEPS, GATES)
    assert str(told.value).split("\n") == [
        f"{one}:1: name: must be the name of the file, other",
        f"{two}:1: is not valid TOML: invalid value",
        f"{tmp_path / 'none'}: is not a folder of playbooks",
    ]


def test_files_and_folders_are_read_by_themselves(tmp_path: Path) -> None:
    one, two = own(tmp_path, "one"), own(tmp_path / "more", "two")
    assert list(read_files((one, two.parent), STEPS, GATES)) == [str(one), str(two)]
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_files((tmp_path / "three.toml",), STEPS, GATES)
