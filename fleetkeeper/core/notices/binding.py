"""What granted extensions bind while they last: the cluster waits in the wave, or goes on with the finding waived."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import end_of
from fleetkeeper.core.notices.keys import cluster_of
from fleetkeeper.core.notices.values import Answer, AnswerKind, ItemKey, Mode
from fleetkeeper.core.run import Freeze
from fleetkeeper.core.selector import Selector, Term
from fleetkeeper.core.waivers import Waiver
from fleetkeeper.core.wording import some

FREEZE = "extension-"
"""How the ids of freezes begin that an extension made."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An EXTEND that somebody else granted, in the policy's zone. until: its last day; ends: the end of it."""

    asked: Answer
    granted: Answer
    zone: ZoneInfo

    @property
    def until(self) -> date:
        """What was granted, else what was asked for."""
        return self.granted.until or self.asked.until or self.asked.at.date()

    @property
    def ends(self) -> datetime:
        return end_of(self.until, self.zone)

    @property
    def mode(self) -> Mode:
        return self.asked.mode

    def lasts(self, now: datetime) -> bool:
        return now < self.ends


@dataclass(frozen=True, slots=True)
class Held:
    """An item as a freeze names it: what is to be mended (`FK401 PodDisruptionBudget shop/web`), and whose it is."""

    what: str
    owner: str


def extensions(answers: Iterable[Answer], zone: ZoneInfo) -> tuple[Extension, ...]:
    """Every EXTEND whose first decision granted it, and that nobody denied since; nobody grants their own.

    answers: only those whose signature holds.
    """
    asked: dict[str, Answer] = {}
    granted: dict[str, Answer] = {}
    denied: set[str] = set()
    for each in sorted(answers, key=lambda answer: answer.at):
        if each.kind is AnswerKind.EXTEND and each.until:
            asked[each.id] = each
        elif each.kind is AnswerKind.DENY:
            denied.add(each.of)
        elif each.kind is AnswerKind.GRANT and each.of in asked and each.person != asked[each.of].person:
            granted.setdefault(each.of, each)
    return tuple(Extension(asked[id], grant, zone) for id, grant in granted.items() if id not in denied)


def waivers_of(extensions: Iterable[Extension], now: datetime) -> Mapping[str, tuple[Waiver, ...]]:
    """The waivers of those that let the wave proceed and last, by the fingerprint that they are about."""
    found: dict[str, tuple[Waiver, ...]] = {}
    for each in extensions:
        if each.mode is Mode.PROCEED and each.lasts(now):
            for item in each.asked.items:
                found[item.fingerprint] = (*found.get(item.fingerprint, ()), _waiver(each, item))
    return found


def _waiver(extension: Extension, item: ItemKey) -> Waiver:
    asked, granted = extension.asked, extension.granted
    return Waiver(
        reason=asked.reason or f"an extension that {asked.person} asked for",
        approver=granted.person,
        expires=extension.ends.date() + timedelta(days=1),
        fingerprint=item.fingerprint,
        clusters=_selector(cluster_of(item.cluster).arn),
        origin=f"extension {asked.id}",
    )


def freezes_of(extensions: Iterable[Extension], open: Mapping[ItemKey, Held], now: datetime) -> tuple[Freeze, ...]:
    """One freeze for each cluster that an extension holds, while it lasts and something of it is not mended yet.

    open: the items that still count.
    """
    return tuple(
        freeze for each in extensions if each.mode is Mode.HOLD and each.lasts(now) for freeze in _freezes(each, open)
    )


def _freezes(extension: Extension, open: Mapping[ItemKey, Held]) -> Iterator[Freeze]:
    asked, granted = extension.asked, extension.granted
    clusters = sorted({each.cluster for each in asked.items})
    for cluster in clusters:
        left = [open[each] for each in asked.items if each.cluster == cluster and each in open]
        if left:
            arn = cluster_of(cluster).arn
            id = freeze_id(asked.id, cluster if len(clusters) > 1 else "")
            yield Freeze(id, _reason(left, asked), granted.person, granted.at, str(_selector(arn)), extension.ends)


def freeze_id(extension: str, cluster: str = "") -> str:
    """cluster: its key, where the extension is about several."""
    apart = f"-{hashlib.blake2b(cluster.encode(), digest_size=3).hexdigest()}" if cluster else ""
    return f"{FREEZE}{extension}{apart}"


def over(standing: Iterable[Freeze], wanted: Collection[str]) -> tuple[str, ...]:
    """The ids of an extension's freezes that stand, and that nothing wants any more."""
    return tuple(each.id for each in standing if each.id.startswith(FREEZE) and each.id not in wanted)


def _reason(left: Sequence[Held], asked: Answer) -> str:
    owners = some(sorted({each.owner for each in left if each.owner})) or asked.person
    why = f": {asked.reason}" if asked.reason else ""
    return f"{owners} may take longer to fix {some(each.what for each in left)} (asked for by {asked.person}{why})"


def _selector(arn: str) -> Selector:
    """That cluster alone: an ARN is no pattern."""
    literal = "".join(f"[{each}]" if each in "*?[" else each for each in arn)
    return Selector((Term("arn", literal, True),))
