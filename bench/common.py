"""What every benchmark shares: figures with goals, `--quick`, `-o json`, and child processes measured."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. goal is None where there is none; baseline says beside what it was measured."""

    name: str
    value: float
    unit: str
    goal: float | None
    better: str  # "lower" or "higher"
    baseline: str

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child process used: seconds of wall clock and CPU, bytes of memory at its peak."""

    wall: float
    cpu: float
    peak: int


def machine() -> Figure:
    """How quick this machine is now: shared ones differ by a factor of two from hour to hour, and all CPU with them."""
    begun, total = time.process_time(), 0
    for number in range(20_000_000):
        total += number
    return Figure("20 million additions on this machine", time.process_time() - begun, "s", None, "lower", "CPU")


def measured(command: Sequence[str], environ: Mapping[str, str], allowed: Sequence[int] = (0,)) -> tuple[Usage, str]:
    """Run a command to its end; what it used and its stdout. Ends the run when it exits with a code not allowed."""
    begun = time.monotonic()
    child = subprocess.Popen(command, env=dict(environ), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    text = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in allowed:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Usage(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * unit), text


def main(measure: Callable[[bool], list[Figure]]) -> None:
    """The command line of a benchmark: measure, then print a table or a JSON list."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="at most 50 seconds, on a smaller fleet")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    arguments = parser.parse_args()
    figures = measure(arguments.quick)
    if arguments.output == "json":
        print(json.dumps([asdict(f) for f in figures], indent=2))
        return
    for figure in figures:
        print(line(figure))


def line(figure: Figure) -> str:
    goal = "" if figure.goal is None else f"  (goal {'≤' if figure.better == 'lower' else '≥'} {figure.goal:g})"
    missed = "  MISSED" if figure.met is False else ""
    return f"{figure.name:<58} {figure.value:>10.2f} {figure.unit}{goal}{missed}   {figure.baseline}"
