"""`fleetkeeper compat`: what is known of Kubernetes minors and addons, checked, and refreshed from EKS."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleetkeeper.cli import arguments, context
from fleetkeeper.cli.get import FormatOption
from fleetkeeper.cli.output import Format, say
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.compat import Compat
    from fleetkeeper.core.versions import Minor

app = typer.Typer(
    help="Show, check or refresh what is known of Kubernetes minors and addons.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_WHAT = "minors, apis, behaviours, addons, or the id of one addon."


@app.command("show")
def show(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="[WHAT]", help=_WHAT)] = "minors",
    target: Annotated[str, typer.Option("--target", help="Only what concerns this minor, such as 1.36.")] = "",
    output: FormatOption = Format.TABLE,
) -> None:
    """The rows that findings are judged by, each with its source; the operator's own lie over those shipped."""
    from fleetkeeper import wiring

    on = arguments.minor("--target", target) if target else None
    _show(wiring.compat(context.settings(ctx).compat_folders), what, on, output)


def _show(compat: "Compat", what: str, on: "Minor | None", output: Format) -> None:
    from fleetkeeper.cli import compat_tables, tables
    from fleetkeeper.cli.output import write
    from fleetkeeper.core import compat_lists

    known: dict[str, tuple[Callable[..., Sequence[Any]], Callable[..., None]]] = {
        "minors": (compat_lists.minor_lines, compat_tables.show_minors),
        "apis": (compat_lists.api_lines, compat_tables.show_apis),
        "behaviours": (compat_lists.behaviour_lines, compat_tables.show_behaviours),
        "addons": (compat_lists.addon_lines, partial(compat_tables.show_addons, target=str(on or ""))),
    }
    row = compat.addon(what)
    if what not in known and row is None:
        raise UsageError(f"{what} is no addon of compat; lists: {', '.join(known)}")
    list_lines, show_lines = known.get(what, (compat_lists.version_lines, compat_tables.show_versions))
    lines = list_lines(compat if what in known else row, on)
    if output.is_table:
        show_lines(tables.console(wide=output is Format.WIDE), lines)
    else:
        write(what if what in known else "addon_versions", lines, output)


@app.command("check")
def check(
    ctx: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Default: the configured compat_folders.")
    ] = None,
) -> None:
    """Read the shipped rows with the folders over them, and name every mistake with its file and line."""
    from fleetkeeper import wiring

    chosen = tuple(folders) if folders else context.settings(ctx).compat_folders
    compat = wiring.compat(chosen)
    rows = sum(len(addon.versions) for addon in compat.addons)
    print(
        f"Good: {len(compat.minors())} minors, {len(compat.apis.rows)} APIs, {len(compat.behaviours)} changes,"
        f" {len(compat.addons)} addons with {rows} ranges of versions."
    )
    if not chosen:
        say("Only what is shipped was checked: no folder was named, and compat_folders is empty.")


@app.command("update")
def update(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Your own folder; default: the last of compat_folders.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the changes into that folder.")] = False,
) -> None:
    """Ask EKS for its minors and addon versions, and print what that changes as a diff to review."""
    from fleetkeeper import wiring

    settings = context.settings(ctx)
    own = folder or next(reversed(settings.compat_folders), None)
    if own is None:
        raise UsageError("compat_folders is empty: name a folder of your own with --folder")
    edits = wiring.compat_edits(settings, own, "info" if ctx.obj.verbose else "error")
    for edit in edits:
        print(edit.diff(), end="")
    if not edits:
        say("EKS says nothing that is not known already.")
    elif write:
        wiring.write_compat(own, edits)
        say(f"Wrote {', '.join(edit.name for edit in edits)} in {own}.")
    else:
        say(f"Nothing was written. To write it into {own}: the same command with --write.")
    if own.resolve() not in [known.resolve() for known in settings.compat_folders]:
        say(f"{own} is not in compat_folders of the configuration, so its rows do not count yet.")
