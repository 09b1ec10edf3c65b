"""Secrets come from the environment or a file, and no message repeats one."""

from pathlib import Path

import pytest

from fleetkeeper.config import (
    Secret,
)
from fleetkeeper.config_show import as_mapping, show
from tests.config_files import complaints, in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]


_POSTGRES = '[store]\nurl = "postgresql://fleetkeeper@db/fleet"\n'


@pytest.mark.parametrize(
    ("text", "environ", "secret"),
    [
        pytest.param(
            'password_env = "DB"', {"DB": "s3cret"}, Secret("s3cret", "env DB"), id="from a variable of your choice"
        ),
        pytest.param(
            "",
            {"FLEETKEEPER_STORE__PASSWORD": "s3cret"},
            Secret("s3cret", "env FLEETKEEPER_STORE__PASSWORD"),
            id="from the variable of that setting",
        ),
        pytest.param('password_file = "db"', {}, Secret("in file", "file db"), id="from a file, without its newline"),
        pytest.param(
            'password_file = "db"',
            {"FLEETKEEPER_STORE__PASSWORD": "s3cret"},
            Secret("s3cret", "env FLEETKEEPER_STORE__PASSWORD"),
            id="the variable of that setting wins",
        ),
        pytest.param("", {}, None, id="from nowhere"),
    ],
)
def test_a_secret_comes(text: str, environ: dict[str, str], secret: Secret | None) -> None:
    Path("db").write_text("in file\n", "utf-8")
    assert written(_POSTGRES + text, environ).store.password == secret


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'password = "s3cret"',
            "fleetkeeper.toml:3: store.password: must not be in this file — set password_env = "
            '"NAME" or password_file = "path", or FLEETKEEPER_STORE__PASSWORD in the environment',
            id="written in the file",
        ),
        pytest.param(
            'password_env = "S3CRET"',
            "fleetkeeper.toml:3: store.password_env: names an environment variable that is not set",
            id="a variable that is not set, which may be the secret in the wrong place",
        ),
        pytest.param(
            'password_env = "s3cret!"',
            "fleetkeeper.toml:3: store.password_env: must be the name of an environment variable",
            id="what cannot be a variable's name",
        ),
        pytest.param(
            'password_file = "none"',
            "fleetkeeper.toml:3: store.password_file: cannot be read: No such file or directory",
            id="a file that is missing",
        ),
        pytest.param(
            'password_file = "empty"',
            "fleetkeeper.toml:3: store.password_file: names a file that is empty",
            id="a file that is empty",
        ),
        pytest.param(
            'password_file = "two"',
            "fleetkeeper.toml:3: store.password_file: names a file of more than one line",
            id="a file of two lines",
        ),
        pytest.param(
            'password_file = "binary"',
            "fleetkeeper.toml:3: store.password_file: is not UTF-8 text",
            id="a file that is no text",
        ),
        pytest.param(
            'password_env = "SET"\npassword_file = "two"',
            "fleetkeeper.toml:4: store.password_file: contradicts password_env — keep one of them",
            id="two sources",
        ),
    ],
)
def test_a_secret_is_refused_and_never_repeated(text: str, expected: str) -> None:
    Path("empty").write_text("\n", "utf-8")
    Path("two").write_text("s3cret\nS3CRET\n", "utf-8")
    Path("binary").write_bytes(b"\xff")
    found = complaints(_POSTGRES + text, {"SET": "s3cret"})
    assert found == [expected]
    assert "s3cret" not in "".join(found).lower()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("postgresql://u:s3cret@db/fleet", "must not hold a password", id="a password"),
        pytest.param("postgresql://u@db/f?password=s3cret", "must not hold a password", id="a password parameter"),
        pytest.param("postgresql://u:s3/cret@db/fleet", "must be sqlite:///path or postgresql", id="no URL at all"),
        pytest.param("mysql://s3cret@db/fleet", "must be sqlite:///path or postgresql", id="another database"),
        pytest.param("postgres://u@db/s3cret", "must begin with postgresql://", id="the old scheme"),
        pytest.param("postgresql://s3cret@db", "must name the database", id="no database"),
        pytest.param("sqlite://s3cret", "must have three slashes", id="two slashes"),
        pytest.param("sqlite:s3cret", "must have three slashes", id="no slash"),
        pytest.param("sqlite:///:memory:", "must name a file", id="a store in memory"),
    ],
)
@pytest.mark.parametrize("source", ["file", "environment"])
def test_a_store_url_is_refused_and_never_repeated(url: str, message: str, source: str) -> None:
    if source == "file":
        (found,) = complaints(f'[store]\nurl = "{url}"')
    else:
        (found,) = complaints("", {"FLEETKEEPER_STORE__URL": url})
    assert message in found
    assert "s3" not in found


def test_a_proxy_with_a_password_comes_from_the_environment_only_and_is_not_shown() -> None:
    url = "http://me:s3cret@proxy.example.com:3128"
    (found,) = complaints(f'[aws]\nproxy_url = "{url}"')
    assert found == (
        "fleetkeeper.toml:2: aws.proxy_url: must not hold a password in this file"
        " — set FLEETKEEPER_AWS__PROXY_URL in the environment"
    )
    settings = written("", {"FLEETKEEPER_AWS__PROXY_URL": url})
    assert settings.aws.proxy_url == url
    assert "s3cret" not in f"{show(settings)} {as_mapping(settings)}"
