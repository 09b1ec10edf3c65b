"""What notices are about, what was told and answered before, and what is to be told now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from fleetkeeper.core.lifecycle import Tracked
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.owners import Contact, Owned, Team


@dataclass(frozen=True, slots=True, order=True)
class ItemKey:
    """One finding of one cluster. cluster is `arn created_at`, as the store keys it."""

    cluster: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.cluster} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when it has to be mended. clock says which of the dates it is, for people: "standard support of 1.33 ends".

    hard: no extension goes beyond it (removal by the cloud, the end of support); None where nothing is so hard.
    consequence: what happens then, for people: "wave eu-prod leaves the cluster out". is_tentative: nobody has begun
    what it is the date of, and when it passes it is the next one (the windows of a plan).
    """

    at: datetime
    clock: str
    consequence: str = ""
    hard: datetime | None = None
    is_tentative: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One finding of one cluster that somebody owns. campaign is the target minor's text, "" without a target.

    must: compulsory and dated, so people are asked to act; else it is told in digests only, and never alone.
    busy: why a fix is visibly under way ("wave eu-prod is at work on it", "proposal ... is open"), "" when none is.
    is_gone: it is over because its cluster is gone; nobody mended it.
    """

    key: ItemKey
    cluster_id: ClusterId
    cluster: str  # its name
    environment: str
    tracked: Tracked
    owned: Owned
    campaign: str
    deadline: Deadline | None
    must: bool
    busy: str = ""
    is_gone: bool = False

    @property
    def is_over(self) -> bool:
        return not self.tracked.counts


@dataclass(frozen=True, slots=True)
class Ask:
    """Items of one owner that are mended alike, and answered together. id is of what it is, not of which items."""

    id: str
    owner: str
    campaign: str
    code: str
    items: tuple[Item, ...]

    @property
    def deadline(self) -> Deadline | None:
        """The nearest one."""
        return min((each.deadline for each in self.items if each.deadline), key=lambda found: found.at, default=None)


class Audience(StrEnum):
    """Who of an owner's people is told at a rung of the ladder."""

    CHANNEL = "channel"  # the team's
    LEAD = "lead"
    MANAGER = "manager"
    FLEET = "fleet"  # the on-call channel of the fleet
    PAGER = "pager"  # PagerDuty, or what stands in its place


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: from so many days before the deadline on, who is told and how often.

    every: days between two tellings while it lasts; 0 is once. thread: in the thread of the digest, no new message.
    acked: whether also those are told who said when they will act. urgent: outside of quiet hours too.
    """

    days: int
    to: tuple[Audience, ...]
    every: int = 0
    thread: bool = False
    acked: bool = False
    urgent: bool = False


LADDER = (
    Rung(90, (Audience.CHANNEL,)),
    Rung(60, (Audience.CHANNEL,)),
    Rung(30, (Audience.CHANNEL,), every=7, thread=True),
    Rung(14, (Audience.CHANNEL, Audience.LEAD), every=7, thread=True),
    Rung(7, (Audience.CHANNEL, Audience.LEAD, Audience.MANAGER), every=2, thread=True),
    Rung(2, (Audience.CHANNEL, Audience.LEAD, Audience.MANAGER, Audience.FLEET), every=1, thread=True, acked=True),
    Rung(0, (Audience.CHANNEL, Audience.LEAD, Audience.FLEET, Audience.PAGER), every=1, thread=True, acked=True),
)
"""Widest first. An item is on the last rung whose days it has reached."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's rules. live: teams that are told, shell patterns; everybody else is only previewed (shadow).

    hours and weekdays (0 is Monday): when people are written to, in their own zone; holidays: days without. first_day:
    how many messages may go out on the first day of a fleet. direct_week: messages to one person in seven days, urgent
    ones apart. grace: how long something that was mended and came back stays quiet. longest_extension: of one,
    most_extensions: of one item. imprecise: a check with a greater share of "not mine" answers is muted, once there
    were `enough` of them told.
    """

    ladder: tuple[Rung, ...] = LADDER
    live: tuple[str, ...] = ()
    hours: tuple[time, time] = (time(9), time(17))
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()
    first_day: int = 20
    direct_week: int = 3
    grace: timedelta = timedelta(days=1)
    longest_extension: timedelta = timedelta(days=30)
    most_extensions: int = 2
    imprecise: float = 0.1
    enough: int = 20
    timezone: str = "UTC"  # of the fleet's on-call channel, and of whoever has none
    fallback: str = "platform"
    oncall_channel: str = ""
    pager: str = ""  # the delivery that pages: "pagerduty", or `hook:NAME`; "" is none


class AnswerKind(StrEnum):
    """What a person may say to a notice."""

    ACK = "ack"  # until: by when they will have mended it
    EXTEND = "extend"  # asks for more time: until, reason, mode
    GRANT = "grant"  # an approver's answer to an EXTEND (of)
    DENY = "deny"  # the same; behind a GRANT it takes that back
    NOT_MINE = "not mine"
    RECHECK = "recheck"
    UNMUTE = "unmute"  # of a check that was muted for too many "not mine"


class Mode(StrEnum):
    """What becomes of the wave while an extension lasts."""

    HOLD = "hold"  # the cluster waits
    PROCEED = "proceed"  # it goes on, and the finding is waived


@dataclass(frozen=True, slots=True)
class Answer:
    """Only ever added. id makes a second click the same one. items: what it is about, frozen when it was clicked.

    person: the verified name of who said it (approvals.people's), identity how it was verified. of: the id of the
    EXTEND that a GRANT or DENY answers. code: of an UNMUTE. signature: the executor's, over all other fields; one that
    does not hold changes nothing.
    """

    id: str
    kind: AnswerKind
    items: tuple[ItemKey, ...]
    person: str
    identity: str
    at: datetime
    until: date | None = None
    reason: str = ""
    mode: Mode = Mode.HOLD
    of: str = ""
    code: str = ""
    notice: str = ""  # the notice whose button it was
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What an owner was told of an item. rung: the days of the rung at which it was last told.

    opened: times of Tracked when it was told, so that one that came back shows. announced: the deadline as told.
    """

    key: ItemKey
    owner: str
    rung: int
    first: datetime
    last: datetime
    times: int  # how often it was told
    opened: int
    announced: datetime | None
    notice: str  # the last one that told it
    code: str = ""
    mended: datetime | None = None  # since when it is told as done
    levels: tuple[str, ...] = ()  # audiences that were told, for people: escalation history


class NoticeKind(StrEnum):
    DIGEST = "digest"  # to a team's channel: the one message of that day
    REMINDER = "reminder"  # in the thread of a digest
    DIRECT = "direct"  # to a person
    ESCALATION = "escalation"  # to the fleet's on-call channel
    PAGE = "page"
    DECISION = "decision"  # an extension is asked for: to the approvers
    ANSWER = "answer"  # what became of an extension, in the thread where it was asked for
    WAVE = "wave"  # a run, live, in the on-call channel
    NEWS = "news"  # something of a run, in the thread of its WAVE


class Via(StrEnum):
    """How a notice goes out: one file in adapters for each."""

    SLACK = "slack"
    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a notice goes. address: a channel's id, a person's key (contacts), a hook's name, a PagerDuty service.

    owners: the teams whose people these are; a person who leads two gets one message about both.
    """

    via: Via
    address: str
    audience: Audience
    owners: tuple[str, ...]
    timezone: str

    @property
    def key(self) -> str:
        return f"{self.via}:{self.address}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item in a notice. news: what is new about it since it was last told ("new", "due in 14 days", "came back",
    "the deadline moved from ... to ..."), "" for one that only stands there as well."""

    item: ItemKey
    owner: str
    rung: int
    news: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one recipient. id: of recipient, day and what is told, so the same inputs give the same id.

    at: not before then; it is after now where quiet hours, budgets or the cap of the first day defer it (Turn.later),
    and why_then says so. why: why now, for people. thread: the id of the notice in whose thread it goes, "" for a new
    one. following: what comes next and when ("next reminder Tue 24 Nov; on 1 Dec to the lead").
    """

    id: str
    kind: NoticeKind
    recipient: Recipient
    day: date
    at: datetime
    entries: tuple[Entry, ...]
    why: str
    why_then: str = ""
    thread: str = ""
    following: str = ""
    is_urgent: bool = False
    subject: str = ""  # of what is no list of items: an extension's answer id, a run's id


@dataclass(frozen=True, slots=True)
class Silence:
    """Why an item is not told now, for `notices preview` and `why`."""

    key: ItemKey
    owner: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice that was stored before. edited: when its text was last written anew, so that what
    happened later is not in it."""

    notice: Notice
    state: "Delivery"
    stored_at: datetime
    edited: datetime | None = None


class Delivery(StrEnum):
    """The states of a message in the outbox."""

    PENDING = "pending"
    SENDING = "sending"  # a worker has it: it may be out
    SENT = "sent"
    AMBIGUOUS = "ambiguous"  # it may be out, and nobody could look yet
    FAILED = "failed"  # it will not go out as it is: error says why
    DROPPED = "dropped"  # superseded before it went out


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a turn rests on. items: all that count, and those that were told and are over since a while.

    answers: only those whose signature holds, oldest first. sent: the notices of the last 35 days, and every older one
    whose items still count. first_live: when the first notice of this fleet went out.
    """

    now: datetime
    policy: Policy
    items: tuple[Item, ...]
    told: Mapping[ItemKey, Told] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    sent: tuple[Sent, ...] = ()
    teams: Mapping[str, Team] = field(default_factory=dict)
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    first_live: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be told now. told: the items whose record changes with it, stored in the same transaction.

    edits: ids of notices that are out and now say something else (mended, acknowledged, extended, superseded).
    later: what goes out at its `at`, and why_then; never stored, for it is decided anew by then. shadow: what would go
    out to teams that are not live; never stored. silences: why everything else is quiet.
    muted: checks that are quiet for too many "not mine", with the share.
    """

    notices: tuple[Notice, ...] = ()
    told: tuple[Told, ...] = ()
    edits: tuple[str, ...] = ()
    shadow: tuple[Notice, ...] = ()
    silences: tuple[Silence, ...] = ()
    muted: Mapping[str, float] = field(default_factory=dict)
    later: tuple[Notice, ...] = ()


class Phase(StrEnum):
    """Where an item stands with its people (a pure function of its record and the answers: standing.py)."""

    OPEN = "open"  # nobody was told yet
    NOTIFIED = "notified"
    ACKED = "acked"
    EXTENSION_REQUESTED = "extension requested"
    EXTENDED = "extended"
    FIXED = "fixed"
    WAIVED = "waived"
    ESCALATED = "escalated"
    UNOWNED = "unowned"


@dataclass(frozen=True, slots=True)
class Standing:
    """phase with who said so and until when. deadline: the one that counts, with an extension. asked: the EXTEND that
    waits. not_mine: who said so last; the item then goes to the next hit, or to the fallback. promised: the day that
    an acknowledgement names, which may be after `until`: nothing is quiet close to a deadline."""

    phase: Phase
    by: str = ""
    until: datetime | None = None
    deadline: Deadline | None = None
    extension: Answer | None = None
    asked: Answer | None = None
    not_mine: tuple[str, ...] = ()
    extensions: int = 0
    promised: date | None = None
