"""An extension that somebody asked for, to the approvers; and what became of it, to who asked."""

from collections.abc import Iterator, Sequence
from datetime import date

from fleetkeeper.core.messages.ask_text import Reader, deadline_text, title
from fleetkeeper.core.messages.blocks import actions, button, confirm, context, header, section, short_list
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, full
from fleetkeeper.core.messages.escape import words
from fleetkeeper.core.messages.matters import Matter, matters, nearest, standing_of
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.messages.parts import MOST, done_lines, foot, reader
from fleetkeeper.core.notices.extending import withdrawn
from fleetkeeper.core.notices.values import Answer, AnswerKind, Item, Mode, Notice

MEANS = {
    Mode.HOLD: "hold: the wave leaves these clusters out until then, and they stay on their version",
    Mode.PROCEED: "proceed: the wave takes these clusters along as they are; what this breaks, breaks",
}


def decision(notice: Notice, context: Context) -> Message:
    """Asked once; when somebody answered it says who, and what was granted can be taken back."""
    asked = context.answers.get(notice.subject)
    seen = reader(notice, context)
    if asked is None:
        return _short("☑️ This extension is not asked for any more.")
    if answer := answer_to(asked, context):
        return _over(notice, asked, answer, seen)
    found = matters(notice, context)
    if not any(each.open for each in found):
        return _short("\n".join(["✅ No extension is needed any more.", *done_lines(found, seen)]))
    blocks = [header("An extension is asked for"), section(_asked(asked, found, seen)), _buttons(notice, asked)]
    return Message("\n".join(_text(asked, found, seen)), (*blocks, _foot(notice, asked, found, seen)))


def answer(notice: Notice, context: Context) -> Message:
    """In the thread where it was asked for: granted or not, or taken back, by whom, and what that means."""
    about = context.answers.get(notice.subject)
    asked = context.answers.get(about.of) if about and about.of else about
    said = about if asked is not about else answer_to(asked, context) if asked else None
    seen = reader(notice, context)
    if asked is None or said is None:
        return _short("☑️ This extension is not asked for any more.")
    found = matters(notice, context)
    lines = [_decided(asked, said, seen), *_then(asked, said, found, seen)]
    return Message("\n".join(lines), (section(lines), foot(notice, found, seen)))


def answer_to(asked: Answer, context: Context) -> Answer | None:
    """The first that was said: a second click changes nothing."""
    said = [each for each in context.answers.values() if each.of == asked.id]
    decided = [each for each in said if each.kind in (AnswerKind.GRANT, AnswerKind.DENY)]
    return min(decided, key=lambda each: (each.at, each.id), default=None)


def taken_back(asked: Answer, context: Context) -> Answer | None:
    """The one who withdrew what was granted."""
    return withdrawn(asked, sorted(context.answers.values(), key=lambda each: (each.at, each.id)))


def _over(notice: Notice, asked: Answer, answer: Answer, reader: Reader) -> Message:
    """Decided. While what was granted lasts, whoever may grant can withdraw it."""
    if taken := taken_back(asked, reader.context):
        return _short(_decided(asked, taken, reader))
    found = _short(_decided(asked, answer, reader))
    until = answer.until or asked.until
    if answer.kind is not AnswerKind.GRANT or until is None or until < day_of(reader.now, reader.tz):
        return found
    sure = confirm("Withdraw the extension?", "The deadline is again what it was, and its owner is told.", "Withdraw")
    row = button(Do.WITHDRAW, "Withdraw", Button(notice.id, asked.id), "danger", sure)
    return Message(found.text, (*found.blocks, actions(f"extension:{asked.id}", [row])))


def _short(text: str) -> Message:
    return Message(text, (section([text]),))


