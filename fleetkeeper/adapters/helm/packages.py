"""The packages of the charts of the settings: got once, kept by what they are, and read without being unpacked."""

import base64
import hashlib
import io
import re
import secrets
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from fleetkeeper.adapters.helm import documents, program
from fleetkeeper.config import ChartSettings
from fleetkeeper.core.versions import Version
from fleetkeeper.engine.releases import ChartChoice
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable

_SECONDS = 120.0  # for one download
_MOST_BYTES = 64 << 20
_MOST_FILES = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}")
_REPOSITORY = "fleetkeeper"


@dataclass(frozen=True, slots=True)
class Package:
    """A chart's package in hand: its path, and the digest of its bytes."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Definition:
    """A CRD as a chart's crds/ has it. own: of the chart itself, not of one that it depends on."""

    body: dict[str, Any]
    own: bool


class Packages:
    """folder: where packages are kept, so that what was looked at is what is installed."""

    def __init__(self, charts: Iterable[ChartSettings], helm: str, folder: Path) -> None:
        self._charts = {each.name: each for each in charts}
        self._helm, self._folder = helm, folder

    def settings(self, source: str) -> ChartSettings:
        found = self._charts.get(source)
        if found is None:
            known = ", ".join(sorted(self._charts)) or "none"
            detail = f"the settings have no [[engine.charts]] of the name {source}; they have {known}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        return found

    def lists(self, chart: str) -> bool:
        """Whether releases of a chart are in the engine's reach at all."""
        return any(each.chart == chart for each in self._charts.values())

    def get(self, choice: ChartChoice) -> Package:
        source = self.settings(choice.source)
        if source.chart != choice.chart or not _NAME.fullmatch(choice.chart) or not _is_version(choice.version):
            detail = f"[[engine.charts]] {source.name} is for {source.chart}, not for {choice.chart} {choice.version}"
            raise Refused(detail, GapReason.NOT_CONFIGURED)
        name = hashlib.sha256(f"{source.repository} {choice.chart} {choice.version}".encode()).hexdigest()
        kept = self._folder / f"{name}.tgz"
        if not kept.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = self._fetched(source, choice)
            _check(content, choice)
            beside = self._folder / f".{name}-{secrets.token_hex(4)}"
            program.write(beside, content)
            beside.replace(kept)
        return Package(kept, hashlib.sha256(kept.read_bytes()).hexdigest())

    def _fetched(self, source: ChartSettings, choice: ChartChoice) -> bytes:
        if "://" not in source.repository:
            return _in_folder(Path(source.repository), choice)
        with program.temporary_home() as home:
            variables = program.environment(home)
            config = home / "config"
            (config / "registry").mkdir(parents=True)
            if source.repository.startswith("oci://"):
                program.write(config / "registry" / "config.json", _login(source))
                wanted = [f"{source.repository}/{choice.chart}"]
            else:
                program.write(config / "repositories.yaml", _repositories(source))
                self._run(["repo", "update", "--fail-on-repo-update-fail", _REPOSITORY], home, variables, source)
                wanted = [f"{_REPOSITORY}/{choice.chart}"]
            trust = ["--ca-file", source.ca_bundle] if source.ca_bundle else []
            self._run(["pull", *wanted, "--version", choice.version, *trust], home, variables, source)
            got = sorted(home.glob("*.tgz"))
            if len(got) != 1:
                raise InvalidAnswer(f"{source.name}: helm pull left {len(got)} packages, not one")
            return _bounded(got[0])

    def _run(self, arguments: list[str], home: Path, variables: dict[str, str], source: ChartSettings) -> None:
        ended = program.run([program.found(self._helm), *arguments], home, variables, _SECONDS)
        if ended.code:
            secret = source.password.value if source.password else ""
            # Why an index could not be had, `helm repo update` writes on its standard output.
            words = f"{ended.words} {program.error_of(ended.output.decode('utf-8', 'replace'))}".strip()
            words = words.replace(secret, "***") if secret else words
            raise Unreachable(f"the chart of {source.name} cannot be had: helm {arguments[0]}: {words}")


def _in_folder(folder: Path, choice: ChartChoice) -> bytes:
    path = folder / f"{choice.chart}-{choice.version}.tgz"
    if not path.is_file():
        raise Refused(f"the chart of {choice.source}: {path} is not there", GapReason.NOT_FOUND)
    return _bounded(path)


def _bounded(path: Path) -> bytes:
    if path.stat().st_size > _MOST_BYTES:
        raise Refused(f"{path.name} is larger than a chart may be", GapReason.TOO_LARGE)
    return path.read_bytes()


def _login(source: ChartSettings) -> bytes:
    """As `helm registry login` leaves it."""
    host = urlsplit(source.repository).netloc
    if source.password is None:
        return msgspec.json.encode({"auths": {}})
    auth = base64.b64encode(f"{source.username}:{source.password.value}".encode()).decode()
    return msgspec.json.encode({"auths": {host: {"auth": auth}}})


def _repositories(source: ChartSettings) -> bytes:
    """As `helm repo add` leaves it: no password among the arguments, which every user of the machine can see."""
    row: dict[str, object] = {"name": _REPOSITORY, "url": source.repository, "caFile": source.ca_bundle}
    if source.password is not None:
        row |= {"username": source.username, "password": source.password.value}
    return msgspec.json.encode({"apiVersion": "v1", "generated": "2026-01-01T00:00:00Z", "repositories": [row]})


def definitions(content: bytes, own: bool = True) -> Iterator[Definition]:
    """The CRDs in the crds/ of a package, and in those of the charts inside it."""
    for path, read in _files(content):
        parts = path.parts
        inner = "charts" in parts[1:]
        if "crds" in parts and path.suffix in (".yaml", ".yml", ".json"):
            for body in documents.load_all(read()):
                if isinstance(body, dict) and body.get("kind") == "CustomResourceDefinition":
                    yield Definition(body, own and not inner)
        elif inner and path.suffix == ".tgz":
            yield from definitions(read(), own=False)


def _files(content: bytes) -> Iterator[tuple[PurePosixPath, Any]]:
    """(path, what reads it) of each file. Packages come from elsewhere: their sizes are bounded, links are not read."""
    left = _MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as package:
            for count, member in enumerate(package):
                left -= member.size
                if left < 0 or count > _MOST_FILES:
                    raise Refused("the chart's package is larger than a chart may be", GapReason.TOO_LARGE)
                if member.isfile():
                    yield PurePosixPath(member.name), lambda member=member: package.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidAnswer(f"the chart's package cannot be read: {str(error)[:200]}") from error


def _check(content: bytes, choice: ChartChoice) -> None:
    """It is the chart that was asked for: a repository's index may say what it likes."""
    for path, read in _files(content):
        if len(path.parts) == 2 and path.name == "Chart.yaml":
            told = documents.load(read())
            name, version = (str(told.get(key, "")) if isinstance(told, dict) else "" for key in ("name", "version"))
            if (name, version.removeprefix("v")) != (choice.chart, choice.version.removeprefix("v")):
                raise InvalidAnswer(f"{choice.source} gave {name} {version} for {choice.chart} {choice.version}")
            return
    raise InvalidAnswer(f"{choice.source} gave a package without a Chart.yaml")


def _is_version(text: str) -> bool:
    try:
        Version.parse(text)
    except ValueError:
        return False
    return not text.startswith("-") and "/" not in text
