"""What may silence alerts, by name: [[engine.silencers]]. Every silence must be bound to one cluster."""

import re

from fleetkeeper.config import SilencerSettings
from fleetkeeper.core.silencing import PLACES, Matcher
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.entries import entry_name, note_repeated, plain_headers
from fleetkeeper.settings.outside import ca_bundle, plain_url
from fleetkeeper.settings.sources import Surroundings

ALERTMANAGER, PAGERDUTY = "alertmanager", "pagerduty"

_PLACE = re.compile(r"\{([^{}]*)\}")
_OTHERS = {ALERTMANAGER: ("services", "service_key", "sender"), PAGERDUTY: ("matchers", "username")}


def read_silencers(table: Table, around: Surroundings) -> tuple[SilencerSettings, ...]:
    found = tuple(_silencer(inner, around) for inner in table.tables("silencers"))
    note_repeated(table.tables("silencers"), [each.name for each in found])
    return found


def _silencer(table: Table, around: Surroundings) -> SilencerSettings:
    default = SilencerSettings("", "", "")
    found = SilencerSettings(
        name=table.text("name", check=entry_name),
        kind=table.text("kind", check=_kind),
        url=plain_url(table, table.text("url", check=checks.http_url), "set token_env or token_file"),
        matchers=table.texts("matchers", ()),
        services=table.mapping("services", {}),
        service_key=table.text("service_key", default.service_key, check=_places),
        sender=table.text("sender", ""),
        username=table.text("username", ""),
        password=around.secret(table, "password"),
        token=around.secret(table, "token"),
        headers=plain_headers(table, "set token_env or token_file, or username and a password"),
        timeout_seconds=table.number("timeout_seconds", default.timeout_seconds, minimum=1, maximum=120),
        ca_bundle=ca_bundle(table, around),
    )
    for key in _OTHERS.get(found.kind, ()):
        if table.has(key):
            table.mistake(key, f"is not for {found.kind}")
    _check_credentials(table, found)
    if found.kind == ALERTMANAGER:
        _check_matchers(table, found.matchers)
    if found.kind == PAGERDUTY:
        _check_services(table, found)
    return found


def _check_matchers(table: Table, texts: tuple[str, ...]) -> None:
    binds = False
    for text in texts:
        try:
            binds |= Matcher.parse(text).binds
        except ValueError as error:
            table.mistake("matchers", str(error))
    if not binds:
        table.mistake("matchers", "must bind a silence to the cluster", 'add cluster="{cluster}", by your own label')


def _check_services(table: Table, found: SilencerSettings) -> None:
    if not found.services:
        table.mistake("services", "is missing: which services stand for which cluster?")
    if "{cluster}" not in found.service_key and "{arn}" not in found.service_key:
        table.mistake("service_key", "must have {cluster} or {arn}: a silence is of one cluster")
    if "@" not in found.sender:
        table.mistake("sender", "must be the e-mail address of a user of PagerDuty")
    if not found.token:
        table.mistake("token", "is missing", "set token_env or token_file")


def _check_credentials(table: Table, found: SilencerSettings) -> None:
    if found.token and found.password:
        table.mistake("token", "stands beside a password", "keep one of them")
    if bool(found.password) != bool(found.username):
        table.mistake("username", "and a password go together")


def _kind(text: str) -> str:
    return "" if text in (ALERTMANAGER, PAGERDUTY) else f"must be {ALERTMANAGER} or {PAGERDUTY}"


def _places(text: str) -> str:
    unknown = next((each for each in _PLACE.findall(text) if each not in PLACES), None)
    return "" if unknown is None else f"has {{{unknown}}}, which stands for nothing"
