"""What was decided about findings, as the configuration has it: targets, waivers, severities."""

import pytest

from fleetkeeper.errors import ConfigError
from tests.config_files import in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param('minor = "1.36"\nbehind = 1', "stands beside minor", id="a minor and a distance"),
        pytest.param("minor = 1.30", "must be quoted: 1.30 unquoted", id="a minor without quotes"),
        pytest.param('clusters = "rink=late"', "'rink' is not one of", id="a selector of nothing"),
    ],
)
def test_a_target_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f"[[assess.targets]]\n{text}\n")


def test_a_target_for_all_must_be_the_last() -> None:
    with pytest.raises(ConfigError, match="no target after it is ever used"):
        written('[[assess.targets]]\nbehind = 0\n[[assess.targets]]\nclusters = "ring=late"\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "must name what it waives", id="of nothing"),
        pytest.param('code = "FK1"', "must be the code of a check", id="no code"),
        pytest.param('fingerprint = "abc"', "must be the 16 characters", id="no fingerprint"),
        pytest.param('code = "FK401"\nfingerprint = "0123456789abcdef"', "either fingerprint or code", id="both"),
    ],
)
def test_a_waiver_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f'[[assess.waivers]]\nreason = "r"\napprover = "a"\nexpires = 2027-01-01\n{text}\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param('FK401 = "unknown"', "must be one of blocker, warning, info", id="unknown is not for sale"),
        pytest.param('PDB = "info"', "must be the code of a check", id="no code"),
    ],
)
def test_a_severity_that_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        written(f"[assess.severities]\n{text}\n")
