"""How people write owners in labels, tags, catalogs and CODEOWNERS: a value as words that may mean a team, or a person.

Forms: Backstage entity references (backstage.io/docs/features/software-catalog/references), GitHub's @org/team, Slack's
#channel, links and `<#C…|name>`, addresses, and addresses in labels, which may hold no @ (owner: ada.example.com, as in
the Gatekeeper library's example of required labels).
"""

import re
from collections.abc import Iterator

_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")
_NAMED_ADDRESS = re.compile(r"[^<>]*<\s*(?:mailto:)?([^@\s<>]+@[^@\s<>]+)\s*>")
_SLACK_USER = re.compile(r"[UW](?=[A-Z]*\d)[A-Z0-9]{6,}", re.ASCII)  # in capitals, and never without a digit
_CHANNEL = re.compile(r"[CG](?=[A-Z]*\d)[A-Z0-9]{8,}", re.ASCII)
_CHANNEL_LINK = re.compile(r"(?:https://(?:[\w.-]+\.)?slack\.com/|slack://)(?:.*[/=])?([CG][A-Z0-9]+)(?:[/?&#].*)?")
_SLACK_MARK = re.compile(r"<[#@!](?:subteam\^)?([^|>]+)(?:\|([^>]+))?>")
_PREFIX = re.compile(r"(?:group|team|squad|user|slack|mailto):\s*")
_PERSON = re.compile(r"user:\s*(?:[^/]*/)?")
_BLANKS = re.compile(r"[\s_]+")
_SEPARATORS = re.compile(r"[,;]")
_REFERENCES = re.compile(r"(?:\S*[@#:]\S+\s*){2,}")  # @acme/payments @ada, as CODEOWNERS has them
_AT = ("@", ".", "_at_", "-at-", ".at.")
_LABELS = 3  # parts of a name that ends with a domain, as in payments.example.com


def word(text: str) -> str:
    """A name as it is compared: without case, with hyphens for blanks and underscores."""
    return _BLANKS.sub("-", text.strip().casefold())


def several(value: str) -> tuple[str, ...]:
    """The owners that one value lists; blanks part only what is no name by itself, for a name may have some."""
    parts = tuple(each.strip() for each in _SEPARATORS.split(value) if each.strip())
    if len(parts) == 1 and _REFERENCES.fullmatch(parts[0]) and not _NAMED_ADDRESS.fullmatch(parts[0]):
        return tuple(parts[0].split())
    return parts or ("",)


def person_in(value: str) -> str:
    """The e-mail address (in lower case) or Slack user id (in capitals) that a value is, "" when it is neither."""
    text = value.strip()
    if named := _NAMED_ADDRESS.fullmatch(text):
        return named[1].lower()
    if mark := _SLACK_MARK.fullmatch(text):
        text = mark[1]
    if _SLACK_USER.fullmatch(text):
        return text
    text = _PERSON.sub("", text.lower().removeprefix("mailto:"), count=1)
    return text if _ADDRESS.fullmatch(text) else ""


def channel_in(value: str) -> str:
    """The Slack channel's id that a value is, or links to; "" where there is none: a name alone leads nowhere."""
    text = value.strip()
    found = _SLACK_MARK.fullmatch(text) or _CHANNEL_LINK.fullmatch(text)
    id = found[1] if found else text
    return id if _CHANNEL.fullmatch(id) else ""


def spellings(address: str) -> Iterator[str]:
    """What an address may look like in a label, as words; its local part alone is not among them."""
    local, at, domain = address.lower().partition("@")
    if at:
        yield from (word(f"{local}{sign}{domain}") for sign in _AT)
    else:
        yield word(address)


def words_in(value: str) -> tuple[str, ...]:
    """The words that may mean a team, the most literal first."""
    return tuple(dict.fromkeys(filter(None, _words(value))))


def _words(value: str) -> Iterator[str]:
    text = value.strip().casefold()
    yield word(text)
    texts = [text]
    if mark := _SLACK_MARK.fullmatch(text):
        texts = [each for each in mark.groups() if each]
    for each in texts:
        bare = _PREFIX.sub("", each, count=1).lstrip("#@")
        yield word(bare)
        last = bare.rstrip("/").rpartition("/")[2]
        yield from _shortened(last)


def _shortened(text: str) -> Iterator[str]:
    local, at, _ = text.partition("@")
    first = text.split(".")
    stem = local if at else first[0] if len(first) >= _LABELS else text
    yield word(text)
    yield word(stem)
    yield word(stem).removeprefix("team-")
    yield word(stem).removesuffix("-team")


def local_part(value: str) -> str:
    """What may be the part of an address before the @, as a word: of @ada, user:default/ada and ada; "" for others."""
    text = _PERSON.sub("", value.strip().lower(), count=1).lstrip("@")
    return word(text) if text and not re.search(r"[@/:#\s]", text) else ""
