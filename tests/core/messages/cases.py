"""Every kind of message and the awkward cases, by the name of its golden file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, Severity
from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.usual import Usual
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Deadline,
    Item,
    ItemKey,
    Mode,
    Notice,
    NoticeKind,
    Phase,
    Standing,
    Via,
)
from fleetkeeper.core.run import Cause, Control, Event, Role, RunState, Task, TaskKey, TaskState, Why
from tests.core import test_run_page as runs
from tests.core.messages.told import (
    NOW,
    SUPPORT,
    WAVE,
    advice,
    api,
    budget,
    caller,
    context,
    done,
    in_git,
    item,
    notice,
    to,
    told,
)

Case = tuple[Notice, Context]
LEAD = to(Audience.LEAD, "ada@example.com")
ONCALL = to(Audience.FLEET, "C0ONCALL")
PAGER = to(Audience.PAGER, "pagerduty", via=Via.PAGERDUTY)


def some() -> tuple[Item, ...]:
    """Three kinds of things in two clusters, and two that are only good to know."""
    apis = [
        item(api(name), cluster) for name in ("checkout", "refunds", "webhooks") for cluster in ("prod-eu", "prod-us")
    ]
    aside = [item(advice(name), must=False, deadline=None) for name in ("cart", "one")]
    return (*apis, item(budget()), item(caller()), *aside)


def _plain(items: tuple[Item, ...], kind: NoticeKind = NoticeKind.DIGEST, **other: object) -> Case:
    return notice(items, kind, **other), context(items)


def _many() -> Case:
    return _plain(
        tuple(item(api(f"shop-{number}", f"team-{number % 7}"), f"prod-{number % 12}") for number in range(200))
    )


def _kinds() -> Case:
    """Nine different things: five in full."""
    codes = [replace(budget(f"ledger-{n}"), code=f"FK4{n:02}", key=f"{n}") for n in range(1, 10)]
    return _plain(
        tuple(item(each, deadline=replace(WAVE, at=WAVE.at + timedelta(days=n))) for n, each in enumerate(codes))
    )


def _usual() -> Case:
    """Of one check it is known how long its fixes take; of the others too few were fixed."""
    found, known = _plain(some())
    return found, replace(known, usual={"FK401": Usual(6, 11)})


def _support() -> Case:
    """A cluster of one's own, at the end of its standard support."""
    finding = Finding(
        "FK101",
        Severity.WARNING,
        CLUSTER,
        "1.34 is 1 minor behind 1.35, which its policy asks for by 2026-12-02 (standard support ends)",
        "upgrade to 1.35",
        breaks=Breaks.AT_DATE,
    )
    return _plain((item(finding, "payments-eu", deadline=SUPPORT), item(finding, "payments-us", deadline=SUPPORT)))


def _in_git() -> Case:
    """One thing in one folder, one in a folder for each cluster, and one of which a part is not known to be in Git."""
    whole = [in_git(item(api(name), place), "apps/web") for name in ("checkout", "refunds") for place in ("eu", "us")]
    overlays = [
        in_git(item(budget(), place), f"overlays/{place}", app=f"ledger-{place}") for place in ("eu", "sa", "us")
    ]
    partly = [in_git(item(caller(), "eu"), "."), item(caller(), "us")]
    return _plain((*whole, *overlays, *partly))


def _overdue() -> Case:
    late = Deadline(NOW - timedelta(days=3), "wave eu-prod began", "wave eu-prod left the cluster out")
    items = (item(budget(), deadline=late),)
    return _plain(items, news={items[0].key: "overdue since Tue 17 Nov"})


def _answered() -> Case:
    """One that somebody will fix, one that waits for an approver, one that was extended, one that a wave is at."""
    first, second, third, fourth = (
        item(each) for each in (api(), budget(), caller(), replace(budget("queue"), code="FK402", key=""))
    )
    fourth = replace(fourth, busy="wave eu-prod is at work on prod-eu")
    asked = _extension((second,))
    granted = replace(WAVE, at=WAVE.hard or WAVE.at, clock="wave eu-prod begins, extended")
    return notice((first, second, third, fourth)), context(
        (first, second, third, fourth),
        {
            first.key: Standing(
                Phase.ACKED, "ada@example.com", NOW + timedelta(days=4), WAVE, promised=date(2026, 11, 24)
            ),
            second.key: Standing(Phase.EXTENSION_REQUESTED, "ada@example.com", deadline=WAVE, asked=asked),
            third.key: Standing(
                Phase.EXTENDED, "carol@example.com", granted.at, granted, extension=_extension((third,), Mode.PROCEED)
            ),
        },
    )


