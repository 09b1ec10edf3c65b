"""Which clusters are meant: `-l ring=canary,region!=us-east-1,name=shop-*` over what is known of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fleetkeeper.errors import UsageError

KEYS = ("name", "account", "region", "environment", "ring", "service", "version", "arn")


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    pattern: str
    wanted: bool

    def __str__(self) -> str:
        return f"{self.key}{'=' if self.wanted else '!='}{self.pattern}"

    def accepts(self, value: str) -> bool:
        return fnmatchcase(value, self.pattern) is self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """Terms that must all hold; none selects everything. Values may be shell patterns."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))

    @classmethod
    def parse(cls, text: str) -> "Selector":
        """Read `key=pattern,key!=pattern`; keys are KEYS and `tag:NAME`. UsageError that says what is accepted."""
        return cls(tuple(_term(part.strip()) for part in text.split(",") if part.strip()))

    def excludes(self, known: Mapping[str, str]) -> bool:
        """True when a term on something already known fails; a key that is not known yet decides nothing."""
        return any(t.key in known and not t.accepts(known[t.key]) for t in self.terms)

    def accepts(self, known: Mapping[str, str]) -> bool:
        """True when every term holds; a key that the cluster does not have counts as empty."""
        return all(t.accepts(known.get(t.key, "")) for t in self.terms)


def _term(text: str) -> Term:
    for sign, wanted in (("!=", False), ("==", True), ("=", True)):
        key, found, pattern = text.partition(sign)
        key = key.strip()
        if not found:
            continue
        if key not in KEYS and (not key.startswith("tag:") or key == "tag:"):
            raise UsageError(f"-l {text}: {key!r} is not one of {', '.join(KEYS)} or tag:NAME")
        return Term(key, pattern.strip(), wanted)
    raise UsageError(f"-l {text}: write key=value or key!=value, for example -l ring=canary,name=shop-*")
