"""What clickers are told: what became of it, and of what did not count, why not and what to do instead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from fleetkeeper.core.interacting.fields import MODE, REASON, UNTIL, Private
from fleetkeeper.core.interacting.values import Click, ClickKind, Reply
from fleetkeeper.core.messages.message import Block, Message, View
from fleetkeeper.core.notices.values import Answer, AnswerKind, Mode, Notice
from fleetkeeper.core.run import Verb
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import some

NOT_STORED = "The database of fleetkeeper does not answer: nothing was stored. Click again in a minute."
OWN_FAULT = "A fault of fleetkeeper's own: it may not have been stored. Its log has the reason; tell the operators."
STRANGER = "This account belongs to another workspace: fleetkeeper knows only people of its own."
NO_ADDRESS = (
    "Slack does not tell fleetkeeper an e-mail address of this account that is confirmed, and of fleetkeeper's own"
    " workspace, and by that it knows people: confirm yours in Slack; else ask the operators to look at the app's scope"
    " users:read.email, or for the command line."
)
NOBODY_SAYS = "Slack does not answer who this account is: nothing was stored. Click again in a minute."
NO_BUTTON = "This button is of another version of fleetkeeper: use a newer message, or the command line."
TOO_LATE = "It took too long to open: click again."
BUSY = "Too much is clicked at once: nothing was stored. Click again in a minute."
OVER = "All of this is fixed already: there is nothing left to do. Thank you!"
ELSEWHERE = "This is not asked any more: it is fixed, it moved to another owner, or its target changed."
GONE = "This message is too old: fleetkeeper does not know it any more. The newest one about it has buttons that work."
NO_REQUEST = "fleetkeeper knows no such request for more time: it was never made, or it is long over."
RECHECK = "{clusters} will be looked at now; the result comes in this thread."
PARTLY = "Not all of {clusters} could be read: what was not seen counts as it did before."
NO_RUN = "There is no run or plan {subject} any more that this could be about."
RUN_OVER = "Run {run} {state}: there is nothing left to decide or to stop."
OWN_PLAN = "{person} asked for this plan, so another approver must decide."
OTHER_PLAN = "The plan of {subject} is not the one that this message showed: look at the newest message of it."
EXPIRED = "The plan expired on {at}: make a new one."
BY_HAND = "another decision on it was written into the database by hand"
TAMPERED = "What is stored of {subject} is not what was made, and nothing is done by it: {why}"

_LONGEST = 2900  # a section of Block Kit takes 3,000 characters


def told(click: Click, text: str, refused: bool = False) -> Reply:
    """The text where the clicker sees it. A modal that is refused shows it in place of its fields."""
    if click.kind is ClickKind.SLASH:
        return Reply(text=escaped(text))
    private = Private.parse(click.value) if click.kind is ClickKind.SUBMIT else None
    channel = private.channel if private else click.channel
    if click.kind is ClickKind.SUBMIT and (refused or not channel):
        return Reply(instead=notice_view(text))
    if channel:
        return Reply(whisper=plain(text), channel=channel)
    return Reply(view=notice_view(text)) if click.trigger else Reply()


def told_late(click: Click, reply: Reply) -> Reply:
    """The reply to a click that was acknowledged before it was known: without a trigger, seen in the channel alone."""
    private = Private.parse(click.value) if click.kind is ClickKind.SUBMIT else None
    channel = private.channel if private else click.channel
    instead = [str(block["text"]["text"]) for block in reply.instead.blocks] if reply.instead else []
    said = " ".join(filter(None, (*reply.errors.values(), *instead)))
    if said:
        return Reply(whisper=plain(said), channel=channel) if channel else Reply()
    if reply.text:
        return Reply(whisper=Message(reply.text), channel=channel)
    if reply.view:
        return Reply(whisper=plain(TOO_LATE), channel=channel) if channel else Reply()
    return reply


def plain(text: str) -> Message:
    """A message in which nothing becomes a link or a mention."""
    return Message(escaped(text), (_section(text),))


def notice_view(text: str) -> View:
    return View("modal", "fleetkeeper", (_section(text),))


def escaped(text: str) -> str:
    """As Slack wants &, < and > in a text of its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def with_private(view: View, private: Private) -> View:
    """The modal, carrying back the button that opened it."""
    return replace(view, private=str(private))


