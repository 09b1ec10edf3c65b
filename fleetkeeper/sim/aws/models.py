"""botocore's own description of each API: the law that every answer of the simulator is held to."""

from dataclasses import dataclass
from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationNotFoundError
from moto.core.model import OperationModel, ServiceModel  # botocore's own, with what moto's parsers ask of shapes

# The name in the credential scope of a signature → boto3's name of the service, where they differ.
_BY_SIGNING_NAME = {"servicequotas": "service-quotas", "monitoring": "cloudwatch", "elasticloadbalancing": "elbv2"}
_LOADER = Loader()


@dataclass(frozen=True, slots=True)
class Route:
    """An operation of a REST API: literal path segments, and None where a parameter stands, named in names."""

    operation: str
    method: str
    segments: tuple[str | None, ...]
    names: tuple[str, ...]


def service_of(signing_name: str) -> str:
    return _BY_SIGNING_NAME.get(signing_name, signing_name)


@cache
def service_model(service: str) -> ServiceModel | None:
    """None for a name that botocore does not know."""
    if service not in _LOADER.list_available_services("service-2"):
        return None
    model = ServiceModel(_LOADER.load_service_model(service, "service-2"), service)
    # Where an API speaks several protocols, boto3 chooses, and the first that is named is not always its choice.
    model.metadata["protocol"] = model.resolved_protocol
    return model


@cache
def operation_model(service: str, operation: str) -> OperationModel | None:
    model = service_model(service)
    try:
        return model.operation_model(operation) if model is not None else None
    except OperationNotFoundError:
        return None


@cache
def _routes(service: str) -> dict[tuple[str, int], list[Route]]:
    """Routes by method and number of segments; the ones with more literals first."""
    model = service_model(service)
    table: dict[tuple[str, int], list[Route]] = {}
    if model is None:
        return table
    for name in model.operation_names:
        http = model.operation_model(name).http
        parts = http["requestUri"].split("?")[0].strip("/").split("/")
        segments = tuple(None if part.startswith("{") else part for part in parts)
        names = tuple(part.strip("{}+") for part in parts if part.startswith("{"))
        table.setdefault((http["method"], len(parts)), []).append(Route(name, http["method"], segments, names))
    for routes in table.values():
        routes.sort(key=lambda route: route.segments.count(None))
    return table


def match_route(service: str, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The operation that a path means, with its still percent-encoded parameters in the order of Route.names."""
    parts = path.strip("/").split("/")
    for route in _routes(service).get((method, len(parts)), ()):
        if all(want is None or want == have for want, have in zip(route.segments, parts, strict=True)):
            values = (have for want, have in zip(route.segments, parts, strict=True) if want is None)
            return route, tuple(values)
    return None
