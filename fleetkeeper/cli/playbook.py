"""`fleetkeeper playbook`: the playbooks that there are, checked, shown and explained; needs no database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format, say

if TYPE_CHECKING:
    from fleetkeeper.core.playbook import Playbook

app = typer.Typer(
    help="Check, show or explain playbooks: what is done to each cluster, in which stages.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name of a playbook.")]


@app.command("check")
def check(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files and folders; default: the whole library.")
    ] = None,
) -> None:
    """Read playbooks and name every mistake with its file and line."""
    from fleetkeeper import wiring
    from fleetkeeper.core.wording import counted

    found = wiring.playbook_files(paths) if paths else wiring.playbooks(context.settings(ctx).playbook_folders)
    for playbook in found.values():
        stages = ", ".join(each.name for each in playbook.stages)
        print(f"Good: {playbook.name} ({playbook.origin}): {counted(len(playbook.steps), 'step')}, stages {stages}.")
    if not found:
        say("No playbook was found there: they are files named *.toml.")


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Default: a list of all.")] = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """A playbook with every default filled in, or all of them as a list."""
    from fleetkeeper import wiring
    from fleetkeeper.cli import plan_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.cli.plan import named

    known = wiring.playbooks(context.settings(ctx).playbook_folders)
    chosen = [named(known, name)] if name else list(known.values())
    if not output.is_table:
        write("playbooks", [plan_tables.playbook_item(each) for each in chosen], output)
    elif name:
        _show(chosen[0])
    else:
        plan_tables.show_playbooks(tables.console(wide=output is Format.WIDE), chosen)


@app.command("explain")
def explain(ctx: typer.Context, name: NameArgument) -> None:
    """A playbook in words: each step, its dry run, its limits, what can go wrong and the way back."""
    from fleetkeeper import wiring
    from fleetkeeper.cli.plan import named
    from fleetkeeper.core.plan_rows import explained

    known = wiring.playbooks(context.settings(ctx).playbook_folders)
    print(explained(named(known, name)), end="")


def _show(playbook: "Playbook") -> None:
    import sys

    import yaml

    from fleetkeeper.cli.plan_tables import playbook_item

    yaml.safe_dump(playbook_item(playbook), sys.stdout, sort_keys=False, allow_unicode=False)
