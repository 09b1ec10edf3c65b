"""Playbooks, kinds of steps and clusters for tests of plans: a healthy fleet of which a case changes one thing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from fleetkeeper.core import model, parts
from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.candidates import Candidate, Standing
from fleetkeeper.core.changing_via import ChangeVia, DirectRule
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, Detect, Source
from fleetkeeper.core.hosting import ELSEWHERE, Hosting
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.planning import Order, make_plan
from fleetkeeper.core.playbook import Changes, GateSpec, Params, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.observe import attributes_of
from fleetkeeper.errors import ParamError
from tests.contract.observed import NOON, PLACEMENT
from tests.core.fleets import cluster, scope_parts

CANARY = replace(PLACEMENT, ring="canary")
M34, M35 = Minor(1, 34), Minor(1, 35)


class Fake:
    """A kind that takes the parameters in `takes`; one whose default is None must be given."""

    version: ClassVar[int] = 1
    takes: ClassVar[Mapping[str, str | None]] = {}

    @classmethod
    def of(cls, params: Params) -> "Fake":
        wrong = {name: "unknown parameter" for name in params if name not in cls.takes}
        wrong |= {name: "is missing" for name, default in cls.takes.items() if default is None and name not in params}
        if wrong:
            raise ParamError(wrong)
        return cls()


def kind(**takes: str | None) -> type[Fake]:
    return type("Kind", (Fake,), {"takes": takes, "names": {}})


STEPS: dict[str, type[Any]] = {
    "preflight": kind(readiness=""),
    "notify": kind(channel=None, text=None),
    "webhook": kind(entry=None),
    "backup": kind(),
    "update-addon": kind(addon=None, version=None, resolve="PRESERVE"),
    "postflight": kind(),
    "bake": kind(**{"for": None}),
    "refresh-insights": kind(category=""),
    "update-nodegroup": kind(group=None, to=None, release="", direction="up", leaves=""),
    "surge-nodes": kind(group=None, parallel=""),
    "drift-nodes": kind(pools=None, nodes=""),
    "blue-green": kind(group=None, clone=None, parallel="", spare=""),
    "delete-node-group": kind(group=None, clone=None, keep=""),
    "hold-nodes": kind(pools=None),
    "release-nodes": kind(pools=None, to=None, wait=""),
    "restart-fargate": kind(to=None),
    "update-release": kind(namespace=None, release=None, chart=None, version=None, source=None),
    "repair-release": kind(namespace=None, release=None, to=None),
    "upgrade-control-plane": kind(**{"from": None, "to": None}),
    "rollback-control-plane": kind(**{"from": None, "to": None, "timeout_minutes": ""}),
}
GATES: dict[str, type[Any]] = {
    "approval": kind(question=""),
    "soak": kind(**{"for": None}),
    "metric": kind(query=None),
    "incident": kind(source=""),
    "change": kind(),
    "change-close": kind(),
    "readiness": kind(),
}

UPDATE = StepSpec("update", "update-addon", {"addon": "*"})
DIRECT = ChangeVia((DirectRule(),))
"""fleetkeeper may change everything by itself."""

PLAYBOOK = Playbook(
    name="addons-only",
    title="Update EKS addons",
    purpose="So that no addon blocks a minor.",
    changes=Changes.ADDONS,
    steps=(StepSpec("preflight", "preflight"), UPDATE),
    stages=(
        StageSpec("canary", "ring=canary", gates=(GateSpec("soak", "soak", When.AFTER, {"for": "2h"}),)),
        StageSpec("rest", gates=(GateSpec("go-ahead", "approval", When.BEFORE),)),
    ),
    origin="shipped addons-only.toml",
    digest="0" * 64,
)


def addon(name: str = "coredns", version: str = "v1.12.1-eksbuild.1", **other: Any) -> model.ManagedAddon:
    return replace(model.ManagedAddon(name, version, "ACTIVE"), **other)


def release(name: str, version: str, *minors: Minor, default: bool = False) -> model.AddonRelease:
    return model.AddonRelease(name, version, tuple((minor, default) for minor in minors))


OWN = Hosting(True, "fleetkeeper runs in it: it goes alone, after all others")
RELEASES = (
    release("coredns", "v1.12.1-eksbuild.1", M34),
    release("coredns", "v1.12.4-eksbuild.1", M34, M35, default=True),
    release("coredns", "v1.13.2-eksbuild.1", M34, M35),
    release("coredns", "v1.14.0-eksbuild.1", M35),
    release("kube-proxy", "v1.34.1-eksbuild.2", M34, default=True),
    release("vpc-cni", "v1.19.0-eksbuild.1", M34),
    release("vpc-cni", "v1.20.1-eksbuild.1", M34),
    release("vpc-cni", "v1.20.4-eksbuild.2", M34),
    release("vpc-cni", "v1.21.0-eksbuild.1", M34, default=True),
)


def rules(**of: Rule) -> Compat:
    """Compat with an addon's own rule; `vpc_cni=` is the row of vpc-cni."""
    source = Source("test", NOON.date(), Confidence.HIGH, "test")
    rows = ((name.replace("_", "-"), rule) for name, rule in of.items())
    return Compat(addons=tuple(AddonRow(id, id, Detect(eks_addon=id), source, rules=(rule,)) for id, rule in rows))


def candidate(
    name: str = "shop",
    *addons: model.ManagedAddon,
    standing: Standing = Standing(),  # noqa: B008 # a frozen value
    own: bool = False,
    releases: tuple[model.AddonRelease, ...] = RELEASES,
    **other: Any,
) -> Candidate:
    """A cluster at 1.34 whose one addon has a newer version."""
    values = {parts.MANAGED_ADDONS: addons or (addon(),), parts.CUSTOMISED: ()} | other.pop("values", {})
    seen = cluster(name, values=values, **other)
    shared = scope_parts(addon_releases=releases)
    snap = Snapshot(seen, NOON, shared if seen.scope else {}, stale_after=timedelta(hours=1))
    return Candidate(snap, attributes_of(seen), standing, OWN if own else ELSEWHERE)


def order(playbook: Playbook = PLAYBOOK, **other: Any) -> Order:
    return replace(Order(playbook, Selector(), "ana", NOON, change_via=DIRECT), **other)


def plan(*candidates: Candidate, playbook: Playbook = PLAYBOOK, compat: Compat | None = None, **other: Any) -> Plan:
    return make_plan(order(playbook, **other), candidates or (candidate(),), compat or Compat())


ROOT = Path(__file__).parents[2]
