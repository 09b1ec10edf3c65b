"""The sentences of one thing to do: what, where, who does it, until when, what if not, how to mend it, when it is done.

Generic over all checks: it reads a finding's own words, and knows only how an API version looks.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from fleetkeeper.core.finding import Breaks, Evidence, Finding, Subject
from fleetkeeper.core.lifecycle import QUIET, State, quiet_until
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, short, when
from fleetkeeper.core.messages.escape import advice, code, words
from fleetkeeper.core.messages.matters import Matter, nearest
from fleetkeeper.core.messages.place_text import more_text, where
from fleetkeeper.core.notices.values import Deadline, Item
from fleetkeeper.core.titles import title_of
from fleetkeeper.core.wording import counted, lowered

SEEN = 2
"""Reasons to believe it that are shown; the others are counted."""

_API = re.compile(r"(?P<version>\S*/?v\d\w*)/(?P<kind>[A-Z]\w+)", re.ASCII)
_WHO = frozenset({"audit log", "EKS insight", "metric", "managed fields", "last applied"})
_PLURALS = {"Endpoints": "Endpoints", "Nodes": "node groups", "API": "APIs"}
_WORDS = {
    "HelmRelease": "Helm release",
    "NodeGroup": "node group",
    "Addon": "addon",
    "API": "API",
    "Cluster": "cluster",
}
_LONG_FIX = 120  # characters; a longer one is no headline
_MONTH = 730  # hours
_STANDARD, _EXTENDED = 0.10, 0.60  # US dollars per cluster and hour (aws.amazon.com/eks/pricing, 2024-04)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom it is written: the context, and their time zone."""

    context: Context
    tz: tzinfo

    @property
    def now(self) -> datetime:
        return self.context.now


# ---- what


def title(matter: Matter) -> str:
    """`Move 3 Ingresses in payments off networking.k8s.io/v1beta1 in 2 clusters`: what and verb, in one line."""
    return _title(matter.open or matter.ask.items, with_fact=True)


def short_title(matter: Matter) -> str:
    """The same of everything that was asked, without what is wrong: for what is over."""
    return _title(matter.ask.items, with_fact=False)


def _title(shown: Sequence[Item], *, with_fact: bool) -> str:
    findings = distinct(shown)
    clusters = len({item.key.cluster for item in shown})
    tail = f" in {clusters} clusters" if clusters > 1 else ""
    api = _API.fullmatch(findings[0].key)
    if api:
        return f"Move {_objects(findings)} off {_api(api, findings)}{tail}"
    if all(each.subject.kind == "Cluster" for each in findings):
        return _of_clusters(shown, findings, clusters)
    if not with_fact:
        return f"Fix {_objects(findings)}{tail}"
    return f"Fix {_objects(findings)}{tail}{_fact(findings)}"


def distinct(items: Sequence[Item]) -> tuple[Finding, ...]:
    """One of each object: the same object in several clusters is one to its owner, who keeps it in one repository."""
    return tuple({item.tracked.finding.fingerprint: item.tracked.finding for item in items}.values())


def _api(found: re.Match[str], findings: Sequence[Finding]) -> str:
    own = all(each.subject.kind == found["kind"] for each in findings)
    version = code(found["version"].removeprefix("/"))
    return version if own else f"{version} {words(found['kind'], 80)}"


def _objects(findings: Sequence[Finding]) -> str:
    """`Ingress payments/api`, `3 Ingresses in payments`, `5 objects`."""
    if len(findings) == 1:
        return object_text(findings[0].subject)
    kinds = {each.subject.kind for each in findings}
    spaces = {each.subject.namespace for each in findings}
    noun = _plural(kinds.pop()) if len(kinds) == 1 else "objects"
    only = next(iter(spaces))
    place = f" in {code(only)}" if len(spaces) == 1 and only else f" in {len(spaces)} namespaces" if all(spaces) else ""
    return f"{len(findings)} {noun}{place}"


def object_text(subject: Subject) -> str:
    kind = words(_WORDS.get(subject.kind, subject.kind), 80)
    path = "/".join(filter(None, (subject.namespace, subject.name)))
    return f"{kind} {code(path, 160)}" if path else kind


