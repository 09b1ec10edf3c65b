"""Notices of a small fleet, with what they are about: a team with one thing to do, unless a test changes it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core.finding import Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.values import (
    Audience,
    Deadline,
    Entry,
    Item,
    ItemKey,
    Notice,
    NoticeKind,
    Phase,
    Recipient,
    Standing,
    Told,
    Via,
)
from fleetkeeper.core.owners import Contact, Deployed, Hit, Owned, Source, Team
from fleetkeeper.core.versions import Minor

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)  # a Friday, 9 in the morning in Berlin
WAVE = Deadline(
    datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    "wave eu-prod begins",
    "wave eu-prod leaves the cluster out",
    hard=datetime(2026, 12, 2, tzinfo=UTC),
)
SUPPORT = Deadline(datetime(2026, 12, 2, tzinfo=UTC), "standard support of 1.34 ends")
PAYMENTS = Team(
    "payments",
    channel="C0PAY",
    lead="ada@example.com",
    manager="grace@example.com",
    members=("ada@example.com", "bob@example.com"),
    timezone="Europe/Berlin",
    ask="#platform-help",
)
SEARCH = Team("search", channel="C0SEA", lead="ada@example.com", timezone="Europe/Berlin", ask="#platform-help")
TARGET = Minor.parse("1.35")


def api(name: str = "checkout", namespace: str = "payments", **other: Any) -> Finding:
    """An Ingress that a pipeline still writes in a version that goes."""
    subject = Subject("Ingress", name, namespace)
    found = Finding(
        "FK301",
        Severity.WARNING,
        subject,
        f"{subject} is written by helm as networking.k8s.io/v1beta1 Ingress, which 1.35 no longer serves",
        f"write the manifest of {subject} as networking.k8s.io/v1 and apply it once, before its next deploy",
        key="networking.k8s.io/v1beta1/Ingress",
        breaks=Breaks.AT_DEPLOY,
        minor=TARGET,
        evidence=(
            Evidence(
                "managed fields", "helm wrote it as networking.k8s.io/v1beta1", datetime(2026, 11, 18, 3, tzinfo=UTC)
            ),
        ),
        owner={"argocd.argoproj.io/instance": "payments-web"},
    )
    return replace(found, **other)


def budget(name: str = "ledger", namespace: str = "payments", **other: Any) -> Finding:
    """A budget that never lets a pod go."""
    patch = '{"spec":{"minAvailable":null,"maxUnavailable":1}}'
    found = Finding(
        "FK401",
        Severity.BLOCKER,
        Subject("PodDisruptionBudget", name, namespace),
        f"minAvailable 3 of 3 pods never lets one go (Deployment {name})",
        f"kubectl -n {namespace} patch pdb {name} --type merge -p '{patch}'",
        blocks=True,
        breaks=Breaks.AT_NODES,
        evidence=(Evidence("status", "3 healthy of 3, 0 allowed", NOW - timedelta(minutes=5)),),
    )
    return replace(found, **other)


def caller(name: str = "deployer", namespace: str = "payments", **other: Any) -> Finding:
    """A workload that calls an API which goes, by a schedule."""
    subject = Subject("CronJob", name, namespace)
    found = Finding(
        "FK301",
        Severity.BLOCKER,
        subject,
        f"{subject} uses flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema, which 1.35 no longer serves",
        f"update {subject} to a version that uses flowcontrol.apiserver.k8s.io/v1, before the control plane moves",
        key="flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema",
        blocks=True,
        minor=TARGET,
        evidence=(
            Evidence(
                "audit log",
                f"system:serviceaccount:{namespace}:{name} as flowctl/0.4: 212 calls",
                NOW - timedelta(hours=5),
            ),
        ),
        use=LiveUse((subject,), "digest", NOW - timedelta(hours=5), ("0 2 1 * *",)),
    )
    return replace(found, **other)


def advice(name: str = "cart", namespace: str = "payments") -> Finding:
    return Finding(
        "FK340",
        Severity.INFO,
        Subject("Deployment", name, namespace),
        "runs as 1 pod: it is away from its eviction until the new pod is ready",
        f"kubectl -n {namespace} scale deployment {name} --replicas=2, if the application can run twice",
        breaks=Breaks.AT_NODES,
    )


def item(
    finding: Finding | None = None,
    cluster: str = "prod-eu",
    *,
    owner: str = "payments",
    deadline: Deadline | None = WAVE,
    state: State = State.OPEN,
    since: datetime = NOW - timedelta(days=8),
    **other: Any,
) -> Item:
    found = finding or api()
    id = ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/{cluster}", NOW - timedelta(days=400))
    where = f"annotation a8r.io/owner on Namespace {found.subject.namespace or 'payments'}"
    return replace(
        Item(
            ItemKey(f"{id.arn} {id.created_at.isoformat()}", found.fingerprint),
            id,
            cluster,
            "prod",
            Tracked(found, state, NOW - timedelta(days=8), NOW, since),
            Owned(owner, Hit(Source.NAMESPACE, owner, where, owner)),
            "1.35",
            deadline,
            must=True,
        ),
        **other,
    )


def in_git(item: Item, path: str, repository: str = "https://github.com/acme/deploy.git", app: str = "web") -> Item:
    """Declared in a folder that an Argo CD Application deploys."""
    return replace(item, owned=replace(item.owned, declared=Deployed("Application", app, repository, path)))


def done(item: Item, days_ago: float = 1) -> Item:
    tracked = replace(item.tracked, state=State.RESOLVED, since=NOW - timedelta(days=days_ago))
    return replace(item, tracked=tracked)


def notice(items: Iterable[Item], kind: NoticeKind = NoticeKind.DIGEST, **other: Any) -> Notice:
    """To the team's channel; following and why as the policy words them. news: by item, in `news`."""
    news: Mapping[ItemKey, str] = other.pop("news", {})
    owners = tuple(dict.fromkeys(each.owned.owner for each in items))
    recipient = Recipient(Via.SLACK, "C0PAY", Audience.CHANNEL, owners or ("payments",), "Europe/Berlin")
    entries = tuple(Entry(each.key, each.owned.owner, 14, news.get(each.key, "new")) for each in items)
    following = "next reminder Tue 24 Nov; on Tue 24 Nov also to the lead"
    found = Notice("n1", kind, recipient, NOW.date(), NOW, entries, "due in 11 days", following=following)
    return replace(found, **other)


