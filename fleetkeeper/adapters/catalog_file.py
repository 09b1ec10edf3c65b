"""A file of Backstage entities: who owns which component, who is in which group, and where that is told.

Form: backstage.io/docs/features/software-catalog/descriptor-format (read 2026-11-21). Entities of other kinds are
passed over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from fleetkeeper.core.owner_words import channel_in, person_in
from fleetkeeper.core.owners import Team
from fleetkeeper.core.text import safe
from fleetkeeper.errors import ConfigError, Mistake

_OWNED = ("Component", "System", "API", "Resource", "Domain")
"""Kinds with an owner; of one name the first of these holds."""
_KUBERNETES_ID = "backstage.io/kubernetes-id"
_SHOWN = 80  # characters of what somebody wrote
_LARGEST = 32 * 1024 * 1024  # characters
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Catalog:
    """owners: the name of a component, or its kubernetes-id → its owner as it is written there, a person by address
    or Slack id.

    channels: the name of a group → where its channel is written, or what is no channel's id.
    """

    owners: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[Team, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Entity:
    kind: str
    name: str
    line: int
    id: str = ""
    slack: str = ""
    owner: str = ""
    title: str = ""
    email: str = ""
    members: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()


def read_catalog(text: str, file: str, slack: str = "") -> Catalog:
    """slack: the annotation that says where in Slack an entity is told. Raises ConfigError with every mistake and its
    line."""
    mistakes: list[Mistake] = []
    entities = [found for node in _documents(text, file) for found in _entity(node, file, slack, mistakes)]
    if mistakes:
        raise ConfigError(tuple(mistakes))
    users = {each.name.casefold(): each.email or person_in(each.slack) for each in entities if each.kind == "User"}
    people = {name: person for name, person in users.items() if person}
    channels = {
        each.name: f"annotation {slack} ({safe(each.slack, _SHOWN)}) of Group {safe(each.name, _SHOWN)} in the catalog"
        for each in entities
        if each.kind == "Group" and each.slack
    }
    return Catalog(dict(_owners(entities, people)), tuple(_groups(entities, people)), channels)


def _owners(entities: list[_Entity], people: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is to hold comes last: ids before names, and of one name the kind that stands first."""
    owned = sorted((each for each in entities if each.owner), key=lambda each: -_OWNED.index(each.kind))
    for each in owned:
        yield each.name, _person(each.owner, people) or each.owner
    for each in owned:
        if each.id:
            yield each.id, _person(each.owner, people) or each.owner


def _person(reference: str, people: Mapping[str, str]) -> str:
    """The address or id of a user that an owner refers to, "" for a group; without a kind a group is meant."""
    kind, colon, name = reference.partition(":")
    return people.get(_name_in(name), "") if colon and kind.lower() == "user" else ""


def _name_in(reference: str) -> str:
    """The name in [kind:][namespace/]name."""
    return reference.rpartition(":")[2].rpartition("/")[2].casefold()


def _groups(entities: list[_Entity], people: Mapping[str, str]) -> Iterator[Team]:
    joined: dict[str, list[str]] = {}
    for user in entities:
        for group in user.member_of if user.kind == "User" else ():
            joined.setdefault(_name_in(group), []).append(user.name.casefold())
    for each in entities:
        if each.kind == "Group":
            named = (*map(_name_in, each.members), *joined.get(each.name.casefold(), ()))
            members = tuple(dict.fromkeys(people[name] for name in named if name in people))
            aliases = tuple(filter(None, (each.title, each.email)))
            yield Team(each.name, aliases, channel_in(each.slack), members=members)


# ---- YAML with its lines


def _documents(text: str, file: str) -> Iterator[yaml.MappingNode]:
    if len(text) > _LARGEST:
        raise ConfigError((Mistake(file, 0, "", f"is larger than {_LARGEST // 1024 // 1024} MiB"),))
    try:
        for node in yaml.compose_all(text, Loader=_LOADER):
            if isinstance(node, yaml.MappingNode):
                yield node
            elif node is not None and not (isinstance(node, yaml.ScalarNode) and not node.value):
                raise ConfigError((Mistake(file, _line(node), "", "is no entity: an entity is a mapping"),))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError((Mistake(file, line, "", f"is not valid YAML: {error.problem}"),)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError((Mistake(file, 0, "", "is not valid YAML"),)) from error


def _entity(node: yaml.MappingNode, file: str, slack: str, mistakes: list[Mistake]) -> Iterator[_Entity]:
    kind = _text(node, "kind")
    if kind not in (*_OWNED, "Group", "User"):
        return
    metadata, spec = _inner(node, "metadata"), _inner(node, "spec")
    profile, annotations, name = _inner(spec, "profile"), _inner(metadata, "annotations"), _text(metadata, "name")
    owner, line = _text(spec, "owner"), _line(node)
    if not name:
        mistakes.append(Mistake(file, line, "metadata.name", f"is missing of a {kind}", "give the entity its name"))
    elif kind in _OWNED and not owner:
        fix = "name its group: owner: group:default/payments"
        mistakes.append(Mistake(file, _line(spec or node), "spec.owner", f"is missing of {kind} {name}", fix))
    yield _Entity(
        kind=kind,
        name=name,
        line=line,
        id=_text(annotations, _KUBERNETES_ID),
        slack=_text(annotations, slack) if slack else "",
        owner=owner,
        title=_text(profile, "displayName") or _text(metadata, "title"),
        email=_text(profile, "email").lower(),
        members=_texts(spec, "members"),
        member_of=_texts(spec, "memberOf"),
    )


def _member(node: yaml.MappingNode | None, key: str) -> yaml.Node | None:
    pairs = node.value if node else ()
    return next((value for name, value in pairs if isinstance(name, yaml.ScalarNode) and name.value == key), None)


def _inner(node: yaml.MappingNode | None, key: str) -> yaml.MappingNode | None:
    found = _member(node, key)
    return found if isinstance(found, yaml.MappingNode) else None


def _text(node: yaml.MappingNode | None, key: str) -> str:
    found = _member(node, key)
    return str(found.value).strip() if isinstance(found, yaml.ScalarNode) else ""


def _texts(node: yaml.MappingNode | None, key: str) -> tuple[str, ...]:
    found = _member(node, key)
    items = found.value if isinstance(found, yaml.SequenceNode) else ()
    return tuple(str(item.value) for item in items if isinstance(item, yaml.ScalarNode))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
