"""`fleetkeeper run`: start a plan, and say what becomes of it. Every verb is a row that the engine takes up."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption, SelectorOption, selected
from fleetkeeper.cli.output import Format, say
from fleetkeeper.cli.plan import ShortOption
from fleetkeeper.errors import Tampered, UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.plan import Plan
    from fleetkeeper.core.run import Verb
    from fleetkeeper.keeper import Keeper

app = typer.Typer(help="Start plans, watch runs, and steer them.", no_args_is_help=True, rich_markup_mode=None)

_TARGETS = "stage:NAME, group:STAGE/NAME, member:NAME-OR-ARN or gate:NAME; without one the whole run."
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the beginning of it.")]
TargetArgument = Annotated[str, typer.Argument(metavar="[TARGET]", help=_TARGETS)]
TargetOption = Annotated[str, typer.Option("--target", help="The same as TARGET.")]
SubjectArgument = Annotated[
    str, typer.Argument(metavar="PLAN-OR-RUN", help="A plan; or with --gate a run. Its id, or the beginning of it.")
]
GateOption = Annotated[
    str, typer.Option("--gate", "--target", help="A gate of the run, such as rest/go-ahead; without one the plan.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept in the log.")]
AsOption = Annotated[str, typer.Option("--as", metavar="NAME", help="Another name; only with approvals.local.")]
TokenOption = Annotated[
    Path | None, typer.Option("--token-file", help="A file with an ID token that shows who you are.")
]
StopTokenOption = Annotated[
    Path | None, typer.Option("--token-file", help="Not needed, and not used: a stop is taken from anyone.")
]
TimeoutOption = Annotated[str, typer.Option("--timeout", help="Watch at most so long, such as 30m; exit code 6 then.")]


@app.command("start")
def start(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan's id, or the path of its plan.json.")],
    yes: Annotated[bool, typer.Option("--yes", help="Start it without being asked.")] = False,
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Start a plan. Members that moved since are dropped and named. Exit code 5: it waits for its approval.

    The engine verifies who you are. A run whose start was refused waits: the same command of an operator starts it.
    """
    from fleetkeeper.cli.run_commands import carried_out, said_by
    from fleetkeeper.core.run import Verb

    said = said_by(context.settings(ctx), Verb.START, name, token)
    exported = _exported(plan) if plan.endswith(".json") else None
    with context.keeper(ctx) as keeper:
        found = keeper.stored_plan(exported.header.id if exported else plan)
        if found is None:
            raise UsageError(f"there is no plan {plan}, or more than one begins so: `fleetkeeper get plans` lists them")
        agree(found, yes)
        run = _waiting(keeper, found, exported) or made(keeper, found, said.actor, exported)
        print(run, flush=True)
        carried_out(keeper, Verb.START, run, "", said)
        _what_next(keeper, found, run)


def _waiting(keeper: "Keeper", plan: "Plan", exported: "Plan | None") -> str:
    """The run of a plan that nobody who may has started yet, "" when there is none."""
    from fleetkeeper.core.run import Control

    if exported is not None and exported.digest != plan.digest:
        return ""  # and it is refused where a run would be made
    own = (each for each in keeper.runs(over=False) if each.plan == plan.header.id)
    return next((each.id for each in own if each.control is Control.START), "")


def made(keeper: "Keeper", plan: "Plan", actor: str, exported: "Plan | None") -> str:
    from fleetkeeper.core.wording import counted

    started = keeper.start(plan.header.id, actor, exported=exported)
    say(f"Run {started.run} of {counted(len(plan.members) - len(started.dropped), 'member')} is there.")
    for name, why in started.dropped:
        say(f"  left out: {name}: {why}")
    return started.run


