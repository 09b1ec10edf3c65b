"""The manifest of the Slack app, and the page that explains it: every scope that it asks for, and no other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetkeeper.data import data_path
from fleetkeeper.sim.slack.scopes import manifest_scopes
from fleetkeeper.sim.slack.tokens import APP_SCOPES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "slack.md").read_text("utf-8")


@pytest.fixture
def manifest() -> dict[str, Any]:
    found = yaml.safe_load(data_path("slack-manifest.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def explained() -> dict[str, tuple[str, str]]:
    """By scope: what it is for, and what is lost without it, of the tables under "Scopes"."""
    section = PAGE.partition("\n## Scopes\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([a-z:.]+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {scope: (purpose, loss) for scope, purpose, loss in rows}


def test_the_page_explains_exactly_the_scopes_that_are_asked_for(manifest: dict[str, Any]) -> None:
    assert set(explained()) == {*manifest["oauth_config"]["scopes"]["bot"], *APP_SCOPES}
    assert set(manifest_scopes()) == set(manifest["oauth_config"]["scopes"]["bot"])


def test_the_page_calls_those_scopes_optional_that_are(manifest: dict[str, Any]) -> None:
    optional = {scope for scope, (purpose, _) in explained().items() if purpose.startswith("optional: ")}
    assert optional == set(manifest["oauth_config"]["scopes"]["bot_optional"])
    assert optional < set(manifest["oauth_config"]["scopes"]["bot"])


def test_the_manifest_asks_for_nothing_of_users(manifest: dict[str, Any]) -> None:
    assert set(manifest["oauth_config"]["scopes"]) == {"bot", "bot_optional"}


def test_the_manifest_has_what_the_app_needs(manifest: dict[str, Any]) -> None:
    features, settings = manifest["features"], manifest["settings"]
    assert [each["command"] for each in features["slash_commands"]] == ["/fleetkeeper"]
    assert (features["app_home"]["home_tab_enabled"], features["app_home"]["messages_tab_enabled"]) == (True, True)
    assert settings["interactivity"]["is_enabled"]
    assert settings["socket_mode_enabled"]
    assert settings["event_subscriptions"]["bot_events"] == ["app_home_opened"]
