"""Settings become adapters, ports and a Keeper; the only module that imports adapters."""

import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from itertools import takewhile
from math import ceil
from pathlib import Path

import structlog

import fleetkeeper
from fleetkeeper import logs
from fleetkeeper.adapters import allocator, overlay
from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.eks.probes import EksProbes
from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.adapters.helm.releases import HelmReleases
from fleetkeeper.adapters.hook_messenger import HookMessenger
from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.adapters.kube.in_cluster import pod_of
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.kube.placements import LivePlacements
from fleetkeeper.adapters.kube.probes import KubeProber
from fleetkeeper.adapters.kube.writers import LiveWriters
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.library_playbooks import read_files, read_playbooks
from fleetkeeper.adapters.programs import LocalPrograms
from fleetkeeper.adapters.prometheus import PrometheusSources
from fleetkeeper.adapters.signing_key import signing_key
from fleetkeeper.adapters.silences import Silencers
from fleetkeeper.adapters.store.database import database_file
from fleetkeeper.adapters.store.lock import hold_engine_lock
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.probes import store_probes
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.clock import ENVIRONMENT, ScaledClock, SystemClock, clock_of
from fleetkeeper.config import Settings
from fleetkeeper.core import model
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.compat_update import Edit
from fleetkeeper.core.hosting import Home
from fleetkeeper.core.placement import Candidate, MappingSettings, place
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.budgets import Budgets
from fleetkeeper.engine.compat_offer import ask
from fleetkeeper.engine.decisions import Aside, Decisions, SignedApprovals, Vouching
from fleetkeeper.engine.diagnose import Doctor
from fleetkeeper.engine.dry_run import Tried
from fleetkeeper.engine.dry_run import dry_run as tried
from fleetkeeper.engine.execute import Executor, Worker
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.holding import OLD, Brakes, Outside
from fleetkeeper.engine.observe import Choice
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.owning import Owning
from fleetkeeper.engine.placements import Placements
from fleetkeeper.engine.planning import Planner, StoredFleet
from fleetkeeper.engine.ports import Ports
from fleetkeeper.engine.probing import Wanted
from fleetkeeper.engine.releases import NoReleases, Releases
from fleetkeeper.engine.settling import ByHand
from fleetkeeper.engine.start import Starter
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.task_tick import Pace, Ticker
from fleetkeeper.engine.turns import Turns
from fleetkeeper.engine.world import World
from fleetkeeper.keeper import Keeper
from fleetkeeper.wiring_notices import decisions_of, directory_of, policy_of, telling

_log = structlog.get_logger("engine")

_FRESH = timedelta(seconds=15)
_SLOW_ISSUER = 2.0  # seconds to wait at the end for whoever is being verified; the command waits for the next engine
_POLL_WALL = 0.25  # seconds: with a scaled clock nothing is looked at more often than this


@contextmanager
def keeper(settings: Settings, log_level: str, rests: bool = False) -> Iterator[Keeper]:
    """A Keeper on the settings' database and clouds; refuses a database of another version; closed at the end.

    rests: it observes again and again, so that what changes slowly need not be read each time.
    """
    allocator.share_arenas()
    logs.configure(log_level, settings.log.format)
    with (
        closing(SqlStore(settings.store)) as store,
        closing(SqlRuns(settings.store)) as runs,
        closing(SqlNotices(settings.store)) as notices,
    ):
        store.check_schema()
        yield _keeper(settings, store, runs, notices, rests)


@contextmanager
def doctor(settings: Settings, log_level: str) -> Iterator[Doctor]:
    """Tries what an observation needs, on connections of its own; needs no database of this version."""
    logs.configure(log_level, settings.log.format)
    apis = read_compat(settings.compat_folders).apis
    cancel = threading.Event()
    clouds = EksClouds(settings.aws, SystemClock(), cancel)
    yield Doctor(
        clouds=clouds,
        aws=EksProbes(settings.aws, cancel),
        kube=KubeProber(settings.kubernetes, clouds.token, SystemClock(), WallPace(cancel)),
        store=store_probes(settings.store),
        choice=Choice(settings.aws.names, settings.aws.exclude_names, settings.aws.tags),
        wanted=Wanted(settings.observe.helm_secrets, settings.observe.audit_logs, apis),
        threads=settings.kubernetes.concurrency,
        cancel=cancel,
    )


def compat(folders: Sequence[Path]) -> Compat:
    """The shipped rows with the operator's folders over them; ConfigError names every mistake."""
    return read_compat(folders)


def playbooks(folders: Sequence[Path]) -> Mapping[str, Playbook]:
    """The shipped playbooks with the operator's folders over them, by name; ConfigError names every mistake."""
    return read_playbooks(folders, all_steps(), all_gates())


def playbook_files(paths: Sequence[Path]) -> Mapping[str, Playbook]:
    """The playbooks of files and folders by their paths; ConfigError names every mistake."""
    return read_files(paths, all_steps(), all_gates())


