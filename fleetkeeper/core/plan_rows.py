"""Stored plans as a list, and what a playbook is in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.kind_words import gate_words, step_words
from fleetkeeper.core.page_text import filled
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import failure_text, params_text
from fleetkeeper.core.playbook import GateSpec, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.playbook_windows import window_text
from fleetkeeper.core.wording import counted


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One stored plan. expired: it can no longer be started."""

    id: str
    playbook: str
    title: str
    changes: str
    selector: str
    members: int
    left: int
    created_at: datetime
    created_by: str
    expires_at: datetime
    expired: bool
    digest: str


def plan_rows(plans: Sequence[Plan], now: datetime) -> tuple[PlanRow, ...]:
    return tuple(_row(each, now) for each in plans)


def _row(plan: Plan, now: datetime) -> PlanRow:
    header = plan.header
    return PlanRow(
        id=header.id,
        playbook=header.playbook,
        title=header.playbook_title,
        changes=header.changes.value,
        selector=header.selector,
        members=len(plan.members),
        left=len(header.left),
        created_at=header.created_at,
        created_by=header.created_by,
        expires_at=header.expires_at,
        expired=now >= header.expires_at,
        digest=plan.digest,
    )


def explained(playbook: Playbook) -> str:
    """A playbook in words: each step with its dry run, its limits and the way back, then stages, gates and holds."""
    lines = [f"{playbook.name}: {playbook.title}", *filled(playbook.purpose, "  ", "  "), ""]
    lines += filled(f"Changes {playbook.changes}. From {playbook.origin}, {playbook.digest[:12]}.", "  ", "  ")
    lines += ["", "Each cluster, step by step"]
    for number, step in enumerate(playbook.steps, start=1):
        lines += _step(number, step)
    for idx, stage in enumerate(playbook.stages, start=1):
        lines += ["", *_stage(idx, len(playbook.stages), stage)]
    if playbook.holds or playbook.freezes:
        lines += ["", "Before each cluster and each step"]
    for hold in playbook.holds:
        lines += filled(f"{_named(hold.kind, hold.name)} {gate_words(hold.kind)}{_given(hold)}", "  ", "    ")
    if playbook.freezes:
        lines += filled(f"calendars hold it: {', '.join(playbook.freezes)}, and those for everything", "  ", "    ")
    return "\n".join(lines) + "\n"


def _named(kind: str, name: str) -> str:
    return kind if kind == name else f"{name} ({kind})"


def _given(spec: StepSpec | GateSpec) -> str:
    return f" [{params_text(spec.params)}]" if spec.params else ""


def _step(number: int, step: StepSpec) -> Iterator[str]:
    words = step_words(step.kind)
    where = "in each hop, " if step.each_hop else ""
    yield from filled(f"{where}{_named(step.kind, step.name)} {words.does}{_given(step)}", f"  {number}. ", "     ")
    retries = f", then {counted(step.retries, 'more try').replace('trys', 'tries')}" if step.retries else ", no retry"
    apart = f" {duration_text(step.backoff)} apart" if step.retries else ""
    yield from filled(f"time: at most {duration_text(step.timeout)} an attempt{retries}{apart}", "     ", "       ")
    for label, text in (("dry run", words.dry_run), ("can go wrong", words.wrong), ("way back", words.back)):
        yield from filled(f"{label}: {text}", "     ", "       ")


def _stage(idx: int, count: int, stage: StageSpec) -> Iterator[str]:
    who = f"clusters with {stage.clusters}" if stage.clusters else "every cluster that no earlier stage took"
    yield from filled(f"Stage {idx} of {count}, {stage.name}: {who}", "", "  ")
    if stage.group_by:
        yield from filled(f"groups by {stage.group_by}, side by side, {stage.group_concurrency} of each at once", "  ")
    order = f"in the order of {', '.join(stage.order)}, then by name" if stage.order else "by name"
    failures = failure_text(stage.on_failure, f"{stage.max_failures} failed" if stage.max_failures.value else "")
    yield from filled(f"{stage.max_concurrency} at once, {order}; {failures}", "  ", "  ")
    for window in stage.windows:
        yield f"  begins work only in {window_text(window)}"
    for gate in sorted(stage.gates, key=lambda each: each.when is not When.BEFORE):
        whole = "each group" if gate.each_group else "it"
        whole += f", where a cluster is {gate.only}" if gate.only else ""
        text = f"{gate.when} {whole}: {_named(gate.kind, gate.name)} {gate_words(gate.kind)}{_given(gate)}"
        yield from filled(f"{text}, at most {duration_text(gate.timeout)}", "  ", "    ")
