"""Which labels and annotations say who owns an object; all others are dropped before anything is stored."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from fleetkeeper.core.text import safe

VALUE_LIMIT = 256  # a label value has at most 63 characters; this leaves room for an address or URL in an annotation
_PEOPLE = ("owner", "team", "squad")  # of the names below those that name people outright
KEYS_LIMIT = 32  # per object: one author must not fill our database with a8r.io/1, a8r.io/2, …

# a8r.io: https://a8r.io; dt.owner: docs.dynatrace.com, assign ownership; the GitOps and Helm keys lead to the
# repository, and app.kubernetes.io to the application, when nobody is named outright (all collected 2026-11-20).
_EXACT = frozenset(
    {
        "dt.owner",
        "slack.com/bot-notify",
        "backstage.io/kubernetes-id",
        "argocd.argoproj.io/tracking-id",
        "argocd.argoproj.io/instance",
        "kustomize.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/namespace",
        "helm.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/namespace",
        "helm.sh/chart",
        "meta.helm.sh/release-name",
        "meta.helm.sh/release-namespace",
    }
)
_PREFIXES = ("a8r.io/", "app.kubernetes.io/")
_NUMBERED = re.compile(r"dt\.owner-\d{1,3}", re.ASCII)
_DYNATRACE = re.compile(r"dt\.owner(?:-(\d{1,3}))?", re.ASCII)
CHATS = frozenset({"a8r.io/chat", "slack.com/bot-notify"})
"""Where an object's people talk: by itself that names nobody, but a channel's id there is one that can be told."""

_HINT = 9  # the rank of what names nobody by itself
# Names that say it under any prefix (owner, app.company.com/owner) but Kubernetes' own, which means other things by it.
_NAMES = frozenset({"owner", "team", "squad", "cost-center", "costcenter", "business-unit", "businessunit"})
_KUBERNETES = re.compile(r"(?:.+\.)?(?:kubernetes|k8s)\.io", re.ASCII)


def owner_keys(
    labels: Mapping[str, str] | None, annotations: Mapping[str, str] | None, extra: Collection[str] = ()
) -> dict[str, str]:
    """The recognised keys in lower case and their values, in the order of the keys.

    extra are the operator's own keys, which the cap on the number of keys never drops. An annotation wins over a label
    of the same key, for only an annotation can hold an address; among spellings of one key the lower-case one wins.
    """
    sources = (labels or {}, annotations or {})
    plan = _plan(tuple(sources[0]), tuple(sources[1]), tuple(extra))
    return {lower: safe(sources[source][key].strip(), VALUE_LIMIT) for lower, source, key in plan}


@lru_cache(maxsize=4096)
def _plan(
    labels: tuple[str, ...], annotations: tuple[str, ...], extra: tuple[str, ...]
) -> tuple[tuple[str, int, str], ...]:
    """(key in lower case, 0 for a label and 1 for an annotation, key as written) of what is kept, in its order.

    It hangs on the names of the keys alone, of which objects have the same few sets: a fleet has millions of labels.
    """
    wanted = {key.lower() for key in extra}
    kept: dict[str, tuple[int, str]] = {}
    for source, keys in enumerate((labels, annotations)):
        # Lower-case letters sort after capitals, so the lower-case spelling is written last.
        for key in sorted(keys):
            lower = key.lower()
            if lower in wanted or is_owner_key(lower):
                kept[lower] = (source, key)
    return tuple((lower, *kept[lower]) for lower in sorted(_capped(kept, wanted)))


def is_owner_key(key: str) -> bool:
    """Whether a lower-case key is one of the conventions above."""
    if key in _EXACT or key.startswith(_PREFIXES) or _NUMBERED.fullmatch(key):
        return True
    prefix, _, name = key.rpartition("/")
    return name.replace("_", "-") in _NAMES and not _KUBERNETES.fullmatch(prefix)


def _capped(keys: Iterable[str], wanted: Collection[str]) -> list[str]:
    """The operator's keys, then those that are not one of a family that anybody can lengthen, then the rest."""
    ranked = sorted(keys, key=lambda key: (key not in wanted, key.startswith(_PREFIXES) and key != "a8r.io/owner", key))
    return ranked[:KEYS_LIMIT]


@dataclass(frozen=True, slots=True)
class Naming:
    """A key that may name an owner, as it is written. outright: it names one; else it counts only where it fits one."""

    key: str
    value: str
    outright: bool


def naming(keys: Mapping[str, str], own: Collection[str] = ()) -> tuple[Naming, ...]:
    """The keys of one object that name somebody, the most telling first.

    The operator's own in their order, a8r.io/owner, owner, dt.owner and its numbered ones, team, squad; then what only
    hints at somebody (a chat, a cost center).
    """
    wanted = tuple(each.lower() for each in own)
    ranked = ((_rank(key.lower(), wanted), key, value) for key, value in keys.items() if value.strip())
    found = sorted((rank, key.lower(), key, value) for rank, key, value in ranked if rank is not None)
    return tuple(Naming(key, value.strip(), rank[0] < _HINT) for rank, _, key, value in found)


@lru_cache(maxsize=4096)
def _rank(key: str, wanted: tuple[str, ...]) -> tuple[int, int] | None:
    """Where a lower-case key stands; None for one that names nobody."""
    if key in wanted:
        return 0, wanted.index(key)
    if key == "a8r.io/owner":
        return 1, 0
    if numbered := _DYNATRACE.fullmatch(key):
        return 3, int(numbered[1] or 0)
    if key in CHATS:
        return _HINT, 0
    name = key.rpartition("/")[2].replace("_", "-")
    if not is_owner_key(key) or name not in _NAMES:
        return None
    return (2 + 2 * _PEOPLE.index(name), 0) if name in _PEOPLE else (_HINT, 1)


def owner_named(keys: Mapping[str, str]) -> str:
    """Who the keys name outright, the most telling key first; "" when they only lead to a repository or a chart."""
    for wanted in _PEOPLE:
        for key, value in keys.items():
            last = key.rpartition("/")[2].rpartition(".")[2]
            if value and last.partition("-")[0] == wanted:
                return value
    return ""
