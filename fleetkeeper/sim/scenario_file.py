"""Reads a scenario from TOML, strictly: every unknown key and wrong value is a mistake with its file and line."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fleetkeeper import documents
from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.versions import Minor
from fleetkeeper.documents import Table
from fleetkeeper.sim.faults import CACHED, Fault, FaultError, Harm, Side
from fleetkeeper.sim.scenario import (
    SHIPPED,
    AccountSpec,
    AddonSpec,
    ApiServiceSpec,
    ClusterSpec,
    DeprecatedCallSpec,
    DeprecationSpec,
    GitOpsSpec,
    HelmSpec,
    InsightSpec,
    Look,
    NamespaceSpec,
    NodeKind,
    NodeOs,
    NodesSpec,
    Scenario,
    WebhookSpec,
    WorkloadSpec,
)

T = TypeVar("T")
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod", "ReplicaSet")
_CATEGORIES = ("UPGRADE_READINESS", "MISCONFIGURATION")
_STATUSES = ("PASSING", "WARNING", "ERROR", "UNKNOWN")


def shipped() -> tuple[str, ...]:
    """The names of the scenarios that come with fleetkeeper."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def find(name: str) -> Path:
    """A shipped scenario by its name, or a file by its path."""
    path = SHIPPED / f"{name}.toml"
    return path if path.exists() else Path(name)


def load(path: Path) -> Scenario:
    """Read a scenario; ConfigError with every mistake."""
    return _scenario(documents.read(path))


def parse(text: str, file: str) -> Scenario:
    """The same from a text; `file` is the name that mistakes show."""
    return _scenario(documents.parse(text, file))


def _scenario(root: Table) -> Scenario:
    fleet = root.table("fleet")
    accounts = tuple(_account(table) for table in root.tables("account"))
    templates = {name: _part(table) for name, table in root.named("template").items()}
    clusters = tuple(_cluster(table, templates, accounts) for table in root.tables("cluster"))
    scenario = Scenario(
        name=fleet.text("name"),
        epoch=fleet.moment("epoch"),
        scale=fleet.number("scale", 1.0, minimum=0.0),
        management_account=fleet.text("management_account", check=_account_id),
        accounts=accounts,
        clusters=clusters,
        faults=tuple(_fleet_fault(table) for table in root.tables("fault")),
    )
    seen: set[str] = set()
    for table, cluster in zip(root.tables("cluster"), clusters, strict=True):
        if cluster.key in seen:
            table.mistake("name", f"there is another cluster {cluster.key}", "give this one a `key` of its own")
        seen.add(cluster.key)
    keys = {key for cluster in clusters for key in _keys(cluster)}
    for table, fault in zip(root.tables("fault"), scenario.faults, strict=True):
        if fault.cluster and fault.cluster not in keys:
            table.mistake("cluster", f"there is no cluster {fault.cluster}")
    root.finish()
    return scenario


def _account_id(text: str) -> str:
    return "" if len(text) == 12 and text.isdigit() else "must be an account id of 12 digits, in quotes"


def _account(table: Table) -> AccountSpec:
    return AccountSpec(
        id=table.text("id", check=_account_id),
        name=table.text("name"),
        ou=table.text("ou", ""),
        regions=table.texts("regions"),
        external_id=table.text("external_id", ""),
        role_name=table.text("role_name", "fleetkeeper-reader"),
        tags=table.mapping("tags", {}),
    )


def _cluster(table: Table, templates: Mapping[str, dict[str, Any]], accounts: tuple[AccountSpec, ...]) -> ClusterSpec:
    merged: dict[str, Any] = {}
    for name in table.texts("template", (), check=_among(templates, "template")):
        _merge(merged, templates.get(name, {}))
    _merge(merged, _part(table))
    if "version" not in merged:
        table.mistake("version", "is missing", "give the cluster or one of its templates a version such as 1.34")
    merged["version"] = merged.get("version") or Minor(1, 34)
    name = table.text("name")
    count = table.integer("count", 0, minimum=0, maximum=20_000)
    account = table.text("account", "", check=_among([a.id for a in accounts], "account"))
    regions = next((a.regions for a in accounts if a.id == account), ())
    region = table.text("region", "", check=_among(regions, f"region of account {account}"))
    if bool(account) != bool(region):
        table.mistake("region", "account and region go together")
    if count and name == _numbered(name):
        table.mistake("name", "needs a place for the number", 'such as "team-{n:04}"')
    return ClusterSpec(name, table.text("key", "") or name, account, region, count, Look(**merged))


def _among(names: Collection[str], what: str) -> documents.Check[str]:
    return lambda text: "" if text in names else f"there is no {what} {text}"


def _numbered(name: str) -> str:
    try:
        return name.format(n=1)
    except (ValueError, KeyError, IndexError):
        return name


