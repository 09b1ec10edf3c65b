"""boto3 sessions: one shared loader, credentials by assumed role, one rate limit per account and region."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.utils import should_bypass_proxies
from tenacity import RetryCallState, Retrying, stop_after_attempt, stop_when_event_set

import fleetkeeper
from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.failures import Unreadable, translated
from fleetkeeper.adapters.eks.models import SmallLoader
from fleetkeeper.adapters.eks.rate import TokenBucket
from fleetkeeper.config import AwsSettings
from fleetkeeper.core.model import Scope
from fleetkeeper.errors import GapReason, ReadError, Refused

T = TypeVar("T")

ATTEMPTS = 5
_RETRIED = frozenset({GapReason.THROTTLED, GapReason.SERVER_ERROR, GapReason.TIMEOUT, GapReason.UNREACHABLE})
_LONGEST_WAIT = 20.0
# Requests that may go out at once after a quiet time; AWS publishes no number for EKS, so this is our own caution.
_BURST = 5.0
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0


def _worth_another_try(state: RetryCallState) -> bool:
    """What time may cure; an answer that broke off or makes no sense is asked for just once more."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Unreadable):
        return state.attempt_number == 1
    return isinstance(error, ReadError) and error.reason in _RETRIED


def _wait(state: RetryCallState) -> float:
    """Exponential, the upper half of it by chance: up to 1 s, 2 s, 4 s … at most 20 s."""
    ceiling = min(_LONGEST_WAIT, 0.5 * float(2**state.attempt_number))
    return random.uniform(ceiling / 2, ceiling)


class RoleCredentials(DeferredRefreshableCredentials):  # type: ignore[misc]  # botocore has no types
    """Credentials of an assumed role that can be told to fetch themselves anew."""

    def __init__(self, fetch: Callable[[], dict[str, str]]) -> None:
        super().__init__(fetch, "assume-role")

    @property
    def present(self) -> object | None:
        """What requests are signed with now; None before the role was assumed."""
        frozen: object | None = self._frozen_credentials
        return frozen

    def forget(self, used: object) -> None:
        """The next use assumes the role again, unless another thread did so since `used` was present.

        Only their end is moved: a request of another thread must not find none at all.
        """
        if self._frozen_credentials is used:
            self._expiry_time = datetime.fromtimestamp(0, UTC)


