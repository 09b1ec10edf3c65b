"""What docs/node-rotation.md says is held by a test is held by one of that name."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "node-rotation.md"
ROWS = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
HELD = sorted({name for row in ROWS for name in re.findall(r"`([^`]+)`", row[-1])})


def test_rows_name_their_tests() -> None:
    tables = [row for row in ROWS if row[-1] != "Held by" and not row[0].startswith("---")]
    assert tables
    assert [row[0] for row in tables if "`" not in row[-1]] == []


@pytest.mark.parametrize("name", HELD)
def test_there_is_a_test_named(name: str) -> None:
    sources = (path.read_text("utf-8") for path in TESTS.rglob("*.py") if path != Path(__file__))
    wanted = (f"def {name}(",) if name.startswith("test_") else (f'"{name}"',)
    assert any(each in source for source in sources for each in wanted)
