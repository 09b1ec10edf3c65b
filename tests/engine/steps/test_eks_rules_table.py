"""Every rule of the simulated EKS has a row in docs/eks.md: what is done about it, and the test that breaks it."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs"
READS_ONLY = "reads only"

DEMANDED = ("Updates", "Control plane, upwards", "Control plane, back", "Insights", "Addons")
"""Sections of docs/simulator-eks.md all of whose rules have a row."""


def sections(page: Path) -> dict[str, list[list[str]]]:
    """Heading → the rows under it, without the head of the table."""
    found: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in page.read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"##+ (.+)", line):
            rows = found.setdefault(heading[1], [])
        elif line.startswith("| ") and not line.startswith("| Rule "):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


RULES = sections(DOCS / "simulator-eks.md")
ROWS = {heading: rows for heading, rows in sections(DOCS / "eks.md").items() if heading in RULES}


def cases() -> set[str]:
    trees = (ast.parse(path.read_text("utf-8")) for path in HERE.glob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("section", DEMANDED)
def test_every_rule_has_a_row_and_no_row_is_without_a_rule(section: str) -> None:
    assert [row[0] for row in ROWS[section]] == [row[0] for row in RULES[section]]


@pytest.mark.parametrize("section", DEMANDED)
def test_every_row_says_what_is_done_and_names_a_test_that_is_there(section: str) -> None:
    known = cases()
    for row in ROWS[section]:
        assert len(row) == 3, row
        assert row[1], row
        assert row[2] == READS_ONLY or row[2].strip("`") in known, row


def test_little_is_left_to_reading_alone() -> None:
    left = [row[0] for section in DEMANDED for row in ROWS[section] if row[2] == READS_ONLY]
    assert len(left) == 2, left
