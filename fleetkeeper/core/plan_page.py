"""A plan as the page that an on-call engineer approves at three in the morning."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.changing_via import proposed_text
from fleetkeeper.core.durations import soak_length, stage_range
from fleetkeeper.core.expanding.addons import addon_fact
from fleetkeeper.core.kind_words import gate_words, step_words
from fleetkeeper.core.page_text import filled
from fleetkeeper.core.plan import Header, Member, Need, Plan, Range, Stage
from fleetkeeper.core.plan_steps import is_told_step_by_step, letters, listing_lines, listings
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, Params, StepSpec, When
from fleetkeeper.core.playbook_windows import window_text
from fleetkeeper.core.traits import NEEDS
from fleetkeeper.core.wording import counted, some

_LABEL = 11

_ON_A_LINE = 3
"""So many clusters that are left out for the same reason stand before it; more stand below it."""

_ON_FAILURE = {
    OnFailure.PAUSE: "the run pauses and an operator decides",
    OnFailure.STOP: "the run ends as failed once those under way are done",
}


def plan_page(plan: Plan) -> str:
    """The page: what and why, stages with their members, who is left out, what can go wrong, how to approve."""
    found = listings(plan.members) if is_told_step_by_step(plan.members) else ()
    each = [listing_lines(listing) for listing in found]
    stages = _stages(plan, letters(found))
    sections = [_head(plan), _steps(plan), *each, *stages, _left_out(plan), _wrong(plan), _next(plan)]
    return "\n\n".join("\n".join(lines) for each in sections if (lines := list(each))) + "\n"


def plan_short(plan: Plan) -> str:
    """The page without the steps, what can go wrong, and what is only for the record; not enough to approve by."""
    stages = _stages(plan, {}, short=True)
    sections = [_short_head(plan), *stages, _left_out(plan), _whole(plan)]
    return "\n\n".join("\n".join(lines) for each in sections if (lines := list(each))) + "\n"


def _short_head(plan: Plan) -> Iterator[str]:
    header = plan.header
    yield from filled(f"Plan {header.id}: {header.playbook_title}")
    yield from _labelled("changes", _CHANGES[header.changes])
    yield from _labelled("clusters", _count(plan))
    yield from _labelled("asked for", _asked_for(header))
    if header.expected and plan.members:
        yield from _labelled("takes", range_text(header.expected))


def _whole(plan: Plan) -> Iterator[str]:
    if plan.members:
        yield "The whole page has each step with its reason, what can go wrong, and the way back:"
        yield f"  fleetkeeper plan show {plan.header.id}"
    else:
        yield from _next(plan)


def _labelled(label: str, text: str) -> list[str]:
    return filled(text, f"  {label:<{_LABEL}}", " " * (_LABEL + 2))


# ---- head


def _head(plan: Plan) -> Iterator[str]:
    header = plan.header
    yield from filled(f"Plan {header.id}: {header.playbook_title}")
    yield from filled(header.playbook_purpose, "  ", "  ") if header.playbook_purpose else ()
    yield ""
    yield from _labelled("changes", _CHANGES[header.changes])
    yield from _labelled("clusters", _count(plan))
    yield from _labelled("asked for", _asked_for(header))
    yield from _labelled("made", f"{_time(header.created_at)} by {header.created_by}")
    yield from _labelled("expires", f"{_time(header.expires_at)}; from then on it cannot be started")
    if header.expected and plan.members:
        yield from _labelled("takes", f"{range_text(header.expected)}: {_meaning(header.expected)}")
    if saved := sum(each.saved_per_month for each in plan.members):
        yield from _labelled("saves", f"${saved:,.0f} a month of extended support")
    for label, text in chain(_limits(header), _holds(header)):
        yield from _labelled(label, text)
    yield from _labelled("playbook", f"{header.playbook} ({header.playbook_origin}), {header.playbook_digest[:12]}")
    yield from _labelled("digest", plan.digest)


_CHANGES = {
    Changes.NOTHING: "nothing: it only looks, and needs no approval",
    Changes.ADDONS: "EKS addons; no control plane, no node",
    Changes.MINOR: "the Kubernetes minor of control planes, their addons and nodes",
    Changes.ROLLBACK: "the Kubernetes minor of control planes, back to the one before, with their addons and nodes",
    Changes.NODES: "nodes; no control plane",
}


def _asked_for(header: Header) -> str:
    run = f"what run {header.of} upgraded" if header.of else ""
    selected = f"-l {header.selector}" if header.selector else ""
    return ", ".join(filter(None, (run, selected))) or "the whole fleet"


def _count(plan: Plan) -> str:
    stages = sum(1 for idx in range(len(plan.header.stages)) if _inside(plan, idx))
    left = len(plan.header.left)
    found = f"{len(plan.members)} in {counted(stages, 'stage')}"
    return found + (f"; {left} left out, each with its reason below" if left else "")


def _limits(header: Header) -> Iterator[tuple[str, str]]:
    if header.service_limits:
        others = {name: limit for name, limit in header.service_limits.items() if name != "*"}
        each = [f"{name} in {counted(limit, 'region')}" for name, limit in sorted(others.items())]
        if "*" in header.service_limits:
            every = counted(header.service_limits["*"], "region")
            each.append(f"{'every other service' if each else 'each service'} in {every}")
        yield "at once", ", ".join(each) + ", counting what is under way or left half done in any run"


def _holds(header: Header) -> Iterator[tuple[str, str]]:
    for each in header.holds:
        yield "held by", f"{_gate(each)}: {gate_words(each.kind)}"
    if header.freezes:
        yield "freezes", f"calendars {', '.join(header.freezes)}, beside those that hold everything"


def range_text(range: Range) -> str:
    """`2h to 5h`; one value where both ends are alike."""
    return " to ".join(dict.fromkeys((duration_text(range.p50), duration_text(range.p95))))


def _meaning(range: Range) -> str:
    ends = "half of such work ends by the first, 95 of 100 by the second"
    base = "by runs of one's own" if range.calibrated else "uncalibrated, for there are too few runs of one's own"
    return f"{ends} ({base}); waits for people, windows, freezes and limits come on top"


# ---- steps


def _steps(plan: Plan) -> Iterator[str]:
    """Each kind once, in the order of a member: a step of the playbook may be several for one cluster."""
    if plan.members:
        told = is_told_step_by_step(plan.members)
        yield "The kinds of steps, and their limits" if told else "Each cluster, step by step"
    for number, (kind, spec) in enumerate(_kinds(plan.members).items(), start=1):
        limits = f"at most {duration_text(spec.timeout)} an attempt"
        if spec.retries:
            limits += (
                f", {counted(spec.retries, 'retry').replace('retrys', 'retries')} {duration_text(spec.backoff)} apart"
            )
        yield from filled(f"{kind}: {step_words(kind).does} ({limits})", f"  {number}. ", "     ")


def _kinds(members: Iterable[Member]) -> dict[str, StepSpec]:
    found: dict[str, StepSpec] = {}
    for member in members:
        for step in member.steps:
            found.setdefault(step.kind, step)
    return found


# ---- stages


def _inside(plan: Plan, stage: int) -> list[Member]:
    return [each for each in plan.members if each.stage == stage]


def _stages(plan: Plan, lists: Mapping[int, str], short: bool = False) -> Iterator[Iterator[str]]:
    for idx, stage in enumerate(plan.header.stages):
        yield _stage(plan, idx, stage, lists, short)


def _stage(plan: Plan, idx: int, stage: Stage, lists: Mapping[int, str], short: bool) -> Iterator[str]:
    members = _inside(plan, idx)
    head = f"Stage {idx + 1} of {len(plan.header.stages)}, {stage.name}"
    if not members:
        yield f"{head}: no cluster"
        return
    yield f"{head}: {counted(len(members), 'cluster')}, {range_text(stage_range(stage, members))}"
    yield from filled(_admission(stage), "  ", "  ")
    for window in stage.windows:
        yield f"  begins work only in {window_text(window)}"
    yield from _gates(stage, When.BEFORE)
    for each in members:
        yield from _member(each, lists.get(each.idx, ""), short)
    yield from _gates(stage, When.AFTER)


def _admission(stage: Stage) -> str:
    failures = stage.max_failures
    found = f"at most {stage.max_concurrency} at once"
    if stage.group_concurrency:
        groups = [f"{limit} in {name}" for name, limit in stage.group_concurrency.items()]
        found += f" ({', '.join(groups)})"
    return f"{found}; {failure_text(stage.on_failure, counted(failures, 'failure') if failures else '')}"


def failure_text(on_failure: OnFailure, limit: str) -> str:
    """What happens after more failures than the limit, "" for the first one."""
    if on_failure is OnFailure.CONTINUE:
        return "whatever fails, the stage goes on, and the run ends as completed with failures"
    return f"after {f'more than {limit}' if limit else 'the first failure'} {_ON_FAILURE[on_failure]}"


def _gates(stage: Stage, when: When) -> Iterator[str]:
    for each in stage.gates:
        if each.when is when:
            group = "each group" if each.each_group else "the stage"
            group += f", for what is {each.only}: {NEEDS.get(each.only, '')}" if each.only else ""
            length = f" of {duration_text(soak_length(each))}" if each.kind == "soak" else ""
            text = (
                f"{_gate(each)}{length} {when} {group}: {gate_words(each.kind)}, at most {duration_text(each.timeout)}"
            )
            yield from filled(text, "  gate ", "       ")


def _gate(gate: GateSpec) -> str:
    return gate.kind if gate.kind == gate.name else f"{gate.kind} {gate.name}"


def _member(member: Member, letter: str, short: bool) -> Iterator[str]:
    version = member.attributes.get("version", "")
    group = f", group {member.group}" if member.group else ""
    where = str(member.scope) if member.scope else "kubeconfig only"
    yield from filled(f"{member.idx + 1}. {member.name}  {where}, at {version or '?'}{group}", "  ", "     ")
    hops = " → ".join((version, *member.hops)) if member.hops else ""
    if letter:
        hops = f"{hops}, steps {letter}" if hops else f"steps {letter}"
    versions = () if letter or (short and hops) else version_changes(member)
    for text in filter(None, (hops, *versions)):
        yield from filled(text, "     ", "       ")
    for text in _facts(member, short):
        yield from filled(text, "     ", "       ")


def version_changes(member: Member) -> Iterator[str]:
    """`coredns v1.12.1 → v1.13.2` for each step that takes an addon to another version, in their order."""
    at: dict[str, str] = {}
    for each in member.steps:
        if text := proposed_text(each):
            yield text
        addon, version = str(each.params.get("addon", "")), str(each.params.get("version", ""))
        if addon and version:
            yield f"{addon} {at.get(addon) or member.facts.get(addon_fact(addon), '?')} → {version}"
            at[addon] = version


def _facts(member: Member, short: bool) -> Iterator[str]:
    facts = []
    if member.expected:
        facts.append(f"takes {range_text(member.expected)}")
    if member.deadline:
        facts.append(f"its minor is due by {member.deadline:%Y-%m-%d}")
    if member.saved_per_month:
        facts.append(f"saves ${member.saved_per_month:,.0f} a month")
    if facts:
        yield "; ".join(facts)
    if member.needs and not short:
        yield f"reserves {some(_need(each) for each in member.needs)}"
    for trait in member.traits:
        yield f"! {NEEDS.get(trait, trait)}"
    for note in member.notes:
        yield f"! {note}"


def _need(need: Need) -> str:
    """`20 of subnet:subnet-a`; addresses of subnets, vCPUs of quotas."""
    return f"{need.amount} of {need.resource}"


# ---- the rest


def _left_out(plan: Plan) -> Iterator[str]:
    """Clusters that are left out for the same reason together, and after those that have a reason of their own."""
    if not plan.header.left:
        return
    yield f"Left out: {counted(len(plan.header.left), 'cluster')}"
    alike: dict[str, list[str]] = {}
    for each in plan.header.left:
        where = f" ({each.account}/{each.region})" if each.account else ""
        alike.setdefault(each.reason, []).append(each.name + where)
    for reason, names in sorted(alike.items(), key=lambda each: len(each[1])):
        if len(names) <= _ON_A_LINE:
            yield from filled(f"{', '.join(names)}: {reason}", "  ", "    ")
            continue
        yield from filled(f"{counted(len(names), 'cluster')}: {reason}", "  ", "    ")
        for start in range(0, len(names), _ON_A_LINE):
            yield from filled(", ".join(names[start : start + _ON_A_LINE]), "    ", "    ")
    if plan.header.changes is Changes.MINOR:
        yield "  what stands in the way of one, and what to do first: fleetkeeper assess -l name=NAME"


def _wrong(plan: Plan) -> Iterator[str]:
    if plan.members:
        yield "What can go wrong, and the way back"
    for kind in _kinds(plan.members):
        words = step_words(kind)
        yield from filled(f"{kind}: {words.wrong}", "  ", "    ")
        yield from filled(f"back: {words.back}", "    ", "    ")


def _next(plan: Plan) -> Iterator[str]:
    header = plan.header
    if not plan.members:
        yield "No cluster is in it, so it was not stored: there is nothing to run."
        return
    yield "What to do"
    if header.changes is not Changes.NOTHING:
        yield f"  approve  fleetkeeper run approve {header.id}"
        yield f"  refuse   fleetkeeper run reject {header.id} --reason TEXT"
        yield from filled(f"Anyone who may approve, but not {header.created_by}, who asked for it.", "           ")
    yield f"  start    fleetkeeper run start {header.id}"
    yield from filled(
        "Each member is looked at once more then: one that moved since is dropped, and named.", "           "
    )


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def params_text(params: Params) -> str:
    """`hook=tickets, severity=3`, in the order of their names."""
    return ", ".join(f"{name}={', '.join(v) if isinstance(v, tuple) else v}" for name, v in sorted(params.items()))
