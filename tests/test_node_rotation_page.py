"""What docs/node-rotation.md says is held by a test is held by one of that name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "node-rotation.md"


def rows() -> Iterator[tuple[str, str]]:
    """The first and the last cell of each row of each table that ends with `Held by`."""
    is_held = False
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            is_held = False
        elif line.endswith("| Held by |"):
            is_held = True
        elif is_held and not line.startswith("|---"):
            cells = line.strip("|").split(" | ")
            yield cells[0].strip(), cells[-1].strip()


ROWS = tuple(rows())
HELD = sorted({name for _, held in ROWS for name in re.findall(r"`([^`]+)`", held)})


def test_every_row_names_its_test() -> None:
    assert len(ROWS) > 30
    assert [first for first, held in ROWS if "`" not in held] == []


@pytest.mark.parametrize("name", HELD)
def test_there_is_a_test_named(name: str) -> None:
    if name.endswith(".py"):
        assert any(TESTS.rglob(name))
        return
    sources = (path.read_text("utf-8") for path in TESTS.rglob("*.py") if path != Path(__file__))
    wanted = (f"def {name}(",) if name.startswith("test_") else (f'"{name}"',)
    assert any(each in source for source in sources for each in wanted)
