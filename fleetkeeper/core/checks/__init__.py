"""The checks: one file each, found by itself. A check looks at a snapshot and one hop, and says what stands in its way.

A check is silent when all is fine. The parts that it needs are looked at before it runs: what was not seen is told as
unknown (see core/assess.py), so a check may take every part that it needs as seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.snapshot import Hop, Snapshot

Look = Callable[[Snapshot, Hop, Compat], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check with what its reader has to know. rule is the first line of its module's docstring, after the code.

    needs are the parts without which it cannot judge. critical: what it cannot judge could take a cluster down, so
    unknown blocks. each_hop: its answer hangs on the hop; else it is asked once, for the first one.
    """

    code: str
    title: str
    needs: tuple[str, ...]
    critical: bool
    each_hop: bool
    look: Look
    rule: str


def check(
    code: str, title: str, *, needs: tuple[str, ...], critical: bool = False, each_hop: bool = True
) -> Callable[[Look], Check]:
    """Make a check of a generator of findings. Its module's docstring begins with `FKnnn: ` and the rule."""

    def made(look: Look) -> Check:
        document = import_module(look.__module__).__doc__ or ""
        return Check(code, title, needs, critical, each_hop, look, document.removeprefix(f"{code}: ").strip())

    return made


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check of this package, by code; ValueError for a code that two files use."""
    found: dict[str, Check] = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Check) and found.setdefault(value.code, value) is not value:
                raise ValueError(f"{value.code} is used by two checks")
    return tuple(found[code] for code in sorted(found))


def check_of(code: str) -> Check | None:
    return next((each for each in all_checks() if each.code == code), None)
