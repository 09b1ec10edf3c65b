"""`fleetkeeper rehearse`: a plan played in advance over a simulated copy of each cluster; changes nothing anywhere."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format, say, write
from fleetkeeper.cli.signals import ending_in_order
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.rehearsal.report import Rehearsal
    from fleetkeeper.rehearsal.rehearse import Progress


def rehearse(
    ctx: typer.Context,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The id of a plan, or the beginning of it.")],
    member: Annotated[str, typer.Option("--member", metavar="NAME", help="Only this cluster of the plan.")] = "",
    picture: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file: who moves when.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", min=1, metavar="N", help="Plays at a time; as many as the machine has room for."),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Play a plan over a simulated copy of each cluster as it stands now: how long, what blocks, what it costs.

    Exit code 3: something stands in the way. 7: a cluster could not be rehearsed.
    """
    from fleetkeeper import wiring
    from fleetkeeper.core.rehearsal.prices import Prices
    from fleetkeeper.core.rehearsal.words import lines
    from fleetkeeper.rehearsal.machine import limits
    from fleetkeeper.rehearsal.rehearse import Rehearser

    settings = context.settings(ctx)
    with context.keeper(ctx) as keeper:
        found = keeper.stored_plan(plan)
        if found is None:
            raise UsageError(f"there is no plan {plan}, or more than one begins so: `fleetkeeper get plans` lists them")
        prices = Prices.of_settings(settings.rehearsal.node_hour_usd)
        with wiring.rehearser(settings, keeper) as (fleet, placements, runs):
            rehearser = Rehearser(
                fleet=fleet,
                placements=placements,
                durations=runs.durations,
                prices=prices,
                progress=_progress,
                limits=limits(processes),
                settle=partial(wiring.log_as, settings.log.format, context.log_level(ctx)),
            )
            with ending_in_order():
                played = rehearser.rehearse(found, member)
    if picture is not None:
        _draw(played, picture)
    if output.is_table:
        print("\n".join(lines(played)))
    else:
        from fleetkeeper.core.rehearsal.words import in_seconds

        more = {"plan": played.plan, "length": in_seconds(played.length), "pauses": in_seconds(played.pauses)}
        write("rehearsal", map(in_seconds, played.members), output, **more)
    raise typer.Exit(exit_of(played))


def exit_of(played: "Rehearsal") -> Exit:
    """What scripts go by: a blocker weighs more than a cluster that could not be seen."""
    from fleetkeeper.core.rehearsal.report import End

    ends = {each.end for each in played.members}
    if ends & {End.BLOCKED, End.FAILED, End.UNFINISHED} or any(each.blockers for each in played.members):
        return Exit.FINDINGS
    return Exit.PARTIAL if End.NOT_REHEARSED in ends else Exit.OK


def _progress(at: "Progress") -> None:
    many = at.of > 1
    if at.end is None:
        say(f"rehearsing {at.member} ({at.number} of {at.of}) ..." if many else f"rehearsing {at.member} ...")
    elif many:
        say(f"rehearsed {at.member}: {at.end.value} ({at.number} of {at.of} over)")


def _draw(played: "Rehearsal", file: Path) -> None:
    from fleetkeeper.core.rehearsal.picture import svg

    try:
        file.write_text(svg(played), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--svg {file}: {error.strerror}") from error
    say(f"Drew it into {file}.")
