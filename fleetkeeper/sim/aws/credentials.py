"""Access keys: the demo's base key, the sessions that moto's STS hands out, and who signs with which.

Everything here lives in wall time: signatures, tokens and session ends are checked by clients against their own clock.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from moto.sts.models import AssumedRole, sts_backends

from fleetkeeper.sim.aws.call import AwsError, Principal
from fleetkeeper.sim.aws.errors import dialect_of
from fleetkeeper.sim.aws.parse import Credential
from fleetkeeper.sim.world import World

DEMO_ACCESS_KEY = "AKIAFLEETKEEPERDEMO1"
DEMO_SECRET_KEY = "fleetkeeper-demo/this-key-opens-only-the-simulator"  # not a secret: it opens nothing real
DEMO_USER = "fleetkeeper-demo"


@dataclass(frozen=True, slots=True)
class Key:
    """A known access key. token and ends are "" and None for the base key; times are seconds of the wall clock."""

    principal: Principal
    secret: str
    token: str = ""
    made: float = 0.0
    ends: float | None = None


class Keys:
    """Every access key that the simulated STS knows. Thread-safe."""

    def __init__(self, world: World) -> None:
        account = world.management_account
        arn = f"arn:aws:iam::{account}:user/{DEMO_USER}"
        self._lock = threading.Lock()
        self._keys = {DEMO_ACCESS_KEY: Key(Principal(account, arn, arn, "AIDAFLEETKEEPERDEMO1"), DEMO_SECRET_KEY)}
        self._void_before = 0.0

    def get(self, access_key: str) -> Key | None:
        return self._keys.get(access_key)

    def is_expired(self, key: Key) -> bool:
        return key.ends is not None and (key.ends <= time.time() or key.made < self._void_before)

    def expire_sessions(self) -> None:
        """Every session that was handed out until now is over; sessions made later are not."""
        self._void_before = time.time()

    def principal(self, credential: Credential, protocol: str) -> Principal:
        """Who signs; AwsError for a key that is unknown or over."""
        words = dialect_of(protocol)
        key = self.get(credential.access_key)
        if key is None or key.token != credential.token:
            raise AwsError(words.unknown_key, "The security token included in the request is invalid.")
        if self.is_expired(key):
            raise AwsError(words.expired, "The security token included in the request is expired")
        return key.principal

    def assume(self, role_arn: str, session: str, seconds: int, region: str) -> tuple[AssumedRole, Principal]:
        """A new session of the role from moto's STS, known here from now on."""
        account = role_arn.split(":")[4]
        partition = role_arn.split(":")[1]
        role = sts_backends[account][partition].assume_role(
            region_name=region,
            role_session_name=session,
            role_arn=role_arn,
            policy="",
            duration=seconds,
            external_id="",
        )
        principal = Principal(account, role.arn, role_arn, role.user_id)
        ends = role.expiration.replace(tzinfo=UTC).timestamp()
        made = datetime.now(UTC).timestamp()
        with self._lock:
            self._forget_old(made)
            self._keys[role.access_key_id] = Key(principal, role.secret_access_key, role.session_token, made, ends)
        return role, principal

    def _forget_old(self, now: float) -> None:
        """Sessions stay known for an hour after their end, so that they are answered as expired, then they go."""
        over = [name for name, key in self._keys.items() if key.ends is not None and key.ends < now - 3600]
        for name in over:
            del self._keys[name]
