"""The [slack] and [pagerduty] sections: which app posts, how it hears of clicks, and who is paged."""

from fleetkeeper.config import PagerDutySettings, Secret, SlackSettings
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.outside import ca_bundle
from fleetkeeper.settings.sources import Surroundings

_BOT, _APP = "xoxb-", "xapp-"
_PREFIXES = {"bot_token": (_BOT, "a bot's token"), "app_token": (_APP, "an app-level token")}


def read_slack(table: Table, around: Surroundings) -> SlackSettings:
    default = SlackSettings()
    found = SlackSettings(
        bot_token=around.secret(table, "bot_token", "FLEETKEEPER_SLACK__BOT_TOKEN"),
        app_token=around.secret(table, "app_token", "FLEETKEEPER_SLACK__APP_TOKEN"),
        signing_secret=around.secret(table, "signing_secret", "FLEETKEEPER_SLACK__SIGNING_SECRET"),
        listen=table.text("listen", default.listen, check=checks.listen),
        api_url=_url(table, "api_url", default.api_url),
        history=table.boolean("history", default.history),
        channel_seconds=table.number("channel_seconds", default.channel_seconds, minimum=0.001, maximum=3600),
        per_minute=table.number("per_minute", default.per_minute, minimum=1, maximum=1_000_000),
        timeout_seconds=table.number("timeout_seconds", default.timeout_seconds, minimum=1, maximum=60),
        ca_bundle=ca_bundle(table, around),
        proxy_url=around.url(table, "proxy_url", "FLEETKEEPER_SLACK__PROXY_URL"),
    )
    _check_token(table, "bot_token", found.bot_token)
    _check_token(table, "app_token", found.app_token)
    _check_ways_back(table, found)
    return found


def read_pagerduty(table: Table, around: Surroundings) -> PagerDutySettings:
    found = PagerDutySettings(
        routing_key=around.secret(table, "routing_key", "FLEETKEEPER_PAGERDUTY__ROUTING_KEY"),
        url=_url(table, "url", PagerDutySettings().url),
    )
    if found.routing_key and len(found.routing_key.value) != 32:
        table.mistake("routing_key", f"({found.routing_key.origin}) must have 32 characters")
    return found


def _url(table: Table, key: str, default: str) -> str:
    url = table.text(key, default, check=checks.http_url)
    if checks.holds_password(url):
        table.mistake(key, "must not hold a password")
    return url


def _check_token(table: Table, key: str, secret: Secret | None) -> None:
    """No message repeats what stands there: it may be a secret in the wrong place."""
    prefix, kind = _PREFIXES[key]
    if secret is None or secret.value.startswith(prefix):
        return
    other = next((name for name, (begins, _) in _PREFIXES.items() if secret.value.startswith(begins)), "")
    fix = f"it is {_PREFIXES[other][1]}: set it as {other}" if other else "take it from the app's page at api.slack.com"
    table.mistake(key, f"({secret.origin}) must be {kind}, which begins with {prefix}", fix)


def _check_ways_back(table: Table, found: SlackSettings) -> None:
    """Clicks come by Socket Mode (app_token) or by HTTP (listen, signing_secret), never by both."""
    if found.app_token and found.listen:
        table.mistake("listen", "stands beside app_token: clicks come by one way", "keep one of them")
    if found.listen and not found.signing_secret:
        table.mistake("signing_secret", "is missing: without it anybody could send clicks", _named("signing_secret"))
    if found.signing_secret and not found.listen and not found.app_token:
        table.mistake("listen", "is missing: where do clicks come in?", 'set listen = "127.0.0.1:8322"')
    if (found.app_token or found.listen) and not found.bot_token:
        table.mistake("bot_token", "is missing: nothing can be answered without it", _named("bot_token"))


def _named(key: str) -> str:
    return f"set {key}_env or {key}_file"
