"""Where something is to do: clusters and objects, what deploys them, and the command that lists all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from fleetkeeper.core.codeowners import address_of
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.gitops import APPLICATION
from fleetkeeper.core.messages.escape import code, words
from fleetkeeper.core.messages.matters import Matter
from fleetkeeper.core.notices.values import Item
from fleetkeeper.core.owners import Deployed
from fleetkeeper.core.wording import counted

NAMES, PLACES, FOLDERS = 4, 3, 2
"""Names in one place, places, and folders in Git, that are shown; the others are counted."""

_SHORT, _ADDRESS = 60, 120
_ROOM = 500
"""Characters of a name, of an address in Git, and of all places: a thing with all of it has to fit one section."""


def where(matter: Matter) -> str:
    """`prod-eu, prod-us: api, web and 7 more`: clusters with the same objects are told together."""
    places: dict[tuple[str, ...], dict[str, None]] = {}
    for cluster, names in _names(matter.open).items():
        places.setdefault(names, {})[cluster] = None
    shown: list[str] = []
    for names, clusters in places.items():
        told = _place(names, tuple(clusters))
        if len(shown) == PLACES or (shown and sum(map(len, shown)) + len(told) > _ROOM):
            break
        shown.append(told)
    hidden = sum(len(clusters) for clusters in list(places.values())[len(shown) :])
    more = [f"and {counted(hidden, 'more cluster')}"] if hidden else []
    return f"{'; '.join([*shown, *more])}{_origin(matter.open)}{_all(matter, hidden)}"


def _names(items: Sequence[Item]) -> dict[str, tuple[str, ...]]:
    """Cluster → the objects in it, as they are called beside the headline; none where it names the only one."""
    alone = len({item.key.fingerprint for item in items}) == 1
    kinds = {item.tracked.finding.subject.kind for item in items}
    spaces = {item.tracked.finding.subject.namespace for item in items}
    clusters = _clusters(items)
    found: dict[str, list[str]] = {}
    for item in items:
        subject = item.tracked.finding.subject
        name = subject.name if len(spaces) == 1 else "/".join(filter(None, (subject.namespace, subject.name)))
        label = name if len(kinds) == 1 or not name else f"{subject.kind} {name}"
        found.setdefault(clusters[item.key.cluster], []).append("" if alone else label)
    return {cluster: tuple(sorted(filter(None, names))) for cluster, names in sorted(found.items())}


def _clusters(items: Sequence[Item]) -> dict[str, str]:
    """Each cluster's name, with its environment where the name does not say it; with region and account where
    several are called so."""
    every = {item.key.cluster: item for item in items}
    alike = Counter(item.cluster for item in every.values())
    return {key: _cluster(item, alike[item.cluster] > 1) for key, item in every.items()}


def _cluster(item: Item, is_shared: bool) -> str:
    told = code(item.cluster, _SHORT)
    if is_shared:
        return f"{told} ({words('/'.join(item.cluster_id.arn.split(':')[3:5]), 60)})"
    named = item.environment and item.environment not in item.cluster
    return f"{told} ({words(item.environment, 20)})" if named else told


def _place(names: tuple[str, ...], clusters: tuple[str, ...]) -> str:
    some = f"{', '.join(clusters[:NAMES])}{more_text(len(clusters) - NAMES)}"
    objects = f"{', '.join(code(each, _SHORT) for each in names[:NAMES])}{more_text(len(names) - NAMES)}"
    return f"{some}: {objects}" if names else some


def more_text(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


def _all(matter: Matter, hidden: int) -> str:
    """The command that lists all of it, where some is not shown."""
    if not hidden and all(len(names) <= NAMES for names in _names(matter.open).values()):
        return ""
    return f". All: {list_command(matter.ask.code, matter.open)}"


def list_command(check: str, items: Iterable[Item]) -> str:
    spaces = {item.tracked.finding.subject.namespace for item in items}
    only = spaces.pop() if len(spaces) == 1 else ""
    return code(f"fleetkeeper get findings --code {check}" + (f" --namespace {only}" if only else ""), 200)


_APPS = {APPLICATION: "Argo CD app"}
_DEPLOYED = (
    ("argocd.argoproj.io/tracking-id", "Argo CD application"),
    ("argocd.argoproj.io/instance", "Argo CD application"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease"),
    ("meta.helm.sh/release-name", "Helm release"),
)


def _origin(items: Sequence[Item]) -> str:
    """Where the change is made: in Git, where that is known of all of it; else by what deploys all of it."""
    declared = dict.fromkeys(item.owned.declared for item in items)
    folders = [each for each in declared if each is not None]
    if folders and len(folders) == len(declared):
        return f", in Git: {_folders(folders)}"
    found = {_deployed(item.tracked.finding) for item in items}
    only = found.pop() if len(found) == 1 else ""
    return f", from {only}" if only else ""


def _folders(declared: Sequence[Deployed]) -> str:
    """`github.com/acme/shop` at `overlays/eu`, `overlays/us` and 2 more (Argo CD app `web`)."""
    folders = list(dict.fromkeys((address_of(each.repository), each.path) for each in declared))
    shown: list[str] = []
    before = ""
    for repository, path in folders[:FOLDERS]:
        at = code(path, _ADDRESS) if path.strip("./") else "its root"
        shown.append(at if repository == before else f"{code(repository, _ADDRESS)} at {at}")
        before = repository
    by = {f" ({_APPS.get(each.kind, each.kind)} {code(each.name)})" for each in declared}
    return f"{', '.join(shown)}{more_text(len(folders) - FOLDERS)}{by.pop() if len(by) == 1 else ''}"


def _deployed(finding: Finding) -> str:
    for key, what in _DEPLOYED:
        if value := finding.owner.get(key):
            return f"{what} {code(value.partition(':')[0])}"
    return ""
