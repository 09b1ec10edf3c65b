"""Fleets as stored, healthy unless a test changes one thing, and their tables as text."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.fleet import Fleet
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason
from tests.contract.observed import NOON, PLACEMENT, SCOPE, control_plane, snapshot

LAB = model.Scope("999988887777", "us-east-1")
GOLDEN = Path(__file__).parents[1] / "golden"
DATES = {
    "1.33": (datetime(2026, 7, 29, tzinfo=NOON.tzinfo), datetime(2027, 7, 29, tzinfo=NOON.tzinfo)),
    "1.34": (datetime(2026, 12, 2, tzinfo=NOON.tzinfo), datetime(2027, 12, 2, tzinfo=NOON.tzinfo)),
    "1.35": (datetime(2027, 3, 27, tzinfo=NOON.tzinfo), datetime(2028, 3, 27, tzinfo=NOON.tzinfo)),
}


def gap(reason: GapReason = GapReason.FORBIDDEN, detail: str = "no", minutes: float = 0) -> model.Gap:
    return model.Gap(reason, detail, NOON - timedelta(minutes=minutes))


def cluster(
    name: str = "shop",
    version: str = "1.34",
    *,
    scope: model.Scope | None = SCOPE,
    values: Mapping[str, Any] | None = None,
    gaps: Mapping[str, model.Gap] | None = None,
    never: tuple[str, ...] = (),
    age: float = 5,
    placement: model.Placement = PLACEMENT,
) -> model.SeenCluster:
    """A cluster all of which was seen `age` minutes ago. A part in `never` has no value; one in `gaps` is old."""
    usual = snapshot() | {parts.CONTROL_PLANE: control_plane(version, name=name)} | dict(values or {})
    at, missing = NOON - timedelta(minutes=age), dict(gaps or {})
    arn = f"arn:aws:eks:{scope.region}:{scope.account}:cluster/{name}" if scope else f"kubeconfig:uid-{name}"
    found = {
        part: model.Part(None, None, missing.get(part, gap()))
        if part in never
        else model.Part(value, at, missing.get(part))
        for part, value in usual.items()
    }
    id = model.ClusterId(arn, NOON - timedelta(days=300))
    return model.SeenCluster(id, name, scope, placement, NOON - timedelta(days=30), at, None, found)


def scope_parts(name: str = "retail-prod", **more: Any) -> dict[str, model.Part[Any]]:
    """What EKS says of a scope: support dates of the minors, and addon versions."""
    versions = tuple(model.SupportedVersion(Minor.parse(minor), *ends, source="test") for minor, ends in DATES.items())
    found = {parts.ACCOUNT: model.Account(SCOPE.account, name), parts.CLUSTER_VERSIONS: versions} | more
    return {part: model.Part(value, NOON) for part, value in found.items()}


def fleet(*clusters: model.SeenCluster, **more: Any) -> Fleet:
    scopes = {SCOPE: scope_parts(**more), LAB: scope_parts("lab")}
    return Fleet(clusters or (cluster(),), scopes, Compat(), NOON, timedelta(hours=1))


def nodes(number: int, **other: Any) -> tuple[model.Node, ...]:
    usual = snapshot(nodes=number)[parts.NODES]
    return tuple(replace(node, **other) for node in usual)


def rendered(show: Callable[[Console], None], width: int = 100) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False, markup=False, emoji=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def assert_golden(name: str, text: str) -> None:
    """Read the difference; when the new text is the better one, put it into the file."""
    assert text == (GOLDEN / name).read_text("utf-8"), f"tests/golden/{name} differs"
