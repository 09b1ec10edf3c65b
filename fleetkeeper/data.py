"""Finds what is shipped beside the code: compat/, playbooks/, alembic/, config.example.toml, slack-manifest.yaml."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(name: str) -> Path:
    """The shipped folder or file of that name; FileNotFoundError when this installation lacks it.

    A wheel carries them in fleetkeeper/_data, because at top level `alembic` would land inside another package; in a
    checkout there is no _data and they stand beside the package.
    """
    shipped = _PACKAGE / "_data"
    found = (shipped if shipped.is_dir() else _PACKAGE.parent) / name
    if not found.exists():
        raise FileNotFoundError(f"{name} is missing from this installation of fleetkeeper: install it again")
    return found
