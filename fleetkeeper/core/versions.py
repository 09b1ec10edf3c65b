"""Kubernetes minors and addon versions, with the orders that semver does not know.

`semver` sorts `1.16.0-eksbuild.1` below `1.16.0` and rejects `v1.16.0` and `1.31`; only this module deals with that.
"""

import re
from dataclasses import dataclass
from functools import total_ordering

import semver

_MINOR = re.compile(r"v?(\d{1,3})\.(\d{1,4})(?:[.+-].*)?", re.ASCII)
# Numbers after the third are read past: what we compare by has none.
_NUMBERS = re.compile(
    r"v?(?P<major>\d{1,9})(?:\.(?P<minor>\d{1,9})(?:\.(?P<patch>\d{1,9})(?:\.\d{1,9})*)?)?(?P<rest>[-+_].*)?", re.ASCII
)
# Words that mark a version that comes before its release; every other suffix (-alpine, -ubi8, -distroless, -minimal)
# is a variant of the release itself, where semver would sort it below.
_PRE = re.compile(r"-(alpha|beta|canary|dev|nightly|pre|preview|rc|snapshot)(?:[-.]?(\d{1,9}))?(?![a-z0-9])", re.ASCII)
# Suffixes with which a vendor numbers its own builds of one upstream version: newer than the bare upstream version.
_BUILD = re.compile(r"[-+.](?:eksbuild|k3s|rke2r|gke|build|amzn)[-.]?(\d{1,9})?(?![a-z0-9])", re.ASCII)
# EKS marks its API servers and kubelets with a commit hash, which has no order: all are build 0 of a vendor.
_EKS_COMMIT = re.compile(r"[-+]eks-[0-9a-f]+(?![a-z0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Minor:
    """A Kubernetes minor such as 1.36."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> "Minor":
        """Read `1.36`, `v1.36.3`, `1.36+` or `v1.35.6-eks-a1b2c3`; ValueError with the text otherwise."""
        found = _MINOR.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a Kubernetes version such as 1.36")
        return cls(int(found[1]), int(found[2]))

    def next(self) -> "Minor":
        return Minor(self.major, self.minor + 1)

    def previous(self) -> "Minor":
        """The minor before; ValueError for x.0, which has none."""
        if not self.minor:
            raise ValueError(f"no minor comes before {self}")
        return Minor(self.major, self.minor - 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """An addon, chart or component version, ordered by the upstream version and then by the vendor's build of it.

    `text` is what was read and takes no part in equality: v1.16.0 is 1.16.0. build 0 is upstream's own.
    """

    text: str
    core: semver.Version
    build: int = 0

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `v1.16.0-eksbuild.1`, `1.31`, `v1.35.6-eks-a1b2c3`, `4.0.0-rc.1`; ValueError with the text otherwise."""
        found = _NUMBERS.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a version such as 1.16.0")
        major, minor, patch = (int(found[name] or 0) for name in ("major", "minor", "patch"))
        rest = (found["rest"] or "").lower()
        return cls(text, semver.Version(major, minor, patch, _pre_release(rest)), _build(rest))

    @property
    def minor(self) -> Minor:
        return Minor(self.core.major, self.core.minor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.core == other.core and self.build == other.build

    def __lt__(self, other: "Version") -> bool:
        return (self.core, self.build) < (other.core, other.build)

    def __hash__(self) -> int:
        return hash((self.core, self.build))

    def __str__(self) -> str:
        return self.text


def _pre_release(rest: str) -> str | None:
    """The suffix as semver orders it: rc10 is rc.10, above rc.9. `-0` is Helm's way to write "before any release"."""
    found = _PRE.match(rest)
    if found:
        return f"{found[1]}.{int(found[2] or 0)}"
    return "0" if rest == "-0" else None


def _build(rest: str) -> int:
    found = _BUILD.search(rest)
    if found:
        return int(found[1] or 0) + 1
    return 1 if _EKS_COMMIT.search(rest) else 0
