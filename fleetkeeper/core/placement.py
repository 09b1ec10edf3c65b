"""Where a cluster stands in the fleet: its environment, ring and service, and which tag or rule says so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fleetkeeper.core.model import Placement

PRODUCTION = "production"
UNMAPPED = "nothing maps it: counts as production"


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One row of the placement map: all of the given selectors must match; the first row that matches wins.

    Within one selector any entry will do, except that all tags must match. A rule without selectors matches everything.
    """

    environment: str = ""
    ring: str = ""
    service: str = ""
    accounts: tuple[str, ...] = ()  # 12-digit ids, or shell patterns of account names
    ous: tuple[str, ...] = ()  # OU paths such as Prod/Payments: that OU and those inside it; shell patterns
    names: tuple[str, ...] = ()  # shell patterns
    arns: tuple[str, ...] = ()  # shell patterns
    tags: Mapping[str, str] = field(default_factory=dict)  # of the cluster; the values are shell patterns
    origin: str = ""  # file:line, for "why"


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """Tags first, then rules in order (own and from `file`); unmapped counts as production."""

    environment_tag: str = "environment"
    ring_tag: str = "ring"
    service_tag: str = "service"
    file: str = ""
    rules: tuple[MappingRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a cluster that can place it. account is "" for a cluster that only a kubeconfig knows."""

    name: str
    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    account_name: str = ""
    ou: str = ""  # a path: Prod/Payments
    account_tags: Mapping[str, str] = field(default_factory=dict)


def place(cluster: Candidate, mapping: MappingSettings) -> Placement:
    """Find each field in the cluster's tags, else in the first rule that matches, else in the account's tags.

    Without an environment the cluster counts as production and is in no ring: it must never be a canary by accident.
    """
    rule, why = _first_match(cluster, mapping.rules)
    found = {
        "environment": _field(cluster, mapping.environment_tag, rule.environment, why),
        "ring": _field(cluster, mapping.ring_tag, rule.ring, why),
        "service": _field(cluster, mapping.service_tag, rule.service, why),
    }
    mapped = bool(found["environment"][0])
    environment = environment_name(found["environment"][0]) if mapped else PRODUCTION
    ring = found["ring"][0] if mapped else ""
    reasons = [] if mapped else [UNMAPPED]
    for name, (value, source) in found.items():
        if value:
            ignored = " is ignored without an environment" if name == "ring" and not mapped else ""
            reasons.append(f"{name} {value} from {source}{ignored}")
    return Placement(environment, ring, found["service"][0], mapped, "; ".join(reasons))


def environment_name(text: str) -> str:
    """An environment in one spelling: Prod, prd and PRODUCTION must all be guarded as production."""
    name = text.strip().lower()
    return PRODUCTION if name in ("prod", "prd") else name


def _field(cluster: Candidate, tag: str, ruled: str, why: str) -> tuple[str, str]:
    """The value of one field and where it is from; two empty texts when nothing says it."""
    if value := _tag(cluster.tags, tag):
        return value, f"tag {tag}"
    if ruled.strip():
        return ruled.strip(), why
    if value := _tag(cluster.account_tags, tag):
        return value, f"tag {tag} of account {cluster.account}"
    return "", ""


def _tag(tags: Mapping[str, str], key: str) -> str:
    """A tag's value; AWS tag keys differ by case, people's do not. Two spellings that disagree say nothing."""
    if value := tags.get(key, "").strip():
        return value
    values = {value.strip() for name, value in tags.items() if name.lower() == key.lower() and value.strip()}
    return values.pop() if len(values) == 1 else ""


def _first_match(cluster: Candidate, rules: tuple[MappingRule, ...]) -> tuple[MappingRule, str]:
    """The first rule that matches and what matched; an empty rule when none does."""
    for rule in rules:
        hits = list(_hits(cluster, rule))
        if all(hits):
            return rule, f"{rule.origin or 'a mapping rule'} ({', '.join(hits) or 'every cluster'})"
    return MappingRule(), ""


def _hits(cluster: Candidate, rule: MappingRule) -> Iterator[str]:
    """For each selector of the rule what of the cluster matched it, "" where nothing did."""
    if rule.accounts:
        yield _account_hit(cluster, rule.accounts)
    if rule.ous:
        yield f"OU {cluster.ou}" if any(_inside(cluster.ou, ou) for ou in rule.ous) else ""
    if rule.names:
        yield next((f"name {p}" for p in rule.names if fnmatchcase(cluster.name, p)), "")
    if rule.arns:
        yield next((f"ARN {p}" for p in rule.arns if fnmatchcase(cluster.arn, p)), "")
    for key, pattern in rule.tags.items():
        value = cluster.tags.get(key)
        yield f"tag {key}={value}" if value is not None and fnmatchcase(value, pattern) else ""


def _account_hit(cluster: Candidate, accounts: tuple[str, ...]) -> str:
    if not cluster.account:
        return ""
    if cluster.account in accounts:
        return f"account {cluster.account}"
    if cluster.account_name and any(fnmatchcase(cluster.account_name, pattern) for pattern in accounts):
        return f"account {cluster.account_name}"
    return ""


def _inside(ou: str, wanted: str) -> bool:
    """Is the OU path the wanted one, or inside it? A `*` in the pattern crosses levels."""
    wanted = wanted.strip("/")
    return bool(ou) and (fnmatchcase(ou, wanted) or fnmatchcase(ou, f"{wanted}/*"))