def _plural(kind: str) -> str:
    if kind in _PLURALS:
        return _PLURALS[kind]
    noun = words(_WORDS.get(kind, kind), 80)
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy")):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch")) else f"{noun}s"


def _fact(findings: Sequence[Finding]) -> str:
    """What is wrong with it: the finding's own words of one object, of several what their check is called."""
    if len(findings) == 1:
        return f": {words(_bare(findings[0]), 240)}"
    about = title_of(findings[0].code)
    return f": {words(lowered(about), 120)}" if about else ""


def _bare(finding: Finding) -> str:
    """Without the object that it begins with, which the sentence names already."""
    return finding.message.removeprefix(f"{finding.subject} ").strip()


def _of_clusters(items: Sequence[Item], findings: Sequence[Finding], clusters: int) -> str:
    where = f"cluster {code(items[0].cluster)}" if clusters == 1 else f"{clusters} clusters"
    fixes = {each.fix for each in findings}
    fix = fixes.pop() if len(fixes) == 1 else ""
    if fix and len(fix) <= _LONG_FIX:
        return f"{words(fix[:1].upper() + fix[1:], 200)} ({where})"
    return f"Fix {where}{_fact(findings)}"


# ---- who


def seen(matter: Matter, reader: Reader) -> str:
    """Who does it, or how it is known: the newest reasons first."""
    found = {each for item in matter.open for each in item.tracked.finding.evidence}
    told = sorted(found, key=lambda each: (each.source not in _WHO, _age(each, reader.now), each.text))
    shown = list(dict.fromkeys(_evidence(each, reader) for each in told))
    return f"{'; '.join(shown[:SEEN])}{more_text(len(shown) - SEEN)}"


def seen_label(matter: Matter) -> str:
    named = any(each.source in _WHO for item in matter.open for each in item.tracked.finding.evidence)
    return "Who does it" if named else "How we know"


def _age(evidence: Evidence, now: datetime) -> timedelta:
    return now - evidence.at if evidence.at else timedelta.max


def _evidence(evidence: Evidence, reader: Reader) -> str:
    last = "last " if evidence.source in _WHO else ""
    at = f", {last}{short(day_of(evidence.at, reader.tz))}" if evidence.at else ""
    return f"{words(evidence.text, 140)} ({words(evidence.source, 40)}{at})"


# ---- until when, and what then


def deadline_text(deadline: Deadline | None, reader: Reader) -> str:
    """`before Tue 1 Dec 2026 (in 10 days): wave eu-prod begins`."""
    if deadline is None:
        return "no date is set"
    past = "was due" if deadline.at <= reader.now else "before"
    return f"{past} {when(deadline.at, reader.now, reader.tz)}: {words(deadline.clock, 160)}"


def consequence(matter: Matter, reader: Reader) -> str:
    """What happens if nobody acts: to what the team runs, then to the upgrade, then to the bill."""
    first = matter.open[0].tracked.finding
    found = nearest(matter.open, reader.context)
    said = [_breaks(first), words(found.consequence, 200) if found else "", _cost(found, matter)]
    told = [each for each in said if each]
    if first.blocks and not (found and found.consequence):
        told.append("the upgrade of the cluster waits for it")
    return "; ".join(told) or "nothing breaks by itself"


def _breaks(finding: Finding) -> str:
    minor = f" to {finding.minor}" if finding.minor else ""
    after = f"once the cluster is on {finding.minor}" if finding.minor else "after the upgrade"
    match finding.breaks:
        case Breaks.AT_UPGRADE:
            return f"it breaks when the cluster is upgraded{minor}"
        case Breaks.AT_NODES:
            return "it breaks, or stops the work, when nodes are replaced"
        case Breaks.AT_DEPLOY:
            return f"your next deploy fails {after}"
        case Breaks.AT_ROLLBACK:
            return f"a rollback of the release fails {after}"
        case Breaks.LOST:
            return f"these objects are lost for good {after}"
    return ""


