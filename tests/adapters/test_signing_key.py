"""The executor's signing key: given, made beside SQLite, never readable by others."""

import stat
from pathlib import Path

import pytest

from fleetkeeper.adapters.signing_key import signing_key
from fleetkeeper.config import ApprovalSettings, Secret, Settings
from fleetkeeper.errors import ConfigError


def test_a_key_of_the_settings_is_used(tmp_path: Path) -> None:
    given = Settings(approvals=ApprovalSettings(signing_key=Secret("k" * 32)))
    assert signing_key(given, tmp_path / "fleet.db") == b"k" * 32
    assert not list(tmp_path.iterdir())


def test_beside_sqlite_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    made = signing_key(Settings(), database)
    assert len(made) == 64
    assert stat.S_IMODE((tmp_path / "fleet.db.key").stat().st_mode) == 0o600
    assert signing_key(Settings(), database) == made


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    signing_key(Settings(), tmp_path / "fleet.db")
    (tmp_path / "fleet.db.key").chmod(0o640)
    with pytest.raises(ConfigError, match="others may read it"):
        signing_key(Settings(), tmp_path / "fleet.db")


def test_replicas_on_postgresql_must_be_given_one() -> None:
    with pytest.raises(ConfigError, match="openssl rand -hex 32"):
        signing_key(Settings(), None)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used as the signing key"):
        signing_key(Settings(), tmp_path / "nowhere" / "fleet.db")
