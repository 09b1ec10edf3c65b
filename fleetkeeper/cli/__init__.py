"""The command line. Commands import what they need when they run, so that `--help` is there at once."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import fleetkeeper
from fleetkeeper.cli import (
    assess,
    cleanup,
    compat,
    config,
    context,
    db,
    demo,
    doctor,
    findings,
    freeze,
    get,
    nodes,
    observe,
    onboard,
    owners,
    plan,
    playbook,
    rehearse,
    run,
    scan,
    serve,
)
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import say
from fleetkeeper.errors import ConfigError, FleetkeeperError, ReadError, UsageError

_UNWRITABLE = (errno.EPIPE, errno.ENOSPC)


class _Commands(TyperGroup):
    """Every error becomes a plain message and an exit code; a traceback only with --verbose."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A command's help is given at once: on the way there typer imports pydantic, which doubles the time."""
        *words, last = args or [""]
        if words and last in ctx.help_option_names and (found := _context_of(ctx, words)):
            typer.echo(found.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FleetkeeperError as error:
            say(_told(error))
            raise typer.Exit(_code(error)) from error
        except (TyperException, typer.Exit, typer.Abort):
            raise  # typer's own way to end a command
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _UNWRITABLE:
                raise  # main tells; of a broken pipe typer makes a silent end
            if ctx.params.get("verbose"):
                import traceback

                traceback.print_exception(error)
            else:
                say(f"fleetkeeper: a fault of its own: {type(error).__name__}: {error}")
                say(f"For the traceback, put -v before the command: {ctx.info_name} -v ...")
            raise typer.Exit(Exit.ERROR) from error


def _context_of(root: Any, words: list[str]) -> Any:
    """The context in which a command would run, None where the words are not those of a command alone."""
    found = root
    for word in words:
        command = getattr(found.command, "commands", {}).get(word)
        if command is None:
            return None
        found = typer.Context(command, info_name=word, parent=found, **command.context_settings)
    return found


app = typer.Typer(
    name="fleetkeeper",
    cls=_Commands,
    help="Keeps a fleet of Kubernetes clusters current and safe to change.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        print(f"fleetkeeper {fleetkeeper.__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Configuration file; default $FLEETKEEPER_CONFIG, ./fleetkeeper.toml."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens, on stderr.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    ctx.obj = context.Root(config_file, verbose)


app.command("observe")(observe.observe)
app.command("assess")(assess.assess)
app.add_typer(plan.app, name="plan")
app.add_typer(playbook.app, name="playbook")
app.command("rehearse")(rehearse.rehearse)
app.add_typer(run.app, name="run")
app.add_typer(nodes.app, name="nodes")
app.command("freeze")(freeze.freeze)
app.command("unfreeze")(freeze.unfreeze)
app.command("cleanup")(cleanup.cleanup)
app.command("scan")(scan.scan)
app.command("explain")(findings.explain)
app.command("serve")(serve.serve)
app.add_typer(get.app, name="get")
app.add_typer(owners.app, name="owners")
app.command("doctor")(doctor.doctor)
app.command("onboard")(onboard.onboard)
app.add_typer(compat.app, name="compat")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.command("demo")(demo.demo)


def main() -> None:
    """Run a command and end with its exit code; output that nobody reads any more is no error worth words."""
    try:
        try:
            app()
        finally:
            if sys.stdout:
                sys.stdout.flush()  # here, where a failure still gets a message and an exit code
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more as it ends
        if error.errno != errno.EPIPE:
            say(f"fleetkeeper: cannot write the output: {error.strerror}")
        sys.exit(Exit.ERROR)


def _told(error: FleetkeeperError) -> str:
    if isinstance(error, ConfigError) and len(error.mistakes) > 1:
        return f"fleetkeeper: {len(error.mistakes)} mistakes in the configuration:\n{error}"
    return f"fleetkeeper: {error}"


def _code(error: FleetkeeperError) -> Exit:
    if isinstance(error, UsageError):
        return Exit.USAGE
    if isinstance(error, ReadError) and error.reason.value in ("unauthenticated", "forbidden"):
        return Exit.AUTH
    return Exit.ERROR
