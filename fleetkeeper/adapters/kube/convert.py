"""From documents of the API to our own values."""

from collections.abc import Iterable, Mapping

from fleetkeeper.adapters.kube import templates
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.core import model
from fleetkeeper.core.compute import compute_kind, is_spot
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.owner_keys import owner_keys

_INSTANCE_TYPE = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_MIRROR = "kubernetes.io/config.mirror"  # a static pod's image in the API; its owner is the Node


def node(document: structs.Node) -> model.Node:
    meta, spec = document.metadata, document.spec or structs.NodeSpec()
    status = document.status or structs.NodeStatus()
    system, labels = status.system or structs.NodeSystem(), meta.labels or {}
    kind, group = compute_kind(labels, spec.provider_id)
    return model.Node(
        name=meta.name,
        uid=meta.uid,
        kubelet=system.kubelet,
        os_image=system.os_image,
        os=system.os,
        arch=system.arch,
        runtime=system.runtime,
        kernel=system.kernel,
        kind=kind,
        group=group,
        ready=_holds("Ready", status.conditions),
        schedulable=not spec.unschedulable,
        instance_type=_first(labels, _INSTANCE_TYPE),
        zone=_first(labels, _ZONE),
        provider_id=spec.provider_id,
        created_at=meta.created_at,
        proxy=system.proxy,
        spot=is_spot(labels),
    )


def templated(kind: str, document: structs.Templated | structs.Job) -> model.Workload:
    spec, status = document.spec or structs.TemplateSpec(), document.status
    return replace(
        _workload(kind, document.metadata, spec.template),
        replicas=spec.replicas,
        selector=None if kind == "Job" else templates.labels(spec.selector),
        ready=_ready(kind, status) if isinstance(status, structs.ReadyStatus) else None,
        claim_templates=tuple(each.metadata.name for each in spec.claims or () if each.metadata),
    )


def cron_job(document: structs.CronJob) -> model.Workload:
    spec = document.spec or structs.CronJobSpec()
    inner = spec.job.spec if spec.job else None
    return replace(_workload("CronJob", document.metadata, inner.template if inner else None), schedule=spec.schedule)


def pod(document: structs.Pod) -> model.Workload:
    meta = document.metadata
    return _workload("Pod", meta, structs.Template(structs.TemplateMeta(meta.labels, meta.annotations), document.spec))


def scaled(workload: model.Workload, minimums: Mapping[tuple[str, str, str], int]) -> model.Workload:
    """With the minimum of its autoscaler, by namespace, kind and name."""
    minimum = minimums.get((workload.namespace, workload.kind, workload.name))
    return workload if minimum is None else replace(workload, minimum=minimum)


def namespace(document: structs.Object) -> model.Namespace:
    return model.Namespace(document.metadata.name, owner_keys(document.metadata.labels, document.metadata.annotations))


def crd(document: structs.Crd) -> model.Crd:
    spec = document.spec
    return model.Crd(
        name=document.metadata.name,
        group=spec.group,
        kind=spec.names.kind,
        versions=tuple((v.name, v.served, v.storage, bool(v.deprecated)) for v in spec.versions or ()),
        stored=tuple((document.status and document.status.stored) or ()),
    )


def is_owned(meta: structs.ObjectMeta) -> bool:
    return bool(meta.owners) or is_mirror(meta)


def is_mirror(meta: structs.ObjectMeta) -> bool:
    return _MIRROR in (meta.annotations or {})


def is_finished(document: structs.Job) -> bool:
    """A Job that has run to its end, well or not, runs nothing any more."""
    conditions = document.status.conditions if document.status else None
    return _holds("Complete", conditions) or _holds("Failed", conditions)


def _ready(kind: str, status: structs.ReadyStatus) -> int:
    return (status.on_nodes if kind == "DaemonSet" else status.ready) or 0


def _workload(kind: str, meta: structs.ObjectMeta, template: structs.Template | None) -> model.Workload:
    spec = template.spec if template else None
    own = (template.metadata if template else None) or structs.TemplateMeta()
    return model.Workload(
        kind=kind,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        images=_images(spec) if spec else (),
        owner=owner_keys(meta.labels, meta.annotations),
        template=templates.template(spec, own.labels, own.annotations) if spec else None,
    )


def _images(spec: structs.PodSpec) -> tuple[str, ...]:
    """Each image once, init containers first, as they start."""
    containers = (*(spec.init_containers or ()), *(spec.containers or ()))
    return tuple(dict.fromkeys([c.image for c in containers if c.image]))


def _holds(type_: str, conditions: Iterable[structs.Condition] | None) -> bool:
    return any(c.type == type_ and c.status == "True" for c in conditions or ())


def _first(labels: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((labels[key] for key in keys if labels.get(key)), "")
