"""A draft as the notice that is stored: its entries, why it comes now, what follows; the same inputs, the same id."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from fleetkeeper.core.notices.drafts import Draft, Judgement
from fleetkeeper.core.notices.following import following
from fleetkeeper.core.notices.judging import Judged, rung_at
from fleetkeeper.core.notices.ladder import UNTIMED
from fleetkeeper.core.notices.news import is_told_once
from fleetkeeper.core.notices.values import Audience, Entry, ItemKey, Notice, NoticeKind, Recipient
from fleetkeeper.core.notices.view import Known, View
from fleetkeeper.core.wording import some

_NEVER = datetime.max.replace(tzinfo=UTC)
_LISTING = frozenset({NoticeKind.DIGEST, NoticeKind.DIRECT})


def notice_of(view: View, draft: Draft, judgement: Judgement) -> Notice:
    day = view.date(draft.at, draft.route.zone)
    entries = (*_news(draft), *_standing(view, draft, judgement))
    return Notice(
        id=notice_id(draft.recipient, day, draft.kind, entries),
        kind=draft.kind,
        recipient=draft.recipient,
        day=day,
        at=draft.at,
        entries=entries,
        why=_why(draft),
        why_then=draft.why_then,
        thread=draft.thread,
        following=_following(view, draft),
        is_urgent=draft.is_urgent,
    )


def _following(view: View, draft: Draft) -> str:
    """Of the nearest deadline. That a tentative one passes is no step: then it is the next one."""
    nearest, policy = draft.told[0], view.situation.policy
    rung, is_tentative = nearest.rung, nearest.known.is_tentative
    if is_tentative:
        policy = replace(policy, ladder=tuple(each for each in policy.ladder if each.days > 0))
    if is_told_once(nearest.audience, rung, draft.at < nearest.deadline, is_tentative):
        rung = replace(rung, every=0)
    return following(rung, nearest.deadline, draft.at, draft.route.zone, policy)


def notice_id(recipient: Recipient, day: date, kind: NoticeKind, entries: Iterable[Entry], subject: str = "") -> str:
    """Of whom, when, and what: the same turn twice makes the same notice."""
    told = sorted(f"{entry.item} {entry.rung}" for entry in entries if entry.news) if not subject else [subject]
    text = "\0".join((recipient.key, day.isoformat(), kind, *told))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _news(draft: Draft) -> Iterable[Entry]:
    for each in draft.told:
        yield Entry(each.item.key, each.owner, each.rung.days, each.news.text)


def _standing(view: View, draft: Draft, judgement: Judgement) -> Iterable[Entry]:
    """All else of these owners that counts: only in the message of their own channel."""
    if draft.kind not in _LISTING or all(each.audience is not Audience.CHANNEL for each in draft.told):
        return
    told = {each.item.key for each in draft.told}
    owners = frozenset(draft.recipient.owners)
    known = judgement.listed.get(draft.recipient.key, ())
    rest = [each for each in known if each.owner in owners and each.item.key not in told]
    for each in sorted(rest, key=_order):
        yield Entry(each.item.key, each.owner, _rung(view, each, draft))


def _order(known: Known) -> tuple[datetime, ItemKey]:
    return known.deadline or _NEVER, known.item.key


def _rung(view: View, known: Known, draft: Draft) -> int:
    if known.deadline is None:
        return UNTIMED
    rung = rung_at(view, known.deadline, draft.at, draft.route.zone)
    return rung.days if rung else UNTIMED


def _why(draft: Draft) -> str:
    """Why now: what the news are, what was told before it came this far, and why it comes here."""
    parts = [_counts(draft.told)]
    if draft.recipient.audience is not Audience.CHANNEL:
        parts += _history(draft.told, draft.at)
    parts += sorted({f"told here because {each.route.why}" for each in draft.told if each.route.why})
    return "; ".join(parts)


def _counts(told: Sequence[Judged]) -> str:
    counts = Counter(each.news.text for each in told)
    return some(f"{count} {text}" for text, count in counts.most_common())


def _history(told: Sequence[Judged], at: datetime) -> list[str]:
    """What the owners were told before, by the item that was told the longest."""
    levels: dict[str, tuple[str, ...]] = {}
    for each in told:
        known = each.known.record
        if known and len(known.levels) > len(levels.get(each.owner, ())):
            levels[each.owner] = known.levels
    if not levels and any(each.deadline <= at for each in told):
        return ["nobody was told before"]
    return [f"{owner} was told: {some((f'the {each}' for each in levels[owner]), 5)}" for owner in sorted(levels)[:3]]
