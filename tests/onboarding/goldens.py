"""Texts that people read, compared with what a reviewer agreed to."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden"


def assert_golden(name: str, text: str) -> None:
    """Read the difference; when the new text is the better one, put it into the file."""
    assert text == (FOLDER / name).read_text("utf-8"), f"tests/golden/{name} differs"
