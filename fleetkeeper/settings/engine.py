"""The [engine] section: the endpoints, programs and channels that playbooks may name; they reach nothing else."""

from collections.abc import Mapping
from pathlib import Path

from fleetkeeper.config import EngineSettings, HookSettings, ProgramSettings, SecretText
from fleetkeeper.core.hosting import NOWHERE
from fleetkeeper.documents import Check, Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.changing import read_direct, read_proposals
from fleetkeeper.settings.charts import read_charts
from fleetkeeper.settings.entries import entry_name, header, note_repeated, plain_headers
from fleetkeeper.settings.outside import read_calendars, read_freezes, read_prometheus
from fleetkeeper.settings.services import read_services
from fleetkeeper.settings.silencers import read_silencers
from fleetkeeper.settings.smoke import read_smoke
from fleetkeeper.settings.sources import Surroundings


def read_engine(table: Table, around: Surroundings) -> EngineSettings:
    default = EngineSettings()
    hooks = tuple(_hook(inner, around) for inner in table.tables("hooks"))
    programs = tuple(_program(inner, around) for inner in table.tables("programs"))
    note_repeated(table.tables("hooks"), [each.name for each in hooks])
    note_repeated(table.tables("programs"), [each.name for each in programs])
    named = {each.name for each in hooks}
    channels = _channels(table, named)
    return EngineSettings(
        folder=around.path(table, "folder") or around.absolute(default.folder, False),
        hooks=hooks,
        programs=programs,
        channels=channels,
        own_cluster=table.text("own_cluster", "", check=_own_cluster),
        services=read_services(table.tables("services")),
        prometheus=read_prometheus(table, around),
        calendars=read_calendars(table, around),
        freezes=read_freezes(table),
        silencers=read_silencers(table, around),
        charts=read_charts(table, around),
        helm=_program_path(table, default.helm),
        smoke=read_smoke(table),
        direct=read_direct(table),
        proposals=read_proposals(table, named, {each.name for each in programs}, channels),
    )


def _own_cluster(text: str) -> str:
    return "" if text == NOWHERE else checks.cluster_arn(text)


def _program_path(table: Table, default: str) -> str:
    text = table.text("helm", default)
    if "/" in text and not text.startswith("/"):
        table.mistake("helm", "must be an absolute path, or a name that is found on PATH")
    return text


def _hook(table: Table, around: Surroundings) -> HookSettings:
    default = HookSettings("")
    url = table.text("url", "", check=checks.http_url)
    secret_url = around.secret(table, "secret_url")
    if bool(url) == (secret_url is not None):
        table.mistake("url", "must be set, or secret_url_env or secret_url_file for one that is a secret; not both")
    if checks.holds_password(url):
        table.mistake("url", "must not hold a password", "set secret_url_env or secret_url_file")
    if secret_url is not None and checks.http_url(secret_url.value):
        table.mistake("", "its secret URL is no http(s) URL")
    ca_bundle = around.path(table, "ca_bundle")
    if ca_bundle and not Path(ca_bundle).is_file():
        table.mistake("ca_bundle", "names a file that does not exist")
    return HookSettings(
        name=table.text("name", check=entry_name),
        url=url,
        secret_url=secret_url,
        headers=plain_headers(table, "put it into [[engine.hooks.secret_headers]]"),
        secret_headers=_secrets(table, "secret_headers", around, header),
        timeout_seconds=table.number("timeout_seconds", default.timeout_seconds, minimum=1, maximum=300),
        ca_bundle=ca_bundle,
    )


def _program(table: Table, around: Surroundings) -> ProgramSettings:
    default = ProgramSettings("", (), "")
    command = table.texts("command")
    if command and command[0] and not command[0].startswith("/"):
        table.mistake("command", "must begin with the absolute path of a program", item=0)
    folder = around.path(table, "folder") or around.absolute("", False)
    if not Path(folder).is_dir():
        table.mistake("folder", "names a folder that does not exist")
    environment = table.mapping("environment", {})
    for name in environment:
        if wrong := _variable(name):
            table.mistake("environment", f"{name} {wrong}")
    return ProgramSettings(
        name=table.text("name", check=entry_name),
        command=command,
        folder=folder,
        environment=environment,
        secrets=_secrets(table, "secrets", around, _variable),
        timeout_minutes=table.number("timeout_minutes", default.timeout_minutes, minimum=0.1, maximum=24 * 60),
    )


def _secrets(table: Table, key: str, around: Surroundings, check: Check[str]) -> tuple[SecretText, ...]:
    """Tables of a name, and value_env or value_file."""
    found = []
    for inner in table.tables(key):
        value = around.secret(inner, "value")
        if value is None and not (inner.has("value_env") or inner.has("value_file")):
            inner.mistake("", "has no value", "set value_env or value_file")
        found.append(SecretText(inner.text("name", check=check), value))
    note_repeated(table.tables(key), [each.name for each in found])
    return tuple(found)


def _channels(table: Table, hooks: set[str]) -> Mapping[str, str]:
    channels = table.mapping("channels", {})
    for name, hook in channels.items():
        if hook not in hooks:
            table.mistake("channels", f"{name} goes to {hook}, which is no entry of engine.hooks")
    return channels


def _variable(name: str) -> str:
    if wrong := checks.variable_name(name):
        return wrong
    return "is set by fleetkeeper itself" if name.startswith("FLEETKEEPER_") else ""
