"""Lists page by page: each page is one read with retries of its own, and a list that never ends is refused."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import botocore.session

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.core.model import Scope
from fleetkeeper.errors import InvalidAnswer

T = TypeVar("T")

# A list that still has a next page after this many pages is broken: 1,000 pages are 100,000 clusters.
MOST_PAGES = 1000


# Services whose name in IAM is not boto3's.
_IN_IAM = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}


def permission(service: str, operation: str) -> str:
    """boto3's `list_clusters` as IAM calls it, eks:ListClusters: what an owner must grant when it is refused."""
    return f"{_IN_IAM.get(service, service)}:{''.join(word.capitalize() for word in operation.split('_'))}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A paginated operation; `member` holds the items of its answer. of: whose items they are, for the error text."""

    service: str
    operation: str
    member: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    of: str = ""

    @property
    def token(self) -> str:
        return "nextToken" if self.service == "eks" else "NextToken"

    def __str__(self) -> str:
        return permission(self.service, self.operation) + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True, slots=True)
class Pages:
    """Reads lists with one session, within the rate limit of one scope."""

    sessions: Sessions
    session: botocore.session.Session
    scope: Scope

    def items(self, listing: Listing, parsed: Callable[[Any], T]) -> Iterator[T]:
        action, token = f"{listing} in {self.scope}", ""
        for _ in range(MOST_PAGES):
            page = partial(self._page, listing, parsed, token)
            items, following = self.sessions.read(self.session, action, self.scope, page)
            yield from items
            if not following:
                return
            if following == token:
                break
            token = following
        raise InvalidAnswer(f"{action}: the list never ends")

    def one(self, listing: Listing, parsed: Callable[[Mapping[str, Any]], T]) -> T:
        """What an operation without pages answers: its `member`, parsed."""

        def call() -> T:
            client = self.sessions.client(self.session, listing.service, self.scope)
            return parsed(parse.member(getattr(client, listing.operation)(**listing.arguments), listing.member))

        return self.sessions.read(self.session, f"{listing} in {self.scope}", self.scope, call)

    def _page(self, listing: Listing, parsed: Callable[[Any], T], token: str) -> tuple[list[T], str]:
        """The items and the next token; one of Python's own errors when the answer is not a list of such items."""
        client = self.sessions.client(self.session, listing.service, self.scope)
        more = {listing.token: token} if token else {}
        body = getattr(client, listing.operation)(**listing.arguments, **more)
        items = parse.member(body, listing.member)
        if not isinstance(items, list):
            raise TypeError(f"{listing.member} is {type(items).__name__}, not a list")
        return [parsed(item) for item in items], parse.token(body.get(listing.token))