def superseded(by: Notice) -> str:
    return f"A newer message of {day(by.day)} says the same and more: answer there, this one is superseded."


def looked_again(clusters: Sequence[str], unseen: Sequence[str], person: str, items: int, left: int) -> str:
    """What another look came to. items: those of the message that were looked at, left: those that are still there."""
    lost = f"{some(unseen)} could not be looked at, so nothing is known of it. " if unseen else ""
    seen = [name for name in clusters if name not in unseen]
    if not seen:
        return lost.strip()
    where = f"Looked at {some(seen)} again, as {person} asked: "
    if not items:
        return f"{lost}{where}nothing of this message is there any more."
    if not left:
        return f"{lost}{where}{_all(items)} fixed. Thank you!"
    if left == items:
        return f"{lost}{where}{_all(items)} still there."
    return f"{lost}{where}{items - left} of {items} in this message fixed, {left} still there."


def _all(items: int) -> str:
    return "the one thing in this message is" if items == 1 else f"all {items} things in this message are"


def incomplete(until: date | None, reason: str, mode: Mode | None) -> dict[str, str]:
    """What is missing in a request for more time, by its field."""
    wrong = {
        UNTIL: "" if until else "Choose the day until which you need.",
        REASON: "" if reason else "Say why: an approver decides by it.",
        MODE: "" if mode else "Choose what becomes of the wave meanwhile.",
    }
    return {name: text for name, text in wrong.items() if text}


def answered(answer: Answer) -> str:
    verb = "granted" if answer.kind is AnswerKind.GRANT else "denied"
    return f"{answer.person} {verb} it on {moment(answer.at)}: it is decided."


def acknowledged(answer: Answer, quiet: date | None) -> str:
    """quiet: the last day on which it is, None for none."""
    noted = f"Noted: {answer.person} will have {_things(answer)} fixed by {day(answer.until)}."
    if quiet is None:
        return f"{noted} The deadline is so close that reminders go on all the same."
    if quiet == answer.until:
        return f"{noted} Until then it stays quiet; afterwards it is told again if it is not fixed."
    return f"{noted} It stays quiet until {day(quiet)}; closer to the deadline, reminders go on."


def asked_for_time(answer: Answer) -> str:
    mode = "the cluster waits" if answer.mode is Mode.HOLD else "the wave goes on with a waiver"
    return (
        f"Asked: more time for {_things(answer)} until {day(answer.until)} ({mode}). An approver decides; until one"
        " did, the deadline stays."
    )


def decided(answer: Answer, request: Answer) -> str:
    if answer.kind is AnswerKind.GRANT:
        return f"Granted: {request.person} has until {day(request.until)}. They are told in their thread."
    return f"Denied: the deadline stays. {request.person} is told in their thread."


def taken_back(request: Answer) -> str:
    return f"Withdrawn: the deadline is again what it was. {request.person} is told in their thread."


def disowned(answer: Answer) -> str:
    then = "It goes to the next owner that is named, else to the people who run this fleet."
    return f"Noted: {_things(answer)} is not yours. {then}"


def decided_before(verb: Verb, actor: str, at: datetime) -> str:
    """Of an approval or a rejection that stands already."""
    return f"{actor} {'approved' if verb is Verb.APPROVE else 'rejected'} it on {moment(at)}: it is decided."


def became(verb: str, accepted: bool, result: str) -> str:
    """What the engine made of a verb."""
    return f"{verb.capitalize()}: {result}" if accepted else f"Refused: {result}"


def stored(verb: Verb, subject: str) -> str:
    """Of a verb that no engine has answered yet."""
    return f"Stored: {verb} {subject}. No engine has answered yet; what becomes of it stands in the run's log."


def day(found: date | None) -> str:
    return f"{found:%a} {found.day} {found:%b %Y}" if found else "an unknown day"


def moment(at: datetime) -> str:
    return f"{at.day} {at:%b %H:%M} UTC"


def _things(answer: Answer) -> str:
    return "this" if len(answer.items) == 1 else f"these {len(answer.items)}"


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "plain_text", "text": safe(text, _LONGEST), "emoji": False}}
