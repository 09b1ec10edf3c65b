"""What gates and holds look at by name: Prometheus servers, and the calendars and times in which nothing begins."""

from collections.abc import Iterable
from pathlib import Path

from fleetkeeper.config import CalendarSettings, FreezeSettings, PrometheusSettings, Secret
from fleetkeeper.core.selector import Selector
from fleetkeeper.documents import Table
from fleetkeeper.errors import UsageError
from fleetkeeper.settings import checks
from fleetkeeper.settings.entries import entry_name, note_repeated, plain_headers
from fleetkeeper.settings.sources import Surroundings


def read_prometheus(table: Table, around: Surroundings) -> tuple[PrometheusSettings, ...]:
    found = tuple(_server(inner, around) for inner in table.tables("prometheus"))
    note_repeated(table.tables("prometheus"), [each.name for each in found])
    return found


def read_calendars(table: Table, around: Surroundings) -> tuple[CalendarSettings, ...]:
    found = tuple(_calendar(inner, around) for inner in table.tables("calendars"))
    note_repeated(table.tables("calendars"), [each.name for each in found])
    return found


def read_freezes(table: Table) -> tuple[FreezeSettings, ...]:
    return tuple(_freeze(inner) for inner in table.tables("freezes"))


def _server(table: Table, around: Surroundings) -> PrometheusSettings:
    default = PrometheusSettings("", "")
    found = PrometheusSettings(
        name=table.text("name", check=entry_name),
        url=plain_url(
            table, table.text("url", check=checks.http_url), "set username, and password_env or password_file"
        ),
        username=table.text("username", ""),
        password=around.secret(table, "password"),
        token=around.secret(table, "token"),
        headers=plain_headers(table, "set token_env or token_file, or username and a password"),
        timeout_seconds=table.number("timeout_seconds", default.timeout_seconds, minimum=1, maximum=120),
        ca_bundle=ca_bundle(table, around),
    )
    if found.token and found.password:
        table.mistake("token", "stands beside a password", "keep one of them")
    if found.password and not found.username:
        table.mistake("username", "is missing: whose password is it?")
    if found.username and not found.password:
        table.mistake("password", "is missing", "set password_env or password_file")
    return found


def _calendar(table: Table, around: Surroundings) -> CalendarSettings:
    default = CalendarSettings("")
    found = CalendarSettings(
        name=table.text("name", check=entry_name),
        file=around.path(table, "file"),
        url=plain_url(table, table.text("url", "", check=checks.http_url), "set secret_url_env or secret_url_file"),
        secret_url=around.secret(table, "secret_url"),
        everything=table.boolean("everything", default.everything),
        timezone=table.text("timezone", default.timezone, check=checks.timezone),
        ca_bundle=ca_bundle(table, around),
    )
    if _count((found.file, found.url, found.secret_url)) != 1:
        table.mistake("", "must have one source", "set file, url, or secret_url_env or secret_url_file")
    if found.secret_url and checks.http_url(found.secret_url.value):
        table.mistake("", "its secret URL is no http(s) URL")
    return found


def _freeze(table: Table) -> FreezeSettings:
    found = FreezeSettings(
        reason=table.text("reason"),
        begins=table.moment("begins"),
        until=table.moment("until"),
        selector=table.text("selector", "", check=_selector),
        calendar=table.text("calendar", "", check=entry_name),
    )
    if found.until <= found.begins:
        table.mistake("until", "must be after begins")
    return found


def plain_url(table: Table, url: str, fix: str) -> str:
    if checks.holds_password(url):
        table.mistake("url", "must not hold a password", fix)
    return url


def ca_bundle(table: Table, around: Surroundings) -> str:
    path = around.path(table, "ca_bundle")
    if path and not Path(path).is_file():
        table.mistake("ca_bundle", "names a file that does not exist")
    return path


def _selector(text: str) -> str:
    try:
        Selector.parse(text)
    except UsageError as error:
        return f"is no selector: {error}"
    return ""


def _count(sources: Iterable[str | Secret | None]) -> int:
    return sum(bool(each) for each in sources)
