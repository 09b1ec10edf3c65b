"""Which alerts a silence covers: matchers as Alertmanager has them, bound to one cluster, and never what a gate reads.

Syntax of matchers: https://prometheus.io/docs/alerting/latest/configuration/#matcher (2026-11).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fleetkeeper.core.playbook import GateSpec, Params, Playbook

PLACES = ("cluster", "arn", "account", "region", "service", "environment", "ring")
"""What may stand in braces in the value of a matcher."""

ALERT_NAME = "alertname"
SILENCE = "silence-alerts"

_SCOPES = ("{cluster}", "{arn}")
_MATCHER = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]+))')
_READ = re.compile(r"""\balertname\s*(=~|=)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`]*)`)""")
_ESCAPED = re.compile(r'\\(["\\])')
"""Alertmanager takes other escapes, such as those of a regex, as they are."""
_PLACE = re.compile(r"\{([a-z_]+)\}")
_SPECIAL = re.compile(r"([.+*?()|\[\]{}^$\\])")
_READS = {"metric": ("query",), "incident": ("alerts",), "soak": ("query",), "bake": ("query",)}


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name="value"`, `name!="value"`, `name=~"regex"`, `name!~"regex"`; regexes match whole values."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @classmethod
    def parse(cls, text: str) -> "Matcher":
        """ValueError that says what is wrong."""
        found = _MATCHER.fullmatch(text.strip())
        if found is None:
            raise ValueError(f'{text!r} is no matcher such as cluster="{{cluster}}" or severity!="critical"')
        sign, quoted = found[2], found[3]
        value = found[4] or "" if quoted is None else _ESCAPED.sub(r"\1", quoted)
        made = cls(found[1], value, sign.endswith("~"), sign.startswith("="))
        made._check()
        return made

    def _check(self) -> None:
        places = _PLACE.findall(self.value) if not self.is_regex else ()
        if unknown := next((each for each in places if each not in PLACES), ""):
            raise ValueError(f"{{{unknown}}} stands for nothing; there are {', '.join(f'{{{e}}}' for e in PLACES)}")
        if not self.is_regex:
            return
        if any(f"{{{each}}}" in self.value for each in PLACES):
            raise ValueError("a placeholder in a regex could mean more than it says: use =")
        try:
            re.compile(self.value)
        except re.error as error:
            raise ValueError(f"{self.value!r} is no regex: {error}") from error

    @property
    def binds(self) -> bool:
        """Whether it holds a silence to one cluster."""
        return self.is_equal and not self.is_regex and any(each in self.value for each in _SCOPES)

    def filled(self, values: Mapping[str, str]) -> "Matcher":
        """KeyError with the name of a placeholder that this member has no value for."""
        if self.is_regex:
            return self
        return Matcher(self.name, _PLACE.sub(lambda found: _known(found[1], values), self.value), False, self.is_equal)

    def __str__(self) -> str:
        sign = ("=" if self.is_equal else "!") + ("~" if self.is_regex else "" if self.is_equal else "=")
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{sign}"{value}"'


def heard(kinds: Iterable[tuple[str, Params]]) -> tuple[str, ...]:
    """The names of alerts that gates, holds and steps read, as regexes; as far as their queries name any."""
    found: dict[str, None] = {}
    for kind, params in kinds:
        for query in (params.get(name, "") for name in _READS.get(kind, ())):
            found |= dict.fromkeys(_names(str(query)))
    return tuple(found)


def but_for(names: Iterable[str]) -> tuple[Matcher, ...]:
    """The matcher that leaves these alerts heard."""
    pattern = "|".join(names)
    return (Matcher(ALERT_NAME, pattern, is_regex=True, is_equal=False),) if pattern else ()


def deafens(playbook: Playbook) -> tuple[str, ...]:
    """One sentence for each silence of a playbook that names an alert which its own gates or holds read."""
    gates: list[GateSpec] = [*playbook.holds, *(gate for stage in playbook.stages for gate in stage.gates)]
    read = [(each.kind, each.params) for each in gates] + [(each.kind, each.params) for each in playbook.steps]
    return tuple(_deafened(playbook, heard(read)))


def _deafened(playbook: Playbook, names: Iterable[str]) -> Iterator[str]:
    for step in playbook.steps:
        for matcher in _matchers(step.params) if step.kind == SILENCE else ():
            for name in names:
                if _covers(matcher, name):
                    what = f"{matcher} would silence {name}, which a gate or hold of this playbook reads"
                    yield f"step {step.name}: matchers: {what}"


def _matchers(params: Params) -> Iterator[Matcher]:
    given = params.get("matchers", ())
    for text in given if isinstance(given, tuple) else ():
        try:
            yield Matcher.parse(text)
        except ValueError:  # told where the step's own parameters are read
            continue


def _covers(matcher: Matcher, name: str) -> bool:
    """Whether a matcher that picks alerts by name picks this one; of two regexes only the same one is known to."""
    if matcher.name != ALERT_NAME or not matcher.is_equal:
        return False
    try:
        if not matcher.is_regex:
            return re.fullmatch(name, matcher.value) is not None
        plain = re.sub(r"\\(.)", r"\1", name)
        return matcher.value == name or (_escaped(plain) == name and re.fullmatch(matcher.value, plain) is not None)
    except re.error:
        return False


def _names(query: str) -> Iterator[str]:
    for sign, double, single, raw in _READ.findall(query):
        text = raw or re.sub(r"\\(.)", r"\1", double or single)
        if text:
            yield text if sign == "=~" else _escaped(text)


def _escaped(text: str) -> str:
    """For Go's regexes, which take no escape of a letter or a space."""
    return _SPECIAL.sub(r"\\\1", text)


def _known(name: str, values: Mapping[str, str]) -> str:
    if not values.get(name):
        raise KeyError(name)
    return values[name]
