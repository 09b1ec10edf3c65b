"""YAML that anybody may have written, read no further than it is needed.

libyaml takes the square of the depth, and merge keys can be made to double at every step. So the depth is counted
before anything is built, and only nodes are built, never values.
"""

import yaml

Node = yaml.Node

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 100  # an object of Kubernetes has some twenty levels, and a JSON schema three times that
_LONGEST = 4 << 20  # characters; an object of etcd has at most 1.5 MiB

_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def root(text: str) -> yaml.Node | None:
    """The one document of a text; None when it is no YAML, empty, too long or too deep."""
    if len(text) > _LONGEST:
        return None
    try:
        return yaml.compose(text, Loader=_Loader) if _is_shallow(text) else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value under a key of a mapping; the last one where it is there twice, as most readers have it."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in reversed(pairs) if scalar(name) == key), None)


def items(node: yaml.Node | None) -> tuple[yaml.Node, ...]:
    """Of a sequence; none of anything else."""
    return tuple(node.value) if isinstance(node, yaml.SequenceNode) else ()


def scalar(node: yaml.Node | None) -> str:
    """A scalar as it is written; "" for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def is_mapping(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.MappingNode)


def is_blank(node: yaml.Node) -> bool:
    """An empty text, or null."""
    return isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~")


def _is_shallow(text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
        if depth > _DEEPEST:
            return False
    return True
