"""The kinds of playbook steps: one file each, found by being here."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fleetkeeper.engine.step import Kinds, Step


@cache
def all_steps() -> Kinds:
    """Every kind of this package by its name; ValueError for a name that two classes use."""
    found: dict[str, type[Step]] = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            kind = getattr(value, "kind", "") if isinstance(value, type) else ""
            if isinstance(kind, str) and kind and found.setdefault(kind, value) is not value:
                raise ValueError(f"{kind} is the name of two kinds of steps")
    return {kind: found[kind] for kind in sorted(found)}
