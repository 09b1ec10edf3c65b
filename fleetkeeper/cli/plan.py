"""`fleetkeeper plan`: what a playbook would do to the fleet as it is stored; changes no cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from fleetkeeper.cli import context
from fleetkeeper.cli.get import FormatOption, SelectorOption, selected
from fleetkeeper.cli.output import Format, say
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from fleetkeeper.config import Settings
    from fleetkeeper.core.plan import Plan
    from fleetkeeper.core.playbook import Playbook
    from fleetkeeper.keeper import Keeper

ShortOption = Annotated[bool, typer.Option("--short", help="Who goes when, and who is left out; not the steps.")]

DEFAULT = "make"
"""The command that is meant where none of the group is named: `plan PLAYBOOK` is `plan make PLAYBOOK`."""


class _Plan(TyperGroup):
    """Takes the name of a playbook where a command would stand."""

    default = DEFAULT

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first and first not in self.commands and first not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Plan,
    help="Plan what a playbook would do: `plan PLAYBOOK` is `plan make PLAYBOOK`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("make")
def make(
    ctx: typer.Context,
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name, or the path of a .toml file.")],
    selector: SelectorOption = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan into this file too, as JSON.")] = None,
    of: Annotated[str, typer.Option("--of", metavar="RUN", help="Only what this run upgraded: to take it back.")] = "",
    expires: Annotated[str, typer.Option("--expires", help="How long it can be started, such as 12h or 7d.")] = "7d",
    short: ShortOption = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make a plan, store it, and show the page that is approved."""
    from fleetkeeper.cli.actor import actor

    length, chosen = _length(expires), selected(selector)
    found = _playbook(context.settings(ctx), playbook)
    with context.keeper(ctx) as keeper:
        made = keeper.plan(found, chosen, actor(), length, run_id(keeper, of) if of else "")
    _show(made, output, short)
    if out is not None and made.members:
        _write(made, out)


@app.command("show")
def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write the plan into this file, as JSON.")] = None,
    short: ShortOption = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """A stored plan as the page that is approved."""
    with context.keeper(ctx) as keeper:
        found = keeper.stored_plan(id)
    if found is None:
        raise UsageError(f"there is no plan {id}, or more than one begins so: `fleetkeeper get plans` lists them")
    _show(found, output, short)
    if out is not None:
        _write(found, out)


@app.command("try")
def try_(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a plan, or the beginning of it.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """A dry run: every step looks at its cluster as it is now, and says what it would do. Changes nothing."""
    from fleetkeeper import wiring
    from fleetkeeper.cli import dry_run_table
    from fleetkeeper.cli.output import write

    with context.keeper(ctx) as keeper:
        found = keeper.stored_plan(id)
        if found is None:
            raise UsageError(f"there is no plan {id}, or more than one begins so: `fleetkeeper get plans` lists them")
        with wiring.dry_run(context.settings(ctx), keeper, found) as tried:
            if output.is_table:
                dry_run_table.show(found, tried)
            else:
                write("tries", list(tried), output)


def run_id(keeper: "Keeper", text: str) -> str:
    """The whole id of a run; UsageError when there is none, or more than one begins so."""
    found = keeper.run(text)
    if found is None:
        raise UsageError(f"there is no run {text}, or more than one begins so: `fleetkeeper get runs` lists them")
    return found.run.id


def _length(text: str) -> "timedelta":
    from fleetkeeper.core.amount import parse_duration

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--expires {error}") from error
    if not found or found.days > 30:
        raise UsageError(f"--expires {text}: must be more than nothing and at most 30d, for a plan is of a day's fleet")
    return found


def _playbook(settings: "Settings", text: str) -> "Playbook":
    from fleetkeeper import wiring

    if text.endswith(".toml"):
        return next(iter(wiring.playbook_files((Path(text),)).values()))
    return named(wiring.playbooks(settings.playbook_folders), text)


def named(known: "Mapping[str, Playbook]", name: str) -> "Playbook":
    """A playbook of the library by its name; UsageError with those that there are."""
    from difflib import get_close_matches

    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"there is no playbook {name}: {meant}")


def _show(plan: "Plan", output: Format, short: bool) -> None:
    """The page, or the document of plan.json, which can be taken back in."""
    if output.is_table:
        from fleetkeeper.core.plan_page import plan_page, plan_short

        print(plan_short(plan) if short else plan_page(plan), end="")
        return
    from fleetkeeper.core.plan_file import plan_document

    _write_document(plan_document(plan), output)


def _write_document(document: Mapping[str, Any], output: Format) -> None:
    import json
    import sys

    if output is Format.YAML:
        import yaml

        yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=False)
    else:
        print(json.dumps(document, indent=None if output is Format.JSONL else 2))


def _write(plan: "Plan", file: Path) -> None:
    from fleetkeeper.core.plan_file import plan_text

    try:
        file.write_text(plan_text(plan), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {file}: {error.strerror}") from error
    say(f"Wrote plan {plan.header.id} to {file}.")
