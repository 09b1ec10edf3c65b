"""`fleetkeeper doctor`: does everything work that an observation needs, and what exactly is missing."""

from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleetkeeper.config import Settings
    from fleetkeeper.engine.proofs import Proof


def doctor(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(help="Name or ARN: every permission of this one cluster.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every row, not the good ones of a subject as one.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Try every permission once and say what is missing; changes and stores nothing.

    Without CLUSTER: configuration, database, clock, every account and region, the way to every cluster. Exit code 4:
    a credential or permission is missing; 7: something did not answer; 1: something else is wrong.
    """
    from fleetkeeper.cli import doctor_table, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.engine.proofs import Trouble, worst

    proofs = _proofs(ctx, cluster)
    if output.is_table:
        doctor_table.show(tables.console(), proofs, whole=every or bool(cluster))
    else:
        write("doctor", proofs, output)
    codes = {Trouble.ACCESS: Exit.AUTH, Trouble.OTHER: Exit.ERROR, Trouble.UNREACHABLE: Exit.PARTIAL}
    if code := codes.get(worst(proofs)):
        raise typer.Exit(code)


def _proofs(ctx: typer.Context, cluster: str) -> "Sequence[Proof]":
    """What the engine's doctor finds; mistakes of the configuration are rows too, and then nothing else is tried."""
    from fleetkeeper import wiring
    from fleetkeeper.engine.proofs import Proof, Result
    from fleetkeeper.errors import ConfigError

    try:
        settings = context.settings(ctx)
    except ConfigError as error:
        return [
            Proof(Result.FAIL, f"{m.file}:{m.line}" if m.line else m.file, m.key or "file", m.message, m.fix)
            for m in error.mistakes
        ]
    with wiring.doctor(settings, "info" if ctx.obj.verbose else "error") as found:
        if cluster:
            return found.cluster(_configured_arn(settings, cluster))
        return [Proof(Result.PASS, "configuration", "readable"), *found.fleet()]


def _configured_arn(settings: "Settings", text: str) -> str:
    """A table of kubernetes.clusters may have a name of its own for an EKS cluster."""
    return next((c.arn for c in settings.kubernetes.clusters if c.name == text and c.arn), text)
