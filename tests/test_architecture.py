"""The dependency rule: core ← engine ← adapters ← wiring ← cli and daemon; vendors in adapters; sim stands beside."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fleetkeeper"

FOUNDATION = {"errors", "documents", "toml_source", "data", "values", "bounded_server"}
"""Modules that any layer may use: the error tree, the loader of TOML, canonical JSON, where shipped data lies, and the
server that both the daemon and Slack's adapter listen with."""

LAYERS: dict[str, set[str]] = {
    "core": {"core"},
    "engine": {"core", "engine"},
    "settings": {"core", "config", "settings"},
    "config": {"core", "config", "settings"},
    "config_show": {"core", "config", "settings"},
    "logs": {"core"},
    "adapters": {"core", "engine", "config", "adapters"},
    "keeper": {"core", "engine"},
    "metrics": {"engine", "core"},
    "onboarding": {"core", "config"},
    "wiring": {"core", "engine", "adapters", "config", "keeper", "logs", "clock", "wiring_notices"},
    "wiring_notices": {"core", "engine", "adapters", "config", "keeper", "settings"},
    "scanner": {"core", "adapters"},
    "daemon": {"core", "engine", "config", "keeper", "metrics", "wiring", "daemon_notices"},
    "daemon_notices": {"core", "engine", "keeper", "metrics"},
    "sim": {"core", "engine", "sim"},
    "rehearsal": {"core", "engine", "adapters", "config", "keeper", "sim", "rehearsal"},
    "cli": {
        "settings",
        "clock",
        "core",
        "engine",
        "config",
        "config_show",
        "keeper",
        "wiring",
        "wiring_notices",
        "scanner",
        "daemon",
        "daemon_notices",
        "metrics",
        "onboarding",
        "cli",
        "sim",
        "rehearsal",
    },
}
"""What each part of the package may import of the others, besides FOUNDATION."""

SIMULATES = {"sim", "rehearsal"}
SIM_USERS = {
    "cli/demo.py",
    "cli/demo_check.py",
    "cli/demo_notices.py",
    "cli/demo_rotation.py",
    "cli/demo_run.py",
    "cli/demo_wave.py",
}

VENDORS = {
    "boto3": {"adapters"},
    "botocore": {"adapters", "sim"},
    "icalendar": {"adapters"},
    "isal": {"adapters"},
    "joserfc": {"adapters"},
    "recurring_ical_events": {"adapters"},
    "kubernetes": {"adapters"},
    "urllib3": {"adapters"},
    "slack_sdk": {"adapters"},
    "sqlmodel": {"adapters"},
    "sqlalchemy": {"adapters"},
    "alembic": {"adapters"},
    "psycopg": {"adapters"},
    "tenacity": {"adapters"},
    "msgspec": {"adapters", "sim", "values"},
    "apscheduler": {"daemon"},
    "prometheus_client": {"metrics"},
    "moto": {"sim"},
    "flask": {"sim"},
    "werkzeug": {"sim"},
    "starlette": {"sim"},
    "uvicorn": {"sim"},
    "cryptography": {"sim", "adapters"},
    "yaml": {"adapters", "sim", "cli"},
    "tree_sitter": {"toml_source"},
    "tree_sitter_toml": {"toml_source"},
    "typer": {"cli"},
    "rich": {"cli"},
    "semver": {"core/versions.py"},
    "structlog": {
        "engine",
        "adapters",
        "bounded_server",
        "daemon",
        "daemon_notices",
        "logs",
        "metrics",
        "wiring",
        "wiring_notices",
    },
}
"""Where each library may be imported; one that is not listed may be imported nowhere."""

IMPURE = {
    "os",
    "socket",
    "subprocess",
    "pathlib",
    "shutil",
    "tempfile",
    "time",
    "random",
    "threading",
    "http",
    "urllib",
    "logging",
}
"""Standard modules that core may not import: the clock, the disk, the network, chance."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            base = node.module or ""
            for alias in node.names:
                inner = PACKAGE.parent / base.replace(".", "/") / alias.name
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                yield node.lineno, f"{base}.{alias.name}" if is_module else base


def part(path: Path) -> str:
    """The first component below the package: a folder, or a module's name."""
    inside = path.relative_to(PACKAGE).parts
    return inside[0].removesuffix(".py")


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    here = part(path)
    if here in {"__init__", "__main__"}:
        return
    allowed = LAYERS.get(here, set()) | FOUNDATION | {here}
    wrong = []
    for line, module in imports(path):
        root, _, rest = module.partition(".")
        if root != "fleetkeeper" or not rest:
            continue
        target = rest.split(".")[0]
        if target not in allowed or (target == "sim" and here not in SIMULATES and name(path) not in SIM_USERS):
            wrong.append(f"{name(path)}:{line} imports {module}")
    assert not wrong


@pytest.mark.parametrize("path", modules(), ids=name)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    wrong = []
    for line, module in imports(path):
        root = module.split(".")[0]
        if root == "fleetkeeper" or root in sys.stdlib_module_names:
            continue
        places = VENDORS.get(root, set())
        if part(path) not in places and name(path) not in places:
            wrong.append(f"{name(path)}:{line} imports {module}")
    assert not wrong


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=name)
def test_core_is_pure(path: Path) -> None:
    wrong = [f"{name(path)}:{line} imports {m}" for line, m in imports(path) if m.split(".")[0] in IMPURE]
    text = path.read_text(encoding="utf-8")
    wrong += [f"{name(path)}: {call}" for call in (".now(", ".today(", ".utcnow(", "open(") if call in text]
    assert not wrong


def test_every_module_opens_with_one_sentence_that_says_what_it_is_for() -> None:
    silent = [name(p) for p in modules() if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert not silent


def test_the_alembic_folder_does_not_shadow_the_alembic_package() -> None:
    assert not list((ROOT / "alembic").rglob("__init__.py"))
