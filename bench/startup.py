"""How long the command line takes to be there: `--help`, the commonest thing that people and shells wait for.

Medians of 15 runs, each a process of its own, taken in turns so that noise hits all alike.
"""

import os
import statistics
import sys

from common import Figure, Usage, main, measured

RUNS = 15
GOAL_MS = 150.0

COMMANDS = {
    "bare python": [sys.executable, "-c", "pass"],
    "import typer": [sys.executable, "-c", "import typer"],
    "fleetkeeper --help": [sys.executable, "-m", "fleetkeeper", "--help"],
    "fleetkeeper get clusters --help": [sys.executable, "-m", "fleetkeeper", "get", "clusters", "--help"],
}


def measure(quick: bool) -> list[Figure]:
    runs: dict[str, list[Usage]] = {name: [] for name in COMMANDS}
    for _ in range(5 if quick else RUNS):
        for name, command in COMMANDS.items():
            runs[name].append(measured(command, os.environ)[0])
    wall = {name: statistics.median(1000 * usage.wall for usage in found) for name, found in runs.items()}
    cpu = {name: statistics.median(1000 * usage.cpu for usage in found) for name, found in runs.items()}
    return [figure for name in COMMANDS for figure in _figures(name, wall, cpu)]


def _figures(name: str, wall: dict[str, float], cpu: dict[str, float]) -> list[Figure]:
    ours = name.startswith("fleetkeeper")
    if not ours:
        return [Figure(f"{name}, CPU", cpu[name], "ms", None, "lower", f"{wall[name]:.0f} ms wall")]
    beside = f"bare python {wall['bare python']:.0f} ms, import typer {wall['import typer']:.0f} ms"
    beside_cpu = f"bare python {cpu['bare python']:.0f} ms, import typer {cpu['import typer']:.0f} ms"
    return [
        Figure(f"{name}, wall", wall[name], "ms", GOAL_MS, "lower", beside),
        Figure(f"{name}, CPU", cpu[name], "ms", GOAL_MS, "lower", beside_cpu),
    ]


if __name__ == "__main__":
    main(measure)
