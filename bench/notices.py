"""The notice policy over 50,000 findings of 5,000 owners: a fleet's first day, and a steady day of its second month.
Then delivery at Slack's limits (_notices_delivery.py).

One turn decides for all of them. On the first day nothing was told yet (once with the cap, once without); on the steady
day everything was told before, each owner has digests of five weeks, one item in twenty was answered, and one in fifty
was mended. Owners live in twelve time zones.
"""

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _notices_delivery import delivery
from common import MIB, Figure, machine, main

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Deadline,
    Delivery,
    Item,
    ItemKey,
    Policy,
    Sent,
    Situation,
    Turn,
)
from fleetkeeper.core.owners import About, Directory, Hit, Owned, Resolver, Rule, Source, Team

OWNERS, ITEMS = 5_000, 50_000
QUICK_OWNERS, QUICK_ITEMS = 500, 5_000
CLUSTERS = 1_000
GOAL = 10.0  # seconds of CPU
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Madrid", "Europe/Warsaw", "Europe/Athens", "UTC"),
    *("America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney"),
)
POLICY = Policy(live=("*",), oncall_channel="C0ONCALL", pager="pagerduty")


def measure(quick: bool) -> list[Figure]:
    owners, count = (QUICK_OWNERS, QUICK_ITEMS) if quick else (OWNERS, ITEMS)
    first = Situation(AT, POLICY, tuple(_item(number, owners) for number in range(count)), teams=_teams(owners))
    size = f"{owners} owners, {count} findings"
    figures = [_resolved(owners, count)]
    for name, situation in (
        ("first day, 20 messages at most", first),
        ("first day, without a cap", replace(first, policy=replace(POLICY, first_day=count))),
        ("steady day", steady(first)),
    ):
        cpu, turn = timed(situation)
        figures.append(Figure(f"one turn, {name}: CPU", cpu, "s", GOAL, "lower", f"{size}; {_told(turn)}"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    figures.append(
        Figure("memory at its peak", peak / MIB, "MiB", None, "lower", "three fleets of this size and turns")
    )
    return [*figures, *delivery(quick), machine()]


def _resolved(owners: int, count: int) -> Figure:
    """Each object named by a label of its namespace, past rules, a catalog and other places that name nobody."""
    rules = tuple(Rule(f"team-{each:04}", "ring=none", f"gone-{each}") for each in range(50))
    resolver = Resolver(Directory(_teams(owners), rules, fallback="platform"))
    clusters = [{"name": f"c{number:04}", "ring": "eu"} for number in range(CLUSTERS)]
    found = [_about(number, owners, clusters[number * CLUSTERS // count]) for number in range(count)]
    begun = time.process_time()
    unowned = sum(resolver.resolve(each).is_unowned for each in found)
    cpu = time.process_time() - begun
    beside = f"{count} objects, {len(rules)} rules, {unowned} unowned"
    return Figure("who owns what: CPU", cpu, "s", GOAL, "lower", beside)


def _about(number: int, owners: int, cluster: Mapping[str, str]) -> About:
    owner = f"team-{number % owners:04}"
    keys = {Source.OBJECT: {"app.kubernetes.io/name": f"w{number}"}, Source.NAMESPACE: {"team": owner}}
    subject = Subject("Deployment", f"w{number}", owner)
    return About(subject, cluster, keys, {Source.NAMESPACE: f"Namespace {owner}"})


def timed(situation: Situation) -> tuple[float, Turn]:
    begun = time.process_time()
    turn = decide(situation)
    return time.process_time() - begun, turn


def _told(turn: Turn) -> str:
    people = {notice.recipient.key for notice in turn.notices}
    return f"{len(turn.notices)} notices to {len(people)}, {len(turn.later)} later, {len(turn.silences)} items silent"


def steady(first: Situation) -> Situation:
    """The fleet as it is when it was told of everything over five weeks, a turn each week."""
    now = AT
    situation = replace(first, policy=replace(POLICY, first_day=len(first.items)), first_live=AT)
    for week in range(5):
        turn = decide(situation)
        sent = tuple(Sent(notice, Delivery.SENT, now) for notice in turn.notices)
        told = dict(situation.told) | {each.key: each for each in turn.told}
        now = AT + 7 * (week + 1) * DAY
        situation = replace(situation, now=now, told=told, sent=situation.sent + sent)
    items = tuple(_mended(item, now) if number % 50 == 0 else item for number, item in enumerate(situation.items))
    answers = tuple(_ack(item, now) for item in items[7::20])
    return replace(situation, items=items, answers=answers)


def _item(number: int, owners: int) -> Item:
    """Ten to an owner; one in three is advisory, deadlines are spread over half a year."""
    owner, cluster = f"team-{number % owners:04}", f"c{number % CLUSTERS:04}"
    finding = Finding(
        f"FK3{number % 40:02}",
        Severity.BLOCKER,
        Subject("Deployment", f"w{number}", owner),
        "it stands in the way",
        "mend",
    )
    tracked = Tracked(finding, State.OPEN, AT - 3 * DAY, AT, AT - 3 * DAY)
    id = ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/{cluster}", AT - 300 * DAY)
    return Item(
        key=ItemKey(f"{id.arn} {id.created_at.isoformat()}", finding.fingerprint),
        cluster_id=id,
        cluster=cluster,
        environment="production",
        tracked=tracked,
        owned=Owned(owner, Hit(Source.NAMESPACE, owner, "a label of its namespace", team=owner)),
        campaign="1.34",
        deadline=Deadline(AT + (5 + number % CLUSTERS % 180) * DAY, "wave eu begins", "the cluster is left out"),
        must=number % 3 > 0,
    )


def _teams(owners: int) -> dict[str, Team]:
    names = [f"team-{number:04}" for number in range(owners)]
    return {
        name: Team(
            name,
            (),
            f"C0{name}",
            f"lead-{number // 2}@example.com",
            f"manager-{number // 20}@example.com",
            (),
            ZONES[number % len(ZONES)],
        )
        for number, name in enumerate(names)
    } | {"platform": Team("platform", channel="C0PLATFORM")}


def _mended(item: Item, at: datetime) -> Item:
    return replace(item, tracked=replace(item.tracked, state=State.RESOLVED, since=at - timedelta(hours=1)))


def _ack(item: Item, at: datetime) -> Answer:
    until = (at + 9 * DAY).date()
    return Answer(item.key.fingerprint, AnswerKind.ACK, (item.key,), "ada@example.com", "slack", at - DAY, until)


if __name__ == "__main__":
    main(measure)
