"""From pod templates and selectors of the API to our own: the part that an upgrade depends on."""

from collections.abc import Iterable, Mapping
from typing import Any

from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.pod_annotations import kept_annotations
from fleetkeeper.core.pods import (
    BUILT_FROM_THE_API,
    VOLUME_SOURCES,
    Labels,
    PodTemplate,
    Requirement,
    Toleration,
    Volume,
    is_gpu,
)

_PLAIN = PodTemplate()


def labels(selector: structs.LabelSelector | None) -> Labels | None:
    """A selector that is absent takes nothing, and is None."""
    if selector is None:
        return None
    return Labels(selector.equal or {}, _requirements(selector.terms))


def template(
    spec: structs.PodSpec, own_labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None
) -> PodTemplate:
    containers = spec.containers or ()
    found = replace(
        _PLAIN,
        labels=own_labels or {},
        annotations=kept_annotations(annotations) if annotations else {},
        is_probed=bool(containers) and all(each.probe is not None for each in containers),
        service_account=spec.account or "",
        priority_class=spec.priority or "",
        grace_seconds=spec.grace_seconds,
        host_network=bool(spec.host_network),
        requests_gpu=any(is_gpu(name) for each in containers for name in _asked(each.resources)),
    )
    if spec.node_selector or spec.affinity or spec.tolerations or spec.spread or spec.volumes:
        return _placed(found, spec)
    return found


def _placed(found: PodTemplate, spec: structs.PodSpec) -> PodTemplate:
    """With what says where its pods may run: most have nothing of it."""
    affinity = spec.affinity or structs.Affinity()
    nodes, apart = affinity.nodes or structs.NodeAffinity(), affinity.apart or structs.PodAntiAffinity()
    asked = tuple(Requirement(key, "In", (value,)) for key, value in (spec.node_selector or {}).items())
    return replace(
        found,
        node_terms=(*asked, *node_terms(nodes.required)),
        preferred_terms=_of_terms(each.preference for each in nodes.preferred or ()),
        tolerations=tuple(_toleration(each) for each in spec.tolerations or ()),
        apart=_topologies(apart.required),
        apart_preferred=_topologies(each.term for each in apart.preferred or ()),
        spread=_topologies(spec.spread),
        volumes=tuple(volume for each in spec.volumes or () if (volume := _volume(each)) is not None),
    )


def node_terms(terms: structs.NodeTerms | None) -> tuple[Requirement, ...]:
    return _of_terms((terms.terms if terms else None) or ())


def _of_terms(terms: Iterable[structs.NodeTerm | None]) -> tuple[Requirement, ...]:
    return tuple(each for term in terms if term for each in _requirements(term.expressions))


def _requirements(terms: Iterable[structs.Expression] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(each.key, each.operator, tuple(each.values or ())) for each in terms or ())


def _toleration(given: structs.Toleration) -> Toleration:
    return Toleration(given.key or "", given.operator or "Equal", given.value or "", given.effect or "")


def _topologies(terms: Iterable[structs.PodTerm | None] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.topology for each in terms or () if each))


def _volume(given: Mapping[str, Any]) -> Volume | None:
    """None for what is built from the API or lives as long as the pod."""
    kind = next((key for key in given if key != "name"), "")
    if kind in BUILT_FROM_THE_API:
        return None
    inner = given.get(kind)
    source = inner.get(VOLUME_SOURCES.get(kind, "")) if isinstance(inner, dict) else None
    return Volume(str(given.get("name", "")), kind, source if isinstance(source, str) else "")


def _asked(resources: structs.Resources | None) -> tuple[str, ...]:
    return (*(resources.limits or ()), *(resources.requests or ())) if resources else ()
