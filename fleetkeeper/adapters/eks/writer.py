"""What the executor does in an account: live reads and addon updates, by a role of its own (CloudWriter)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar

import botocore.session

from fleetkeeper.adapters.eks import parse, parse_account
from fleetkeeper.adapters.eks.failures import translated
from fleetkeeper.adapters.eks.pages import MOST_PAGES, permission
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.token import cluster_token
from fleetkeeper.config import AwsAccount, AwsSettings
from fleetkeeper.core import model, observed
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.world import AddonUpdate
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

T = TypeVar("T")

_KEPT = 2000
"""Updates that have ended, per account and region: EKS never changes one again."""


class EksWriters:
    """Makes writers by account and region. sessions are the reader's, so that both draw on one rate limit; the role,
    and with it the credentials, is the executor's alone."""

    def __init__(self, settings: AwsSettings, sessions: Sessions) -> None:
        self._settings, self._sessions = settings, sessions
        self._lock = Lock()
        self._writers: dict[Scope, EksWriter] = {}

    def of(self, scope: Scope) -> "EksWriter":
        with self._lock:
            found = self._writers.get(scope)
            if found is None:
                found = self._writers[scope] = EksWriter(self._sessions, self._session(scope), scope)
            return found

    def _session(self, scope: Scope) -> botocore.session.Session:
        """Always an assumed role: what the process itself runs with may only read."""
        known = next((each for each in self._settings.accounts if each.id == scope.account), AwsAccount(scope.account))
        name = self._settings.executor_role_name
        role = known.executor_role_arn or f"arn:{scope.partition}:iam::{scope.account}:role/{name}"
        secret = known.external_id or self._settings.external_id
        return self._sessions.assumed(role, secret.value if secret else "")


class EksWriter:
    """One account in one region. Each call is one request: the engine comes again by itself, so nothing is retried."""

    def __init__(self, sessions: Sessions, session: botocore.session.Session, scope: Scope) -> None:
        self._sessions, self._session, self._scope = sessions, session, scope
        self._lock = Lock()
        self._ended: dict[tuple[str, str], observed.EksUpdate] = {}

    def control_plane(self, cluster: str) -> tuple[model.ClusterId, model.ControlPlane]:
        scope = self._scope
        id, found = self._asked("describe_cluster", "cluster", parse.cluster, name=cluster)
        if id.arn != f"arn:{scope.partition}:eks:{scope.region}:{scope.account}:cluster/{cluster}":
            raise InvalidAnswer(f"asked for {cluster} of {scope} ({scope.partition}), got {id.arn}")
        return id, found

    def addon(self, cluster: str, addon: str) -> model.ManagedAddon | None:
        """None when the cluster has none of this name; a ReadError when there is no such cluster."""
        try:
            return self._asked("describe_addon", "addon", parse.addon, clusterName=cluster, addonName=addon)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
        self.control_plane(cluster)  # EKS answers both with one code: this one is raised when the cluster is gone
        return None

    def update_addon(self, update: AddonUpdate, token: str) -> str:
        more = {} if update.configuration is None else {"configurationValues": update.configuration}
        started = self._asked(
            "update_addon",
            "update",
            parse_account.update,
            clusterName=update.cluster,
            addonName=update.addon,
            addonVersion=update.version,
            resolveConflicts=update.resolve,
            clientRequestToken=token,
            **more,
        )
        return started.id

    def updates(self, cluster: str, addon: str = "", node_group: str = "") -> tuple[observed.EksUpdate, ...]:
        found = [self.update(cluster, id, addon, node_group) for id in self._ids(cluster, addon, node_group)]
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda each: each.created_at or oldest, reverse=True))

    def update(self, cluster: str, id: str, addon: str = "", node_group: str = "") -> observed.EksUpdate:
        with self._lock:
            known = self._ended.get((cluster, id))
        if known is not None:
            return known
        of = _subject(addon, node_group)
        found = self._asked("describe_update", "update", parse_account.update, name=cluster, updateId=id, **of)
        if found.status != parse_account.RUNNING:
            with self._lock:
                while len(self._ended) >= _KEPT:
                    del self._ended[next(iter(self._ended))]
                self._ended[cluster, id] = found
        return found

    def token(self, cluster: str) -> tuple[str, datetime]:
        """A bearer token for a cluster, signed with the executor's credentials, and its end."""
        with translated(f"sign a token of the executor for {cluster} in {self._scope}"):
            sts = self._sessions.client(self._session, "sts", self._scope)
            return cluster_token(self._session, sts.meta.endpoint_url, self._scope, cluster, datetime.now(UTC))

    def _ids(self, cluster: str, addon: str, node_group: str) -> tuple[str, ...]:
        found: list[str] = []
        token = ""
        for _ in range(MOST_PAGES):
            more = {"nextToken": token} if token else {}
            of = _subject(addon, node_group)
            page, token = self._asked("list_updates", "", _page, name=cluster, **of, **more)
            found += page
            if not token:
                return tuple(found)
        raise InvalidAnswer(f"eks:ListUpdates of {cluster} in {self._scope}: the list never ends")

    def _asked(self, operation: str, member: str, parsed: Callable[[Mapping[str, Any]], T], **arguments: str) -> T:
        def call() -> T:
            answer = getattr(self._sessions.client(self._session, "eks", self._scope), operation)(**arguments)
            return parsed(parse.member(answer, member) if member else answer)

        names = [arguments[key] for key in ("name", "clusterName", "addonName", "nodegroupName") if key in arguments]
        action = f"{permission('eks', operation)} of {'/'.join(names)} in {self._scope}"
        return self._sessions.once(self._session, action, self._scope, call)


def _subject(addon: str, node_group: str) -> dict[str, str]:
    return {key: value for key, value in (("addonName", addon), ("nodegroupName", node_group)) if value}


def _page(answer: Mapping[str, Any]) -> tuple[list[str], str]:
    ids = parse.member(answer, "updateIds")
    if not isinstance(ids, list):
        raise TypeError(f"updateIds is {type(ids).__name__}, not a list")
    return [parse.name(each) for each in ids], parse.token(answer.get("nextToken"))
