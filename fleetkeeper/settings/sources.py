"""Where settings come from besides the TOML itself: environment variables, secret files, paths beside the file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetkeeper.config import Secret
from fleetkeeper.documents import Table
from fleetkeeper.settings import checks

_PREFIX = "FLEETKEEPER_"
# Read by `secret`, never laid over keys.
_SECRETS = (
    "FLEETKEEPER_STORE__PASSWORD",
    "FLEETKEEPER_AWS__EXTERNAL_ID",
    "FLEETKEEPER_APPROVALS__SIGNING_KEY",
    "FLEETKEEPER_SLACK__BOT_TOKEN",
    "FLEETKEEPER_SLACK__APP_TOKEN",
    "FLEETKEEPER_SLACK__SIGNING_SECRET",
    "FLEETKEEPER_PAGERDUTY__ROUTING_KEY",
)


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The path given, $FLEETKEEPER_CONFIG, ./fleetkeeper.toml or XDG's place; only the last two may be absent."""
    if path is not None:
        return path
    if named := environ.get("FLEETKEEPER_CONFIG"):
        return Path(named)
    home = environ.get("XDG_CONFIG_HOME") or (environ["HOME"] + "/.config" if environ.get("HOME") else "")
    candidates = [Path("fleetkeeper.toml"), *([Path(home, "fleetkeeper", "config.toml")] if home else [])]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def lay_environment_over(root: Table, environ: Mapping[str, str]) -> None:
    """FLEETKEEPER_STORE__URL overrides store.url; names without a double underscore are not settings."""
    for name in sorted(environ):
        rest = name.removeprefix(_PREFIX)
        if rest != name and "__" in rest and name not in _SECRETS:
            root.override(tuple(rest.lower().split("__")), environ[name], name)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a settings file leans on: the environment, and the folder that its relative paths start from."""

    environ: Mapping[str, str]
    folder: Path

    def path(self, table: Table, key: str) -> str:
        """A path, "" when not set; relative to the file that holds it, or to the working folder from a variable."""
        text = table.text(key, "")
        return self.absolute(text, table.from_environment(key)) if text else ""

    def absolute(self, text: str, from_environment: bool) -> str:
        if text.startswith("~/") and self.environ.get("HOME"):
            return str(Path(self.environ["HOME"], text[2:]))
        return text if from_environment else str(self.folder / text)

    def secret(self, table: Table, key: str, variable: str = "") -> Secret | None:
        """A secret from `variable`, from the variable that <key>_env names, or from the file <key>_file.

        No message repeats anything that was written in place of a name: it may be the secret itself.
        """
        name = table.text(f"{key}_env", "", check=checks.variable_name)
        file = self.path(table, f"{key}_file")
        if table.has(key):
            direct = f", or {variable} in the environment" if variable else ""
            table.mistake(key, "must not be in this file", f'set {key}_env = "NAME" or {key}_file = "path"{direct}')
        if name and file:
            table.mistake(f"{key}_file", f"contradicts {key}_env", "keep one of them")
        if variable and self.environ.get(variable):
            return Secret(self.environ[variable], f"env {variable}")
        if name and self.environ.get(name):
            return Secret(self.environ[name], f"env {name}")
        if name and not checks.variable_name(name):
            table.mistake(f"{key}_env", "names an environment variable that is not set")
        return _secret_in_file(table, f"{key}_file", file) if file else None

    def url(self, table: Table, key: str, variable: str) -> str:
        """An http(s) URL; one with a password may only come from the environment, for which `variable` is named."""
        text = table.text(key, "", check=checks.http_url)
        if checks.holds_password(text) and not table.from_environment(key):
            table.mistake(key, "must not hold a password in this file", f"set {variable} in the environment")
        return text


def _secret_in_file(table: Table, key: str, file: str) -> Secret | None:
    try:
        value = Path(file).read_text("utf-8").strip("\r\n")
    except OSError as error:
        table.mistake(key, f"cannot be read: {error.strerror}")
        return None
    except UnicodeDecodeError:
        table.mistake(key, "is not UTF-8 text")
        return None
    if not value.strip():
        table.mistake(key, "names a file that is empty")
    elif re.search(r"[\r\n]", value):
        table.mistake(key, "names a file of more than one line")
    return Secret(value, f"file {file}")
