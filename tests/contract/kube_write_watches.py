"""What both API servers send to those who watch: the first state, what happens after it, bookmarks and ends."""

from tests.contract.kube_write_custom import WIDGETS, widget
from tests.contract.kube_write_objects import MAPS, ONE, delete, make, put
from tests.contract.kube_write_patches import merge
from tests.contract.kube_write_sides import Step
from tests.contract.kube_write_steps import PODS, case, pod

PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
SINCE = "&resourceVersion={since}"
FIRST = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


def watch(
    more: str = "", path: str = MAPS, seconds: int = 1, accept: str = "", user: str = "fleetkeeper-admin"
) -> Step:
    """A watch that ends after its seconds, of the wall."""
    headers = {"Accept": accept} if accept else {}
    return Step("GET", f"{path}?watch=true&timeoutSeconds={seconds}{more}", headers=headers, user=user)


def label(value: str) -> Step:
    return merge({"metadata": {"labels": {"app": value}}})


WATCHES = [
    case("a watch of nothing ends", 200, watch()),
    case("a watch begins with what is there", 200, make(), watch(), says='"ADDED"'),
    case("a watch from a version", 200, make(), put(), delete(), watch(SINCE), says='"DELETED"'),
    case(
        "a watch shows nothing for a write that changes nothing",
        200,
        make(),
        put(),
        put(),
        watch(SINCE),
        says='"MODIFIED"',
    ),
    case("a watch shows nothing of a dry run", 200, make("?dryRun=All"), watch(SINCE)),
    case("a watch of one name", 200, make(), make(name="two"), watch("&fieldSelector=metadata.name%3Dtwo")),
    case("a name is read and not watched", 200, make(), make(name="two"), watch(path=ONE)),
    case("a watch of a label", 200, make(labels={"app": "a"}), make(name="two"), watch("&labelSelector=app%3Da")),
    case(
        "what gets the label is added, and what loses it deleted",
        200,
        make(),
        label("a"),
        label("a"),
        label("b"),
        watch(f"&labelSelector=app%3Da{SINCE}"),
        says='"DELETED"',
    ),
    case(
        "what keeps the label is modified",
        200,
        make(labels={"app": "a"}),
        merge({"data": {"x": "y"}}),
        watch(f"&labelSelector=app%3Da{SINCE}"),
        says='"MODIFIED"',
    ),
    case(
        "a watch of a field", 200, pod(), watch(f"&fieldSelector=status.phase%3DRunning{SINCE}", PODS), says='"ADDED"'
    ),
    case("a watch of metadata", 200, make(), put(), watch(SINCE, accept=PARTIAL), says="PartialObjectMetadata"),
    case("a streamed list of nothing", 200, watch(FIRST), says="initial-events-end"),
    case("a streamed list", 200, make(), make(name="two"), watch(FIRST), says="initial-events-end"),
    case("a streamed list of metadata", 200, make(), watch(FIRST, accept=PARTIAL)),
    case("a streamed list without its match", 422, watch("&sendInitialEvents=true"), says="resourceVersionMatch"),
    case("a match without a streamed list", 422, watch("&resourceVersionMatch=NotOlderThan")),
    case("a streamed list with another match", 422, watch("&sendInitialEvents=true&resourceVersionMatch=Exact")),
    case("a watch from zero", 200, make(), watch("&resourceVersion=0")),
    case("a watch of custom objects", 200, widget(), watch(SINCE, WIDGETS), says='"Widget"'),
    case(
        "a watch in the old way", 200, make(), Step("GET", "/api/v1/watch/namespaces/{ns}/configmaps?timeoutSeconds=1")
    ),
    case("a watch from no number", 500, watch("&resourceVersion=x")),
    case("a watch of a selector that cannot be read", 400, watch("&labelSelector=a%3D%3D%3Db")),
    case("a watch of an unknown field", 400, watch("&fieldSelector=spec.x%3Dy")),
    case("a watch for no number of seconds", 400, Step("GET", f"{MAPS}?watch=true&timeoutSeconds=x")),
    case("a watch without the right", 403, watch(user="nobody"), says="cannot watch"),
    case(
        "a watch from before everything",
        200,
        widget(),
        watch("&resourceVersion=1", WIDGETS),
        says="too old resource version",
    ),
]
