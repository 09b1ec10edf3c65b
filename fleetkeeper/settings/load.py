"""Reads the operator's settings: the TOML file, the environment over it, and every mistake of both at once."""

from collections.abc import Mapping
from pathlib import Path

from fleetkeeper import documents
from fleetkeeper.config import (
    KubeCluster,
    KubernetesSettings,
    LogSettings,
    ObserveSettings,
    ServeSettings,
    Settings,
    StoreSettings,
)
from fleetkeeper.documents import Table
from fleetkeeper.errors import ConfigError
from fleetkeeper.settings import checks
from fleetkeeper.settings.approvals import read_approvals
from fleetkeeper.settings.assess import read_assess
from fleetkeeper.settings.aws import read_aws
from fleetkeeper.settings.engine import read_engine
from fleetkeeper.settings.mapping import read_mapping
from fleetkeeper.settings.notices import read_notices
from fleetkeeper.settings.owners import read_owners
from fleetkeeper.settings.rehearsal import read_rehearsal
from fleetkeeper.settings.slack import read_pagerduty, read_slack
from fleetkeeper.settings.sources import Surroundings, find_file, lay_environment_over


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of the file at path (or of the first that is found) with the environment's overrides.

    Files: path, $FLEETKEEPER_CONFIG, ./fleetkeeper.toml, $XDG_CONFIG_HOME/fleetkeeper/config.toml, or none for the
    defaults. Raises one ConfigError with every mistake of the file, of the mapping file and of the environment.
    """
    file = find_file(path, environ)
    root = documents.read(file) if file else documents.parse("", "settings")
    lay_environment_over(root, environ)
    around = Surroundings(environ, file.parent if file else Path())
    mapping = read_mapping(root.table("mapping"), around)
    engine = read_engine(root.table("engine"), around)
    settings = Settings(
        store=_store(root.table("store"), around),
        aws=read_aws(root.table("aws"), around),
        kubernetes=_kubernetes(root.table("kubernetes"), around),
        observe=_observe(root.table("observe")),
        mapping=mapping.settings,
        assess=read_assess(root.table("assess")),
        approvals=read_approvals(root.table("approvals"), around),
        engine=engine,
        owners=read_owners(root.table("owners"), around, {each.name for each in engine.hooks}),
        notices=read_notices(root.table("notices"), [each.name for each in engine.hooks]),
        slack=read_slack(root.table("slack"), around),
        pagerduty=read_pagerduty(root.table("pagerduty"), around),
        rehearsal=read_rehearsal(root.table("rehearsal")),
        serve=_serve(root.table("serve")),
        log=_log(root.table("log")),
        compat_folders=_folders(root, around, "compat_folders"),
        playbook_folders=_folders(root, around, "playbook_folders"),
        origins={**root.origins(), **mapping.origins},
    )
    if mistakes := root.mistakes() + mapping.mistakes:
        raise ConfigError(mistakes)
    return settings


def _store(table: Table, around: Surroundings) -> StoreSettings:
    url = table.text("url", StoreSettings().url, check=checks.store_url)
    if checks.holds_password(url):
        fix = 'set password_env = "NAME" or password_file = "path", or FLEETKEEPER_STORE__PASSWORD in the environment'
        table.mistake("url", "must not hold a password", fix)
    password = around.secret(table, "password", "FLEETKEEPER_STORE__PASSWORD")
    if password and url.startswith("sqlite:"):
        table.mistake("password", "is set, but the store is SQLite, which has none", "remove it, or use postgresql://")
    if url.startswith("sqlite:///") and table.has("url"):
        file = around.absolute(url.removeprefix("sqlite:///"), table.from_environment("url"))
        url = f"sqlite:///{file}"
    history_days = table.integer("history_days", StoreSettings().history_days, minimum=1, maximum=36500)
    return StoreSettings(url, password, history_days)


def _kubernetes(table: Table, around: Surroundings) -> KubernetesSettings:
    default = KubernetesSettings()
    clusters = tuple(_cluster(inner, around) for inner in table.tables("clusters"))
    _note_repeated(table.tables("clusters"), "name", [cluster.name for cluster in clusters])
    _note_repeated(table.tables("clusters"), "arn", [cluster.arn for cluster in clusters])
    return KubernetesSettings(
        clusters=clusters,
        proxy_url=around.url(table, "proxy_url", "FLEETKEEPER_KUBERNETES__PROXY_URL"),
        page_size=table.integer("page_size", default.page_size, minimum=10, maximum=5000),
        timeout_seconds=table.number("timeout_seconds", default.timeout_seconds, minimum=1, maximum=600),
        max_answer_mib=table.integer("max_answer_mib", default.max_answer_mib, minimum=1, maximum=1024),
        concurrency=table.integer("concurrency", default.concurrency, minimum=1, maximum=64),
    )


def _cluster(table: Table, around: Surroundings) -> KubeCluster:
    return KubeCluster(
        name=table.text("name"),
        arn=table.text("arn", "", check=checks.cluster_arn),
        kubeconfig=around.path(table, "kubeconfig"),
        context=table.text("context", ""),
        executor_context=table.text("executor_context", ""),
        proxy_url=around.url(table, "proxy_url", "FLEETKEEPER_KUBERNETES__PROXY_URL"),
    )


def _note_repeated(tables: tuple[Table, ...], key: str, values: list[str]) -> None:
    for position, (table, value) in enumerate(zip(tables, values, strict=True)):
        if value and value in values[:position]:
            table.mistake(key, f"{value} is listed twice")


def _observe(table: Table) -> ObserveSettings:
    default = ObserveSettings()
    observe = ObserveSettings(
        schedule=table.text("schedule", default.schedule, check=checks.crontab),
        timezone=table.text("timezone", default.timezone, check=checks.timezone),
        helm_secrets=table.boolean("helm_secrets", default.helm_secrets),
        audit_logs=table.boolean("audit_logs", default.audit_logs),
        stale_after_minutes=table.integer(
            "stale_after_minutes", default.stale_after_minutes, minimum=1, maximum=31 * 24 * 60
        ),
    )
    if observe.schedule and not checks.crontab(observe.schedule):
        pause = checks.longest_pause_minutes(observe.schedule)
        if observe.stale_after_minutes < pause:
            table.mistake(
                "stale_after_minutes" if table.has("stale_after_minutes") else "schedule",
                f"data counts as stale after {observe.stale_after_minutes} minutes, before the next observation",
                f"set observe.stale_after_minutes to {pause} or more",
            )
    return observe


def _serve(table: Table) -> ServeSettings:
    default = ServeSettings()
    return ServeSettings(
        listen=table.text("listen", default.listen, check=checks.listen),
        shutdown_seconds=table.number("shutdown_seconds", default.shutdown_seconds, minimum=0, maximum=600),
    )


def _log(table: Table) -> LogSettings:
    default = LogSettings()
    return LogSettings(
        level=table.text("level", default.level, choices=("debug", "info", "warning", "error")),
        format=table.text("format", default.format, choices=("json", "text", "auto")),
    )


def _folders(root: Table, around: Surroundings, key: str) -> tuple[Path, ...]:
    folders = tuple(Path(around.absolute(text, False)) for text in root.texts(key, ()))
    for item, folder in enumerate(folders):
        if not folder.is_dir():
            root.mistake(key, "names a folder that does not exist", item=item)
    return folders
