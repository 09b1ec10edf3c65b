"""What `/fleetkeeper ...` asks for."""

from dataclasses import dataclass

from fleetkeeper.core.finding import CLUSTER, Subject

HELP = """\
`/fleetkeeper status`: how the fleet is, or what is yours
`/fleetkeeper wave [RUN]`: how a run is
`/fleetkeeper who-owns CLUSTER/NAMESPACE/KIND/NAME`: who owns it, and why (- is the namespace of what has none)"""


@dataclass(frozen=True, slots=True)
class Status:
    """How everything is that the person may see."""


@dataclass(frozen=True, slots=True)
class Wave:
    run: str  # "" is every one that is at work


@dataclass(frozen=True, slots=True)
class WhoOwns:
    cluster: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Help:
    """mistake: what was not understood, "" when help was asked for."""

    mistake: str = ""


Asked = Status | Wave | WhoOwns | Help


def parse(text: str) -> Asked:
    verb, *rest = text.split() or ["help"]
    match verb.lower(), rest:
        case "status", []:
            return Status()
        case (("wave" | "waves" | "run"), []):
            return Wave("")
        case (("wave" | "waves" | "run"), [run]):
            return Wave(run)
        case "who-owns", [path]:
            return _who_owns(path)
        case "help", []:
            return Help()
    return Help(f"`{text.strip()[:100]}` is not understood.")


def _who_owns(path: str) -> Asked:
    """As `fleetkeeper owners explain` has it, - for the namespace of what has none; names may hold slashes."""
    cluster, *rest = path.split("/", 3)
    match rest:
        case [] if cluster:
            return WhoOwns(cluster, CLUSTER)
        case [namespace] if cluster and namespace not in ("", "-"):
            return WhoOwns(cluster, Subject("Namespace", namespace))
        case ["-", kind] if cluster and kind.lower() == "cluster":
            return WhoOwns(cluster, CLUSTER)
        case [namespace, kind, name] if cluster and kind and name:
            return WhoOwns(cluster, Subject(kind, name, namespace.removeprefix("-")))
    return Help(f"`{path[:100]}` names no object.")
