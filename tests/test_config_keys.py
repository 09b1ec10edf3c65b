"""Every key is in the example, and is shown with its origin; secrets are not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from fleetkeeper.config import Secret, Settings
from fleetkeeper.config_show import Row, as_mapping, show
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.settings.load import load
from tests.config_files import in_an_empty_folder, written

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"

__all__ = ["in_an_empty_folder"]


# ---- the example and what is shown


def test_the_example_is_sound() -> None:
    settings = load(EXAMPLE, {})
    assert settings.aws.accounts[0].name == "payments"
    assert settings.mapping.rules[0].tags == {"team": "payments", "tier": "*"}


def _keys(kind: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(table, key) of every setting below a settings class."""
    hints = get_type_hints(kind)
    for member in fields(kind):
        inner = hints[member.name]
        nested = next((t for t in (inner, *get_args(inner)) if isinstance(t, type) and is_dataclass(t)), None)
        if member.name in ("origin", "origins"):
            continue
        if nested is Secret:
            yield from ((prefix, f"{member.name}_{source}") for source in ("env", "file"))
        elif nested is not None and nested not in (Minor, Selector):
            yield from _keys(nested, f"{prefix}.{member.name}" if prefix else member.name)
        else:
            yield prefix, member.name


_SECRETS = ("engine.hooks.secret_headers", "engine.programs.secrets")
_EITHER = (
    *("assess.targets.minor", "assess.waivers.fingerprint"),
    *(f"engine.silencers.{key}" for key in ("services", "service_key", "sender")),
    *("engine.proposals.hook", "engine.proposals.channel"),
)


@pytest.mark.parametrize(("table", "key"), list(_keys(Settings)))
def test_the_example_has_every_key(table: str, key: str) -> None:
    sections = re.split(r"^(?:# )?\[+([a-z_.]+)\]+$", "[]\n" + EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    named = dict(zip(["", *sections[1::2]], sections[0::2], strict=True))
    path = f"{table}.{key}".removeprefix(".")
    # Those need what only the reader's machine has; the others exclude a key that the example shows.
    commented = "(?:# )?" if key.endswith(("_env", "_file")) or path in _EITHER or table in _SECRETS else ""
    assert path in named or re.search(rf"^{commented}{key} = ", named[table], re.MULTILINE)


def test_every_key_is_shown_with_its_origin() -> None:
    text = (
        '[store]\nurl = "postgresql://u@db/fleet"\npassword_env = "DB"\n'
        '[aws]\nregions = ["eu-west-1"]\n[aws.tags]\nteam = "pay"\n'
    )
    settings = written(text, {"DB": "s3cret", "FLEETKEEPER_OBSERVE__HELM_SECRETS": "true"})
    rows = {row.key: row for row in show(settings)}
    assert rows["store.url"] == Row("store.url", "postgresql://u@db/fleet", "fleetkeeper.toml:2")
    assert rows["store.password"] == Row("store.password", "(set, from env DB)", "env DB")
    assert rows["aws.regions"] == Row("aws.regions", "eu-west-1", "fleetkeeper.toml:5")
    assert rows["aws.tags"] == Row("aws.tags", "team=pay", "fleetkeeper.toml:7")
    assert rows["aws.organizations"] == Row("aws.organizations", "(not set)", "default")
    assert rows["observe.helm_secrets"].origin == "env FLEETKEEPER_OBSERVE__HELM_SECRETS"
    assert rows["serve.listen"] == Row("serve.listen", "127.0.0.1:8321", "default")
    assert "s3cret" not in f"{rows} {as_mapping(settings)} {settings}"


def test_settings_as_plain_values() -> None:
    plain = as_mapping(written('[[kubernetes.clusters]]\nname = "edge"\n'))
    assert isinstance(plain["kubernetes"], dict)
    assert plain["kubernetes"]["clusters"] == [
        {"name": "edge", "arn": "", "kubeconfig": "", "context": "", "proxy_url": "", "executor_context": ""}
    ]
    assert plain["compat_folders"] == []


def test_reading_settings_imports_no_vendor_library() -> None:
    code = (
        "import sys, fleetkeeper.settings.load, fleetkeeper.config_show; "
        "print([m for m in ('boto3', 'kubernetes', 'sqlmodel', 'apscheduler', 'pydantic', 'tree_sitter', 'msgspec') "
        "if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"
