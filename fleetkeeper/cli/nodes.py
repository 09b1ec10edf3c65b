"""`fleetkeeper nodes`: day-2 work on nodes of one cluster, as a run like every other."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fleetkeeper.cli import context
from fleetkeeper.cli.output import say
from fleetkeeper.cli.run import AsOption, TimeoutOption, TokenOption, agree, made, seconds
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.model import SeenCluster
    from fleetkeeper.core.node_drain import Drain
    from fleetkeeper.core.plan import Plan
    from fleetkeeper.keeper import Keeper

app = typer.Typer(help="Day-2 work on the nodes of a cluster.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Here so that `drain` is a word of its own, though it is the only one."""


@app.command("drain")
def drain(
    ctx: typer.Context,
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="Its name or ARN.")],
    nodes: Annotated[list[str], typer.Argument(metavar="NODE...", help="Nodes by name.")],
    parallel: Annotated[str, typer.Option("--parallel", help="Nodes emptied side by side: 3, or 20%.")] = "1",
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands on the plan and in the log.")] = "",
    bare: Annotated[bool, typer.Option("--allow-bare", help="Evict pods too that nothing brings back.")] = False,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Begin although pods can never move: their nodes are set aside.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Start it without being asked.")] = False,
    timeout: TimeoutOption = "",
    name: AsOption = "",
    token: TokenOption = None,
) -> None:
    """Empty nodes: every pod moves once, within its budget; they stay cordoned. Shows the plan, asks, and watches.

    Approvals, freezes and windows are those of every run. `run abort` makes what it cordoned schedulable again.
    Exit codes are those of `run watch`.
    """
    from fleetkeeper.cli.run_commands import carried_out, said_by
    from fleetkeeper.cli.run_watch import watched
    from fleetkeeper.core.run import Verb

    if not yes and not sys.stdin.isatty():
        raise UsageError("draining nodes needs --yes where nobody can be asked")
    said = said_by(context.settings(ctx), Verb.START, name, token)
    with context.keeper(ctx) as keeper:
        found = _cluster(keeper, cluster)
        asked = _drain(found, tuple(dict.fromkeys(nodes)), reason, parallel, bare=bare, set_aside=set_aside)
        plan = _planned(keeper, found, asked, said.actor)
        agree(plan, yes)
        run = made(keeper, plan, said.actor, None)
        print(run, flush=True)
        carried_out(keeper, Verb.START, run, "", said, reason)
        say(f"If it waits for its approval: fleetkeeper run approve {plan.header.id}")
        code = watched(keeper, run, seconds(timeout))
    if code:
        raise typer.Exit(code)


def _cluster(keeper: "Keeper", text: str) -> "SeenCluster":
    """UsageError where no stored cluster, or more than one, is named so."""
    from difflib import get_close_matches

    from fleetkeeper.core import parts
    from fleetkeeper.core.selector import Selector

    every = keeper.fleet(Selector(), (parts.NODES,)).clusters
    found = [each for each in every if text in (each.name, each.id.arn)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} clusters are named {text}: give the ARN of one, as `get clusters -o wide` has it"
        )
    near = get_close_matches(text, [each.name for each in every], n=1)
    meant = f"did you mean {near[0]}?" if near else "`fleetkeeper get clusters` lists them"
    raise UsageError(f"there is no cluster {text}: {meant}")


def _drain(
    cluster: "SeenCluster", nodes: tuple[str, ...], reason: str, parallel: str, *, bare: bool, set_aside: bool
) -> "Drain":
    """UsageError for nodes that the cluster did not have when it was last read."""
    from difflib import get_close_matches

    from fleetkeeper.core import parts
    from fleetkeeper.core.node_drain import Drain
    from fleetkeeper.core.playbook import Param
    from fleetkeeper.core.wording import some

    stored = cluster.value(parts.NODES)
    if stored is None:
        raise UsageError(f"the nodes of {cluster.name} were never read: `fleetkeeper observe -l name={cluster.name}`")
    there = sorted(each.name for each in stored)
    for each in nodes:
        if each not in there:
            near = get_close_matches(each, there, n=3) or there
            raise UsageError(f"{cluster.name} has no node {each}: there is {some(near) or 'none at all'}")
    params: dict[str, Param] = {
        "parallel": parallel,
        "allow_bare": bare,
        "canary": False,  # the nodes that take the pods are there, and have pods already
        "never_movable": "set-aside" if set_aside else "wait",
    }
    return Drain(cluster.name, nodes, reason, tuple(params.items()))


def _planned(keeper: "Keeper", cluster: "SeenCluster", drain: "Drain", actor: str) -> "Plan":
    """The stored plan, after its page was shown; UsageError where the cluster may not be worked on now."""
    from datetime import timedelta

    from fleetkeeper.core.node_drain import drain_playbook
    from fleetkeeper.core.plan_page import plan_page
    from fleetkeeper.core.selector import Selector

    arn = cluster.id.arn
    chosen = Selector.parse(f"arn={arn}" if arn else f"name={cluster.name}")
    plan = keeper.plan(drain_playbook(drain), chosen, actor, timedelta(days=1))
    if not plan.members:
        left = "; ".join(each.reason for each in plan.header.left)
        raise UsageError(f"{cluster.name} cannot be worked on now: {left or 'it is not in the fleet any more'}")
    say(plan_page(plan))
    return plan
