"""The [engine] section: the endpoints, programs and channels that playbooks may name; they reach nothing else."""

import re
from collections.abc import Mapping
from pathlib import Path

from fleetkeeper.config import EngineSettings, HookSettings, ProgramSettings, SecretText
from fleetkeeper.documents import Check, Table
from fleetkeeper.settings import checks
from fleetkeeper.settings.sources import Surroundings

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_OURS = ("content-type", "content-length", "host", "idempotency-key", "user-agent")


def read_engine(table: Table, around: Surroundings) -> EngineSettings:
    default = EngineSettings()
    hooks = tuple(_hook(inner, around) for inner in table.tables("hooks"))
    programs = tuple(_program(inner, around) for inner in table.tables("programs"))
    _note_repeated(table.tables("hooks"), [each.name for each in hooks])
    _note_repeated(table.tables("programs"), [each.name for each in programs])
    return EngineSettings(
        folder=around.path(table, "folder") or around.absolute(default.folder, False),
        hooks=hooks,
        programs=programs,
        channels=_channels(table, {each.name for each in hooks}),
    )


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
        name=table.text("name", check=_name),
        url=url,
        secret_url=secret_url,
        headers=_headers(table),
        secret_headers=_secrets(table, "secret_headers", around, _header),
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
        name=table.text("name", check=_name),
        command=command,
        folder=folder,
        environment=environment,
        secrets=_secrets(table, "secrets", around, _variable),
        timeout_minutes=table.number("timeout_minutes", default.timeout_minutes, minimum=0.1, maximum=24 * 60),
    )


def _headers(table: Table) -> Mapping[str, str]:
    headers = table.mapping("headers", {})
    for name in headers:
        if wrong := _header(name):
            table.mistake("headers", f"{name} {wrong}")
        elif name.lower() in ("authorization", "proxy-authorization", "cookie"):
            table.mistake("headers", f"{name} is a secret", "put it into [[engine.hooks.secret_headers]]")
    return headers


def _secrets(table: Table, key: str, around: Surroundings, check: Check[str]) -> tuple[SecretText, ...]:
    """Tables of a name, and value_env or value_file."""
    found = []
    for inner in table.tables(key):
        value = around.secret(inner, "value")
        if value is None and not (inner.has("value_env") or inner.has("value_file")):
            inner.mistake("", "has no value", "set value_env or value_file")
        found.append(SecretText(inner.text("name", check=check), value))
    _note_repeated(table.tables(key), [each.name for each in found])
    return tuple(found)


def _channels(table: Table, hooks: set[str]) -> Mapping[str, str]:
    channels = table.mapping("channels", {})
    for name, hook in channels.items():
        if hook not in hooks:
            table.mistake("channels", f"{name} goes to {hook}, which is no entry of engine.hooks")
    return channels


def _note_repeated(tables: tuple[Table, ...], names: list[str]) -> None:
    for position, (table, name) in enumerate(zip(tables, names, strict=True)):
        if name and name in names[:position]:
            table.mistake("name", f"{name} is listed twice")


def _name(text: str) -> str:
    return "" if _NAME.fullmatch(text) else "must be lower-case letters, digits, dots, dashes and underscores"


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        return "is no name of an HTTP header"
    return "is set by fleetkeeper itself" if name.lower() in _OURS else ""


def _variable(name: str) -> str:
    if wrong := checks.variable_name(name):
        return wrong
    return "is set by fleetkeeper itself" if name.startswith("FLEETKEEPER_") else ""
