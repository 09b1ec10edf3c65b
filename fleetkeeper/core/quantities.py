"""Resource quantities of Kubernetes as whole numbers, rounded up as its API does (apimachinery, resource, 1.36)."""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d{1,3}|[numkMGTPE]?|[KMGTPE]i)", re.ASCII)
_FACTORS = {letter: Decimal(1000) ** power for power, letter in enumerate("num", -3)}
_FACTORS |= {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
_FACTORS |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
_ONE = Decimal(1)


@lru_cache(maxsize=4096)
def whole(text: str | float) -> int:
    """Bytes, or a count. ValueError for a text that is no quantity."""
    return _rounded(_number(text))


@lru_cache(maxsize=4096)
def millis(text: str | float) -> int:
    """Thousandths, as of CPUs. ValueError for a text that is no quantity."""
    return _rounded(_number(text) * 1000)


def _number(text: str | float) -> Decimal:
    found = _QUANTITY.fullmatch(str(text))
    if found is None:
        raise ValueError(f"{str(text)[:40]!r} is no quantity")
    number, suffix = found.groups()
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        return Decimal(number + suffix)
    return Decimal(number) * _FACTORS.get(suffix, _ONE)


def _rounded(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))
