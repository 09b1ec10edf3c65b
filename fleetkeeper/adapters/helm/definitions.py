"""A chart's CRDs in a cluster: which differ from it, which may be applied, and the applying.

Helm never touches what is in crds/ when it upgrades. Server-side apply takes over what Helm itself wrote at the
installation, and nothing that belongs to anybody else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from fleetkeeper.adapters.helm.api import Api, Kind, place
from fleetkeeper.adapters.helm.packages import Definition
from fleetkeeper.adapters.kube.answers import Answer
from fleetkeeper.adapters.kube.requests import Object
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import some
from fleetkeeper.errors import GapReason, Refused

MANAGER = "fleetkeeper-helm"
_OURS = frozenset({MANAGER, "helm", "Helm"})
_VERSION = "apiextensions.k8s.io/v1"
_KIND = Kind("customresourcedefinitions", namespaced=False)
_CONFLICT = re.compile(r'conflict with "([^"]*)"')


@dataclass(frozen=True, slots=True)
class Differing:
    """A CRD that the chart has otherwise than the cluster. problem: why it cannot be applied, "" when it can."""

    name: str
    body: Object
    forced: bool = False
    problem: str = ""


def differing(api: Api, wanted: Iterable[Definition]) -> tuple[Differing, ...]:
    """By a dry run of applying each: the server itself says what would be different then."""
    found: dict[str, Differing] = {}
    for each in wanted:
        name = str((each.body.get("metadata") or {}).get("name", ""))
        live = api.get(_path(name))
        if live is None and not each.own:
            continue  # of a chart inside it that may be switched off
        difference = _judged(api, name, each.body, live)
        if difference is not None:
            found[name] = difference
    return tuple(found.values())


def _judged(api: Api, name: str, body: Object, live: Object | None) -> Differing | None:
    if body.get("apiVersion") != _VERSION:
        return Differing(name, body, problem=f"it is written in {safe(str(body.get('apiVersion')), 80)}")
    forced, answer = False, _apply(api, name, body, dry_run=True, force=False)
    if answer.status == 409:
        owners = sorted(set(_conflicts(answer)) - _OURS)
        if owners:
            return Differing(name, body, problem=f"its fields belong to {some(safe(each, 80) for each in owners)}")
        body = _fenced(body, live)
        forced, answer = True, _apply(api, name, body, dry_run=True, force=True)
    if answer.status not in (200, 201):
        return Differing(name, body, problem=api.words(answer, "apply"))
    would = api.good(answer, f"apply {name}")
    if live is not None and would.get("spec") == live.get("spec"):
        return None
    return Differing(name, body, forced)


def _fenced(body: Object, live: Object | None) -> Object:
    """Only while nobody writes to it meanwhile: what is forced was looked at as it was then."""
    version = ((live or {}).get("metadata") or {}).get("resourceVersion", "")
    return {**body, "metadata": {**body["metadata"], "resourceVersion": version}}


def apply(api: Api, wanted: Iterable[Differing]) -> None:
    """Raises Refused for the first that cannot be applied; those before it stay."""
    for each in wanted:
        if each.problem:
            raise Refused(f"the CRD {each.name} cannot be applied: {each.problem}", GapReason.REJECTED)
        answer = _apply(api, each.name, each.body, dry_run=False, force=each.forced)
        api.good(answer, f"apply {each.name}")


def _apply(api: Api, name: str, body: Object, *, dry_run: bool, force: bool) -> Answer:
    clean: dict[str, Any] = {key: value for key, value in body.items() if key != "status"}
    return api.apply(_path(name), clean, MANAGER, dry_run=dry_run, force=force)


def _path(name: str) -> str:
    return place(_VERSION, _KIND, "", name)


class _Cause(msgspec.Struct):
    message: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct):
    details: _Details | None = None


def _conflicts(answer: Answer) -> list[str]:
    """The managers that own what would be changed; one that cannot be read counts as a stranger."""
    try:
        status = msgspec.json.decode(answer.body, type=_Status)
    except msgspec.DecodeError:
        return ["somebody"]
    causes = (status.details.causes if status.details else None) or []
    return [hit[1] if (hit := _CONFLICT.search(each.message)) else "somebody" for each in causes] or ["somebody"]