def compat_edits(settings: Settings, folder: Path, log_level: str) -> tuple[Edit, ...]:
    """What EKS answers now, as changes of the operator's folder; folders that are laid over it play no part."""
    overlay.refuse_shipped(folder)
    logs.configure(log_level, settings.log.format)
    clock = clock_of(os.environ.get(ENVIRONMENT, ""))
    offer = ask(EksClouds(settings.aws, clock, threading.Event()), clock)
    below = takewhile(lambda other: other.resolve() != folder.resolve(), settings.compat_folders)
    return overlay.propose(folder, tuple(below), offer)


def write_compat(folder: Path, edits: Sequence[Edit]) -> None:
    """Put changes into the operator's folder."""
    overlay.write(folder, edits)


def upgrade_database(settings: Settings, only_pre: bool = False) -> tuple[str, ...]:
    """Bring the schema up to date; the migrations that were applied, () when it was already."""
    from fleetkeeper.adapters.store import schema  # alembic is 9 MiB that `serve` never needs

    return schema.upgrade(settings.store, only_pre)


def check_database(settings: Settings) -> tuple[str, ...]:
    """How the tables differ from what this version declares, () when not at all; SchemaError for another version."""
    from fleetkeeper.adapters.store import schema

    return schema.check(settings.store)


def engine_lock(settings: Settings) -> AbstractContextManager[None]:
    """The lock of the one engine that a SQLite database can have; PostgreSQL's replicas share the work instead."""
    file = database_file(settings.store)
    return hold_engine_lock(file) if file else nullcontext()


@contextmanager
def engine(settings: Settings, keeper: Keeper) -> Iterator[Executor | None]:
    """The engine on the settings' database, with credentials of its own; None, with a warning, where it has no key.

    Raises ConfigError for a signing key that others may read.
    """
    from fleetkeeper.adapters.identity import VerifiedIdentities  # joserfc is 9 MiB that only an engine needs

    file = database_file(settings.store)
    if file is None and settings.approvals.signing_key is None:
        fix = "set approvals.signing_key_file, the same for all replicas: `openssl rand -hex 32` makes one"
        _log.warning("engine_off", reason="on PostgreSQL it needs a signing key", fix=fix)
        yield None
        return
    key = signing_key(settings, file)
    gatekeeper = Gatekeeper(key)
    people, clock = settings.approvals.roles, keeper.ports.clock
    with ExitStack() as stack:
        knows = Vouching(key, settings.approvals.local).knows
        runs = stack.enter_context(closing(SqlRuns(settings.store, gatekeeper.approves, knows)))
        approvals = SignedApprovals(runs, people, key)
        world = _world(settings, keeper, runs, approvals, stack)
        pace = _pace()
        outside = Outside(world, all_gates(), _FRESH * pace.scale, OLD * pace.scale)
        ticker = Ticker(world, all_steps(), all_gates(), gatekeeper, pace, Brakes(runs, outside).hold)
        identities = VerifiedIdentities(settings.approvals, key if settings.slack.hears else None)
        notices = stack.enter_context(closing(SqlNotices(settings.store)))
        by_hand = ByHand(notices, clock, policy_of(settings), key)
        decisions = Aside(Decisions(runs, clock, identities, people, key, by_hand).settle)
        stack.callback(decisions.ended, _SLOW_ISSUER)
        host = socket.gethostname()
        worker = Worker(f"{host}:{os.getpid()}:{secrets.token_hex(3)}", host, fleetkeeper.__version__)
        rate = settings.aws.requests_per_second
        budgets = Budgets(runs, rate, ceil(2 * rate), pace.scale) if file is None else None
        yield Executor(ticker, outside, decisions, worker, budgets)


@contextmanager
def dry_run(settings: Settings, keeper: Keeper, plan: Plan) -> Iterator[Iterator[Tried]]:
    """What the steps of a plan would do now, seen with the executor's credentials; nothing is carried out."""
    people = settings.approvals.roles
    with ExitStack() as stack:
        runs = stack.enter_context(closing(SqlRuns(settings.store)))
        world = _world(settings, keeper, runs, SignedApprovals(runs, people, b""), stack)
        yield tried(world, all_steps(), plan)


@contextmanager
def rehearser(settings: Settings, keeper: Keeper) -> Iterator[tuple[StoredFleet, Placements, SqlRuns]]:
    """What a rehearsal is made from: the stored fleet, the reader's live look, and how long work took before."""
    ports = keeper.ports
    clouds = EksClouds(settings.aws, ports.clock, ports.cancel)
    kubes = KubeAccess(settings.kubernetes, clouds.token, SystemClock(), WallPace(ports.cancel))
    with closing(SqlRuns(settings.store)) as runs:
        yield keeper.planner.fleet, LivePlacements(clouds, kubes, ports.clock), runs


def log_as(format: str, level: str, name: str) -> None:
    """Logs of a process that does one part of a command's work: each line says which part."""
    logs.configure(level, format)
    logs.belong_to(name)


