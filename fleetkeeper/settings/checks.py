"""The shapes of what operators write: each check answers what is wrong with one text, "" when nothing is."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import SplitResult, parse_qsl, urlsplit
from zoneinfo import ZoneInfo, available_timezones

PARTITIONS: Mapping[str, str] = {"aws": "", "aws-cn": "cn-", "aws-us-gov": "us-gov-"}
"""AWS partitions → how the names of their regions begin."""

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2}")
_ROLE_NAME = re.compile(r"[\w+=,.@/-]{1,128}", re.ASCII)
_ROLE_ARN = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
_CLUSTER_ARN = re.compile(r"arn:aws[a-z-]*:eks:[a-z0-9-]+:\d{12}:cluster/[0-9A-Za-z][\w-]{0,99}", re.ASCII)
_HOST_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def account_id(text: str) -> str:
    return "" if re.fullmatch(r"\d{12}", text, re.ASCII) else "must be an AWS account id of 12 digits"


def account_or_name(text: str) -> str:
    """An id, or a shell pattern of account names; digits alone can only be an id."""
    return account_id(text) if text.isdigit() else ""


def region(text: str) -> str:
    return "" if _REGION.fullmatch(text) else "must be an AWS region such as eu-west-1"


def region_is_of(region: str, partition: str) -> bool:
    """Does the region's name begin as those of the partition do? An unknown partition is a mistake of its own."""
    own = PARTITIONS.get(partition)
    if own is None or own:
        return region.startswith(own or "")
    return not any(region.startswith(other) for other in PARTITIONS.values() if other)


def arn_pattern(text: str) -> str:
    """A shell pattern of ARNs; one that begins otherwise could match none."""
    return "" if text.startswith(("arn:", "*", "kubeconfig:")) else "must begin with arn: or *"


def role_arn(text: str) -> str:
    return "" if _ROLE_ARN.fullmatch(text) else "must be a role ARN such as arn:aws:iam::111122223333:role/reader"


def role_arn_parts(text: str) -> tuple[str, str]:
    """Partition and account of a role ARN; two empty texts when it is none."""
    found = _ROLE_ARN.fullmatch(text)
    return (found[1], found[2]) if found else ("", "")


def role_name(text: str) -> str:
    return "" if _ROLE_NAME.fullmatch(text) else "must be a role's name, not its ARN"


def cluster_arn(text: str) -> str:
    if _CLUSTER_ARN.fullmatch(text):
        return ""
    return "must be an EKS cluster's ARN such as arn:aws:eks:eu-west-1:111122223333:cluster/payments"


def variable_name(text: str) -> str:
    return "" if _VARIABLE.fullmatch(text) else "must be the name of an environment variable"


def listen(text: str) -> str:
    found = _HOST_PORT.fullmatch(text)
    if found and int(found[1]) <= 65535:
        return ""
    return "must be host:port such as 127.0.0.1:8321 or [::1]:8321"


def http_url(text: str) -> str:
    """A URL of an endpoint; messages never repeat it, for it may hold a password."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return "must be a URL such as https://proxy.example.com:3128"
    return ""


def holds_password(url: str) -> bool:
    """Does the URL hold a password, before the @ or as a parameter?"""
    parts = _split(url)
    if parts is None:
        return False
    named = any(name.lower() in ("password", "sslpassword") for name, _ in parse_qsl(parts.query))
    return named or parts.password is not None


def store_url(text: str) -> str:
    """sqlite:///path or postgresql://user@host/database; a password is complained of elsewhere."""
    parts = _split(text)
    if parts is None:
        return "must be sqlite:///path or postgresql://user@host/database"
    if parts.scheme == "postgres":
        return "must begin with postgresql://"
    if parts.scheme == "postgresql":
        return "" if parts.path.strip("/") else "must name the database: postgresql://user@host/database"
    if parts.scheme != "sqlite":
        return "must be sqlite:///path or postgresql://user@host/database"
    if not text.startswith("sqlite:///"):
        return "must have three slashes before the path: sqlite:///path"
    path = parts.path.removeprefix("/")
    return "must name a file: sqlite:///path" if path in ("", ":memory:") or path.endswith("/") else ""


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # not found, not a key, or a folder of zones such as "Europe"
        near = get_close_matches(text, available_timezones(), n=1)
        return f"must be an IANA time zone such as {near[0] if near else 'Europe/Berlin'}"
    return ""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)
_NAMES = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")


def crontab(text: str) -> str:
    """Five fields that APScheduler and cron read alike; where they differ, the safe form is asked for."""
    fields = text.split()
    if len(fields) != 5:
        return "must be crontab's five fields: minute hour day month weekday, such as */15 * * * *"
    if fields[2] != "*" and fields[4] != "*":
        # cron fires when either matches, APScheduler 3 when both do.
        return "must not restrict both the day of the month and the weekday"
    if any(c.isdigit() for c in fields[4].partition("/")[0]):
        # 0 is Sunday to cron and Monday to APScheduler 3 (its issue 286).
        return "must name weekdays: mon, tue, wed, thu, fri, sat, sun"
    try:
        _expand(fields[0], "minute", 0, 59)
        _expand(fields[1], "hour", 0, 23)
        days = _expand(fields[2], "day", 1, 31)
        months = _expand(fields[3], "month", 1, 12, _MONTHS)
        _expand(fields[4], "weekday", 0, 6, _WEEKDAYS)
    except ValueError as error:
        return str(error)
    if all(min(days) > _LONGEST[month - 1] for month in months):
        return "never fires: no such day in that month"
    return ""


def longest_pause_minutes(schedule: str) -> int:
    """The longest time between two firings of a sound schedule on days when it fires; a day when it skips days."""
    minute, hour, *days = schedule.split()
    if days != ["*", "*", "*"]:
        return 24 * 60
    fires = sorted(h * 60 + m for h in _expand(hour, "hour", 0, 23) for m in _expand(minute, "minute", 0, 59))
    return max(later - sooner for sooner, later in zip(fires, [*fires[1:], fires[0] + 24 * 60], strict=True))


def _expand(text: str, name: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    """The values that one field of a crontab names; ValueError with what is wrong."""
    values: set[int] = set()
    for part in text.split(","):
        values |= set(_range(part, name, low, high, names))
    return values


def _range(part: str, name: str, low: int, high: int, names: tuple[str, ...]) -> range:
    named = _NAMES.fullmatch(part.lower()) if names else None
    if named and named[1] in names and (named[2] or named[1]) in names:
        first = low + names.index(named[1])
        last = low + names.index(named[2] or named[1])
        step = 0
    elif found := _PART.fullmatch(part):
        step = int(found[3] or 0)
        first = low if found[1] is None else int(found[1])
        last = int(found[2]) if found[2] else first if found[1] and not step else high
        if found[3] and not 0 < step <= last - first:
            raise ValueError(f"has the {name} {part}: the step must be from 1 to {last - first}")
    else:
        raise ValueError(f"has the {name} {part}, which is not crontab")
    if named and first > last:
        raise ValueError(f"has the {name} {part}: a range goes from the earlier to the later, {names[0]} being first")
    if not low <= first <= last <= high:
        raise ValueError(f"has the {name} {part}: it must be from {low} to {high}, the smaller first")
    return range(first, last + 1, step or 1)
