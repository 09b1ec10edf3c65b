"""Reads the bearer tokens of EKS: a presigned GetCallerIdentity, checked as EKS's own authenticator does.

The rules are those of aws-iam-authenticator (pkg/token/token.go, read 2026-11-20): a v1 prefix, a presigned GET of STS
with x-k8s-aws-id among the signed headers, at most 15 minutes old; STS then verifies the signature. Here the simulator
verifies it itself, because it knows the secrets.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, parse_qs, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fleetkeeper.sim.aws.credentials import Key, Keys

_PREFIX = "k8s-aws-v1."
_CLUSTER_HEADER = "x-k8s-aws-id"
_LIFE = timedelta(minutes=15)
_SKEW = timedelta(minutes=5)
_NEEDED = ("Action", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True, slots=True)
class Unidentified:
    """A token that names nobody, and why."""

    reason: str


Clock = Callable[[str, str], datetime]
"""What time it is for the STS of an account in a region."""


def identify(keys: Keys, token: str, cluster_name: str, clock: Clock) -> str | Unidentified:
    """The ARN of the IAM role (or user) that made the token for this cluster, or why it counts for nothing."""
    url = _decode(token)
    if url is None:
        return Unidentified("not an EKS token: it must start with k8s-aws-v1. and hold a URL")
    query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
    missing = [name for name in _NEEDED if name not in query]
    if missing or query["Action"] != "GetCallerIdentity":
        return Unidentified(f"not a presigned GetCallerIdentity (missing {', '.join(missing) or 'the action'})")
    refusal = _refuse_headers(query)
    if refusal:
        return Unidentified(refusal)
    access_key, _, region = query["X-Amz-Credential"].split("/")[:3]
    key = keys.get(access_key)
    now = clock(key.principal.account, region) if key is not None else datetime.now(UTC)
    refusal = _refuse_time(query, now)
    if refusal:
        return Unidentified(refusal)
    if key is None or key.token != query.get("X-Amz-Security-Token", ""):
        return Unidentified("the access key is unknown to STS")
    if keys.is_expired(key):
        return Unidentified("the session behind the access key is expired")
    signed = _signature(url, query, key, cluster_name).encode()
    if not hmac.compare_digest(signed, query["X-Amz-Signature"].encode("utf-8", "replace")):
        return Unidentified(f"the signature does not verify for the cluster {cluster_name}")
    return key.principal.iam_arn


def _decode(token: str) -> SplitResult | None:
    encoded = token.removeprefix(_PREFIX)
    if encoded == token:
        return None
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        url = urlsplit(text)
    except (binascii.Error, ValueError):
        return None
    return url if url.scheme in {"http", "https"} and url.netloc and url.path in {"", "/"} else None


def _refuse_time(query: dict[str, str], now: datetime) -> str:
    try:
        made = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(query.get("X-Amz-Expires", "0"))
    except ValueError:
        return "X-Amz-Date or X-Amz-Expires cannot be read"
    if not 0 <= seconds <= _LIFE.total_seconds():
        return f"X-Amz-Expires must be from 0 to 900 seconds, not {seconds}"
    if made > now + _SKEW:
        return "X-Amz-Date lies in the future"
    # X-Amz-Expires is not the token's life: clients send 60 and use the token for 14 minutes; EKS counts 15 from
    # the date.
    return "the token is expired (15 minutes)" if now >= made + _LIFE else ""


def _refuse_headers(query: dict[str, str]) -> str:
    scope = query["X-Amz-Credential"].split("/")
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or len(scope) != 5 or scope[3] != "sts":
        return "not signed with SigV4 for STS"
    if _CLUSTER_HEADER not in query["X-Amz-SignedHeaders"].split(";"):
        return f"{_CLUSTER_HEADER} is not among the signed headers"
    return ""


def _signature(url: SplitResult, query: dict[str, str], key: Key, cluster_name: str) -> str:
    """The signature that this key would have given the URL for this cluster."""
    access_key, _, region, service, _ = query["X-Amz-Credential"].split("/")
    signer = SigV4Auth(Credentials(access_key, key.secret), service, region)
    unsigned = "&".join(part for part in url.query.split("&") if not part.startswith("X-Amz-Signature="))
    address = url._replace(query=unsigned).geturl()
    headers = dict.fromkeys(query["X-Amz-SignedHeaders"].split(";"), "")
    headers |= {"host": url.netloc, _CLUSTER_HEADER: cluster_name}
    request = AWSRequest(method="GET", url=address, headers=headers)
    request.context["timestamp"] = query["X-Amz-Date"]
    signed: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return signed
