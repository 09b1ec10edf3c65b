"""What is asked of an owner: items that are mended alike are one ask, so that nobody reads 200 lines."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from fleetkeeper.core.notices.values import Ask, Item

_NEVER = datetime.max.replace(tzinfo=UTC)


def asks_of(items: Iterable[Item]) -> tuple[Ask, ...]:
    """The asks of these items: compulsory ones first, then by deadline, then those with the most items."""
    groups: dict[tuple[str, str, str, str], list[Item]] = {}
    for item in items:
        finding = item.tracked.finding
        groups.setdefault((item.owned.owner, item.campaign, finding.code, finding.key), []).append(item)
    asks = [
        Ask(ask_id(*key), key[0], key[1], key[2], tuple(sorted(some, key=lambda each: each.key)))
        for key, some in groups.items()
    ]
    return tuple(sorted(asks, key=_order))


def ask_id(owner: str, campaign: str, code: str, key: str) -> str:
    text = "\0".join((owner, campaign, code, key))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _order(ask: Ask) -> tuple[bool, datetime, int, str]:
    deadline = ask.deadline
    return not any(each.must for each in ask.items), deadline.at if deadline else _NEVER, -len(ask.items), ask.id
