"""Pages of a list, with opaque tokens that name the last item, so that pages stay right while the world changes."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

from fleetkeeper.sim.aws.call import Violation

T = TypeVar("T")

_MARK = "fk1:"


class BadToken(ValueError):
    """The caller's token was not made here."""


def page(items: Iterable[T], key: Callable[[T], str], token: str | None, size: int) -> tuple[list[T], str | None]:
    """The page of size items after the token, in the order of their keys, and the token of the next page or None.

    Violation when a key comes twice: the world is wrong then.
    """
    ordered = sorted(items, key=key)
    keys = [key(item) for item in ordered]
    twins = [a for a, b in pairwise(keys) if a == b]
    if twins:
        raise Violation(f"two resources of one account and region are called {twins[0]!r}: pages would lose one")
    start = bisect_right(keys, _decode(token)) if token else 0
    chosen = ordered[start : start + size]
    more = start + size < len(ordered)
    return chosen, _encode(keys[start + size - 1]) if more else None


def _encode(last: str) -> str:
    return base64.urlsafe_b64encode((_MARK + last).encode()).decode()


def _decode(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError) as error:
        raise BadToken(token) from error
    if not text.startswith(_MARK):
        raise BadToken(token)
    return text.removeprefix(_MARK)
