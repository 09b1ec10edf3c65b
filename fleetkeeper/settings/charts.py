"""The [[engine.charts]]: Helm charts that the engine may upgrade releases of, and where their packages come from."""

import re
from pathlib import Path

from fleetkeeper.config import ChartSettings
from fleetkeeper.core.versions import Version
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.entries import entry_name, note_repeated
from fleetkeeper.settings.sources import Surroundings

_CHART = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,249}")
_REMOTE = ("https://", "oci://")


def read_charts(table: Table, around: Surroundings) -> tuple[ChartSettings, ...]:
    found = tuple(_chart(inner, around) for inner in table.tables("charts"))
    note_repeated(table.tables("charts"), [each.name for each in found])
    charts = [each.chart for each in found]
    for position, (inner, chart) in enumerate(zip(table.tables("charts"), charts, strict=True)):
        if chart and chart in charts[:position]:
            inner.mistake("chart", f"{chart} has another entry: a release does not say where its chart came from")
    return found


def _chart(table: Table, around: Surroundings) -> ChartSettings:
    default = ChartSettings("")
    name = table.text("name", check=entry_name)
    found = ChartSettings(
        name=name,
        chart=table.text("chart", name, check=_chart_name),
        repository=_repository(table, around),
        username=table.text("username", ""),
        password=around.secret(table, "password"),
        ca_bundle=around.path(table, "ca_bundle"),
        versions=table.mapping("versions", {}),
        timeout_minutes=table.number("timeout_minutes", default.timeout_minutes, minimum=1, maximum=120),
    )
    if bool(found.username) != (found.password is not None):
        table.mistake("username", "and a password go together", "set both, or neither")
    if found.password and not found.repository.startswith(_REMOTE):
        table.mistake("username", "is for https:// and oci:// only: a folder asks for none")
    if found.ca_bundle and not Path(found.ca_bundle).is_file():
        table.mistake("ca_bundle", "names a file that does not exist")
    for chart, app in found.versions.items():
        for version in (chart, app):
            if wrong := _wrong_version(version):
                table.mistake("versions", f"{version} {wrong}")
    return found


def _repository(table: Table, around: Surroundings) -> str:
    text = table.text("repository")
    if text.startswith(_REMOTE):
        if checks.holds_password(text):
            table.mistake("repository", "must not hold a password", "set username, and password_env or password_file")
        return text.rstrip("/")
    if "://" in text:
        table.mistake("repository", "must be https://, oci:// or a folder: plain http proves nothing of what it gives")
        return text
    folder = around.absolute(text, table.from_environment("repository"))
    if text and not Path(folder).is_dir():
        table.mistake("repository", "names a folder that does not exist")
    return folder


def _chart_name(text: str) -> str:
    return "" if _CHART.fullmatch(text) else "is no name of a chart"


def _wrong_version(text: str) -> str:
    try:
        Version.parse(text)
    except ValueError:
        return "is no version"
    return ""
