"""Static manifests: 10,000 files of 500 MB and of 50 MB, judged by `fleetkeeper scan` in one process.

Beside it, in the same run, plain libyaml over the same files (`yaml.load_all` with CSafeLoader; a sample of them, for
all would take minutes), and pluto (github.com/FairwindsOps/pluto) where it is on the PATH, or where PLUTO in the
environment says. One file in 500 holds an object that the target removes. A file of 100 MB, one document, shows that
memory does not follow the size.
"""

import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from common import MIB, Figure, Usage, main, measured

MB = 1_000_000
FILES = 10_000
HITS_EVERY = 500
SAMPLE_MB = 12  # of the baseline: 2 to 4 MB a second
TARGET = "1.36"

BASELINE = """
import sys, yaml
for name in sys.stdin.read().splitlines():
    with open(name, "rb") as file:
        for document in yaml.load_all(file, Loader=yaml.CSafeLoader):
            pass
"""

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: team-{team}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/managed-by: "Helm"
  annotations:
    description: 'what {name} is for, in some words of plain text'
spec:
  replicas: {team}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      serviceAccountName: {name}
      containers:
      - name: main
        image: registry.example.com/team-{team}/{name}:1.{team}.0
        args: ["--listen=:8080", "--log-level", "info"]
        env:
        - name: DATABASE_URL
          valueFrom:
            secretKeyRef: {{name: {name}, key: url}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits:
            memory: 256Mi
        readinessProbe:
          httpGet: {{path: /healthz, port: 8080}}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: team-{team}
  annotations:
    service.beta.kubernetes.io/aws-load-balancer-type: nlb
spec:
  selector: {{app: {name}}}
  ports:
  - {{name: http, port: 80, targetPort: 8080}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  settings.yaml: |
    listen: ":8080"
    features:
      first: true
      second: false
---
"""
Object = tuple[str, str, str, str]
"""The name of its file, its API, its namespace, its name."""

BUDGET = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: shop}\n"


def write(folder: Path, files: int, size: int) -> list[str]:
    """Files of whole documents, together of about size bytes, in a hundred folders; their names."""
    chance = random.Random(7)
    names = []
    for number in range(files):
        team = chance.randrange(1, 9)
        text = DEPLOYMENT.format(name=f"web-{number}", team=team)
        text *= max(1, round(size / files / len(text)))
        path = folder / f"{number % 100:02}" / f"{number:05}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + (BUDGET if number % HITS_EVERY == 0 else ""), encoding="utf-8")
        names.append(str(path))
    return names


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FLEETKEEPER_")}


def scanned(path: Path) -> tuple[Usage, set[Object]]:
    command = [sys.executable, "-m", "fleetkeeper", "scan", str(path), "--target", TARGET, "-o", "jsonl"]
    used, text = measured(command, environment())
    _, *rows = map(json.loads, text.splitlines())
    found = {(Path(row["file"]).name, row["key"], row["namespace"], row["name"]) for row in rows}
    if path.is_dir() and len(found) != len(list(path.rglob("*.yaml"))) // HITS_EVERY:
        raise SystemExit("the scan did not find what was hidden")
    return used, found


def parsed(names: list[str]) -> Usage:
    """Everything parsed by libyaml; the names come by a file, for there are too many for a command line."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(names))
        listing.flush()
        script = BASELINE.replace("sys.stdin.read()", f"open({listing.name!r}).read()")
        return measured([sys.executable, "-c", script], environment())[0]


def by_pluto(program: str, folder: Path) -> tuple[Usage, set[Object]]:
    """Its exit codes 2, 3 and 4 are findings."""
    command = [program, "detect-files", "-d", str(folder), "-t", f"k8s=v{TARGET}.0", "-o", "json"]
    used, text = measured(command, environment(), allowed=(0, 2, 3, 4))
    found = set()
    for row in json.loads(text).get("items") or []:
        key = f"{row['api']['version']}/{row['api']['kind']}"
        found.add((Path(row["filePath"]).name, key, row.get("namespace", ""), row["name"]))
    return used, found


def measure(quick: bool) -> list[Figure]:
    files = FILES // 10 if quick else FILES
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as name:
        top = Path(name)
        program = os.environ.get("PLUTO") or shutil.which("pluto")
        empty = top / "empty"
        empty.mkdir()
        start, _ = scanned(empty)
        figures = []
        for size in (50, 500):
            part = size // 10 if quick else size
            folder = top / str(size)
            folder.mkdir()
            figures += tree(folder, files, part * MB, start, program)
            shutil.rmtree(folder)
        return [*figures, *single(top, 10 if quick else 100)]


def tree(folder: Path, files: int, size: int, start: Usage, program: str | None) -> list[Figure]:
    names = write(folder, files, size)
    whole = sum(Path(name).stat().st_size for name in names) / MB
    used, found = scanned(folder)
    sample = names[: max(1, min(files, round(files * SAMPLE_MB / whole)))]
    of_sample = sum(Path(name).stat().st_size for name in sample) / MB
    empty = parsed([])
    plain = parsed(sample)
    plain_rate = of_sample / (plain.cpu - empty.cpu)
    rate = whole / (used.cpu - start.cpu)
    what = f"{whole:.0f} MB in {files} files"
    beside = f"{plain_rate:.1f} MB/s by yaml.load_all, over {of_sample:.0f} MB of them"
    figures = [
        Figure(f"{what}: MB per CPU second / plain libyaml", rate / plain_rate, "x", 10, "higher", beside),
        Figure(f"{what}: MB per CPU second", rate, "MB/s", None, "higher", f"without the start: {start.cpu:.2f} s"),
        Figure(
            f"{what}: wall clock",
            used.wall,
            "s",
            None,
            "lower",
            "one process" if program else "one process; pluto is not here",
        ),
        Figure(f"{what}: peak RSS", used.peak / MIB, "MiB", 100, "lower", f"{plain.peak / MIB:.0f} MiB by libyaml"),
    ]
    return figures + (peer(what, program, folder, used, found) if program else [])


def peer(what: str, program: str, folder: Path, used: Usage, found: set[Object]) -> list[Figure]:
    other, theirs = by_pluto(program, folder)
    odd = len(found ^ theirs)
    return [
        Figure(f"{what}: wall clock of pluto / ours", other.wall / used.wall, "x", 1, "higher", f"{other.wall:.1f} s"),
        Figure(f"{what}: CPU of pluto / ours", other.cpu / used.cpu, "x", 1, "higher", f"{other.cpu:.1f} s"),
        Figure(
            f"{what}: peak RSS of pluto / ours", other.peak / used.peak, "x", 1, "higher", f"{other.peak / MIB:.0f} MiB"
        ),
        Figure(f"{what}: objects that only one of both found", odd, "", 0, "lower", f"{len(found)} found"),
    ]


def single(top: Path, size: int) -> list[Figure]:
    """One List of so many MB: without a hit, and with one, so that all of it is parsed for objects."""
    item = "- " + DEPLOYMENT.partition("---")[0].format(name="web", team=3).replace("\n", "\n  ").rstrip() + "\n"
    figures = []
    for what, last in (("without a hit", ""), ("with a hit", "- " + BUDGET.replace("\n", "\n  ").rstrip() + "\n")):
        path = top / "list.yaml"
        with path.open("w", encoding="utf-8") as file:
            file.write("apiVersion: v1\nkind: List\nitems:\n")
            for _ in range(size * MB // len(item)):
                file.write(item)
            file.write(last)
        used, _ = scanned(path)
        name = f"one document of {size} MB, {what}"
        beside = f"{used.cpu:.1f} s of CPU"
        figures.append(Figure(f"{name}: peak RSS", used.peak / MIB, "MiB", 150, "lower", beside))
    return figures


if __name__ == "__main__":
    main(measure)
