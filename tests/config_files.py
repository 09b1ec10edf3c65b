"""A settings file in a folder of its own: written and read, or refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fleetkeeper.config import Settings
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings.load import load

FILE = Path("fleetkeeper.toml")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every test of a module that imports it."""
    monkeypatch.chdir(tmp_path)


def written(text: str, environ: Mapping[str, str] | None = None) -> Settings:
    FILE.write_text(text, "utf-8")
    return load(FILE, environ or {})


def complaints(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    try:
        written(text, environ)
    except ConfigError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []
