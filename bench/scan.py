"""Static manifests: 10,000 files of 500 MB and of 50 MB, judged by `fleetkeeper scan` in one process.

Beside it, in the same run, plain libyaml over the same files (`yaml.load_all` with CSafeLoader; a sample of them, for
all would take minutes), and pluto where it is on the PATH or can be built from Go modules. One file in 500 holds an
object that the target removes. A file of 100 MB, one document, shows that memory does not follow the size.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import MIB, Figure, Usage, main, measured

MB = 1_000_000
FILES = 10_000
HITS_EVERY = 500
SAMPLE_MB = 12  # of the baseline: 2 to 4 MB a second
PLUTO = "github.com/fairwindsops/pluto/v5@latest"
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


def scanned(path: Path) -> Usage:
    command = [sys.executable, "-m", "fleetkeeper", "scan", str(path), "--target", TARGET, "-o", "jsonl"]
    used, text = measured(command, environment())
    if path.is_dir() and text.count('"FK301"') != len(list(path.rglob("*.yaml"))) // HITS_EVERY:
        raise SystemExit("the scan did not find what was hidden")
    return used


def parsed(names: list[str]) -> Usage:
    """Everything parsed by libyaml; the names come by a file, for there are too many for a command line."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(names))
        listing.flush()
        script = BASELINE.replace("sys.stdin.read()", f"open({listing.name!r}).read()")
        return measured([sys.executable, "-c", script], environment())[0]


def pluto(cache: Path) -> tuple[str, str]:
    """The program, or "" and why there is none."""
    if found := shutil.which("pluto"):
        return found, ""
    if not shutil.which("go"):
        return "", "pluto was not measured: neither pluto nor go is here"
    environ = environment() | {"GOBIN": str(cache)}
    try:
        done = subprocess.run(["go", "install", PLUTO], env=environ, capture_output=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        return "", "pluto was not measured: it was not built within 300 s"
    if done.returncode or not (cache / "pluto").exists():
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return "", f"pluto was not measured: {words[-1].strip() if words else 'go install failed'}"
    return str(cache / "pluto"), ""


def by_pluto(program: str, folder: Path) -> Usage:
    """Its exit codes 2, 3 and 4 are findings."""
    command = [program, "detect-files", "-d", str(folder), "-t", f"k8s=v{TARGET}.0", "-o", "json"]
    return measured(command, environment(), allowed=(0, 2, 3, 4))[0]


def measure(quick: bool) -> list[Figure]:
    files = FILES // 10 if quick else FILES
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as name:
        top = Path(name)
        program, reason = pluto(top / "go")
        empty = top / "empty"
        empty.mkdir()
        start = scanned(empty)
        figures = []
        for size in (50, 500):
            part = size // 10 if quick else size
            folder = top / str(size)
            folder.mkdir()
            figures += tree(folder, files, part * MB, start, program, reason)
            shutil.rmtree(folder)
        return [*figures, *single(top, 10 if quick else 100)]


def tree(folder: Path, files: int, size: int, start: Usage, program: str, reason: str) -> list[Figure]:
    names = write(folder, files, size)
    whole = sum(Path(name).stat().st_size for name in names) / MB
    used = scanned(folder)
    sample = names[: max(1, min(files, round(files * SAMPLE_MB / whole)))]
    of_sample = sum(Path(name).stat().st_size for name in sample) / MB
    empty = parsed([])
    plain = parsed(sample)
    plain_rate = of_sample / (plain.cpu - empty.cpu)
    rate = whole / (used.cpu - start.cpu)
    what = f"{whole:.0f} MB in {files} files"
    beside = f"{plain_rate:.1f} MB/s by yaml.load_all, over {of_sample:.0f} MB of them"
    found = [
        Figure(f"{what}: MB per CPU second / plain libyaml", rate / plain_rate, "x", 10, "higher", beside),
        Figure(f"{what}: MB per CPU second", rate, "MB/s", None, "higher", f"without the start: {start.cpu:.2f} s"),
        Figure(f"{what}: wall clock", used.wall, "s", None, "lower", reason or "one process"),
        Figure(f"{what}: peak RSS", used.peak / MIB, "MiB", 100, "lower", f"{plain.peak / MIB:.0f} MiB by libyaml"),
    ]
    if program:
        other = by_pluto(program, folder)
        beside = f"{other.cpu:.1f} s of CPU and {other.peak / MIB:.0f} MiB by pluto"
        found.append(Figure(f"{what}: wall clock of pluto / ours", other.wall / used.wall, "x", 1, "higher", beside))
    return found


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
        used = scanned(path)
        name = f"one document of {size} MB, {what}"
        beside = f"{used.cpu:.1f} s of CPU"
        figures.append(Figure(f"{name}: peak RSS", used.peak / MIB, "MiB", 150, "lower", beside))
    return figures


if __name__ == "__main__":
    main(measure)
