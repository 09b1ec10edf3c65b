"""Which versions of an EKS addon EKS offers for a minor, and which one suits two minors at once."""

from collections.abc import Iterable

from fleetkeeper.core.model import AddonRelease
from fleetkeeper.core.versions import Minor, Version


def offered(releases: Iterable[AddonRelease], addon: str, minor: Minor) -> dict[str, bool]:
    """The versions of an addon that EKS offers for a minor; True for the default there."""
    found: dict[str, bool] = {}
    for release in releases:
        for each, default in release.minors if release.addon == addon else ():
            if each == minor:
                found[release.version] = found.get(release.version, False) or default
    return found


def is_asked(releases: Iterable[AddonRelease], minor: Minor) -> bool:
    """Whether EKS was asked for this minor at all: an answer without any addon does not occur."""
    return any(each == minor for release in releases for each, _ in release.minors)


def best(versions: dict[str, bool]) -> str:
    """The default where there is one, else the newest; "" for none."""
    default = [version for version, is_default in versions.items() if is_default]
    return _newest(default) or _newest(versions)


def _newest(versions: Iterable[str]) -> str:
    known = [(parsed, text) for text in versions if (parsed := _parsed(text))]
    return max(known, key=lambda pair: pair[0])[1] if known else ""


def _parsed(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None
