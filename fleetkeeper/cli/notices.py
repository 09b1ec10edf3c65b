"""`fleetkeeper notices`: who is told what, and why; what was told; and telling now."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption, SelectorOption, selected
from fleetkeeper.cli.get import app as get_app
from fleetkeeper.cli.output import Format, say
from fleetkeeper.cli.run import AsOption, ReasonOption, TokenOption
from fleetkeeper.cli.times import moment
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.notices.why import Why
    from fleetkeeper.engine.notice_ports import Record
    from fleetkeeper.keeper import Keeper

app = typer.Typer(help="Who is told what, when and why.", no_args_is_help=True, rich_markup_mode=None)

OwnerOption = Annotated[str, typer.Option("--owner", help="Only what goes to this team or person.")]
SinceOption = Annotated[str, typer.Option("--since", help="From then on: 7d, 12h, 2026-11-01.")]
_MOST = 500
_FORM = "an id as `notices history` shows it, or CLUSTER/NAMESPACE/KIND/NAME with - for no namespace"


@app.command("preview")
def preview(
    ctx: typer.Context,
    selector: SelectorOption = "",
    owner: OwnerOption = "",
    full: Annotated[bool, typer.Option("--full", help="With the text of each message.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Who would be told what now, later, or if their team were live (shadow); sends nothing."""
    from fleetkeeper.cli import notice_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core.reports.notice_rows import preview_rows, silence_rows

    chosen = selected(selector)
    with context.keeper(ctx) as keeper:
        found = keeper.preview_notices()
        clusters = keeper.clusters(chosen) if selector else None
    rows = preview_rows(found.messages, found.turn, clusters, owner, full)
    quiet = silence_rows(found.turn, clusters, owner)
    if output.is_table:
        console = tables.console(wide=output is Format.WIDE)
        notice_tables.show_preview(console, rows, quiet, found.situation.now)
    else:
        write("notices_preview", rows, output, at=found.situation.now, silences=quiet, muted=found.turn.muted)


@app.command("send")
def send(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Send without being asked.")] = False,
) -> None:
    """Tell owners now what is due now, without waiting for the schedule; `serve` delivers it."""
    from fleetkeeper import wiring_notices
    from fleetkeeper.core.wording import counted

    settings = context.settings(ctx)
    if not wiring_notices.can_verify(settings):
        fix = "set approvals.signing_key_file to the engine's key, or leave it to `fleetkeeper serve`"
        raise UsageError(f"what people answered cannot be verified here, for there is no signing key: {fix}")
    if not settings.notices.live:
        raise UsageError('no team is live: name some by `live` of [notices], such as live = ["payments"]')
    with context.keeper(ctx) as keeper:
        due = keeper.preview_notices().turn.notices
        if not due:
            say("Nothing is due now: `fleetkeeper notices preview` says what is later, and why.")
            return
        _agree(len(due), yes)
        told = keeper.notify()
        alive = bool(keeper.engines())
    print(*told.stored, sep="\n")
    say(f"{counted(len(told.stored), 'message')} stored for delivery.")
    if not alive:
        say("No engine is running, so nothing goes out yet: `fleetkeeper serve` delivers.")


def _agree(messages: int, yes: bool) -> None:
    """Ask at a terminal; elsewhere --yes must be there."""
    from fleetkeeper.core.wording import counted

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"sending {counted(messages, 'message')} needs --yes where nobody can be asked")
    if not typer.confirm(f"Send {counted(messages, 'message')}?", err=True):
        raise typer.Exit(Exit.ERROR)


@app.command("settle")
def settle(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="As `notices history` shows it.", show_default=False)],
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="What you saw in the channel.", show_default=False)
    ] = None,
    link: Annotated[str, typer.Option("--link", help="Of the message, so that it can be edited later.")] = "",
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Say of an ambiguous message whether it is out, where only people may look. The engine verifies who you are."""
    from fleetkeeper.cli.run_commands import said_by
    from fleetkeeper.cli.run_commands import send as say_verb
    from fleetkeeper.core.run import Verb
    from fleetkeeper.engine.settling import target_of

    if sent is None:
        raise UsageError("look in the channel, and say what you saw: --sent or --not-sent")
    target, said = target_of(sent, link), said_by(context.settings(ctx), Verb.SETTLE, name, token)
    with context.keeper(ctx) as keeper:
        record = keeper.notice(id)
        if record is None:
            raise UsageError(f"there is no notice {id}, or more than one begins so: `fleetkeeper notices history`")
        say_verb(keeper, Verb.SETTLE, record.notice.id, target, said, reason)


@app.command("unmute")
def unmute(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="As `campaign` names the check.", show_default=False)],
    reason: ReasonOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Tell again of a check that is muted for too many "not mine", once it was looked at. The engine verifies you."""
    from fleetkeeper.cli.run_commands import said_by
    from fleetkeeper.cli.run_commands import send as say_verb
    from fleetkeeper.core.run import Verb

    said = said_by(context.settings(ctx), Verb.UNMUTE, name, token)
    with context.keeper(ctx) as keeper:
        say_verb(keeper, Verb.UNMUTE, code.upper(), "", said, reason)


@app.command("history")
def history(
    ctx: typer.Context, owner: OwnerOption = "", since: SinceOption = "30d", output: FormatOption = Format.TABLE
) -> None:
    """What was told, newest first, and what became of each message."""
    _show_records(ctx, owner, since, output)


@get_app.command("notices")
def notices(
    ctx: typer.Context, owner: OwnerOption = "", since: SinceOption = "7d", output: FormatOption = Format.TABLE
) -> None:
    """The outbox: messages and whether they are out, newest first."""
    _show_records(ctx, owner, since, output)


def _show_records(ctx: typer.Context, owner: str, since: str, output: Format) -> None:
    from fleetkeeper.cli import notice_tables, tables
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        records = keeper.notices(moment(since, now), owner, _MOST)
        counts = keeper.outbox_counts()
    if output.is_table:
        notice_tables.show_records(tables.console(wide=output is Format.WIDE), records, counts, now)
    else:
        write("notices", records, output, at=now, outbox={state.value: count for state, count in counts.items()})


@app.command("why")
def why(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID|CLUSTER/NAMESPACE/KIND/NAME", help=_FORM, show_default=False)],
    output: FormatOption = Format.TABLE,
) -> None:
    """Why somebody is told of something, or is not: the owner's evidence, the clock, what was told and answered."""
    from fleetkeeper.cli import notice_tables, tables
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        record, rows = _asked(keeper, what)
    if output.is_table:
        notice_tables.show_why(tables.console(wide=output is Format.WIDE), record, rows, now)
    else:
        write("notice_why", rows, output, at=now, notice=record)


def _asked(keeper: "Keeper", what: str) -> "tuple[Record | None, tuple[Why, ...]]":
    cluster, _, path = what.partition("/")
    if path:
        rows = keeper.why_told(cluster, [path])
        if not rows:
            raise UsageError(f"nothing of {what} is open or was told: `fleetkeeper get findings -l name={cluster}`")
        return None, rows
    record = keeper.notice(what)
    if record is not None:
        return record, keeper.why_notice(record.notice)
    rows = keeper.why_told("", [what]) if len(what) >= 6 else ()
    if not rows:
        raise UsageError(f"there is no notice {what}, or more than one begins so; write {_FORM}")
    return None, rows
