"""YAML as Helm reads it, for what is compared, renamed or sent to the API server: not quite what Python's reader takes.

Python's reads 12:30 as 750, 2026-11-21 as a date, and fails on a bare =, which CRDs of Prometheus have in enums. Go's
(https://github.com/kubernetes-sigs/yaml, read 2026-11-21) takes all three as texts.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_REPLACED = {f"{_TAG}{name}" for name in ("int", "float", "timestamp", "value")}
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_DIGITS = list("-+0123456789")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # whichever there is
    """Safe, and with Go's notion of numbers."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag not in _REPLACED]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, [*_DIGITS, "."])
_Loader.add_implicit_resolver(f"{_TAG}int", _INT, _DIGITS)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # likewise
    """Quotes whatever some reader might take for something else than a text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # Go's reader knows them; people read better without
        return True


def load(text: str | bytes) -> Any:
    """One document; yaml.YAMLError, ValueError or RecursionError for what is none."""
    return yaml.load(text, Loader=_Loader)


def load_all(text: str | bytes) -> Iterator[Any]:
    return yaml.load_all(text, Loader=_Loader)


def dump(value: Any, *, in_order: bool = False) -> str:
    """in_order: keys as they stand, else sorted."""
    made: str = yaml.dump(value, Dumper=_Dumper, sort_keys=not in_order, default_flow_style=False)
    return made
