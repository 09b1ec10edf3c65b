"""Which accounts and regions there are: those that the operator names, and those that Organizations lists."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import botocore.session

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.adapters.eks.failures import translated
from fleetkeeper.adapters.eks.organizations import organization_accounts
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.token import cluster_token
from fleetkeeper.config import AwsAccount, AwsSettings
from fleetkeeper.core.model import Account, Gap, Scope
from fleetkeeper.engine.ports import Clock, Cloud
from fleetkeeper.errors import GapReason, ReadError


class EksClouds:
    """The Clouds port over boto3."""

    def __init__(self, settings: AwsSettings, clock: Clock, cancel: threading.Event) -> None:
        self._settings = settings
        self._clock = clock
        self._sessions = Sessions(settings, cancel)

    def open(self) -> tuple[tuple[Cloud, ...], Mapping[str, Gap]]:
        known = {a.id: Account(a.id, a.name) for a in self._settings.accounts}
        gaps: dict[str, Gap] = {}
        if self._settings.organizations is not None:
            try:
                listed, missing = organization_accounts(self._sessions, self._settings)
            except ReadError as error:
                gaps["organization"] = Gap(error.reason, error.detail, self._clock.now())
            else:
                known |= {a.id: replace(a, name=known[a.id].name or a.name) if a.id in known else a for a in listed}
                for unit in missing:
                    why = f"{unit} of aws.organizations.include_ous is no unit of the organization"
                    gaps[f"unit {unit}"] = Gap(GapReason.NOT_FOUND, why, self._clock.now())
        elif not known and self._settings.regions:
            try:
                own = self._own_account()
                known[own.id] = own
            except ReadError as error:
                gaps["account"] = Gap(error.reason, error.detail, self._clock.now())
        return tuple(cloud for account in known.values() for cloud in self._of_account(account)), gaps

    @property
    def sessions(self) -> Sessions:
        """What writers share, so that their requests draw on the same rate limits."""
        return self._sessions

    def token(self, cloud: Cloud, cluster: str) -> tuple[str, datetime]:
        """A bearer token for a cluster of this cloud, signed with the credentials that read its account."""
        assert isinstance(cloud, EksCloud)
        with translated(f"sign a token for {cluster} in {cloud.scope}"):
            sts = self._sessions.client(cloud.session, "sts", cloud.scope)
            return cluster_token(cloud.session, sts.meta.endpoint_url, cloud.scope, cluster, datetime.now(UTC))

    def _of_account(self, account: Account) -> Iterator[Cloud]:
        configured = next((a for a in self._settings.accounts if a.id == account.id), AwsAccount(account.id))
        session = self._session(configured, listed=bool(self._settings.accounts or self._settings.organizations))
        for region in configured.regions or self._settings.regions:
            yield EksCloud(self._sessions, session, Scope(account.id, region, self._settings.partition), account)

    def _session(self, account: AwsAccount, listed: bool) -> botocore.session.Session:
        if not listed:
            return self._sessions.base()
        role = account.role_arn or f"arn:{self._settings.partition}:iam::{account.id}:role/{self._settings.role_name}"
        secret = account.external_id or self._settings.external_id
        return self._sessions.assumed(role, secret.value if secret else "")

    def _own_account(self) -> Account:
        """With neither accounts nor Organizations configured: the account of the process's own credentials."""
        scope = Scope("self", self._sessions.region, self._settings.partition)
        sts = partial(self._sessions.client, self._sessions.base(), "sts", scope)

        def read() -> str:
            return parse.name(parse.member(sts().get_caller_identity(), "Account"))

        own = "sts:GetCallerIdentity with our own credentials"
        return Account(self._sessions.read(self._sessions.base(), own, scope, read))
