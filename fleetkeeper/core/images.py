"""Container image references, parsed by the registry grammar: a colon may be a port, a tag or part of a digest."""

import re
from dataclasses import dataclass
from functools import lru_cache

DOCKER_HUB = "docker.io"
_DOCKER_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})

# https://github.com/distribution/reference/blob/main/reference.go, read 2026-11-20: a name has at most 255 characters.
_NAME_LIMIT = 255
_TAG_LIMIT = 128
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}", re.ASCII)
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:on\.aws|on\.amazonwebservices\.com\.cn|"
    r"amazonaws\.com(?:\.cn)?)",
    re.ASCII,
)
# A tag says a version when it has at least major and minor: `latest`, `main` and the floating `7` say none.
_VERSION = re.compile(r"v?\d{1,9}(?:\.\d{1,9})+(?:[-+_].*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference. registry is a host with its port; tag and digest are "" when the reference has none."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository, with every private ECR host written in the one form that patterns know."""
        ecr = _ECR.fullmatch(self.registry)
        host = f"{ecr['account']}.dkr.ecr.{ecr['region']}.amazonaws.com" if ecr else self.registry
        return f"{host}/{self.repository}"

    @property
    def ecr(self) -> tuple[str, str] | None:
        """(account, region) of a private ECR registry, else None."""
        found = _ECR.fullmatch(self.registry)
        return (found["account"], found["region"]) if found else None

    @property
    def version(self) -> str:
        """The tag where it says a version, else "": a digest, `latest` or a branch name is never guessed at."""
        return version_of(self.tag)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def version_of(text: str) -> str:
    """The text where it says a version of at least major and minor, else ""."""
    return text if len(text) <= _TAG_LIMIT and _VERSION.fullmatch(text) else ""


@lru_cache(maxsize=16_384)
def parse(text: str) -> Image | None:
    """Read a reference as container runtimes do; None where they would refuse it.

    A fleet repeats a few thousand references, so they are remembered.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return None
    path, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        return None
    name = _name(f"{path}{slash}{last}")
    return Image(*name, tag, digest) if name else None


def _name(name: str) -> tuple[str, str] | None:
    """(registry, repository). The first component is a host only by a dot, a port, or as localhost."""
    host, slash, path = name.partition("/")
    if not slash or not (set(".:[") & set(host) or host == "localhost"):
        host, path = DOCKER_HUB, name
    if not _HOST.fullmatch(host):
        return None
    host = DOCKER_HUB if host.lower() in _DOCKER_HUB_HOSTS else host.lower()
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _REPOSITORY.fullmatch(path) or len(host) + 1 + len(path) > _NAME_LIMIT:
        return None
    return host, path
