"""Reads the objects of EKS addons: who else changed them, and how kube-proxy is set."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fleetkeeper.adapters.kube import endpoints, yaml_text
from fleetkeeper.adapters.kube.documents import around
from fleetkeeper.adapters.kube.endpoints import Resource, traced
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.adapters.kube.standouts import still_there
from fleetkeeper.core.eks_objects import PROXY_CONFIGS, SYSTEM
from fleetkeeper.core.field_owners import AddonObject, FieldsOf, customised
from fleetkeeper.core.observed import Customised

_LISTED: dict[str, Resource[Any]] = {"Deployment": endpoints.DEPLOYMENTS, "DaemonSet": endpoints.DAEMON_SETS}
_FIELDS = msgspec.json.Decoder(dict[str, Any])
_MODES = ("iptables", "ipvs", "nftables", "kernelspace")


class Settings:
    """ConfigMaps of addons, each read once in an observation."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], around.Configured | None] = {}

    def of(self, reader: Reader, namespace: str, name: str) -> around.Configured | None:
        """None for one that is not there."""
        if (namespace, name) not in self._read:
            self._read[namespace, name] = still_there(reader, endpoints.SETTINGS, namespace, name)
        return self._read[namespace, name]


def find_customised(reader: Reader, settings: Settings, objects: Sequence[AddonObject]) -> tuple[Customised, ...]:
    """Workloads by one list of metadata for each namespace, ConfigMaps one by one, for only those may be read."""
    found: dict[AddonObject, tuple[Customised, ...]] = {}
    for kind, namespace in sorted({(o.kind, o.namespace) for o in objects if o.kind in _LISTED}):
        resource = traced(_LISTED[kind].group_version, _LISTED[kind].plural, kind)
        wanted = {o.name: o for o in objects if (o.kind, o.namespace) == (kind, namespace)}

        def keep(document: around.Traced, wanted: Mapping[str, AddonObject] = wanted) -> None:
            if (each := wanted.get(document.metadata.name)) is not None:
                found[each] = customised(each, _fields_of(document.metadata))

        reader.list(resource, keep, namespace)
    for each in objects:
        if each.kind == "ConfigMap":
            document = settings.of(reader, each.namespace, each.name)
            found[each] = customised(each, _fields_of(document.metadata)) if document else ()
    return tuple(row for each in objects for row in found.get(each, ()))


def proxy_mode(reader: Reader, settings: Settings) -> str:
    """kube-proxy's mode, `iptables` where its configuration says none; "" where there is no configuration."""
    for name, key in PROXY_CONFIGS:
        document = settings.of(reader, SYSTEM, name)
        if document is not None and document.data and key in document.data:
            return _mode(document.data[key])
    return ""


def _mode(text: str) -> str:
    found = yaml_text.root(text)
    mode = yaml_text.member(found, "mode")
    if mode is None:
        return "iptables" if yaml_text.is_mapping(found) else ""
    said = yaml_text.scalar(mode)
    return "iptables" if yaml_text.is_blank(mode) else said if said in _MODES else ""


def _fields_of(meta: around.TracedMeta) -> Iterator[FieldsOf]:
    for entry in meta.managed or ():
        try:
            fields = _FIELDS.decode(entry.fields)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            fields = {}
        yield FieldsOf(entry.manager, entry.subresource, fields)
