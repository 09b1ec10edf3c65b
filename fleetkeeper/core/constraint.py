"""Whether a chart's `kubeVersion` takes a Kubernetes version, by the rules of Helm's own library.

Helm asks github.com/Masterminds/semver v3 (constraints.go at 71f2b39, 2026-04-10), whose rules differ from those of
other semver ranges in what matters here: a version with a suffix is a pre-release, and a group of terms without any
suffix takes none. `helm install` and `helm upgrade` ask for the whole version that the API server tells, so that
`>=1.25.0` takes no `v1.35.2-eks-0a1b2c3` and `>=1.25.0-0` does (helm/helm pkg/action/action.go at 00ae949;
issue 10375). Only `--kube-version` drops the suffix since Helm 3.19 (pull request 31528, 2025-11-18).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

LIMIT = 512
"""Characters of a constraint; a chart's author may write any text here, and no real one comes near."""

_NUMBER = r"(?:\d{1,9}|[xX*])"
_WORDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_TERM = re.compile(
    rf"(?P<operator>>=|=>|<=|=<|~>|!=|[=<>~^]|) *v?(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER}))?"
    rf"(?:\.(?P<patch>{_NUMBER}))?(?:-(?P<pre>{_WORDS}))?(?:\+{_WORDS})?(?![^ ,])",
    re.ASCII,
)
_BETWEEN = re.compile(r" ?, ?| ")
_BLANKS = re.compile(r"[ \t\n\f\r]+")
# The library lets a number hold a bar too, so that `1.2 - 1.4||2.x` is read as one range first and split after that.
_SIDE = rf"v?[\d|xX*]+(?:\.[\d|xX*]+)?(?:\.[\d|xX*]+)?(?:-{_WORDS})?(?:\+{_WORDS})?"
_HYPHEN = re.compile(rf" ?({_SIDE}) - ({_SIDE}) ?", re.ASCII)
_EXACT = re.compile(rf"v?(\d{{1,9}})\.(\d{{1,9}})(?:\.(\d{{1,9}}))?(?:-({_WORDS}))?(?:\+{_WORDS})?", re.ASCII)

_Identifier = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class _Exact:
    """A version as semver orders it; pre is the suffix, "" for a release."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @property
    def order(self) -> tuple[int, int, int, bool, tuple[_Identifier, ...]]:
        """A pre-release comes before its release; of two, numbers come before words and fewer parts before more."""
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre.split(".") if self.pre
        )
        return (self.major, self.minor, self.patch, not self.pre, identifiers)


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison. known counts the numbers that stand there: 2 for `1.25` and `1.25.x`, 0 for `*`."""

    operator: str
    version: _Exact
    known: int

    def accepts(self, seen: _Exact) -> bool:
        return _OPERATORS[self.operator](seen, self)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint as `A B || C`: one of the groups has to take the version with all of its terms."""

    text: str
    groups: tuple[tuple[_Term, ...], ...]

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read Helm's syntax; ValueError with the text for what Helm does not take, and so takes no version by."""
        if len(text) > LIMIT:
            raise ValueError(f"a constraint of {len(text)} characters is too long")
        spread = _HYPHEN.sub(r">= \1, <= \2 ", _BLANKS.sub(" ", text))
        return cls(text, tuple(_group(each, text) for each in spread.split("||")))

    def accepts(self, version: str) -> bool:
        """ValueError for a version that is none. `v1.35.2-eks-0a1b2c3` counts as a pre-release of 1.35.2."""
        seen = _exact(version)
        return any(
            (not seen.pre or any(term.version.pre for term in group)) and all(term.accepts(seen) for term in group)
            for group in self.groups
        )


@cache
def _exact(text: str) -> _Exact:
    found = _EXACT.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a version such as v1.35.2")
    return _Exact(int(found[1]), int(found[2]), int(found[3] or 0), found[4] or "")


def _group(text: str, whole: str) -> tuple[_Term, ...]:
    """The terms of one side of `||`, with blanks or a comma between them."""
    text = text.strip(" ")
    terms: list[_Term] = []
    at = 0
    while True:
        found = _TERM.match(text, at)
        if not found:
            raise ValueError(f"{whole!r} is not a constraint such as >=1.25.0-0")
        if any(part.isdigit() and part != str(int(part)) for part in (found["pre"] or "").split(".")):
            raise ValueError(f"{whole!r} has a suffix that begins with a zero")
        terms.append(_term(found))
        if found.end() == len(text):
            return tuple(terms)
        between = _BETWEEN.match(text, found.end())
        at = between.end() if between else len(text)


def _term(found: re.Match[str]) -> _Term:
    """A number that is missing or a wildcard makes those after it zeros, whatever they say."""
    numbers: list[int] = []
    for name in ("major", "minor", "patch"):
        if not (found[name] or "").isdigit():
            break
        numbers.append(int(found[name]))
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return _Term(found["operator"], _Exact(major, minor, patch, found["pre"] or ""), len(numbers))


def _greater(seen: _Exact, term: _Term) -> bool:
    """`>1.25` starts at 1.26; `>*` compares with 0.0.0."""
    wanted = term.version
    if term.known == 1:
        return seen.major > wanted.major
    if term.known == 2:
        return (seen.major, seen.minor) > (wanted.major, wanted.minor)
    return seen.order > wanted.order if term.known == 3 or not seen.major else True


def _at_most(seen: _Exact, term: _Term) -> bool:
    """`<=1.25` ends before 1.26."""
    wanted = term.version
    if term.known == 3:
        return seen.order <= wanted.order
    if term.known == 1:
        return seen.major <= wanted.major
    return (seen.major, seen.minor) <= (wanted.major, wanted.minor)


def _tilde(seen: _Exact, term: _Term) -> bool:
    """`~1.25.3` takes later patches, `~1` later minors."""
    wanted = term.version
    if seen.order < wanted.order:
        return False
    if (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0) and term.known in (0, 3):
        return True
    return seen.major == wanted.major and (seen.minor == wanted.minor or term.known == 1)


def _caret(seen: _Exact, term: _Term) -> bool:
    """Whatever does not change the first number that is not zero."""
    wanted = term.version
    if seen.order < wanted.order or seen.major != wanted.major:
        return False
    if wanted.major or term.known == 1:
        return True
    if wanted.minor or term.known == 2:
        return seen.minor == wanted.minor
    return (seen.minor, seen.patch) == (wanted.minor, wanted.patch)


def _equal(seen: _Exact, term: _Term) -> bool:
    return seen.order == term.version.order if term.known == 3 else _tilde(seen, term)


def _unequal(seen: _Exact, term: _Term) -> bool:
    wanted = term.version
    if term.known == 1:
        return seen.major != wanted.major
    if term.known == 2 and (seen.major, seen.minor) == (wanted.major, wanted.minor):
        return bool(seen.pre or wanted.pre) and seen.pre != wanted.pre
    return seen.order != wanted.order if term.known != 2 else True


_OPERATORS: dict[str, Callable[[_Exact, _Term], bool]] = {
    "": _equal,
    "=": _equal,
    "!=": _unequal,
    ">": _greater,
    "<": lambda seen, term: seen.order < term.version.order,
    ">=": lambda seen, term: seen.order >= term.version.order,
    "=>": lambda seen, term: seen.order >= term.version.order,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
