"""Who did it, by CloudTrail's LookupEvents: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference (2026-11).

An event is there some minutes after the call; 90 days of them can be asked for, twice a second per account and region.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import botocore.session

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.fields import listed, mapping, moment, text
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.core.model import Scope

_MOST_PAGES = 4
"""Pages of fifty; who calls so often that the first call lies behind them is a program, and named all the same."""


class Trail:
    """The trail of one account and region, asked with one session."""

    def __init__(self, sessions: Sessions, session: botocore.session.Session, scope: Scope) -> None:
        self._sessions, self._session, self._scope = sessions, session, scope

    def first(self, cluster: str, operation: str, since: datetime, part: str = "") -> str:
        """The ARN (or name) of who called the operation for the cluster first since then; "" when nobody is known.

        part: the addon or node group that it was called for, "" for any. Raises ReadErrors.
        """
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": operation}],
            "StartTime": since,
        }
        found: list[tuple[datetime, str]] = []
        for _ in range(_MOST_PAGES):
            action = f"cloudtrail:LookupEvents of {cluster} in {self._scope}"
            page = self._sessions.once(self._session, action, self._scope, partial(self._page, asked))
            found += [
                caller for each in listed(page.get("Events")) if (caller := _caller(mapping(each), cluster, part))
            ]
            token = parse.token(page.get("NextToken"))
            if not token:
                break
            asked["NextToken"] = token
        return min(found, default=(since, ""))[1]

    def _page(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._sessions.client(self._session, "cloudtrail", self._scope).lookup_events(
            **asked
        )
        return mapping(answer)


def _caller(event: Mapping[str, Any], cluster: str, part: str = "") -> tuple[datetime, str] | None:
    """When and who, of an event of this cluster (and this part of it) that EKS did not refuse."""
    at = moment(event.get("EventTime"))
    whole = mapping(json.loads(text(event.get("CloudTrailEvent")) or "{}"))
    asked = mapping(whole.get("requestParameters"))
    if at is None or whole.get("errorCode") or cluster not in (asked.get("name"), asked.get("clusterName")):
        return None
    if part and part not in (asked.get("nodegroupName"), asked.get("addonName")):
        return None
    return at, text(mapping(whole.get("userIdentity")).get("arn")) or text(event.get("Username"))
