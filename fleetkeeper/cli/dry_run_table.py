"""A dry run as text: member by member, what each step would do now."""

from collections import Counter
from collections.abc import Iterable, Sequence
from textwrap import wrap

from fleetkeeper.core.plan import Plan
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted
from fleetkeeper.engine.dry_run import Effect, Tried

_WIDTH = 98
_MOST_LINES = 60  # of the details of one step
_WORDS = {
    Effect.ACTS: "would",
    Effect.DONE: "is done:",
    Effect.NOTHING: "has nothing to do:",
    Effect.WAITS: "would wait:",
    Effect.BLOCKED: "is BLOCKED:",
    Effect.FAILS: "would FAIL:",
    Effect.UNKNOWN: "is UNKNOWN:",
}


def show(plan: Plan, tried: Iterable[Tried]) -> None:
    """Print each line as it is known: the first cluster need not wait for the last."""
    print(f"Dry run of {plan.header.id}: nothing is changed. Each step looks at its cluster as it is now.")
    stage = member = ""
    counts: Counter[Effect] = Counter()
    for each in tried:
        if each.stage != stage:
            stage, member = each.stage, ""
            print(f"\nStage {stage}")
        if each.member != member:
            member = each.member
            print(f"  {member}")
        for line in wrap(f"{each.step} {_WORDS[each.effect]} {each.text}", _WIDTH - 4, subsequent_indent="  "):
            print(f"    {line}")
        if each.fix:
            for line in wrap(f"do: {each.fix}", _WIDTH - 6, subsequent_indent="  "):
                print(f"      {line}")
        _details(each.details.splitlines())
        counts[each.effect] += 1
    shown = ", ".join(f"{number} {_COUNTED[effect]}" for effect in Effect if (number := counts[effect]))
    print(f"\n{counted(sum(counts.values()), 'step')}: {shown}.")


def _details(lines: Sequence[str]) -> None:
    for line in lines[:_MOST_LINES]:
        print(f"      | {safe(line, _WIDTH)}")
    if len(lines) > _MOST_LINES:
        print(f"      | and {len(lines) - _MOST_LINES} more lines")


_COUNTED = {
    Effect.ACTS: "would act",
    Effect.DONE: "done",
    Effect.NOTHING: "not needed",
    Effect.WAITS: "would wait",
    Effect.BLOCKED: "blocked",
    Effect.FAILS: "would fail",
    Effect.UNKNOWN: "unknown",
}