def _merge(onto: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Tables by name are merged, everything else is replaced."""
    for key, value in part.items():
        onto[key] = {**onto[key], **value} if isinstance(value, dict) and key in onto else value


_KEY_STATES = ("", "Enabled", "Disabled", "PendingDeletion", "PendingImport", "Unavailable")


def _part(table: Table) -> dict[str, Any]:
    """The keys of a Look that this table sets."""
    readers: dict[str, Callable[[str], Any]] = {
        "version": lambda key: table.parsed(key, Minor.parse),
        "age_days": lambda key: table.integer(key, minimum=1),
        "free_addresses": lambda key: table.integer(key, minimum=0),
        "secrets_key": lambda key: table.text(key, choices=_KEY_STATES),
        "support_type": lambda key: table.text(key, choices=("STANDARD", "EXTENDED")),
        "reader": lambda key: table.text(key, choices=("full", "none")),
        "reader_lacks": table.texts,
        "issues": table.texts,
        "tags": lambda key: dict(table.mapping(key)),
        "software": lambda key: dict(table.mapping(key)),
        **dict.fromkeys(("patch", "platform_version", "status", "authentication_mode"), table.text),
        **dict.fromkeys(("auto_mode", "audit_logs", "own_ca", "reader_secrets", "role_lost"), table.boolean),
    }
    part = {key: read(key) for key, read in readers.items() if table.has(key)}
    addons = {name: AddonSpec(name, version) for name, version in table.mapping("addons", {}).items()}
    many: dict[str, dict[str, Any]] = {
        "addons": addons | _keyed(table, "addon", _addon, lambda spec: spec.name),
        "helm": _keyed(table, "helm", _helm, lambda spec: f"{spec.namespace}/{spec.release}"),
        "nodes": _keyed(table, "nodes", _nodes, lambda spec: spec.name),
        "namespaces": _keyed(table, "namespace", _namespace, lambda spec: spec.name),
        "workloads": _keyed(table, "workload", _workload, lambda spec: f"{spec.namespace}/{spec.kind}/{spec.name}"),
        "webhooks": _keyed(table, "webhook", _webhook, lambda spec: spec.name),
        "api_services": _keyed(table, "api_service", _api_service, lambda spec: f"{spec.version}.{spec.group}"),
        "gitops": _keyed(table, "gitops", _gitops, lambda spec: f"{spec.kind}/{spec.name}"),
        "insights": _keyed(table, "insight", _insight, lambda spec: f"{spec.name} {spec.version}"),
        "deprecated_calls": _keyed(table, "deprecated_call", _call, _call_name),
        "faults": _keyed(table, "fault", _fault, _fault_name),
    }
    return part | {key: found for key, found in many.items() if found}


def _keyed(table: Table, key: str, read: Callable[[Table], T], name: Callable[[T], str]) -> dict[str, T]:
    found: dict[str, T] = {}
    for inner in table.tables(key):
        spec = read(inner)
        if name(spec) in found:
            inner.mistake("", f"{name(spec)} is there twice")
        found[name(spec)] = spec
    return found


E = TypeVar("E", NodeKind, NodeOs)


def _one_of(table: Table, key: str, default: E) -> E:
    kinds = type(default)
    text = table.text(key, default.value, choices=tuple(kind.value for kind in kinds))
    return next((kind for kind in kinds if kind.value == text), default)


def _addon(table: Table) -> AddonSpec:
    return AddonSpec(
        name=table.text("name"),
        version=table.text("version"),
        status=table.text("status", "ACTIVE"),
        issues=table.texts("issues", ()),
        configuration=table.text("configuration", ""),
    )


def _helm(table: Table) -> HelmSpec:
    chart = table.text("chart")
    return HelmSpec(
        release=table.text("release", chart),
        chart=chart,
        version=table.text("version"),
        app_version=table.text("app_version"),
        namespace=table.text("namespace"),
        revision=table.integer("revision", 3, minimum=1, maximum=50),
        status=table.text("status", "deployed", choices=("deployed", "failed", "pending-upgrade")),
    )


def _nodes(table: Table) -> NodesSpec:
    return NodesSpec(
        name=table.text("name"),
        kind=_one_of(table, "kind", NodeKind.MANAGED),
        count=table.integer("count", minimum=0, maximum=500),
        os=_one_of(table, "os", NodeOs.AL2023),
        custom_ami=table.boolean("custom_ami", default=False),
        version=table.parsed("version", Minor.parse, optional=True),
        release=table.text("release", ""),
        instance_type=table.text("instance_type", "m6i.large"),
        capacity=table.text("capacity", "ON_DEMAND", choices=("ON_DEMAND", "SPOT")),
        arch=table.text("arch", "amd64", choices=("amd64", "arm64")),
        labels=table.mapping("labels", {}),
        taints=table.texts("taints", ()),
        tags=table.mapping("tags", {}),
        minimum=table.integer("minimum", 1, minimum=0),
        maximum=table.integer("maximum", 10, minimum=0),
        not_ready=table.integer("not_ready", 0, minimum=0),
        status=table.text("status", "ACTIVE"),
        issues=table.texts("issues", ()),
        namespaces=table.texts("namespaces", ()),
    )


def _namespace(table: Table) -> NamespaceSpec:
    return NamespaceSpec(table.text("name"), table.mapping("labels", {}), table.mapping("annotations", {}))


def _workload(table: Table) -> WorkloadSpec:
    return WorkloadSpec(
        kind=table.text("kind", "Deployment", choices=WORKLOAD_KINDS),
        namespace=table.text("namespace"),
        name=table.text("name"),
        images=table.texts("images"),
        replicas=table.integer("replicas", 1, minimum=0, maximum=500),
        ready=table.integer("ready", minimum=0) if table.has("ready") else None,
        labels=table.mapping("labels", {}),
        annotations=table.mapping("annotations", {}),
        min_available=table.text("min_available", ""),
        max_unavailable=table.text("max_unavailable", ""),
        schedule=table.text("schedule", "0 3 * * *"),
        applied_as=table.text("applied_as", ""),
        manager=table.text("manager", "kubectl-client-side-apply"),
        nodes=table.text("nodes", ""),
    )


def _webhook(table: Table) -> WebhookSpec:
    return WebhookSpec(
        name=table.text("name"),
        service=table.text("service", check=_place),
        ready=table.integer("ready", minimum=0, maximum=100),
        mutates=table.boolean("mutates", default=False),
        policy=table.text("policy", "Fail", choices=("Fail", "Ignore")),
        resources=table.texts("resources", ("/pods",)),
        operations=table.texts("operations", ("CREATE",)),
        spares=table.texts("spares", ()),
        labels=table.mapping("labels", {}),
    )


def _api_service(table: Table) -> ApiServiceSpec:
    return ApiServiceSpec(
        group=table.text("group"),
        version=table.text("version"),
        service=table.text("service", check=_place),
        reason=table.text("reason", ""),
        message=table.text("message", ""),
        labels=table.mapping("labels", {}),
    )


def _gitops(table: Table) -> GitOpsSpec:
    version = table.text("version")
    return GitOpsSpec(
        kind=table.text("kind", choices=tuple(RESOURCES)),
        name=table.text("name"),
        chart=table.text("chart"),
        version=version,
        namespace=table.text("namespace"),
        deployed=table.text("deployed", version),
        ready=table.boolean("ready", default=True),
    )


def _place(text: str) -> str:
    return "" if text.count("/") == 1 and all(text.split("/")) else "must be namespace/name"


def _insight(table: Table) -> InsightSpec:
    return InsightSpec(
        name=table.text("name"),
        category=table.text("category", "UPGRADE_READINESS", choices=_CATEGORIES),
        status=table.text("status", choices=_STATUSES),
        version=table.text("version"),
        reason=table.text("reason"),
        resources=table.texts("resources", ()),
        deprecations=tuple(
            DeprecationSpec(
                usage=inner.text("usage"),
                replaced_with=inner.text("replaced_with"),
                stop_serving=inner.text("stop_serving"),
                clients=inner.mapping("clients", {}),
            )
            for inner in table.tables("deprecation")
        ),
    )


def _call(table: Table) -> DeprecatedCallSpec:
    return DeprecatedCallSpec(
        group=table.text("group", ""),
        version=table.text("version"),
        resource=table.text("resource"),
        removed=table.text("removed", ""),
        user=table.text("user", ""),
        user_agent=table.text("user_agent", ""),
        calls_a_day=table.integer("calls_a_day", 0, minimum=0, maximum=86_400_000),
    )


def _call_name(call: DeprecatedCallSpec) -> str:
    return " ".join(part for part in (call.group, call.resource, call.user, call.user_agent) if part)


def _keys(cluster: ClusterSpec) -> Iterator[str]:
    """The keys of the clusters of a block; of one whose pattern is wrong, that is told elsewhere."""
    if not cluster.count:
        yield cluster.key
    elif cluster.key != _numbered(cluster.key):
        yield from (cluster.key.format(n=number) for number in range(cluster.count))


def _fault_name(fault: Fault) -> str:
    """What makes two faults of a cluster the same, so that one of a template can be replaced."""
    when = fault.begins.isoformat() if fault.begins else "" if fault.after is None else f"after {fault.after:g} s"
    return " ".join(part for part in (fault.side, fault.kind, fault.operation, fault.verb, when) if part)


def _fleet_fault(table: Table) -> Fault:
    return _fault(table, table.text("cluster", ""))


def _fault(table: Table, cluster: str = "") -> Fault:
    """A fault whose own rules speak with the file and line; a harmless one stands in for one that is wrong."""
    said: dict[str, Any] = {"cluster": cluster}
    said |= {name: table.text(name, "") for name in ("account", "region", "operation", "verb")}
    said |= {"side": table.text("side", Side.KUBE), "kind": table.text("kind"), "reads": table.text("reads", CACHED)}
    said |= {"rate": table.number("rate", 1.0), "seconds": table.number("seconds", 0.0)}
    said |= {name: table.integer(name, 0) for name in ("count", "status", "retry_after")}
    said |= {name: table.moment(name) for name in ("begins", "ends") if table.has(name)}
    said |= {name: table.number(name) for name in ("after", "lasts") if table.has(name)}
    try:
        return Fault(**said)
    except FaultError as error:
        for wrong in error.mistakes:
            if wrong.field != "kind" or said["kind"]:
                table.mistake(wrong.field, wrong.message)
        return Fault(Side.KUBE, Harm.ERROR, rate=0.0)