def _partly() -> Case:
    """Edited in place: some of it done, one thing quiet until it is proven, one thing somebody else's."""
    items = list(some())
    items[0], items[1] = done(items[0]), done(items[1], 2)
    items[6] = done(items[6], 0.1)
    quiet = replace(
        items[7].tracked, state=State.UNCONFIRMED, since=NOW - timedelta(days=2), quiet_since=NOW - timedelta(days=2)
    )
    before = notice(some())
    items[7] = replace(items[7], tracked=quiet)
    return before, context(items)


def _moved() -> Case:
    first, second = item(api()), item(budget())
    now = replace(second, owned=replace(second.owned, owner="search"))
    found = context((first, now), {second.key: Standing(Phase.NOTIFIED, deadline=WAVE, not_mine=("bob@example.com",))})
    return notice((first, second)), found


def _came_back() -> Case:
    found = item(budget())
    again = replace(found, tracked=replace(found.tracked, times=2))
    return _plain((again,), news={again.key: "came back, due in 11 days"})


def _two_teams() -> Case:
    """A person who leads two teams gets one message about both."""
    items = (item(api()), item(budget("index", "search"), "prod-us", owner="search"))
    recipient = to(Audience.LEAD, "ada@example.com", "payments", "search")
    return _plain(
        items,
        NoticeKind.DIRECT,
        recipient=recipient,
        why="1 due in 11 days; payments was told: the channel on Thu 12 Nov",
    )


def _hostile() -> Case:
    """Names that would be a mention, a link, bold, an emoji, a break, or read from right to left."""
    names = (
        "<!channel>",
        "*bold*",
        "_it_ ~no~",
        ":fire:",
        "https://evil.example",
        "a\nb\x1b[31m",
        "\u202egpj.exe",
        "`x`",
        "@here",
    )
    items = tuple(
        item(replace(budget(name), code=f"FK4{n:02}", message=f"{name} never lets one go"))
        for n, name in enumerate(names)
    )
    hostile = ("https://ada:secret@evil.example/<!here>/`x`.git", "../*b* <@U1>", ":fire:")
    first = in_git(items[0], hostile[1], hostile[0], hostile[2])
    return _plain((first, *items[1:5]), why="<!here> *now*")


def _hostile_rest() -> Case:
    notice_, found = _hostile()
    return replace(notice_, kind=NoticeKind.REMINDER), found


def _long() -> Case:
    """Names as long as Kubernetes lets them be, and a message that nobody would read to its end."""
    name, space = "x" * 253, "n" * 63
    finding = replace(budget(name, space), message=f"{name} " * 8, fix=f"kubectl -n {space} edit pdb {name}; " * 4)
    return _plain(tuple(item(finding, f"cluster-{'c' * 90}-{n}") for n in range(6)))


def longest() -> Case:
    """Six things, each with everything as long as it can be: nothing may be lost that its owner needs."""
    long = "&" * 253
    evidence = tuple(Evidence(f"{long} {n}", f"{long} {n}", NOW) for n in range(9))
    parts = {"message": f"{long} " * 9, "fix": f"mend {long} " * 9, "evidence": evidence}
    origin = {"argocd.argoproj.io/instance": long}
    made = [budget(f"{n}{long}", long, code=f"FK40{n}", owner=origin, **parts) for n in range(1, 7)]
    late = Deadline(NOW + timedelta(days=3), long, long)
    places = [f"{place}{long}" for place in "abcdefgh"]
    items = tuple(
        in_git(item(each, place, deadline=late, environment=long), f"{place}/{long}", long, long)
        for each in made
        for place in places
    )
    found, known = _plain(items, why=long, following=long * 2, news={each.key: long for each in items})
    return found, replace(known, usual={each.code: Usual(100, 1000) for each in made})