def _world(settings: Settings, keeper: Keeper, runs: SqlRuns, approvals: SignedApprovals, stack: ExitStack) -> World:
    """The executor's ports; what holds connections is closed with the stack."""
    from fleetkeeper.adapters.calendars import FreezeCalendars  # icalendar is 4 MiB that only an engine needs

    ports, own = keeper.ports, settings.engine
    clouds = EksClouds(settings.aws, ports.clock, ports.cancel)
    writers = LiveWriters(
        settings.kubernetes, EksWriters(settings.aws, clouds.sessions), SystemClock(), WallPace(ports.cancel)
    )
    hooks = stack.enter_context(closing(HttpHooks(own.hooks)))
    notices = stack.enter_context(closing(SqlNotices(settings.store)))
    return World(
        clock=ports.clock,
        store=ports.store,
        runs=runs,
        writers=writers,
        hooks=hooks,
        programs=LocalPrograms(own.programs, Path(own.folder)),
        metrics=stack.enter_context(closing(PrometheusSources(own.prometheus))),
        calendars=stack.enter_context(closing(FreezeCalendars(own.calendars, own.freezes))),
        messenger=HookMessenger(hooks, own.channels),
        approvals=approvals,
        decisions=decisions_of(settings, notices),
        silences=stack.enter_context(closing(Silencers(own.silencers))),
        releases=_releases(settings, keeper, writers),
        smoke=own.smoke.test if own.smoke else None,
        stopping=ports.cancel.is_set,
    )


def _releases(settings: Settings, keeper: Keeper, writers: LiveWriters) -> Releases:
    """Helm, where charts are listed; else nothing of it is in the engine's reach."""
    if not settings.engine.charts:
        return NoReleases()
    limits, pace = Limits.of(settings.kubernetes), WallPace(keeper.ports.cancel)
    return HelmReleases(settings.engine, writers, keeper.compat.apis, limits, pace, SystemClock())


def _pace() -> Pace:
    """The engine's pauses in the keeper's time; where that is scaled, none is too short for the machine."""
    clock = clock_of(os.environ.get(ENVIRONMENT, ""))
    if not isinstance(clock, ScaledClock):
        return Pace()
    least = timedelta(seconds=_POLL_WALL * clock.scale)
    default = Pace()
    return Pace(max(default.poll, least), max(default.hold, least), default.room * max(1.0, clock.scale), clock.scale)


def _keeper(settings: Settings, store: SqlStore, runs: SqlRuns, notices: SqlNotices, rests: bool) -> Keeper:
    cancel = threading.Event()
    clock = clock_of(os.environ.get(ENVIRONMENT, ""))
    compat = read_compat(settings.compat_folders)
    clouds = EksClouds(settings.aws, clock, cancel)
    kubes = KubeAccess(settings.kubernetes, clouds.token, SystemClock(), WallPace(cancel), settings.owners.keys)
    ports = Ports(clouds, kubes, store, clock, cancel)
    stale_after = timedelta(minutes=settings.observe.stale_after_minutes)
    decisions, directory = decisions_of(settings, notices), directory_of(settings, notices)
    owning = Owning(store, clock, directory)
    assessor = Assessor(store, clock, compat, stale_after, settings.assess.targets, decisions, unowned=owning.unowned)
    fleet = StoredFleet(store, clock, stale_after)
    return Keeper(
        ports=ports,
        reader=ClusterReader(
            ports,
            _Placer(settings.mapping),
            compat,
            settings.observe.helm_secrets,
            settings.observe.audit_logs,
            Turns(clock, stale_after) if rests else None,
        ),
        compat=compat,
        choice=Choice(settings.aws.names, settings.aws.exclude_names, settings.aws.tags),
        stale_after=stale_after,
        kube_threads=settings.kubernetes.concurrency,
        assessor=assessor,
        planner=Planner(
            fleet,
            runs,
            compat,
            assessor,
            all_steps(),
            all_gates(),
            settings.engine.allowed,
            settings.engine.service_limits,
            partial(_home, settings, clock, cancel),
            settings.engine.change_via,
            settings.engine.chart_sources,
            settings.engine.smoke.test.text if settings.engine.smoke else "",
        ),
        starter=Starter(fleet, runs),
        directory=directory,
        telling=telling(settings, notices, ports, runs, assessor, owning),
    )


def _home(settings: Settings, clock: SystemClock | ScaledClock, cancel: threading.Event) -> Home:
    """Where we run; kube-system is asked for only where a cluster of the fleet is known by it."""
    on_sqlite = settings.store.url.startswith("sqlite:")
    if settings.engine.own_cluster:
        return Home(settings.engine.own_cluster, on_sqlite=on_sqlite)
    standalone = any(not each.arn for each in settings.kubernetes.clusters)
    asked = (Limits.of(settings.kubernetes), WallPace(cancel), clock) if standalone else None
    return Home("", pod_of(asked=asked), on_sqlite)


class _Placer:
    """Where a cluster stands in the fleet, by the operator's map."""

    def __init__(self, mapping: MappingSettings) -> None:
        self._mapping = mapping

    def __call__(
        self,
        name: str,
        arn: str,
        scope: model.Scope | None,
        account: model.Account | None,
        tags: Mapping[str, str],
    ) -> model.Placement:
        known = account or model.Account(scope.account if scope else "")
        candidate = Candidate(name, arn, tags, known.id, known.name, known.ou, known.tags)
        return place(candidate, self._mapping)
