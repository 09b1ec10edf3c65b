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
from fleetkeeper.cli import config, context, db, demo, doctor, get, observe, onboard, serve
from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import say
from fleetkeeper.errors import ConfigError, FleetkeeperError, ReadError, UsageError


class _Commands(TyperGroup):
    """Every error becomes a plain message and an exit code; a traceback only with --verbose."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except FleetkeeperError as error:
            say(_told(error))
            raise typer.Exit(_code(error)) from error
        except (TyperException, typer.Exit, typer.Abort):
            raise  # typer's own way to end a command
        except Exception as error:
            if _is_broken_pipe(error):
                raise  # whoever reads our output has seen enough; typer ends in silence
            if ctx.params["verbose"]:
                import traceback

                traceback.print_exception(error)
            else:
                say(f"fleetkeeper: a fault of its own: {type(error).__name__}: {error}")
                say(f"For the traceback, put -v before the command: {ctx.info_name} -v ...")
            raise typer.Exit(Exit.ERROR) from error


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
app.command("serve")(serve.serve)
app.add_typer(get.app, name="get")
app.command("doctor")(doctor.doctor)
app.command("onboard")(onboard.onboard)
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")
app.command("demo")(demo.demo)


def main() -> None:
    """Run a command and end with its exit code; output that nobody reads any more is no error worth words."""
    try:
        app()
    except SystemExit as end:
        sys.exit(_flushed(end.code))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _flushed(code: str | int | None) -> str | int | None:
    """Flush stdout here, where a failure still gets a message and an exit code."""
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter flushes once more as it ends
        if not _is_broken_pipe(error):
            say(f"fleetkeeper: cannot write the output: {error.strerror}")
        return Exit.ERROR
    return code


def _is_broken_pipe(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


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
