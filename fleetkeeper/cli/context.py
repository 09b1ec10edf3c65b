"""What every command starts from: the settings that the root options name, and a Keeper over them."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper


@dataclass(frozen=True, slots=True)
class Root:
    """The options before the command."""

    config: Path | None
    verbose: bool


def settings(context: typer.Context) -> "Settings":
    """Load the configuration; ConfigError names every mistake."""
    from fleetkeeper.settings.load import load

    return load(context.obj.config, os.environ)


def log_level(context: typer.Context) -> str:
    return "info" if context.obj.verbose else "error"


def settle() -> None:
    """Take what is imported by now out of the garbage collector's sight: a tenth of an observation's CPU otherwise."""
    gc.collect()
    gc.freeze()


@contextmanager
def keeper(context: typer.Context) -> Iterator["Keeper"]:
    """A Keeper for the length of one command, on a database that was found to be of this version."""
    from fleetkeeper import wiring

    settle()
    with wiring.keeper(settings(context), log_level(context)) as found:
        yield found
