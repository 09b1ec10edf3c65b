"""The bearer token of an EKS cluster: a presigned STS call, as `aws eks get-token` makes it."""

import base64
from datetime import datetime, timedelta

import botocore.session
from botocore.signers import RequestSigner

from fleetkeeper.core.model import Scope

# EKS accepts a token for 15 minutes after it was signed; we use it for one minute less.
# https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster (2026-11)
LIFETIME = timedelta(minutes=14)
_PREFIX = "k8s-aws-v1."


def cluster_token(
    session: botocore.session.Session, sts_url: str, scope: Scope, cluster: str, now: datetime
) -> tuple[str, datetime]:
    """A token for one cluster, and the time after which it must not be used any more."""
    signer = RequestSigner(
        session.get_service_model("sts").service_id,
        scope.region,
        "sts",
        "v4",
        session.get_credentials(),
        session.get_component("event_emitter"),
    )
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{sts_url.rstrip('/')}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        },
        region_name=scope.region,
        expires_in=60,
        operation_name="",
    )
    return _PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="), now + LIFETIME
