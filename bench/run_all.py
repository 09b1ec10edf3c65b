"""Runs every benchmark whole (or `--quick`) and writes docs/benchmarks.md."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from common import Figure

HERE = Path(__file__).parent
REPORT = HERE.parent / "docs" / "benchmarks.md"
NOT_BENCHMARKS = {"common.py", "run_all.py"}

HEAD = """# Benchmarks

Written by `make bench`; each row is measured in one run beside its baseline. Wall times on a shared machine are noisy;
CPU times and ratios are what to compare.

Machine: {cores} cores, {system}, Python {python}. Run: {when}, {kind}.
"""


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    benchmarks = [p for p in sorted(HERE.glob("*.py")) if p.name not in NOT_BENCHMARKS and not p.name.startswith("_")]
    parts = [
        HEAD.format(
            cores=os.cpu_count(),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            when=datetime.now(UTC).date().isoformat(),
            kind="quick" if quick else "whole",
        )
    ]
    for path in benchmarks:
        print(f"{path.stem} …", file=sys.stderr, flush=True)
        command = [sys.executable, str(path), "-o", "json", *(["--quick"] if quick else [])]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        parts.append(section(path, [Figure(**row) for row in json.loads(done.stdout)]))
    REPORT.write_text("\n".join(parts), encoding="utf-8")
    print(REPORT.relative_to(HERE.parent))


def section(path: Path, figures: list[Figure]) -> str:
    about = path.read_text(encoding="utf-8").split('"""')[1].strip()
    rows = [f"## {path.stem}", "", about, "", "| figure | value | goal | beside |", "|---|---|---|---|"]
    for f in figures:
        sign = "≤" if f.better == "lower" else "≥"
        goal = "" if f.goal is None else f"{sign} {f.goal:g}: {'met' if f.met else '**missed**'}"
        rows.append(f"| {f.name} | {f.value:.2f} {f.unit} | {goal} | {f.baseline} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
