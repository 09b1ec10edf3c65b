"""Which checks are wrong too often: a share of "not mine" above the limit mutes one until somebody reviews it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.notices.values import Answer, AnswerKind, ItemKey, Policy, Told


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one check since it was last unmuted: how many items were told, and how many were answered "not mine"."""

    told: int
    not_mine: int

    @property
    def share(self) -> float:
        return self.not_mine / self.told if self.told else 0.0


def rates(told: Mapping[ItemKey, Told], answers: Iterable[Answer]) -> Mapping[str, Rate]:
    """By code. An item counts once, however often it was told or answered."""
    unmuted: dict[str, datetime] = {}
    said: dict[ItemKey, datetime] = {}
    for answer in answers:
        if answer.kind is AnswerKind.UNMUTE:
            unmuted[answer.code] = answer.at
        elif answer.kind is AnswerKind.NOT_MINE:
            said.update(dict.fromkeys(answer.items, answer.at))
    counts: Counter[str] = Counter()
    denied: defaultdict[str, int] = defaultdict(int)
    for key, each in told.items():
        since = unmuted.get(each.code)
        if since is None or each.last >= since:
            counts[each.code] += 1
            denied[each.code] += key in said and (since is None or said[key] >= since)
    return {code: Rate(count, denied[code]) for code, count in counts.items() if code}


def muted(told: Mapping[ItemKey, Told], answers: Iterable[Answer], policy: Policy) -> Mapping[str, float]:
    """The share of "not mine" by code, of those checks that it mutes."""
    return {
        code: rate.share
        for code, rate in rates(told, answers).items()
        if rate.told >= policy.enough and rate.share > policy.imprecise
    }
