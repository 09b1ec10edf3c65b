"""CODEOWNERS: which line of it names the owners of a path; the last one that fits holds.

The form is GitHub's (docs.github.com, About code owners, read 2026-11-21); a GitLab section's own owners are known too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_SECTION = re.compile(r"\^?\[[^\]]*\](?:\[\d+\])?(.*)")
_OWNER = re.compile(r"@[\w.-]+(?:/[\w./-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII)
_FILE = "\0"
"""A file of no name that any line could be about: only folders and what stands for everything fit it."""
_SCHEME = re.compile(r"(?:[a-z+]+://)?(?:[^/\s]+@)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """owners: none takes a path from the owners of the lines before."""

    number: int
    pattern: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codeowners:
    """One file, named for people."""

    file: str
    lines: tuple[Line, ...] = ()

    def line_of(self, path: str = "") -> Line | None:
        """The line that holds for the files of a folder, "" for those of the repository's root; None for no line."""
        wanted = "/".join((*filter(None, path.strip("/").split("/")), _FILE)).removeprefix("./")
        return next((each for each in reversed(self.lines) if _matcher(each.pattern).fullmatch(wanted)), None)


def parse_codeowners(text: str, file: str) -> tuple[Codeowners, tuple[tuple[int, str, str], ...]]:
    """The lines that are sound; and (line, what is wrong, how to mend it) of the others."""
    lines: list[Line] = []
    wrong: list[tuple[int, str, str]] = []
    default: tuple[str, ...] = ()
    for number, raw in enumerate(text.splitlines(), start=1):
        words = _words(raw)
        if not words:
            continue
        if section := _SECTION.fullmatch(raw.strip()):
            default = tuple(section[1].split())
            continue
        if complaint := _complaint(words):
            wrong.append((number, *complaint))
            continue
        lines.append(Line(number, words[0].replace("\\ ", " "), tuple(words[1:]) or default))
    return Codeowners(file, tuple(lines)), tuple(wrong)


def repository_of(url: str) -> str:
    """A repository as it is compared, of all forms that its address has: github.com/acme/payments."""
    return address_of(url).lower()


def address_of(url: str) -> str:
    """The same for people, as it is written: without a scheme, and without the credentials that may stand in it."""
    text = _SCHEME.sub("", url.strip(), count=1)
    host, colon, rest = text.partition(":")
    if colon and "/" not in host and not rest[:1].isdigit():  # git@github.com:acme/payments.git
        text = f"{host}/{rest}"
    return text.rstrip("/").removesuffix(".git")


def _words(raw: str) -> list[str]:
    """The pattern and the owners, without a comment."""
    text = raw.strip()
    if text.startswith("#"):
        return []
    return re.split(r"(?<!\\)\s+", re.split(r"(?<![\\\S])#", text)[0].strip()) if text else []


def _complaint(words: list[str]) -> tuple[str, str] | None:
    pattern, *owners = words
    if pattern.startswith("!") or "[" in pattern:
        return f"the pattern {pattern} is none that CODEOWNERS knows", "write it without ! and [ ]"
    for each in owners:
        if not _OWNER.fullmatch(each):
            return f"{each} is no owner", "write @organization/team, @user or an e-mail address"
    return None


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> re.Pattern[str]:
    bare = pattern.strip("/")
    anchored = "/" in pattern.rstrip("/")
    body = "".join(_pieces(bare))
    if pattern.endswith("/"):
        end = "/.*"
    elif bare.endswith("/*"):
        end = ""  # the files of that folder, not those of folders in it
    else:
        end = "(?:/.*)?"
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{body}{end}", re.DOTALL)


def _pieces(pattern: str) -> Iterator[str]:
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        yield {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))
