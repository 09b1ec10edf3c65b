"""Which addon an image belongs to, found by repository patterns in a few dictionary look-ups per image."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from fleetkeeper.core import images

# Registries publish under these for many projects, so that `cmd/controller` says nothing without what stands before it.
_GENERIC = frozenset({"cmd", "release", "releases"})
_ARCHITECTURE = re.compile(r"-(?:amd64|arm64|arm|ppc64le|s390x)$")
_PATTERN = re.compile(r"[a-z0-9*.-]+\.[a-z0-9*.-]+(?::\d+)?(?:/[a-z0-9*._-]+)+", re.ASCII)
# A fleet repeats a few thousand references; the bound is for a cluster that makes up a new one for each pod.
_MEMORY = 50_000


class Tells(Enum):
    """What an image or chart tells of its addon."""

    VERSION = "it runs, and in which version"
    PRESENCE = "it runs; the version is of something else"
    PART = "a part of it, which runs elsewhere too"


@dataclass(frozen=True, slots=True)
class ImageClaim:
    """rank orders an addon's components (the last parts of its patterns, on whatever registry); its main one is 0."""

    addon: str
    tells: Tells
    rank: int


class ImageIndex:
    """Patterns by exact repository, by globs under their last component, and by the tail that a mirror keeps."""

    __slots__ = ("_components", "_exact", "_globs", "_memory", "_tails")

    def __init__(self) -> None:
        self._exact: dict[str, ImageClaim] = {}
        self._globs: dict[str, list[tuple[re.Pattern[str], ImageClaim]]] = {}
        self._tails: dict[str, ImageClaim] = {}
        self._memory: dict[str, ImageClaim | None] = {}
        self._components: dict[str, list[str]] = {}

    def add(self, addon: str, patterns: Sequence[str], tells: Tells) -> None:
        """Add an addon's patterns, its main component first. The first claim on a repository stays."""
        components = self._components.setdefault(addon, [])
        for pattern in patterns:
            component = component_of(pattern)
            if component not in components:
                components.append(component)
            claim = ImageClaim(addon, tells, components.index(component))
            if "*" in pattern:
                self._globs.setdefault(component, []).append((_compiled(pattern), claim))
            else:
                self._exact.setdefault(pattern, claim)
            if tail := tail_of(pattern):
                self._tails.setdefault(tail, claim)
        self._memory.clear()

    def find(self, reference: str) -> ImageClaim | None:
        """The claim on an image reference. None for one that nobody claims or that is no image reference."""
        if reference in self._memory:
            return self._memory[reference]
        image = images.parse(reference)
        claim = self._find(image.name) if image else None
        if len(self._memory) >= _MEMORY:
            self._memory.clear()
        self._memory[reference] = claim
        return claim

    def _find(self, name: str) -> ImageClaim | None:
        found = self._match(name)
        plain = _ARCHITECTURE.sub("", name)
        return found if found or plain == name else self._match(plain)

    def _match(self, name: str) -> ImageClaim | None:
        if found := self._exact.get(name):
            return found
        parts = name.split("/")
        for pattern, claim in self._globs.get(parts[-1], ()):
            if pattern.fullmatch(name):
                return claim
        return self._tails.get("/".join(parts[-2:])) or self._tails.get("/".join(parts[-3:]))


def is_pattern(text: str) -> bool:
    """Whether a text is a repository with its host and without tag or digest; its last component has no glob."""
    return bool(_PATTERN.fullmatch(text)) and "*" not in component_of(text)


def component_of(pattern: str) -> str:
    return pattern.rpartition("/")[2]


def tail_of(pattern: str) -> str:
    """The end of the path that tells the image under any mirror: two components, three after a generic one.

    The host counts as a component, for mirrors keep it (mirror.example/registry.k8s.io/kube-proxy). "" where the tail
    would hold a glob: then only the pattern itself is believed.
    """
    parts = pattern.split("/")
    tail = parts[-3:] if parts[-2] in _GENERIC else parts[-2:]
    return "" if "*" in "".join(tail) else "/".join(tail)


def _compiled(pattern: str) -> re.Pattern[str]:
    host, _, path = pattern.partition("/")
    return re.compile(
        re.escape(host).replace(r"\*", r"[^/.]+") + "/" + re.escape(path).replace(r"\*", r"[^/]+"), re.ASCII
    )
