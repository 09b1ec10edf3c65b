"""The [approvals] section: people, how they are known, and the key."""

from pathlib import Path

import pytest

from fleetkeeper.config import ApprovalSettings, OidcSettings, Secret
from fleetkeeper.core.people import Role
from fleetkeeper.errors import ConfigError
from tests.config_files import in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]

WHOLE = """
[approvals]
signing_key_file = "key"
local = true
others = "operator"
[approvals.people]
ada = "approver"
ben = "viewer"
[approvals.alike]
"U42" = "ada"
[approvals.oidc]
issuer = "https://login"
audience = "fleetkeeper"
claim = "sub"
"""


def test_every_key_arrives_in_its_field() -> None:
    Path("key").write_text("k" * 32, "utf-8")
    assert written(WHOLE).approvals == ApprovalSettings(
        signing_key=Secret("k" * 32, "file key"),
        local=True,
        oidc=OidcSettings("https://login", "fleetkeeper", "sub"),
        others=Role.OPERATOR,
        people={"ada": Role.APPROVER, "ben": Role.VIEWER},
        alike={"U42": "ada"},
    )


def test_by_default_nobody_is_believed_and_everybody_is_a_viewer() -> None:
    found = written("").approvals
    assert (found.local, found.oidc, found.others, found.people) == (False, None, Role.VIEWER, {})
    assert not found.roles.may("anybody", Role.OPERATOR)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param('[approvals.people]\nada = "boss"', "ada: must be one of viewer, operator, approver", id="a role"),
        pytest.param('[approvals]\nothers = "all"', "must be one of viewer, operator, approver", id="that of others"),
        pytest.param('[approvals.oidc]\nissuer = "https://login"', "audience", id="an issuer without an audience"),
        pytest.param('[approvals.alike]\na = "b"\nb = "c"', "b is another name itself", id="a chain of names"),
        pytest.param(
            '[approvals.people]\na = "viewer"\n[approvals.alike]\na = "b"', "has a role of its own", id="two roles"
        ),
    ],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f"{text}\n")


def test_a_key_that_is_too_short_is_refused_and_not_repeated() -> None:
    Path("key").write_text("short", "utf-8")
    with pytest.raises(ConfigError, match="is too short to sign with") as refused:
        written('[approvals]\nsigning_key_file = "key"\n')
    assert "short\n" not in str(refused.value)
