"""A program of the executor's allow-list as steps use it: begun once per token, followed, stopped, and judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Undoing, Undone, Unknown, Verdict, Wait
from fleetkeeper.engine.attempts import leaving, remembered, token_of
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import NAMES, told
from fleetkeeper.engine.world import CommandState, World

ELSEWHERE = timedelta(seconds=5)
"""Which replica looks next is chance: the one that knows comes soon."""

GIVEN_UP = timedelta(days=1)
_TAIL = 600
_PREFIX = "FLEETKEEPER_"
_OWN = frozenset({*(name.upper() for name in NAMES), "TOKEN", "UNDOES"})


def variables(subject: Subject, parameters: Mapping[str, str], token: str) -> Mapping[str, str]:
    """FLEETKEEPER_CLUSTER and the others of told.NAMES, FLEETKEEPER_TOKEN, and FLEETKEEPER_<NAME> per parameter."""
    every = {**told(subject), **parameters, "token": token}
    return {_PREFIX + name.upper(): value for name, value in every.items()}


def read_parameters(given: Given, name: str = "parameters") -> Mapping[str, str]:
    """The list of key=value that a program gets; keys that name what it is told anyway are refused."""
    found = given.pairs(name)
    for key in found:
        if key.upper() in _OWN:
            given.wrong(name, f"{key} is told to every program by fleetkeeper itself")
        elif not key.replace("_", "").isalnum():
            given.wrong(name, f"{key} cannot be the name of an environment variable")
    return found


@dataclass(frozen=True, slots=True)
class SeenCommand:
    """What is known here of the attempt's program; home is where we are."""

    state: CommandState | None
    home: str


def look(world: World, moment: Moment) -> SeenCommand:
    """Without a token, before anything was decided, nothing can have been begun."""
    return SeenCommand(world.programs.state(moment.token) if moment.token else None, world.programs.home)


def judged(entry: str, seen: SeenCommand, moment: Moment, again: bool) -> Verdict:
    """How far the program is. again: it may be run anew where nobody knows how it ended."""
    state, begun_at = seen.state, remembered(moment).get("home")
    if state is None and begun_at is None:
        return Act(f"run {entry}")
    if state is None and begun_at != seen.home:
        return Wait(f"{entry} was begun by {begun_at}, which alone sees how far it is", ELSEWHERE)
    if state is None or state.lost:
        where = "what it left was removed" if state is None else "what watched it died"
        text = f"{entry} was begun, and {where}: nobody saw how it ended"
        return Failed(text) if again else Unknown(f"{text}. Did it do its work? skip if so, retry if not")
    if state.exit_code is None:
        last = tail(state.output, 1)
        return Wait(f"{entry} runs{f': {last}' if last else ''}")
    if state.exit_code == 0:
        return Done(f"{entry} ended well", keep=moment.memory)
    return Failed(f"{entry} ended with exit code {state.exit_code}: {tail(state.output) or 'it said nothing'}")


def begin(
    world: World, entry: str, subject: Subject, parameters: Mapping[str, str], moment: Moment, memory: Memory
) -> Memory:
    world.programs.start(entry, moment.token, variables(subject, parameters, moment.token))
    return leaving(memory, moment, home=world.programs.home, at=moment.now.isoformat())


def taken_back(
    world: World, entry: str, undo: str, subject: Subject, parameters: Mapping[str, str], moment: Moment
) -> Undoing:
    """Stop the program if it runs, then run what undoes it, if anything does, and wait for that."""
    state, begun_at = world.programs.state(moment.token), remembered(moment).get("home")
    if state is None and begun_at is None:
        return Undone(f"{entry} was not begun")
    if state is None and begun_at != world.programs.home:
        if moment.now - datetime.fromisoformat(remembered(moment)["at"]) > GIVEN_UP:
            return Residue(f"{entry} was begun by {begun_at}, which does not come back: see what it left")
        return Wait(f"{entry} was begun by {begun_at}, which alone can stop it", ELSEWHERE)
    if state is not None and state.exit_code is None and not state.lost:
        world.programs.stop(moment.token)
        return Wait(f"{entry} is being stopped")
    if not undo:
        return Residue(f"{entry} was run, and its step names no `undo`: see what it left")
    token = token_of(moment.token, "undo")
    undoing = world.programs.state(token)
    if undoing is None:
        own = {**variables(subject, parameters, token), f"{_PREFIX}UNDOES": moment.token}
        world.programs.start(undo, token, own)
        return Wait(f"{undo} runs")
    if undoing.exit_code is None and not undoing.lost:
        return Wait(f"{undo} runs")
    if undoing.exit_code == 0:
        return Undone(f"{undo} undid {entry}")
    how = "nobody saw its end" if undoing.lost else f"exit code {undoing.exit_code}: {tail(undoing.output)}"
    return Residue(f"{undo} could not undo {entry} ({how}): undo it by hand")


def tail(output: str, lines: int = 5) -> str:
    """The last lines of an output as one harmless line."""
    last = [line.strip() for line in output.splitlines() if line.strip()][-lines:]
    return safe(" | ".join(last), _TAIL)
