"""What the steps for Helm releases say alike: of releases that belong to others, or that others are at work on."""

import re
from datetime import timedelta

from fleetkeeper.core.verdict import Blocked, Moment, Wait
from fleetkeeper.engine.releases import Revision

PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
"""Helm refuses to begin anything while a release is so."""

PATIENCE = timedelta(minutes=20)
"""Somebody's helm may take so long; a release that is pending for longer was most likely cut off."""

_POLL = timedelta(seconds=20)
# https://github.com/helm/helm/blob/v3.18.6/pkg/chartutil/validate_name.go (read 2026-11-21)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def name_of(namespace: str, release: str) -> str:
    return f"release {namespace}/{release}"


def wrong_name(text: str) -> str:
    return "" if len(text) <= 63 and _NAME.fullmatch(text) else f"{text[:80]!r} is no name"


def kept_by_another(name: str, owner: str) -> Blocked:
    return Blocked(
        f"{owner} keeps {name}: it would put back what is changed here",
        f"whoever writes the source of {owner}",
        "change the version there (a plan proposes it where change_via says so), then skip this step",
    )


def pending_of_another(name: str, newest: Revision, moment: Moment, command: str) -> Wait | Blocked:
    """Somebody else's helm is at work, or was cut off: that cannot be seen, and time tells."""
    since = f" since {newest.at:%Y-%m-%d %H:%M} UTC" if newest.at else ""
    told = f"{name} is {newest.status}{since}, by nothing that fleetkeeper began"
    if newest.at is None or moment.now - newest.at < PATIENCE:
        return Wait(told, _POLL, "whoever runs helm")
    return Blocked(told, "whoever ran helm", f"make sure that no helm is at work on it, then {command}")
