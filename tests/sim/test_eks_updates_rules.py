"""The table of EKS rules: every row says where it comes from, how sure it is, and which test holds it."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parent.parent / "docs" / "simulator-eks.md"
STANDINGS = ("confirmed by documentation", "unproven on EKS")


def rows() -> list[list[str]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in cells if row[0] != "Rule"]


def cases() -> set[str]:
    paths = (*HERE.glob("test_eks_updates_*.py"), *(HERE.parent / "contract").glob("test_cloud_writer_*.py"))
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_rule_has_a_source_a_standing_and_a_case() -> None:
    known, found = cases(), rows()
    assert len(found) > 70
    for row in found:
        assert len(row) == 4, row
        rule, source, standing, case = row
        assert rule, row
        assert source, row
        assert standing.startswith(STANDINGS), row
        assert re.fullmatch(r"`(\w+)`", case), row
        assert case.strip("`") in known, row


def test_a_rule_without_a_source_is_unproven() -> None:
    assert [row[0] for row in rows() if row[1] == "—" and row[2] != "unproven on EKS"] == []
