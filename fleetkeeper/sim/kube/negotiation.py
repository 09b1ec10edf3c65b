"""What a client takes, by its Accept header: the whole object, its metadata, or a refusal in the real server's words.

Two layers of the real server look at the header: the router (for built-in kinds) and the encoder, and each has its own
sentence. The simulator writes JSON only, so YAML and protobuf alone are refused here and served there.
"""

from collections.abc import Sequence
from functools import lru_cache

from fleetkeeper.sim.kube import answers
from fleetkeeper.sim.kube.answers import StatusError
from fleetkeeper.sim.kube.resources import Resource

OBJECT, LIST = "PartialObjectMetadata", "PartialObjectMetadataList"
_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_STREAMS = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
_AGGREGATED = frozenset({"as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"})


@lru_cache(maxsize=256)
def _accepted(accept: str) -> tuple[frozenset[str], ...]:
    """The parameters of each clause that JSON satisfies, in the client's order."""
    clauses = []
    for clause in (accept or "*/*").split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media in ("application/json", "application/*", "*/*"):
            clauses.append(frozenset(p for p in parameters if p and not p.startswith("q=")))
    return tuple(clauses)


def form(accept: str, resource: Resource, *, listed: bool) -> str:
    """Which form of an object or a list is asked for: OBJECT, LIST, or "" for the whole; StatusError 406 for others."""
    clauses = _accepted(accept)
    if not clauses and not resource.custom:
        raise _not_routed(f"{_TYPES}, {_STREAMS}" if listed else _TYPES)
    for parameters in clauses:
        if not any(parameter.startswith("as=") for parameter in parameters):
            return ""
        for kind in (OBJECT, LIST):
            if {f"as={kind}", "g=meta.k8s.io", "v=v1"} <= parameters:
                return kind
    raise _not_encoded()


def check(form: str, resource: Resource, *, listed: bool) -> None:
    """The encoder's late refusal: metadata of a list was asked for one object, or the other way round."""
    if form == (OBJECT if listed else LIST):
        kind = f"*{resource.group.partition('.')[0] or 'core'}.{resource.kind}{'List' if listed else ''}"
        told = f"you requested {form}, but the requested object is {'a' if listed else 'not a'} list ({kind})"
        raise StatusError(answers.not_acceptable(told))


def version(accept: str) -> None:
    """/version is JSON and nothing else."""
    if not _accepted(accept):
        raise _not_routed("application/json")


def discovery(accept: str, parts: Sequence[str], *, custom: bool) -> bool:
    """Whether a discovery document is asked for in its aggregated form."""
    clauses = _accepted(accept)
    if not clauses and not custom and (parts[0] == "api" or len(parts) == 3):
        raise _not_routed(_TYPES)
    for parameters in clauses:
        if not any(parameter.startswith("as=") for parameter in parameters):
            return False
        if parameters >= _AGGREGATED and len(parts) == 1:
            return True
    raise _not_encoded()


def _not_routed(types: str) -> StatusError:
    return StatusError(answers.not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {types}", {}))


def _not_encoded() -> StatusError:
    return StatusError(answers.not_acceptable(f"only the following media types are accepted: {_TYPES}"))
