"""What opens when a button is clicked: a few fields, with what is allowed and why."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta, tzinfo
from typing import Any

from fleetkeeper.core.finding import Finding
from fleetkeeper.core.messages.ask_text import Reader, common_fix, deadline_text, distinct, object_text, title, verify
from fleetkeeper.core.messages.blocks import section
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.dates import day_of, full, zone
from fleetkeeper.core.messages.decision import MEANS
from fleetkeeper.core.messages.diff import manifest_diff
from fleetkeeper.core.messages.escape import advice, block, code, commands
from fleetkeeper.core.messages.matters import Matter, matter_of, nearest, standing_of
from fleetkeeper.core.messages.message import Block, Do, View
from fleetkeeper.core.messages.place_text import list_command
from fleetkeeper.core.messages.said_so_far import over_text
from fleetkeeper.core.notices.standing import last_quiet
from fleetkeeper.core.notices.values import Ask, Deadline, Mode
from fleetkeeper.core.wording import counted

UNTIL, REASON, MODE = "until", "reason", "mode"
"""Block ids of the fields, by which what was entered comes back."""

REASON_LENGTH = 1000
_SHOWN = 10  # objects whose own fix is shown


def ack(ask: Ask, context: Context) -> View:
    """By when it will be fixed."""
    matter, reader = _of(ask, context)
    if matter.is_over:
        return _over(matter, reader)
    found = nearest(matter.open, context)
    today = day_of(context.now, reader.tz)
    week = today + timedelta(days=7)
    soon = min(week, max(today, day_of(found.at, reader.tz))) if found else week
    field = _date("Fixed by", soon, _latest_ack(found, reader))
    return View("modal", "When will it be fixed?", (*_about(matter, reader), field), "Say so", Do.ACK)


def extend(ask: Ask, context: Context) -> View:
    """More time: until when, why, and what becomes of the clusters meanwhile."""
    matter, reader = _of(ask, context)
    if matter.is_over:
        return _over(matter, reader)
    last, why = latest_extension(matter, reader)
    fields = (
        _date("Until", last, why),
        _reason("Why is more time needed?", "An approver decides by it."),
        _modes(),
    )
    used = _used(matter, reader)
    return View("modal", "Ask for an extension", (*_about(matter, reader), section([used]), *fields), "Ask", Do.EXTEND)


def not_mine(ask: Ask, context: Context) -> View:
    """Whose it is instead, where the reader knows."""
    matter, reader = _of(ask, context)
    if matter.is_over:
        return _over(matter, reader)
    whys = dict.fromkeys(item.owned.why for item in ask.items)
    told = section(
        [
            f"*Why it came to you:* {advice('; '.join(list(whys)[:3]), 400)}",
            "It goes to whoever is named next, else to the people who run this fleet. The deadline stays.",
        ]
    )
    field = _reason("Whose is it, and how do you know?", "A team, a person or a channel; or why nobody has to fix it.")
    return View("modal", "Not yours?", (*_about(matter, reader), told, field), "It is not ours", Do.NOT_MINE)


def fix_diff(ask: Ask, context: Context) -> View:
    """How each object is mended, with commands that can be copied, and how it is seen that it is done."""
    matter, reader = _of(ask, context)
    if matter.is_over:
        return _over(matter, reader)
    findings = distinct(matter.open)
    alike = common_fix(findings)
    blocks = [*_about(matter, reader), *_diff(findings, context)]
    blocks += _one_fix(alike, findings) if alike else [each for found in findings[:_SHOWN] for each in _fix(found)]
    if len(findings) > _SHOWN:
        blocks.append(section([f"and {len(findings) - _SHOWN} more: {list_command(ask.code, matter.open)}"]))
    more = code(f"fleetkeeper explain {findings[0].fingerprint}")
    told = [f"*Done when:* {verify(matter, reader)}", f"*More:* {more} has the evidence and the rule behind it"]
    return View("modal", "How to fix it", (*blocks, section(told)))


def latest_extension(matter: Matter, reader: Reader) -> tuple[date, str]:
    """The last day that can be asked for, and why not a later one."""
    policy, tz = reader.context.policy, reader.tz
    found = nearest(matter.open, reader.context)
    start = found.at if found else reader.now
    longest = start + policy.longest_extension
    hard = min((item.deadline.hard for item in matter.open if item.deadline and item.deadline.hard), default=None)
    if hard and hard < longest:
        return day_of(hard, tz), f"At the latest {full(day_of(hard, tz))}: nothing goes beyond that."
    days = counted(policy.longest_extension.days, "day")
    return day_of(longest, tz), f"At the latest {full(day_of(longest, tz))}: {days} at most."


def _of(ask: Ask, context: Context) -> tuple[Matter, Reader]:
    return matter_of(ask, context), Reader(context, _zone(ask, context))


def _zone(ask: Ask, context: Context) -> tzinfo:
    team = context.teams.get(ask.owner)
    return zone(team.timezone if team else context.policy.timezone)


def _about(matter: Matter, reader: Reader) -> Iterator[Block]:
    told = [f"*{title(matter)}*"]
    if matter.open:
        told.append(f"*When:* {deadline_text(nearest(matter.open, reader.context), reader)}")
    yield section(told)


def _latest_ack(found: Deadline | None, reader: Reader) -> str:
    """The last day that can be named, and until when it is quiet then: that is the policy's to say, not theirs."""
    quiet = last_quiet(found, reader.context.policy, reader.tz)
    if found is None or quiet is None:
        return "It stays quiet until that day."
    due = day_of(found.at, reader.tz)
    last = f"At the latest {full(due)}, the deadline; beyond that, ask for an extension."
    if quiet < day_of(reader.now, reader.tz):
        return f"{last} So close to it, reminders go on all the same."
    until = "" if quiet == due else f", at most until {full(quiet)}: closer to the deadline, reminders go on"
    return f"{last} It stays quiet until the day that you name{until}."