def _exported(file: str) -> "Plan":
    from fleetkeeper.core.plan_file import read_plan

    try:
        return read_plan(Path(file).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as a plan: {error}") from error


def agree(plan: "Plan", yes: bool) -> None:
    """Ask at a terminal; elsewhere --yes must be there."""
    if yes:
        return
    header = plan.header
    if not sys.stdin.isatty():
        raise UsageError(f"starting {header.id} needs --yes where nobody can be asked")
    text = f"Start {header.id}: {header.playbook_title}, {len(plan.members)} clusters, changes {header.changes}?"
    if not typer.confirm(text, err=True):
        raise typer.Exit(Exit.ERROR)


def _what_next(keeper: "Keeper", plan: "Plan", run: str) -> None:
    from fleetkeeper.core.playbook import Changes

    say(f"Watch it: fleetkeeper run watch {run}")
    said = keeper.run(run)
    if plan.header.changes is Changes.NOTHING or (said and any(each.approved for each in said.approvals)):
        return
    say(f"It waits for the approval of somebody other than {plan.header.created_by}:")
    say(f"  fleetkeeper run approve {plan.header.id}")
    raise typer.Exit(Exit.WAITING)


@app.command("watch")
def watch(ctx: typer.Context, run: RunArgument, timeout: TimeoutOption = "") -> None:
    """A live view until the run is over; off a terminal one line for each change. It only reads: Ctrl-C harms nothing.

    Exit codes: 0 succeeded, 7 ended otherwise; with --timeout 6, or 5 when all waits for an approval.
    """
    from fleetkeeper.cli.run_watch import watched

    with context.keeper(ctx) as keeper:
        code = watched(keeper, run, seconds(timeout))
    if code:
        raise typer.Exit(code)


def seconds(text: str) -> float | None:
    from fleetkeeper.core.amount import parse_duration

    try:
        return parse_duration(text).total_seconds() if text else None
    except ValueError as error:
        raise UsageError(f"--timeout {error}") from error


@app.command("status")
def status(
    ctx: typer.Context,
    run: RunArgument,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help="5 when it waits for an approval, 7 when it ended badly or its plan was changed."
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """A run as it stands: what moves, what waits and for what. `-o wide` shows also what is done.

    Of a run whose plan is not what was approved it shows what its own rows say.
    """
    from fleetkeeper.cli.output import write
    from fleetkeeper.cli.run_reading import Log, screen, stored
    from fleetkeeper.cli.run_tables import show_run
    from fleetkeeper.cli.tables import console
    from fleetkeeper.core.run_status import ENDED_BADLY, run_row, waits_for_approval

    with context.keeper(ctx) as keeper:
        try:
            found = stored(keeper, run)
        except Tampered as error:
            _show_rows(keeper, run, str(error), output)
            raise typer.Exit(Exit.PARTIAL if exit_code else Exit.OK) from error
        now = keeper.ports.clock.now()
        last = tuple(Log(keeper, found.run.id).news()[-5:]) if output.is_table else ()
        seen = screen(keeper, found, last, every=output is Format.WIDE)
        idle = found.run.ended_at is None and not keeper.engines()
    if output.is_table:
        show_run(console(wide=output is Format.WIDE), seen, now, idle=idle)
    else:
        write("run", [run_row(seen, now)], output, at=now)
    if exit_code and found.run.state in ENDED_BADLY:
        raise typer.Exit(Exit.PARTIAL)
    if exit_code and waits_for_approval(found.run, found.tasks):
        raise typer.Exit(Exit.WAITING)


def _show_rows(keeper: "Keeper", run: str, wrong: str, output: Format) -> None:
    from fleetkeeper.cli.output import write
    from fleetkeeper.cli.run_reading import Log, rows
    from fleetkeeper.core.run_unplanned import unplanned_page, unplanned_row

    found, now = rows(keeper, run), keeper.ports.clock.now()
    if not output.is_table:
        write("unplanned_run", [unplanned_row(found, wrong)], output, at=now)
        return
    for line in unplanned_page(found, wrong, tuple(Log(keeper, found.run.id).news()[-5:]), now):
        print(line)


@app.command("log")
def log(
    ctx: typer.Context,
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Everything that happened in a run, oldest first, with who did it."""
    from fleetkeeper.cli.run_watch import follow_log, write_log

    with context.keeper(ctx) as keeper:
        code = follow_log(keeper, run) if follow else write_log(keeper, run, output)
    if code:
        raise typer.Exit(code)


# ---- verbs


@app.command("rollback")
def rollback(
    ctx: typer.Context,
    run: RunArgument,
    selector: SelectorOption = "",
    playbook: Annotated[str, typer.Option("--playbook", help="One that takes upgrades back.")] = "rollback",
    short: ShortOption = False,
) -> None:
    """Plan the way back of what a run upgraded, show it, and say how to approve and start it. Changes no cluster."""
    from datetime import timedelta

    from fleetkeeper import wiring
    from fleetkeeper.cli.actor import actor
    from fleetkeeper.cli.plan import named, run_id
    from fleetkeeper.core.plan_page import plan_page, plan_short

    chosen = selected(selector)
    found = named(wiring.playbooks(context.settings(ctx).playbook_folders), playbook)
    with context.keeper(ctx) as keeper:
        made = keeper.plan(found, chosen, actor(), timedelta(days=7), run_id(keeper, run))
    print(plan_short(made) if short else plan_page(made), end="")


@app.command("pause")
def pause(
    ctx: typer.Context, run: RunArgument, reason: ReasonOption = "", name: AsOption = "", token: StopTokenOption = None
) -> None:
    """Begin nothing new, within a second; what is under way in a cluster is followed to its end."""
    _say(ctx, "pause", run, "", reason, name, token)


@app.command("resume")
def resume(
    ctx: typer.Context, run: RunArgument, reason: ReasonOption = "", name: AsOption = "", token: TokenOption = None
) -> None:
    """Go on after a pause; after a pause for failures without the members that failed."""
    _say(ctx, "resume", run, "", reason, name, token)


@app.command("abort")
def abort(
    ctx: typer.Context, run: RunArgument, reason: ReasonOption = "", name: AsOption = "", token: StopTokenOption = None
) -> None:
    """End a run: nothing new begins, what is fleetkeeper's own is undone, what cannot be cut off is followed."""
    _say(ctx, "abort", run, "", reason, name, token)


@app.command("retry")
def retry(
    ctx: typer.Context,
    run: RunArgument,
    part: TargetArgument = "",
    target: TargetOption = "",
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Try again what failed, or what nobody can tell the end of: of the run, or of a part."""
    _say(ctx, "retry", run, target or part, reason, name, token)


@app.command("skip")
def skip(
    ctx: typer.Context,
    run: RunArgument,
    part: TargetArgument = "",
    target: TargetOption = "",
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Leave out a member, a gate, a group or a stage."""
    _say(ctx, "skip", run, target or part, reason, name, token)


@app.command("approve")
def approve(
    ctx: typer.Context,
    subject: SubjectArgument,
    gate: GateOption = "",
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Approve a plan, or a gate of a run. The engine verifies who you are, and that you did not ask for it."""
    _say(ctx, "approve", subject, gate, reason, name, token)


@app.command("reject")
def reject(
    ctx: typer.Context,
    subject: SubjectArgument,
    gate: GateOption = "",
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Reject a plan, or a gate of a run; it stands until somebody approves after it."""
    _say(ctx, "reject", subject, gate, reason, name, token)


def _say(ctx: typer.Context, verb: str, subject: str, target: str, reason: str, name: str, token: Path | None) -> None:
    from fleetkeeper.cli.run_commands import said_by, send
    from fleetkeeper.core.run import Verb

    meant = Verb(verb)
    said = said_by(context.settings(ctx), meant, name, token)
    with context.keeper(ctx) as keeper:
        send(keeper, meant, _subject(keeper, meant, subject, target), target, said, reason)


def _subject(keeper: "Keeper", verb: "Verb", id: str, target: str) -> str:
    """The id of the run that is meant; of the plan, for a decision on a plan."""
    from fleetkeeper.cli.run_reading import id_of, stored
    from fleetkeeper.core.people import STOPS
    from fleetkeeper.core.run import Verb

    if verb in STOPS:
        return id_of(keeper, id)
    if verb in (Verb.APPROVE, Verb.REJECT) and not target:
        if (plan := keeper.stored_plan(id)) is not None:
            return plan.header.id
        if keeper.run(id) is None:
            raise UsageError(f"there is no plan and no run {id}: `fleetkeeper get plans` and `get runs` list them")
    return stored(keeper, id).run.id