def to(audience: Audience, address: str, *owners: str, via: Via = Via.SLACK) -> Recipient:
    return Recipient(via, address, audience, owners or ("payments",), "Europe/Berlin")


def context(items: Iterable[Item], standings: Mapping[ItemKey, Standing] | None = None, **other: Any) -> Context:
    """All were told eight days ago, and nobody said anything yet."""
    every = {each.key: each for each in items}
    usual = {
        key: Standing(Phase.FIXED if each.is_over else Phase.NOTIFIED, deadline=each.deadline)
        for key, each in every.items()
    }
    found = Context(
        NOW,
        every,
        usual | dict(standings or {}),
        {key: told(each) for key, each in every.items()},
        teams={each.name: each for each in (PAYMENTS, SEARCH)},
        contacts={
            f"{name}@example.com": Contact(f"{name}@example.com", name=name)
            for name in ("ada", "bob", "carol", "grace")
        },
        approvers=("carol@example.com", "dan@example.com"),
    )
    return replace(found, **other)


def told(item: Item, times: int = 3, **other: Any) -> Told:
    found = Told(
        item.key,
        item.owned.owner,
        30,
        NOW - timedelta(days=8),
        NOW - timedelta(days=2),
        times,
        1,
        item.deadline.at if item.deadline else None,
        "n0",
        levels=("#payments",),
    )
    return replace(found, **other)