def _one_name() -> Case:
    """Two clusters of one name, in two regions."""
    here = item(api())
    id = ClusterId(here.cluster_id.arn.replace("eu-west-1", "us-east-1"), here.cluster_id.created_at)
    there = replace(here, cluster_id=id, key=ItemKey(f"{id.arn} {id.created_at}", here.key.fingerprint))
    return _plain((here, there))


def _extension(items: tuple[Item, ...], mode: Mode = Mode.HOLD) -> Answer:
    keys = tuple(each.key for each in items)
    reason = "the chart's maintainer releases on 30 Nov"
    return Answer("e1", AnswerKind.EXTEND, keys, "ada@example.com", "slack", NOW, date(2026, 12, 2), reason, mode)


def _decision(mode: Mode, *said: Answer) -> Case:
    items = some()[:6]
    asked = _extension(items, mode)
    answers = {each.id: each for each in (asked, *said)}
    return notice(items, NoticeKind.DECISION, subject="e1", recipient=ONCALL, following=""), replace(
        context(items), answers=answers
    )


def _answer(kind: AnswerKind) -> Case:
    said = Answer("g1", kind, (), "carol@example.com", "slack", NOW, reason="not before a freeze", of="e1")
    asked, found = _decision(Mode.PROCEED, said)
    return replace(asked, kind=NoticeKind.ANSWER, recipient=to(Audience.CHANNEL, "C0PAY")), found


GRANTED = Answer("g1", AnswerKind.GRANT, (), "carol@example.com", "slack", NOW - timedelta(days=1), of="e1")
WITHDRAWN = Answer("d1", AnswerKind.DENY, (), "dan@example.com", "slack", NOW, of="e1")


def _withdrawn() -> Case:
    asked, found = _decision(Mode.HOLD, GRANTED, WITHDRAWN)
    return replace(asked, kind=NoticeKind.ANSWER, recipient=to(Audience.CHANNEL, "C0PAY"), subject="d1"), found


def _wave(**of_run: object) -> Case:
    seen = runs.seen()
    seen = replace(seen, run=replace(seen.run, **of_run))  # type: ignore[arg-type]
    found = Notice("w1", NoticeKind.WAVE, ONCALL, NOW.date(), NOW, (), "a run began", subject=runs.ID)
    return found, Context(runs.NOW, approvers=("carol@example.com",), run=seen, events=seen.events)


def _wave_at_gate() -> Case:
    found, known = _wave()
    assert known.run is not None
    asks = Why(Cause.APPROVAL, "waits for an approver", runs.ago(3), "an approver")
    gate = Task(
        TaskKey(runs.ID, 9), Role.GATE, "go-ahead", 1, "", TaskState.PENDING, runs.ago(3), 1, why=asks, when="before",
        started_at=runs.ago(3),
    )  # fmt: skip
    done = [each for each in known.run.tasks if each.stage == 0]
    later = [runs.task(idx, TaskState.NOT_STARTED) for idx in range(1, 8)]
    return found, replace(known, run=replace(known.run, tasks=(*done, *later, gate)))


def _wave_to_approve() -> Case:
    asks = Why(Cause.APPROVAL, "its plan is not approved", runs.ago(3), "an approver")
    found, known = _wave(state=RunState.NOT_STARTED, why=asks, control=Control.RUN)
    assert known.run is not None
    tasks = tuple(runs.task(idx, TaskState.NOT_STARTED) for idx in range(8))
    return found, replace(known, run=replace(known.run, tasks=tasks, units=()))


def _news() -> Case:
    found, known = _wave()
    events = [
        Event(runs.ago(9), runs.ID, "run.started", "the run started: 8 members in 2 stages"),
        Event(runs.ago(8), runs.ID, "act", "update coredns to v1.14.3", task=1),
        Event(runs.ago(5), runs.ID, "failed", "update-coredns failed: ConfigurationConflict", task=3),
        Event(runs.ago(4), runs.ID, "command.pause", "bob: pause the run - nothing new begins", "bob"),
    ]
    return replace(found, kind=NoticeKind.NEWS, thread="w0"), replace(known, events=tuple(events))


