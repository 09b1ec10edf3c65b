"""Helm releases: records that name an API which the next minor removes, and charts that have to move with a hop."""

from collections.abc import Iterator
from dataclasses import replace

from fleetkeeper.core.api_words import name as api_name
from fleetkeeper.core.expanding.addon_moves import BEFORE
from fleetkeeper.core.expanding.addons import AFTER, WHEN
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, unseen
from fleetkeeper.core.expanding.prospect import parsed
from fleetkeeper.core.model import HelmRelease
from fleetkeeper.core.parts import HELM_RELEASES, HELM_USE
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.traits import RELEASE_REPAIR
from fleetkeeper.core.wording import some
from fleetkeeper.errors import ParamError


def release_fact(namespace: str, name: str) -> str:
    """The name of the fact that is the chart's version of a Helm release."""
    return f"release {namespace}/{name}"


# ---- repair-release


def repair_release(asked: Asked) -> Expansion:
    """A step for each release whose newest record names an API that is gone at the hop's target.

    Records that could not be seen leave the cluster as it is: what runs is not touched by the upgrade.
    """
    hop = asked.hop
    if hop is None or asked.snap.missing(HELM_USE):
        return Expansion()
    at, strides = asked.at, list[Stride]()
    for (namespace, release), apis in _broken(asked).items():
        at = replace(at, repaired=at.repaired | {(namespace, release)})
        why = f"the record of {namespace}/{release} names {some(apis)}: `helm upgrade` of it fails once {hop.target} is there"
        step = asked.step(why, f"{namespace}-{release}", namespace=namespace, release=release, to=str(hop.target))
        strides.append(Stride(step, at))
    return Expansion(tuple(strides), traits=(RELEASE_REPAIR,) if strides else ())


def _broken(asked: Asked) -> dict[tuple[str, str], list[str]]:
    hop, found = asked.hop, dict[tuple[str, str], list[str]]()
    assert hop is not None
    for trace in asked.snap.helm_use.traces:
        group, _, version = trace.api_version.rpartition("/")
        row = asked.compat.api(group, version, trace.kind)
        key = (trace.namespace, trace.release)
        if (
            not trace.latest
            or row is None
            or row.removed is None
            or row.removed > hop.target
            or key in asked.at.repaired
        ):
            continue
        text = f"{api_name(row)}, removed in {row.removed}"
        if text not in found.setdefault(key, []):
            found[key].append(text)
    return dict(sorted(found.items()))


# ---- update-release


def release_template(params: Params) -> Params:
    """The parameters of update-release as a member has them: all of them, without `when`."""
    if params.get(WHEN, BEFORE) not in (BEFORE, AFTER):
        raise ParamError({WHEN: f'must be "{BEFORE}" or "{AFTER}" the control plane'})
    return {name: value for name, value in params.items() if name != WHEN}


def update_release(asked: Asked) -> Expansion:
    """Where the cluster has the release at an older version of its chart: before the first hop, or after the last."""
    params = asked.spec.params
    early = params.get(WHEN) != AFTER
    if asked.hop is not None and not (asked.hop.first if early else asked.next is None):
        return Expansion()
    if gap := unseen(asked.snap, HELM_RELEASES):
        return Expansion(obstacle=gap)
    rest = {name: value for name, value in params.items() if name != WHEN}
    plain = replace(asked, spec=replace(asked.spec, params=rest))
    return _newer(plain, tuple(_meant(asked)))


def _meant(asked: Asked) -> Iterator[HelmRelease]:
    params = asked.spec.params
    for each in asked.snap.helm_releases:
        if (each.namespace, each.name) == (params.get("namespace"), params.get("release")):
            yield each


def _newer(asked: Asked, found: tuple[HelmRelease, ...]) -> Expansion:
    wanted = str(asked.spec.params.get("version", ""))
    goal = parsed(wanted)
    if not found:
        return Expansion(idle=f"nothing to do: it has no release {asked.spec.params.get('release')}")
    (release,) = found[:1]
    at = parsed(release.chart_version)
    if goal is None or at is None or not at < goal:
        return Expansion(idle=f"nothing to do: {release.name} is at {release.chart_version} of its chart")
    side = f" {asked.hop}" if asked.hop else ""
    why = (
        f"{release.namespace}/{release.name} is at {release.chart_version} of its chart, and is to be at {wanted}{side}"
    )
    fact = {release_fact(release.namespace, release.name): release.chart_version}
    return Expansion((Stride(asked.step(why), asked.at),), fact)
