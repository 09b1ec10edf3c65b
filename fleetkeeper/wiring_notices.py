"""Settings become all that tells people: the notifier, the ways out, and the ears for what people click."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from fleetkeeper.adapters import owner_files
from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.adapters.pagerduty_events import PagerDutyEvents
from fleetkeeper.adapters.signing_key import key_at_hand
from fleetkeeper.adapters.slack.clicks import Clicks
from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.adapters.slack.http import HttpListener
from fleetkeeper.adapters.slack.socket import SocketListener
from fleetkeeper.adapters.store.database import database_file
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.webhook_notices import WebhookNotices
from fleetkeeper.config import Settings
from fleetkeeper.core.interacting.screens import MessageScreens
from fleetkeeper.core.interacting.slash import WhoOwns
from fleetkeeper.core.notices.hours import zone_of
from fleetkeeper.core.notices.values import Policy, Via
from fleetkeeper.core.owners import Directory
from fleetkeeper.core.people import Role
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.binding import Binder, Extended, Heard
from fleetkeeper.engine.chat import Chat
from fleetkeeper.engine.click_ports import Desk
from fleetkeeper.engine.contacts import Contacts
from fleetkeeper.engine.deliver import Deliverer
from fleetkeeper.engine.delivering import Timing
from fleetkeeper.engine.interacting import Interactions
from fleetkeeper.engine.notice_facts import facts_of
from fleetkeeper.engine.notice_ports import Notices, Pace
from fleetkeeper.engine.notify import Notifier
from fleetkeeper.engine.owning import Owning
from fleetkeeper.engine.ports import Ports
from fleetkeeper.engine.recent_situation import RecentSituation
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.situation import Situations
from fleetkeeper.engine.telling import Telling
from fleetkeeper.engine.wave_telling import WaveTelling
from fleetkeeper.errors import UsageError
from fleetkeeper.keeper import Keeper
from fleetkeeper.settings.checks import longest_pause_minutes

_log = structlog.get_logger("notices")


def policy_of(settings: Settings) -> Policy:
    return replace(settings.notices.policy, fallback=settings.owners.fallback)


def heard(settings: Settings, notices: Notices) -> Heard:
    """What people answered, verified by the key where this process may read it."""
    key = partial(key_at_hand, settings, database_file(settings.store))
    return Heard(notices, key, zone_of(settings.notices.timezone))


def directory_of(settings: Settings, notices: Notices) -> Callable[[], Directory]:
    """The teams, the files that name owners, and what Slack said of people, as they are when they are asked for."""
    return lambda: owner_files.directory(settings.owners, notices.contacts())


def decisions_of(settings: Settings, notices: Notices) -> Extended:
    return Extended(settings.assess.decisions, heard(settings, notices))


def telling(
    settings: Settings,
    notices: Notices,
    ports: Ports,
    runs: Runs,
    assessor: Assessor,
    owning: Owning,
) -> Telling:
    said, store, clock = heard(settings, notices), ports.store, ports.clock
    situations = Situations(store, runs, said, assessor, owning, settings.assess.decisions, policy_of(settings))
    people = SlackChat(settings.slack) if settings.slack.bot_token else None
    notifier = Notifier(
        situations=situations,
        notices=notices,
        binder=Binder(said, store, runs, clock),
        contacts=Contacts(notices, people),
        clock=clock,
        approvers=settings.approvals.roles.with_role(Role.APPROVER),
        observed_every=timedelta(minutes=longest_pause_minutes(settings.observe.schedule)),
    )
    return Telling(notifier, store)


def can_verify(settings: Settings) -> bool:
    """Whether this process can tell what people answered from what somebody wrote into the database."""
    return key_at_hand(settings, database_file(settings.store)) is not None


class Listener(Protocol):
    """Hears clicks until it is stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What reaches people and hears them. deliverer None: there is no way out, and what is stored waits. freshen: makes
    anew what clicks rest on, where that is older than what people were told; to be called again and again."""

    deliverer: Deliverer | None
    listeners: tuple[Listener, ...]
    notices: Notices
    waves: WaveTelling
    freshen: Callable[[], None]


@contextmanager
def outside(settings: Settings, keeper: Keeper) -> Iterator[Outside]:
    """The ways out and the ears, on connections of their own."""
    assert keeper.telling is not None
    with ExitStack() as stack:
        notices = stack.enter_context(closing(SqlNotices(settings.store)))
        chats = _chats(settings, notices, stack)
        worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        deliverer = _deliverer(settings, keeper, notices, chats, worker) if chats else None
        slack = chats.get(Via.SLACK)
        runs = stack.enter_context(closing(SqlRuns(settings.store)))
        approvers = settings.approvals.roles.with_role(Role.APPROVER)
        waves = WaveTelling(notices, runs, keeper.ports.clock, policy_of(settings), approvers)
        ears = _Ears()
        if isinstance(slack, SlackChat) and (settings.slack.app_token or settings.slack.listen):
            ears = _ears(settings, keeper, slack, notices, runs)
        yield Outside(deliverer, ears.listeners, notices, waves, ears.freshen)


def _chats(settings: Settings, notices: Notices, stack: ExitStack) -> Mapping[Via, Chat]:
    found: dict[Via, Chat] = {}
    if settings.slack.bot_token:
        found[Via.SLACK] = SlackChat(settings.slack)
    if settings.engine.hooks:
        hooks = stack.enter_context(closing(HttpHooks(settings.engine.hooks)))
        found[Via.WEBHOOK] = WebhookNotices(hooks, facts_of(notices))
    if settings.pagerduty.routing_key:
        found[Via.PAGERDUTY] = PagerDutyEvents(settings.pagerduty, facts_of(notices))
    return found


def _deliverer(
    settings: Settings, keeper: Keeper, notices: Notices, chats: Mapping[Via, Chat], worker: str
) -> Deliverer:
    timing = Timing.of(settings.slack.timeout_seconds)
    return Deliverer(notices, chats, keeper.ports.clock, worker, _pace(settings), timing)


def _pace(settings: Settings) -> Mapping[Via, Pace]:
    slack = settings.slack
    return {Via.SLACK: Pace(slack.channel_seconds, slack.per_minute / 60)}


def _nothing() -> None:
    """Nobody can click."""


@dataclass(frozen=True, slots=True)
class _Ears:
    """What hears clicks, and what keeps new what they rest on."""

    listeners: tuple[Listener, ...] = ()
    freshen: Callable[[], None] = _nothing


def _ears(settings: Settings, keeper: Keeper, slack: SlackChat, notices: Notices, runs: Runs) -> _Ears:
    """None, with a warning, where nothing that is clicked could be signed."""
    key = key_at_hand(settings, database_file(settings.store))
    if key is None or keeper.telling is None:
        fix = "set approvals.signing_key_file, the same for all replicas: `openssl rand -hex 32` makes one"
        _log.warning("clicks_off", reason="without a signing key no answer could be told from a forged one", fix=fix)
        return _Ears()
    people, clock, cancel = settings.approvals.roles, keeper.ports.clock, keeper.ports.cancel
    situations = keeper.telling.notifier.situations
    recent = RecentSituation(situations.at, situations.heard.answers, notices.newest, clock)
    recent.refresh()
    desk = Desk(
        notices=notices,
        runs=runs,
        clock=clock,
        people=people,
        key=key,
        situation=recent,
        screens=MessageScreens(
            people.with_role(Role.APPROVER), keeper.compat.apis, keeper.telling.notifier.observed_every
        ),
        who_owns=partial(_who_owns, keeper),
    )
    clicks = Clicks(Interactions(desk, slack, slack, cancel.wait))
    if settings.slack.app_token:
        return _Ears((SocketListener(settings.slack, clicks, cancel),), recent.freshen)
    return _Ears((HttpListener(settings.slack, clicks),), recent.freshen)


def _who_owns(keeper: Keeper, asked: WhoOwns) -> str:
    try:
        rows = keeper.owners(Selector()).explain(asked.cluster, asked.subject)
    except UsageError as error:
        return str(error)
    return "\n".join(
        f"{row.about} in {row.cluster}: {row.owner}, because of {row.because}" + (f"; ask {row.ask}" if row.ask else "")
        for row in rows
    )
