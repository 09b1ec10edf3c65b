"""URLs of databases, and what is wrong with a schema."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from fleetkeeper import __version__, data
from fleetkeeper.adapters.store.database import database_file, parsed
from fleetkeeper.adapters.store.revisions import chain, judge
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.config import Secret, StoreSettings
from fleetkeeper.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("postgresql://me@db.example:5432/fleet", "postgresql+psycopg://me:***@db.example:5432/fleet"),
        ("postgres://me@db.example/fleet", "postgresql+psycopg://me:***@db.example/fleet"),
        (
            "postgresql+psycopg://me:old@db/fleet?sslmode=require",
            "postgresql+psycopg://me:***@db/fleet?sslmode=require",
        ),
    ],
)
def test_a_postgresql_url_gets_our_driver_and_the_password(url: str, becomes: str) -> None:
    found = parsed(StoreSettings(url, Secret("new", "env X")))
    assert (str(found), found.password) == (becomes, "new")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("mysql://db/fleet", "names the database mysql"),
        ("fleet.db", "is not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///fleet.db?mode=ro", ".*takes no options"),
        ("postgresql://db:port/fleet", "is not a database URL"),
    ],
)
def test_a_url_that_cannot_be_is_a_mistake_of_the_configuration(url: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=rf"store\.url: {wrong}.*write sqlite:///path") as mistake:
        parsed(StoreSettings(url))
    assert len(mistake.value.mistakes) == 1


def test_only_sqlite_has_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert database_file(StoreSettings("sqlite:///fleet.db")) == tmp_path / "fleet.db"
    assert database_file(StoreSettings("sqlite:////var/lib/fleet.db")) == Path("/var/lib/fleet.db")
    assert database_file(StoreSettings("postgresql://db/fleet")) is None


KNOWN = ("pre_0001", "post_0002", "pre_0003", "post_0004")


@pytest.mark.parametrize(
    ("applied", "wrong"),
    [
        pytest.param((), "it has no tables yet: run `fleetkeeper db upgrade`", id="empty"),
        pytest.param(KNOWN, "", id="as this release wants it"),
        pytest.param(KNOWN[:3], "", id="the last post_ is still to come"),
        pytest.param((*KNOWN, "pre_0005"), "", id="a newer release has prepared its deploy"),
        pytest.param(
            KNOWN[:2],
            "the database is at post_0002, this fleetkeeper needs pre_0003: run `fleetkeeper db upgrade`",
            id="behind",
        ),
        pytest.param(
            (*KNOWN, "pre_0005", "post_0006"),
            f"the database is at post_0006, which is ahead of this fleetkeeper {__version__}: "
            "run a newer fleetkeeper (it was upgraded by release of post_0006)",
            id="ahead",
        ),
    ],
)
def test_judge(applied: tuple[str, ...], wrong: str) -> None:
    assert judge([(revision, f"release of {revision}") for revision in applied], KNOWN) == wrong


def test_the_chain_is_the_one_that_alembic_walks() -> None:
    walked = ScriptDirectory(str(data.data_path("alembic"))).walk_revisions()
    assert chain() == tuple(reversed([script.revision for script in walked]))


def test_every_migration_says_when_it_may_run() -> None:
    assert chain()[0] == "pre_0001"
    assert all(revision.startswith(("pre_", "post_")) for revision in chain())
    names = [file.stem for file in data.data_path("alembic").glob("versions/*.py")]
    assert all(name.startswith(tuple(chain())) for name in names)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("Zürich ☃ 💥", "Zürich ☃ 💥"),
        ("a\0b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\ud83d\udca5", "💥"),
    ],
    ids=["ASCII", "Unicode", "NUL", "a lone surrogate", "a pair of surrogates"],
)
def test_text_as_the_database_keeps_it(text: str, stored: str) -> None:
    assert storable(text) == stored
