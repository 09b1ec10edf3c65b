"""Recipes: objects without an identity, shared by all clusters that look alike, and the store that makes them real.

A fleet of a thousand clusters cannot keep its objects as dicts. Everything that does not differ between two clusters
of one kind (spec, status, labels, managedFields) is built once; a cluster's objects are made when somebody asks for
them, the few clusters asked last are kept, and only what was changed stays for good.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from fleetkeeper.sim.world import Object

Listing = dict[tuple[str, str], Object]


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes the objects of one cluster its own. `now` is the fleet's epoch: ages count back from it."""

    key: str
    now: datetime

    def uid(self, resource: str, namespace: str, name: str) -> str:
        digest = hashlib.blake2b(f"{self.key}|{resource}|{namespace}|{name}".encode(), digest_size=16).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"

    def instance_id(self, node: str) -> str:
        return "i-0" + hashlib.blake2b(f"{self.key}|{node}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object: its resource ("apps/replicasets"), kind, apiVersion and name."""

    resource: str
    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One object without its identity; `body` is every member besides metadata and is shared, never edited.

    finish, where there is one, gives a cluster its own body: node addresses and instance ids.
    """

    resource: str
    name: str
    body: Object
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner: Owner | None = None
    age: timedelta = timedelta(days=90)
    generation: int = 0
    generate_name: str = ""
    finalizers: list[str] | None = None
    managed: list[Object] = field(default_factory=list)
    finish: Callable[[Identity, Object], Object] | None = None


def make(recipe: Recipe, identity: Identity, revision: int) -> Object:
    """The object, its members in the order in which the real server writes them."""
    metadata: Object = {"name": recipe.name}
    if recipe.generate_name:
        metadata["generateName"] = recipe.generate_name
    if recipe.namespace:
        metadata["namespace"] = recipe.namespace
    metadata["uid"] = identity.uid(recipe.resource, recipe.namespace, recipe.name)
    metadata["resourceVersion"] = str(revision)
    if recipe.generation:
        metadata["generation"] = recipe.generation
    metadata["creationTimestamp"] = stamp(identity.now - recipe.age)
    if recipe.labels:
        metadata["labels"] = recipe.labels
    if recipe.annotations:
        metadata["annotations"] = recipe.annotations
    if recipe.owner:
        metadata["ownerReferences"] = [_reference(recipe.owner, recipe.namespace, identity)]
    if recipe.finalizers:
        metadata["finalizers"] = recipe.finalizers
    if recipe.managed:
        metadata["managedFields"] = recipe.managed
    body = recipe.finish(identity, recipe.body) if recipe.finish else recipe.body
    if "kind" in body:  # a custom resource: its members come sorted
        return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, **_rest(body)}
    return {"metadata": metadata, **body}


def _rest(body: Object) -> Object:
    return {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}


def _reference(owner: Owner, namespace: str, identity: Identity) -> Object:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": identity.uid(owner.resource, namespace, owner.name),
        "controller": True,
        "blockOwnerDeletion": True,
    }


@lru_cache(maxsize=1024)
def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def managed_fields(manager: str, api_version: str, body: Object, at: str, operation: str = "Update") -> Object:
    """One entry of metadata.managedFields that claims every field of the body, of a realistic size."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": _claims(body),
    }


def _claims(value: Any) -> Object:
    if isinstance(value, dict):
        return {f"f:{key}": _claims(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        named = {f'k:{{"name":"{item["name"]}"}}': {".": {}, **_claims(item)} for item in value}
        return {".": {}, **named}
    return {}


class Kept:
    """The objects of the clusters that were asked for last, of a whole fleet."""

    def __init__(self, clusters: int = 64) -> None:
        self._most = clusters
        self._made: OrderedDict[str, dict[str, Listing]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: str, build: Callable[[], dict[str, Listing]]) -> dict[str, Listing]:
        with self._lock:
            found = self._made.pop(key, None)
            if found is None:
                found = build()
            self._made[key] = found
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return found


class RecipeObjects(MutableMapping[str, Listing]):
    """The objects of one cluster, made on demand; what is assigned stays, what is read may be made again."""

    __slots__ = ("_changed", "_identity", "_kept", "_recipes")

    def __init__(self, recipes: tuple[Recipe, ...], identity: Identity, kept: Kept) -> None:
        self._recipes = recipes
        self._identity = identity
        self._kept = kept
        self._changed: dict[str, Listing] = {}

    def __getitem__(self, resource: str) -> Listing:
        changed = self._changed.get(resource)
        return self._kept.of(self._identity.key, self._make)[resource] if changed is None else changed

    def __setitem__(self, resource: str, listing: Listing) -> None:
        self._changed[resource] = listing

    def __delitem__(self, resource: str) -> None:
        self._changed[resource] = {}

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(r.resource for r in self._recipes), **dict.fromkeys(self._changed)})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _make(self) -> dict[str, Listing]:
        made: dict[str, Listing] = {}
        for position, recipe in enumerate(self._recipes):
            listing = made.setdefault(recipe.resource, {})
            listing[(recipe.namespace, recipe.name)] = make(recipe, self._identity, 200 + position % 800)
        return made
