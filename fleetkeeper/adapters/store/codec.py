"""Parts as bytes: the type of each part, and a round trip that survives other releases of fleetkeeper.

A field that a stored value has and this release does not know is ignored; one that it lacks gets its default, so a new
field of a stored type must have one. What still does not fit is `Undecodable`, never a half-filled value.
"""

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, get_args, get_origin

import msgspec

from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.insights import Insight

PARTS: Mapping[str, Any] = {
    parts.CONTROL_PLANE: model.ControlPlane,
    parts.MANAGED_ADDONS: tuple[model.ManagedAddon, ...],
    parts.NODE_GROUPS: tuple[model.NodeGroup, ...],
    parts.FARGATE_PROFILES: tuple[model.FargateProfile, ...],
    parts.INSIGHTS: tuple[Insight, ...],
    parts.NODES: tuple[model.Node, ...],
    parts.WORKLOADS: tuple[model.Workload, ...],
    parts.PODS: model.Pods,
    parts.NAMESPACES: tuple[model.Namespace, ...],
    parts.CRDS: tuple[model.Crd, ...],
    parts.HELM_RELEASES: tuple[model.HelmRelease, ...],
    parts.ADDONS: model.Addons,
    parts.UPDATES: tuple[observed.EksUpdate, ...],
    parts.PREREQUISITES: observed.ClusterPrerequisites,
    parts.LAUNCH_TEMPLATES: tuple[observed.LaunchTemplate, ...],
    parts.IMAGES: tuple[observed.GroupImage, ...],
    parts.BUDGETS: tuple[observed.Budget, ...],
    parts.POD_NOTES: tuple[observed.PodNote, ...],
    parts.VOLUMES: tuple[observed.PersistentVolume, ...],
    parts.WEBHOOKS: tuple[observed.Webhook, ...],
    parts.API_SERVICES: tuple[observed.ApiService, ...],
    parts.GITOPS: tuple[observed.GitOpsApp, ...],
    parts.API_USE: observed.ApiUse,
    parts.OBJECT_TRACES: tuple[observed.ObjectTrace, ...],
    parts.HELM_USE: observed.HelmUse,
    parts.AUDIT_CALLS: tuple[observed.AuditCall, ...],
    parts.CUSTOMISED: tuple[observed.Customised, ...],
    parts.ACCOUNT: model.Account,
    parts.CLUSTERS: tuple[str, ...],
    parts.AUTO_SCALING_GROUPS: tuple[model.AutoScalingGroup, ...],
    parts.CLUSTER_VERSIONS: tuple[model.SupportedVersion, ...],
    parts.ADDON_RELEASES: tuple[model.AddonRelease, ...],
    parts.QUOTAS: tuple[observed.Quota, ...],
}

_DEFLATE_ABOVE = 2048  # bytes: below it, deflating saves less than one SQLite page
_encoder = msgspec.json.Encoder(order="deterministic")
_decoders: Mapping[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(t) for name, t in PARTS.items()}


class Undecodable(Exception):
    """A stored value does not fit the part's type in this release."""


def encode(part: str, value: object) -> tuple[bytes, bytes]:
    """(JSON, digest) of a part's value. The digest does not depend on the order of a tuple's items: no list has one.

    It covers every field: one that is left out would be shown with the time of the newest read and an older value.
    What changes at every read (resourceVersion, heartbeats) must not reach the model in the first place.
    """
    _demand(part, value)
    if not isinstance(value, tuple):
        body = to_json(value)
        return body, hashlib.blake2b(body, digest_size=16).digest()
    items = [to_json(item) for item in value]
    digest = hashlib.blake2b(b"\n".join(sorted(items)), digest_size=16)
    return b"[" + b",".join(items) + b"]", digest.digest()


def decode(part: str, body: bytes) -> object:
    """The value of a part from its JSON; raises Undecodable."""
    try:
        return _decoders[part].decode(body)
    except msgspec.MsgspecError as error:
        raise Undecodable(f"stored by another version of fleetkeeper: {error}") from error


def deflate(body: bytes) -> tuple[bool, bytes]:
    """(deflated, bytes to store): large values are deflated."""
    return (True, zlib.compress(body)) if len(body) > _DEFLATE_ABOVE else (False, body)


def inflate(deflated: bool, stored: bytes) -> bytes:
    """The JSON that was given to `deflate`; raises Undecodable."""
    try:
        return zlib.decompress(stored) if deflated else stored
    except zlib.error as error:
        raise Undecodable(f"the stored value is damaged: {error}") from error


def to_json(value: object) -> bytes:
    """JSON of any value of the model; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_cleaned(msgspec.to_builtins(value)))


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {_cleaned(key): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return value


def _demand(part: str, value: object) -> None:
    """TypeError when the value is not of the part's type: it would be stored, and unreadable for ever."""
    wanted = PARTS.get(part)
    if wanted is None:
        raise TypeError(f"{part!r} is not a part that the store knows: give its type in codec.PARTS")
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        fits = isinstance(value, tuple) and all(isinstance(one, item) for one in value)
    else:
        fits = isinstance(value, wanted)
    if not fits:
        raise TypeError(f"the part {part} is {wanted}, not {type(value).__name__}")