def _asked(asked: Answer, found: Sequence[Matter], reader: Reader) -> Iterator[str]:
    context = reader.context
    items = [item for each in found for item in each.open]
    owners = dict.fromkeys(context.owner(each.ask.owner) for each in found)
    yield f"*{context.name(asked.person)}* ({', '.join(owners)}) asks for more time *until {_day(asked.until)}*:"
    yield short_list(f"• {title(each)}" for each in found[:MOST] if each.open)
    if len(found) > MOST:
        yield f"and {len(found) - MOST} more"
    yield f"*Why:* {words(asked.reason, 600) or 'no reason was given'}"
    yield f"*Where:* {_clusters(items)}"
    yield f"*When:* {deadline_text(nearest(items, context), reader)}"
    yield f"*Meanwhile, {MEANS[asked.mode]}.*"
    yield from _before(items, reader)


def _clusters(items: Sequence[Item]) -> str:
    names = sorted({item.cluster for item in items})
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(words(each, 60) for each in names[:3])}{more}"


def _before(items: Sequence[Item], reader: Reader) -> Iterator[str]:
    count = max((standing_of(item, reader.context).extensions for item in items), default=0)
    yield f"*Extensions so far:* {count or 'none'}"
    hard = min((item.deadline.hard for item in items if item.deadline and item.deadline.hard), default=None)
    if hard:
        yield f"*At the latest:* {full(day_of(hard, reader.tz))}; no extension goes beyond it"


def _buttons(notice: Notice, asked: Answer) -> Block:
    about = Button(notice.id, asked.id)
    sure = confirm("Grant the extension?", f"Until {_day(asked.until)}. {MEANS[asked.mode].capitalize()}.", "Grant")
    grant = button(Do.GRANT, "Grant", about, "primary", sure)
    return actions(f"extension:{asked.id}", [grant, button(Do.DENY, "Deny", about, "danger")])


def _foot(notice: Notice, asked: Answer, found: Sequence[Matter], reader: Reader) -> Block:
    approvers = tuple(each for each in reader.context.approvers if each != asked.person)
    who = reader.context.name(asked.person)
    told = [f"*Why you:* {reader.context.names(approvers)} may decide; {who}, who asks, may not"]
    asked_of = dict.fromkeys(reader.context.question(each.ask.owner) for each in found)
    told.append(f"*Questions:* {', '.join(filter(None, asked_of)) or who}")
    following = words(notice.following, 300)
    told.append(f"*Next:* {following or 'until somebody decides, the deadline stays as it is'}")
    return context(told)


def _decided(asked: Answer, said: Answer, reader: Reader) -> str:
    by, who = reader.context.name(said.person), reader.context.name(asked.person)
    on = full(day_of(said.at, reader.tz))
    reason = f": {words(said.reason, 300)}" if said.reason else ""
    if said.kind is AnswerKind.GRANT:
        return f"🕓 {by} granted {who}'s extension until {_day(said.until or asked.until)}, on {on}{reason}"
    verb = "withdrew" if said == taken_back(asked, reader.context) else "denied"
    return f"✋ {by} {verb} {who}'s extension, on {on}{reason}"


def _then(asked: Answer, said: Answer, found: Sequence[Matter], reader: Reader) -> Iterator[str]:
    if said.kind is AnswerKind.GRANT:
        meant = MEANS[asked.mode].partition(": ")[2]
        yield f"{meant[:1].upper()}{meant[1:]}. On that day it is due, and asked for again."
    else:
        items = [item for each in found for item in each.open]
        what = (
            "The deadline is again what it was" if said == taken_back(asked, reader.context) else "The deadline stays"
        )
        yield f"{what}: {deadline_text(nearest(items, reader.context), reader)}"
    yield short_list(f"• {title(each)}" for each in found[:MOST] if each.open)


def _day(day: date | None) -> str:
    return full(day) if day else "a day that was not named"


def _text(asked: Answer, found: Sequence[Matter], reader: Reader) -> Iterator[str]:
    items = [item for each in found for item in each.open]
    yield f"{reader.context.name(asked.person)} asks for an extension until {_day(asked.until)}"
    yield short_list(f"• {title(each)}" for each in found[:MOST] if each.open)
    yield f"Why: {words(asked.reason, 300) or 'no reason was given'}"
    yield f"When: {deadline_text(nearest(items, reader.context), reader)}"
    yield f"Grant or deny. {MEANS[asked.mode].capitalize()}"
