"""[slack] and [pagerduty]: what is read, and the mistakes that are easily made with tokens."""

from pathlib import Path

import pytest

from fleetkeeper.config import PagerDutySettings, Secret, SlackSettings
from tests.config_files import complaints, in_an_empty_folder, written

__all__ = ["in_an_empty_folder"]

BOT, APP, SECRET = "xoxb-1-s3cret", "xapp-1-s3cret", "s3cret-of-signing"
ENVIRON = {"BOT": BOT, "APP": APP, "SIGNING": SECRET, "ROUTING": "k" * 32}


def test_every_key_arrives_in_its_field() -> None:
    Path("ca").write_text("", "utf-8")
    settings = written(
        """
        [slack]
        bot_token_env = "BOT"
        signing_secret_env = "SIGNING"
        listen = "127.0.0.1:8322"
        api_url = "https://slack-gov.com/api/"
        history = true
        channel_seconds = 2
        per_minute = 60
        timeout_seconds = 5
        ca_bundle = "ca"
        proxy_url = "http://proxy:3128"
        [pagerduty]
        routing_key_env = "ROUTING"
        url = "https://events.eu.pagerduty.com/v2/enqueue"
        """,
        ENVIRON,
    )
    assert settings.slack == SlackSettings(
        bot_token=Secret(BOT, "env BOT"),
        signing_secret=Secret(SECRET, "env SIGNING"),
        listen="127.0.0.1:8322",
        api_url="https://slack-gov.com/api/",
        history=True,
        channel_seconds=2.0,
        per_minute=60.0,
        timeout_seconds=5.0,
        ca_bundle="ca",
        proxy_url="http://proxy:3128",
    )
    expected = PagerDutySettings(Secret("k" * 32, "env ROUTING"), "https://events.eu.pagerduty.com/v2/enqueue")
    assert settings.pagerduty == expected


def test_tokens_may_stand_in_variables_of_their_own() -> None:
    environ = {
        "FLEETKEEPER_SLACK__BOT_TOKEN": BOT,
        "FLEETKEEPER_SLACK__APP_TOKEN": APP,
        "FLEETKEEPER_PAGERDUTY__ROUTING_KEY": "k" * 32,
    }
    settings = written("", environ)
    assert settings.slack.bot_token == Secret(BOT, "env FLEETKEEPER_SLACK__BOT_TOKEN")
    assert settings.slack.app_token == Secret(APP, "env FLEETKEEPER_SLACK__APP_TOKEN")
    assert settings.pagerduty.routing_key is not None


def test_a_token_in_a_file_remembers_which_so_that_it_can_be_rotated() -> None:
    Path("token").write_text(f"{BOT}\n", "utf-8")
    assert written('[slack]\nbot_token_file = "token"').slack.bot_token == Secret(BOT, "file token")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            'bot_token_env = "APP"',
            "slack.bot_token: (env APP) must be a bot's token, which begins with xoxb- — it is an app-level "
            "token: set it as app_token",
            id="the two tokens swapped",
        ),
        pytest.param(
            'bot_token_env = "BOT"\napp_token_env = "BOT"',
            "slack.app_token: (env BOT) must be an app-level token, which begins with xapp- — it is a bot's "
            "token: set it as bot_token",
            id="the bot's token as the app's",
        ),
        pytest.param(
            'bot_token_env = "SIGNING"',
            "slack.bot_token: (env SIGNING) must be a bot's token, which begins with xoxb-",
            id="something else as a token",
        ),
        pytest.param(
            'bot_token_env = "BOT"\napp_token_env = "APP"\nlisten = "127.0.0.1:1"\nsigning_secret_env = "SIGNING"',
            "slack.listen: stands beside app_token: clicks come by one way",
            id="both ways back at once",
        ),
        pytest.param(
            'bot_token_env = "BOT"\nlisten = "127.0.0.1:1"',
            "slack.signing_secret: is missing: without it anybody could send clicks",
            id="listening without the secret",
        ),
        pytest.param(
            'bot_token_env = "BOT"\nsigning_secret_env = "SIGNING"',
            "slack.listen: is missing: where do clicks come in?",
            id="the secret without listening",
        ),
        pytest.param('app_token_env = "APP"', "slack.bot_token: is missing", id="clicks without a way to answer"),
        pytest.param('bot_token = "x"', "slack.bot_token: must not be in this file", id="a token in the file itself"),
        pytest.param('api_url = "slack"', "slack.api_url: must be a URL", id="an address that is none"),
        pytest.param(
            'api_url = "https://a:b@slack.com/api/"', "slack.api_url: must not hold a password", id="a password in it"
        ),
    ],
)
def test_a_mistake_is_told_and_no_token_with_it(text: str, complaint: str) -> None:
    told = complaints(f"[slack]\n{text}\n", ENVIRON)
    assert any(complaint in each for each in told), told
    assert not [each for each in told if "s3cret" in each]


def test_a_routing_key_has_32_characters() -> None:
    (told,) = complaints('[pagerduty]\nrouting_key_env = "BOT"\n', ENVIRON)
    assert "pagerduty.routing_key: (env BOT) must have 32 characters" in told
    assert BOT not in told
