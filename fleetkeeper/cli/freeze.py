"""`fleetkeeper freeze` and `unfreeze`: nothing new begins, in the whole fleet or a part of it."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.get import SelectorOption, selected
from fleetkeeper.cli.output import say
from fleetkeeper.cli.run import AsOption, TokenOption
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime


def freeze(
    ctx: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="Why; everyone who waits reads it.")],
    everything: Annotated[bool, typer.Option("--all", help="The whole fleet.")] = False,
    selector: SelectorOption = "",
    until: Annotated[str, typer.Option("--until", help="Ends by itself: 2h, or 2026-11-21T09:00Z.")] = "",
) -> None:
    """Begin nothing new where it reaches, within a second, in every run; what is under way is followed to its end."""
    from fleetkeeper.cli.actor import actor
    from fleetkeeper.core.people import unverified
    from fleetkeeper.core.run import Freeze

    if everything == bool(selector):
        raise UsageError("say what to freeze: --all, or -l SELECTOR")
    selected(selector)
    id = f"freeze-{secrets.token_hex(3)}"
    who = actor() if context.settings(ctx).approvals.local else unverified(actor())
    with context.keeper(ctx) as keeper:
        now = keeper.ports.clock.now()
        keeper.freeze(Freeze(id, reason, who, now, selector, _until(until, now)))
    print(id)
    ends = f" It ends by itself: {until}." if until else ""
    say(f"Frozen: {f'-l {selector}' if selector else 'everything'}.{ends} Lift it: fleetkeeper unfreeze {id}")


def unfreeze(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="As `get freezes` lists it.")],
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Lift a freeze; what it held goes on at once. The engine verifies who you are."""
    from fleetkeeper.cli.run_commands import said_by, send
    from fleetkeeper.core.run import Verb

    said = said_by(context.settings(ctx), Verb.UNFREEZE, name, token)
    with context.keeper(ctx) as keeper:
        if id not in {each.id for each in keeper.freezes()}:
            raise UsageError(f"no freeze {id} stands: `fleetkeeper get freezes` lists them")
        send(keeper, Verb.UNFREEZE, id, "", said, "")


def _until(text: str, now: "datetime") -> "datetime | None":
    from fleetkeeper.cli.times import moment
    from fleetkeeper.core.amount import parse_duration

    if not text:
        return None
    try:
        found = now + parse_duration(text)
    except (ValueError, OverflowError):
        found = moment(text, now) or now
    if found <= now:
        raise UsageError(f"--until {text} is over already")
    return found
