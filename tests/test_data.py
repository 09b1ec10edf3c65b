"""Shipped data is found from a checkout and from an installed wheel, and nowhere else."""

from pathlib import Path

import pytest

from fleetkeeper import data


def test_a_checkout_has_it_beside_the_package() -> None:
    assert data.data_path("alembic") == Path(__file__).parents[1] / "alembic"


def test_a_wheel_has_it_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alembic").mkdir()  # in site-packages this is the library of that name
    (tmp_path / "fleetkeeper" / "_data" / "alembic").mkdir(parents=True)
    monkeypatch.setattr(data, "_PACKAGE", tmp_path / "fleetkeeper")
    assert data.data_path("alembic") == tmp_path / "fleetkeeper" / "_data" / "alembic"
    with pytest.raises(FileNotFoundError, match="compat is missing from this installation"):
        data.data_path("compat")