class Sessions:
    """Makes clients for any account and region. Thread-safe; a client is made once and kept.

    Every attempt of every request takes a token of its account and region. Sessions share one loader: twenty sessions
    with loaders of their own take 218 MB, with one shared loader 52 MB.
    """

    def __init__(self, settings: AwsSettings, cancel: threading.Event) -> None:
        self._settings = settings
        self._cancel = cancel
        # Not a session's own: to find that, the session reads the operator's AWS configuration, which may be broken.
        self._loader = SmallLoader()
        self._lock = threading.RLock()
        self._sessions: dict[tuple[str, str], botocore.session.Session] = {}
        self._clients: dict[tuple[str, str, str, str], Any] = {}
        self._buckets: dict[Scope, TokenBucket] = {}

    def base(self) -> botocore.session.Session:
        """The session of the credentials that the process runs with."""
        with self._lock:
            if ("", "") not in self._sessions:
                self._sessions["", ""] = self._new()
            return self._sessions["", ""]

    def assumed(self, role_arn: str, external_id: str) -> botocore.session.Session:
        """A session that acts as the role; its credentials are fetched at the first call and renewed before expiry."""
        if not role_arn:
            return self.base()
        with self._lock:
            found = self._sessions.get((role_arn, external_id))
            if found is None:
                found = self._sessions[role_arn, external_id] = self._new()
                credentials = RoleCredentials(partial(self._assume_role, role_arn, external_id))
                found._credentials = credentials  # the only way in that botocore leaves; held by a test
            return found

    def client(self, session: botocore.session.Session, service: str, scope: Scope) -> Any:
        """The client of a service; scope names the rate limit that its requests draw on."""
        key = (str(id(session)), service, scope.account, scope.region)
        with self._lock:
            found = self._clients.get(key)
            if found is None:
                found = self._create(session, service, scope.region)
                found.meta.events.register("before-send.*", partial(self._before_send, self.bucket(scope)))
                self._clients[key] = found
            return found

    @property
    def stopping(self) -> bool:
        """Whether the process was told to stop, so that a read that failed may only have been cut off."""
        return self._cancel.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the process is told to stop."""
        self._cancel.wait(seconds)

    @property
    def region(self) -> str:
        """The region of calls that belong to none, such as AssumeRole."""
        return self._settings.regions[0] if self._settings.regions else "us-east-1"

    def bucket(self, scope: Scope) -> TokenBucket:
        with self._lock:
            if scope not in self._buckets:
                self._buckets[scope] = TokenBucket(self._settings.requests_per_second, _BURST, self._cancel)
            return self._buckets[scope]

    def read(self, session: botocore.session.Session, action: str, scope: Scope, call: Callable[[], T]) -> T:
        """One read with retries; a throttle also slows every other caller of the account and region."""
        return self._renewing(session, lambda: self._retrying(action, scope, call))

    def once(self, session: botocore.session.Session, action: str, scope: Scope, call: Callable[[], T]) -> T:
        """One request without retries, for a caller that comes again by itself and holds no thread until then."""
        return self._renewing(session, lambda: self._once(action, scope, call))

    def _renewing(self, session: botocore.session.Session, ask: Callable[[], T]) -> T:
        """AWS may call a role's session expired before its time: then the role is assumed anew, once."""
        # Not get_credentials(): without a role it would look for credentials here, outside of the attempt.
        credentials = session._credentials
        used = credentials.present if isinstance(credentials, RoleCredentials) else None
        try:
            return ask()
        except Refused as error:
            if used is None or error.reason is not GapReason.UNAUTHENTICATED:
                raise
            credentials.forget(used)
        return ask()

    def _retrying(self, action: str, scope: Scope, call: Callable[[], T]) -> T:
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(self._cancel),
            wait=_wait,
            retry=_worth_another_try,
            sleep=self.pause,
            reraise=True,
        )
        done: T = retrying(self._once, action, scope, call)
        return done

    def _once(self, action: str, scope: Scope, call: Callable[[], T]) -> T:
        try:
            with translated(action):
                return call()
        except ReadError as error:
            if error.reason is GapReason.THROTTLED:
                self.bucket(scope).pause(1.0)
            raise

    def _before_send(self, bucket: TokenBucket, **_: object) -> None:
        bucket.take()

    def _new(self) -> botocore.session.Session:
        session = botocore.session.Session(profile=self._settings.profile or None)
        session.register_component("data_loader", self._loader)
        if self._settings.ca_bundle:
            session.set_config_variable("ca_bundle", self._settings.ca_bundle)
        return session

    def _assume_role(self, role_arn: str, external_id: str) -> dict[str, str]:
        account = role_arn.split(":")[4]
        scope = Scope(account, self.region, self._settings.partition)
        extra = {"ExternalId": external_id} if external_id else {}
        own = f"with our own credentials and {'the' if external_id else 'no'} external id"
        with translated(f"sts:AssumeRole of {role_arn} {own}"):
            sts = self.client(self.base(), "sts", scope)
            whole = sts.assume_role(RoleArn=role_arn, RoleSessionName="fleetkeeper", **extra)
            answer = parse.member(whole, "Credentials")
            return {
                "access_key": answer["AccessKeyId"],
                "secret_key": answer["SecretAccessKey"],
                "token": answer["SessionToken"],
                "expiry_time": answer["Expiration"].isoformat(),
            }

    def _create(self, session: botocore.session.Session, service: str, region: str) -> Any:
        proxy = self._settings.proxy_url
        found = self._client_by(session, service, region, {"http": proxy, "https": proxy} if proxy else None)
        if proxy and should_bypass_proxies(found.meta.endpoint_url):
            # botocore heeds NO_PROXY only for the proxies of the environment, and the endpoint is known only now.
            found.close()
            found = self._client_by(session, service, region, {})
        return found

    def _client_by(
        self, session: botocore.session.Session, service: str, region: str, proxies: dict[str, str] | None
    ) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=self._settings.endpoint_url or None,
            config=Config(
                retries={"total_max_attempts": 1},  # tenacity retries, so that each attempt takes a token
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                max_pool_connections=10,
                proxies=proxies,
                user_agent=f"fleetkeeper/{fleetkeeper.__version__}",  # botocore's own is built anew for each request
            ),
        )
