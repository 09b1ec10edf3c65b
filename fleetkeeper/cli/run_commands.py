"""Leaves a verb as a row for the engine, and waits a moment for what becomes of it."""

import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleetkeeper.cli.exits import Exit
from fleetkeeper.cli.output import say
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.core.run import Applied, Verb
    from fleetkeeper.keeper import Keeper

PATIENCE = 10.0
"""Seconds to wait for the engine's answer."""

_LOOK = 0.1
NO_ENGINE = "No engine is running: `fleetkeeper serve` starts one."


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something, and how that is known: a local name, or an ID token (proof)."""

    actor: str
    identity: str
    proof: str = ""


def said_by(settings: "Settings", verb: "Verb", name: str, token_file: Path | None) -> Said:
    """UsageError for a name that the settings do not let anybody choose, and for a token that cannot be read.

    A stop goes without a token: nobody verifies it, and so it is not left in the database for nothing.
    """
    from fleetkeeper.cli.actor import actor
    from fleetkeeper.core.people import STOPS

    if verb in STOPS:
        token_file = None
    if name and token_file:
        raise UsageError("--as and --token-file contradict each other: a token says who it is of")
    if token_file:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--token-file {token_file}: {error}") from error
        return Said(actor(), "oidc", token)
    if name and not settings.approvals.local:
        raise UsageError("--as is believed only with approvals.local; use --token-file and an ID token")
    return Said(name or actor(), "local")


def send(keeper: "Keeper", verb: "Verb", subject: str, target: str, said: Said, reason: str) -> None:
    """Store the verb and tell what became of it; exit code 1 when it was refused, 6 when nobody took it up."""
    if not carried_out(keeper, verb, subject, target, said, reason):
        raise typer.Exit(Exit.TIMEOUT)


def carried_out(keeper: "Keeper", verb: "Verb", subject: str, target: str, said: Said, reason: str = "") -> bool:
    """Like send, but False, with a word about it, when nobody took it up yet."""
    from fleetkeeper.core.run import Command

    id = f"{verb}-{secrets.token_hex(8)}"
    now = keeper.ports.clock.now()
    keeper.command(Command(id, subject, verb, target, said.actor, said.identity, now, reason, said.proof))
    applied = _answer(keeper, id)
    if applied is None:
        _unanswered(keeper, verb, subject)
        return False
    if not applied.accepted:
        say(f"Refused: {applied.result}")
        raise typer.Exit(Exit.ERROR)
    say(f"{verb.capitalize()} {subject}{' ' + target if target else ''}: {applied.result}")
    return True


def _answer(keeper: "Keeper", id: str) -> "Applied | None":
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while (found := keeper.applied(id)) is None and time.monotonic() < until:
        if not keeper.engines():
            return None
        pause.wait(_LOOK)
    return found


def _unanswered(keeper: "Keeper", verb: "Verb", subject: str) -> None:
    if keeper.engines():
        say(f"The engine has not answered within {PATIENCE:g} s; it will, and `fleetkeeper run log {subject}` tells.")
    else:
        say(f"{NO_ENGINE} The {verb} is stored and waits for it.")