def _used(matter: Matter, reader: Reader) -> str:
    count = max((standing_of(item, reader.context).extensions for item in matter.open), default=0)
    most = reader.context.policy.most_extensions
    who = reader.context.names(reader.context.approvers)
    return f"{counted(count, 'extension')} so far, {most} at most. {who} decides; until then the deadline stays."


def _over(matter: Matter, reader: Reader) -> View:
    """It was mended, or went to somebody else, before the click came."""
    return View("modal", "Nothing left to do", (section([over_text(matter, reader)]),))


def _one_fix(fix: str, findings: Sequence[Finding]) -> Iterator[Block]:
    """The same for all of them, told once."""
    yield section([advice(fix, 900), *(f"• {object_text(each.subject)}" for each in findings[:_SHOWN])])


def _fix(finding: Finding) -> Iterator[Block]:
    typed = commands(finding.fix)
    said = [] if typed == (finding.fix,) else [advice(finding.fix, 900)]
    yield section([f"*{object_text(finding.subject)}*", *said, *([block("\n".join(typed), 900)] if typed else [])])


def _diff(findings: Sequence[Finding], context: Context) -> Iterator[Block]:
    if found := manifest_diff(findings, context.apis):
        yield section(["*What changes in the manifest*, besides fields that have another name now:", block(found, 200)])


# ---- fields


def _date(label: str, initial: date, hint: str) -> Block:
    element = {"type": "datepicker", "action_id": UNTIL, "initial_date": initial.isoformat()}
    return _input(UNTIL, label, element, hint)


def _reason(label: str, hint: str) -> Block:
    element = {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": REASON_LENGTH}
    return _input(REASON, label, element, hint)


def _modes() -> Block:
    options = [
        {"text": {"type": "plain_text", "text": text, "emoji": False}, "value": mode.value}
        for mode, text in (
            (Mode.HOLD, "Hold: the clusters wait"),
            (Mode.PROCEED, "Proceed: the upgrade goes on without the fix"),
        )
    ]
    element = {"type": "radio_buttons", "action_id": MODE, "options": options, "initial_option": options[0]}
    hint = " ".join(f"{text[:1].upper()}{text[1:]}." for text in MEANS.values())
    return _input(MODE, "What happens to the clusters meanwhile?", element, hint)


def _input(id: str, label: str, element: dict[str, Any], hint: str) -> Block:
    return {
        "type": "input",
        "block_id": id,
        "label": {"type": "plain_text", "text": label, "emoji": False},
        "element": element,
        "hint": {"type": "plain_text", "text": hint, "emoji": False},
    }