def _cost(deadline: Deadline | None, matter: Matter) -> str:
    """EKS changes to extended support by itself, and says nothing: the price is the only sign."""
    if deadline is None or "standard support" not in deadline.clock:
        return ""
    clusters = len({item.key.cluster for item in matter.open})
    month = (_EXTENDED - _STANDARD) * _MONTH * clusters
    price = "" if "$" in deadline.consequence else f"EKS bills ${_EXTENDED:.2f} instead of ${_STANDARD:.2f} an hour, "
    return f"{price}${month:,.0f} more a month for {counted(clusters, 'cluster')}"


# ---- how, and when it is done


def fix(matter: Matter, limit: int = 400) -> str:
    """The next action. Where it differs by more than the object, the first is told: the button shows the others."""
    findings = distinct(matter.open)
    if all(item.tracked.state is State.UNCONFIRMED for item in matter.open):
        return f"nothing more, the change was seen; only if it is called again: {advice(findings[0].fix, limit)}"
    if alike := common_fix(findings):
        return advice(alike, limit)
    fixes = dict.fromkeys(each.fix for each in findings)
    first, rest = next(iter(fixes)), len(fixes) - 1
    more = f" (and {rest} more like it: Fix diff shows them)" if rest else ""
    return f"{advice(first, limit)}{more}"


def common_fix(findings: Sequence[Finding]) -> str:
    """The fix of several objects where it differs by the object alone; "" else."""
    alike = {each.fix.replace(str(each.subject), "each of them") for each in findings}
    return alike.pop() if len(findings) > 1 and len(alike) == 1 else ""


def usual(matter: Matter, reader: Reader) -> str:
    """`usually fixed within 6 days of being told (11 cases here)`; "" where too few were fixed to say so."""
    found = reader.context.usual.get(matter.ask.code)
    if found is None:
        return ""
    return f"usually fixed within {counted(found.days, 'day')} of being told ({found.cases} cases here)"


def verify(matter: Matter, reader: Reader) -> str:
    every = _span(reader.context.observed_every)
    items = matter.open
    quiet = [item for item in items if item.tracked.state is State.UNCONFIRMED]
    if quiet and len(quiet) == len(items):
        return _quiet(items, reader)
    if any(item.tracked.finding.use is not None for item in items):
        days = _quiet_days(items, reader)
        return f"the change is seen, and then no call for {days} days; fleetkeeper looks every {every}"
    return f"fleetkeeper no longer finds it; it looks every {every}, or when you click Recheck now"


def _span(length: timedelta) -> str:
    """`15 minutes`, `2 hours`."""
    minutes = max(1, round(length.total_seconds() / 60))
    return counted(minutes, "minute") if minutes % 60 else counted(minutes // 60, "hour")


def _quiet(items: Sequence[Item], reader: Reader) -> str:
    starts = [item.tracked.quiet_since for item in items]
    if any(each is None for each in starts):
        return "no call is seen for some days; that cannot be seen at the moment, so these days have not begun"
    ends = max(
        quiet_until(item.tracked.finding.use, item.tracked.quiet_since) for item in items if item.tracked.quiet_since
    )
    return f"no call is seen until {when(ends, reader.now, reader.tz)}"


def _quiet_days(items: Iterable[Item], reader: Reader) -> int:
    lasting = [quiet_until(item.tracked.finding.use, reader.now) - reader.now for item in items]
    return max((each.days for each in lasting), default=QUIET.days)


def lines(matter: Matter, reader: Reader) -> Iterator[str]:
    """All of it but the headline, a line each."""
    found = nearest(matter.open, reader.context)
    yield f"*When:* {deadline_text(found, reader)}"
    yield f"*Where:* {where(matter)}"
    if told := seen(matter, reader):
        yield f"*{seen_label(matter)}:* {told}"
    yield f"*If not:* {consequence(matter, reader)}"
    yield f"*Fix:* {fix(matter)}"
    if told := usual(matter, reader):
        yield f"*How long:* {told}"
    yield f"*Done when:* {verify(matter, reader)}"
