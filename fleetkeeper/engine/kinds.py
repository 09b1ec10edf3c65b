"""Finds the kinds of steps or gates of a package: every class with a `kind`, in a module that is there."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from fleetkeeper.engine.step import Kinds, Step


def kinds_of(package: ModuleType) -> Kinds:
    """Kind → class, by name; ValueError for a name that two classes use."""
    found: dict[str, type[Step]] = {}
    for module in iter_modules(package.__path__):
        for value in vars(import_module(f"{package.__name__}.{module.name}")).values():
            kind = getattr(value, "kind", "") if isinstance(value, type) else ""
            if isinstance(kind, str) and kind and found.setdefault(kind, value) is not value:
                raise ValueError(f"{kind} is the name of two kinds")
    return {kind: found[kind] for kind in sorted(found)}