def _wave_hostile() -> Case:
    """Two hundred clusters that failed, with names and reasons that would be markup."""
    found, known = _wave(why=Why(Cause.FAILURES, "<!channel> *b* " * 80, runs.ago(3), "@here", "`x` " * 200))
    assert known.run is not None
    why = Why(
        Cause.FAILED, "<@U1> failed: https://evil.example " * 40, runs.ago(2), "*bob*", "kubectl get pod <x>; then y"
    )
    failed = replace(runs.task(3, TaskState.FAILED, why), name="<!here> " * 40)
    tasks = [replace(failed, key=TaskKey(runs.ID, idx)) for idx in range(200)]
    return found, replace(known, run=replace(known.run, tasks=tuple(tasks)))


def _webhook() -> Case:
    return _plain(some(), recipient=to(Audience.CHANNEL, "hook:teams", via=Via.WEBHOOK))


def _superseded() -> Case:
    found, known = _plain(some())
    return found, replace(known, newer={found.id: "the digest of Mon 23 Nov"})


def _escalated(kind: NoticeKind, recipient: object) -> Case:
    soon = replace(WAVE, at=NOW + timedelta(days=2))
    items = tuple(replace(each, deadline=soon) for each in some()[:8])
    why = "3 due in 2 days; payments was told: the channel on Thu 12 Nov 2026, the lead on Tue 17 Nov 2026"
    found = context(items)
    known = replace(found, told={each.key: told(each, 5) for each in items})
    return notice(items, kind, recipient=recipient, why=why), known


CASES: Mapping[str, Callable[[], Case]] = {
    "digest": lambda: _plain(some()),
    "digest_one": lambda: _plain((item(),)),
    "digest_200_objects": _many,
    "digest_nine_things": _kinds,
    "digest_usual_time": _usual,
    "digest_clusters": _support,
    "digest_without_deadline": lambda: _plain((item(deadline=None),)),
    "digest_in_git": _in_git,
    "digest_overdue": _overdue,
    "digest_answered": _answered,
    "digest_partly_done": _partly,
    "digest_all_done": lambda: (notice(some()), context([done(each, 2) if each.must else each for each in some()])),
    "digest_not_theirs": _moved,
    "digest_came_back": _came_back,
    "digest_hostile_names": _hostile,
    "digest_long_names": _long,
    "digest_everything_longest": longest,
    "digest_clusters_of_one_name": _one_name,
    "digest_superseded": _superseded,
    "digest_as_webhook": _webhook,
    "reminder": lambda: (
        notice(some()[:8], NoticeKind.REMINDER, news={each.key: "still open, due in 11 days" for each in some()}),
        _partly()[1],
    ),
    "reminder_hostile_names": _hostile_rest,
    "direct": lambda: _plain(some()[:8], NoticeKind.DIRECT, recipient=LEAD, why="3 due in 11 days"),
    "direct_two_teams": _two_teams,
    "escalation": lambda: _escalated(NoticeKind.ESCALATION, ONCALL),
    "page": lambda: _escalated(NoticeKind.PAGE, PAGER),
    "decision": lambda: _decision(Mode.HOLD),
    "decision_proceed": lambda: _decision(Mode.PROCEED),
    "decision_granted": lambda: _decision(
        Mode.HOLD, Answer("g1", AnswerKind.GRANT, (), "carol@example.com", "slack", NOW, of="e1")
    ),
    "decision_granted_and_over": lambda: _decision(Mode.HOLD, replace(GRANTED, until=date(2026, 11, 19))),
    "decision_withdrawn": lambda: _decision(Mode.HOLD, GRANTED, WITHDRAWN),
    "answer_withdrawn": _withdrawn,
    "answer_granted": lambda: _answer(AnswerKind.GRANT),
    "answer_denied": lambda: _answer(AnswerKind.DENY),
    "wave": _wave,
    "wave_to_approve": _wave_to_approve,
    "wave_at_gate": _wave_at_gate,
    "wave_paused": lambda: _wave(
        state=RunState.PAUSED, control=Control.PAUSE, why=Why(Cause.PAUSED, "bob paused it: lunch", runs.ago(2), "bob")
    ),
    "wave_over": lambda: _wave(state=RunState.COMPLETED_WITH_FAILURES, ended_at=runs.NOW, since=runs.NOW),
    "wave_hostile_names": _wave_hostile,
    "news": _news,
}
