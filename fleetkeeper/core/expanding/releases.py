"""Helm releases: records that name an API which the next minor removes, and charts that have to move with a hop."""

from collections.abc import Mapping
from dataclasses import replace

from fleetkeeper.core.expanding.addon_moves import BEFORE
from fleetkeeper.core.expanding.addons import AFTER, WHEN
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, settled_by_plan
from fleetkeeper.core.playbook import Params, StepSpec
from fleetkeeper.core.release_plan import ReleasePlan, ReleaseUpdate, plan_releases
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.traits import RELEASE_REPAIR
from fleetkeeper.errors import ParamError


def release_fact(namespace: str, name: str) -> str:
    """The name of the fact that is the chart's version of a Helm release."""
    return f"release {namespace}/{name}"


def release_template(params: Params) -> Params:
    """The parameters of update-release as a member has them: all are the plan's but `when`, which no member has."""
    if params.get(WHEN, BEFORE) not in (BEFORE, AFTER):
        raise ParamError({WHEN: f'must be "{BEFORE}" or "{AFTER}" the control plane'})
    rest = {name: value for name, value in params.items() if name != WHEN}
    filled = settled_by_plan(namespace="web", release="shop", chart="shop", version="1.2.3", source="shop")
    return filled(rest)


def repair_release(asked: Asked) -> Expansion:
    """A step for each release whose newest record names an API that is gone at the hop's target."""
    hop = asked.hop
    if hop is None:
        return Expansion()
    at, strides = asked.at, list[Stride]()
    for each in _plan(asked, hop).repairs:
        place = each.namespace, each.release
        if place in at.repaired and not _is_new(asked, hop, place):
            continue
        at = replace(at, repaired=at.repaired | {place})
        step = asked.step(
            f"{each.namespace}/{each.release}: {each.why}",
            f"{each.namespace}-{each.release}",
            namespace=each.namespace,
            release=each.release,
            to=str(hop.target),
        )
        strides.append(Stride(step, at))
    return Expansion(tuple(strides), traits=(RELEASE_REPAIR,) if strides else ())


def _is_new(asked: Asked, hop: Hop, place: tuple[str, str]) -> bool:
    """Whether this very hop removes what the record of a release names; an earlier hop has rewritten the rest."""
    for trace in asked.snap.helm_use.traces:
        group, _, version = trace.api_version.rpartition("/")
        row = asked.compat.api(group, version, trace.kind)
        if trace.latest and (trace.namespace, trace.release) == place and row and row.removed == hop.target:
            return True
    return False


def update_release(asked: Asked) -> Expansion:
    """A step for each release that has to move on this side of the hop's control plane."""
    hop = asked.hop
    if hop is None:
        return Expansion()
    early = asked.spec.params.get(WHEN) != AFTER
    found = _plan(asked, hop)
    if stuck := [each for each in found.notes if each.blocks and early]:
        return Expansion(obstacle=f"before {hop}: {stuck[0]}")
    at, strides, facts = asked.at, list[Stride](), dict[str, str]()
    rest = {name: value for name, value in asked.spec.params.items() if name != WHEN}
    plain = replace(asked, spec=replace(asked.spec, params=rest))
    for each in found.updates:
        if each.before is early:
            at = replace(at, releases={**at.releases, (each.namespace, each.release): each.version})
            strides.append(Stride(_step(plain, each), at))
            facts |= _fact(asked.snap, each)
    notes = tuple(str(each) for each in found.notes if early)
    return Expansion(tuple(strides), facts, notes)


def _plan(asked: Asked, hop: Hop) -> ReleasePlan:
    return plan_releases(asked.snap, hop, asked.compat, asked.charts, asked.at.releases)


def _step(asked: Asked, each: ReleaseUpdate) -> StepSpec:
    return asked.step(
        f"{each.namespace}/{each.release}: {each.why}",
        f"{each.namespace}-{each.release}",
        namespace=each.namespace,
        release=each.release,
        chart=each.chart,
        version=each.version,
        source=each.source,
    )


def _fact(snap: Snapshot, each: ReleaseUpdate) -> Mapping[str, str]:
    """The chart's version before the plan, which a second move of the same release rests on as well."""
    found = {(known.namespace, known.name): known.chart_version for known in snap.helm_releases}
    place = each.namespace, each.release
    return {release_fact(*place): found[place]} if place in found else {}
