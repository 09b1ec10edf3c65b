"""A whole fleet: simulated clusters in 20 account-regions, observed over HTTP at 10 requests a second each.

Wall clock beside what the rate limit allows (requests of the most-loaded account-region / its rate), client CPU beside
the same requests made bare (boto3 and urllib3, JSON decoded, nothing kept) in the same run, and the simulator's CPU.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import MIB, Figure, Usage, main, measured

from fleetkeeper.sim.process import SimProcess

RATE = 10.0
CLUSTERS = 1000
QUICK_CLUSTERS = 100
FLOOR_SAMPLE = 200  # clusters that are read bare: enough for a mean, and a fifth of the time
COMPLETE = 0

CONFIG = """
[store]
url = "sqlite:///bench.db"

[aws]
regions = ["eu-west-1", "us-east-1"]
endpoint_url = "{url}"
requests_per_second = {rate}

[observe]
helm_secrets = true
"""
ACCOUNTS = [f"{200_000_000_000 + number}" for number in range(10)]  # of the scenario, in two regions each


def environment(fleet: SimProcess, folder: Path) -> dict[str, str]:
    config = folder / "fleetkeeper.toml"
    accounts = "".join(f'[[aws.accounts]]\nid = "{account}"\n' for account in ACCOUNTS)
    config.write_text(CONFIG.format(url=fleet.aws_url, rate=RATE) + accounts, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FLEETKEEPER_"))}
    return kept | {
        "FLEETKEEPER_CONFIG": str(config),
        "AWS_ACCESS_KEY_ID": str(fleet.ready["access_key_id"]),
        "AWS_SECRET_ACCESS_KEY": str(fleet.ready["secret_access_key"]),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }


def measure(quick: bool) -> list[Figure]:
    clusters = QUICK_CLUSTERS if quick else CLUSTERS
    with (
        tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as folder,
        SimProcess("bench", clusters=clusters) as fleet,
    ):
        environ = environment(fleet, Path(folder))
        python = [sys.executable, "-m", "fleetkeeper"]
        measured([*python, "db", "upgrade"], environ)
        start, _ = measured([sys.executable, "-c", "import fleetkeeper.wiring"], environ)
        before = fleet.control("GET", "/state")
        first, _ = measured([*python, "observe"], environ, allowed=(COMPLETE,))
        after = fleet.control("GET", "/state")
        steady, _ = measured([*python, "observe"], environ, allowed=(COMPLETE,))
        sample = min(clusters, FLOOR_SAMPLE)
        floor = bare(environ, fleet, sample)
    return figures(Run(clusters, start, first, steady, floor, before, after))


def bare(environ: dict[str, str], fleet: SimProcess, sample: int) -> float:
    """CPU seconds per cluster of the same requests made bare, without the start of the process."""
    script = str(Path(__file__).with_name("_bare_requests.py"))
    told = environ | {"BENCH_AWS_URL": fleet.aws_url, "BENCH_CONTROL_URL": fleet.control_url}
    empty, _ = measured([sys.executable, script, "0"], told)
    used, text = measured([sys.executable, script, str(sample)], told)
    done = json.loads(text)["clusters"]
    return (used.cpu - empty.cpu) / float(done)


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured; floor in CPU seconds per cluster, before and after as the simulator says."""

    clusters: int
    start: Usage
    first: Usage
    steady: Usage
    floor: float
    before: dict[str, Any]
    after: dict[str, Any]

    def counted(self, name: str) -> float:
        return float(self.after[name] - self.before[name])


def figures(run: Run) -> list[Figure]:
    clusters, start, first, steady, floor = run.clusters, run.start, run.first, run.steady, run.floor
    scopes = {s: n - run.before["aws_scopes"].get(s, 0) for s, n in run.after["aws_scopes"].items()}
    busiest = max(scopes.values())
    ideal = busiest / RATE
    each = (first.cpu - start.cpu) / clusters
    server = run.counted("cpu_seconds")
    fleet = f"{clusters} clusters, {len(scopes)} account-regions"
    # With few clusters the start of the process (1.3 s) is most of what is over the limit: told, but no goal.
    goal = 1.2 if clusters == CLUSTERS else None
    limit = f"{fleet}; most-loaded: {busiest} requests at {RATE:g}/s = {ideal:.1f} s"
    total = f"{run.counted('aws_requests'):.0f} AWS and {run.counted('kube_requests'):.0f} Kubernetes requests"
    return [
        Figure("first tick: wall clock / what the rate limit allows", first.wall / ideal, "x", goal, "lower", limit),
        Figure("first tick: wall clock", first.wall, "s", None, "lower", total),
        Figure(
            "client CPU / the same requests made bare", each / floor, "x", 1.5, "lower", f"{floor * 1e3:.1f} ms bare"
        ),
        Figure(
            "client CPU per cluster", each * 1e3, "ms", None, "lower", f"without the start: {start.cpu:.2f} s of CPU"
        ),
        Figure(
            "steady tick: client CPU per cluster", (steady.cpu - start.cpu) / clusters * 1e3, "ms", None, "lower", fleet
        ),
        Figure(
            "peak RSS of the client", first.peak / MIB, "MiB", 250, "lower", f"{start.peak / MIB:.0f} MiB after imports"
        ),
        Figure(
            "server CPU per cluster", server / clusters * 1e3, "ms", None, "lower", "the simulator, on the other core"
        ),
        Figure("server CPU / wall clock", server / first.wall, "cores", None, "lower", "below 1: it is not the limit"),
    ]


if __name__ == "__main__":
    main(measure)
