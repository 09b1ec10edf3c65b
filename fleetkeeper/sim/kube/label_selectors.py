"""Label selectors, read token by token as the real server does, with its words for what it cannot read.

After k8s.io/apimachinery/pkg/labels/selector.go (v0.36.4), whose names the steps keep.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fleetkeeper.sim.kube.answers import StatusError, bad_request

Labels = dict[str, str]
Term = Callable[[Labels], bool]

_SYMBOLS = ("==", "!=", "=", "!", "(", ")", ",", ">", "<")
_TOKEN = re.compile(rf"\s*({'|'.join(map(re.escape, _SYMBOLS))}|[^\s=!(),<>]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_BINARY = ("in", "notin", "=", "==", "!=", ">", "<")
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"
_INTEGER = re.compile(r"[+-]?\d+")


class _Unreadable(Exception):
    """The text of the refusal."""


def parse(text: str) -> list[Term]:
    """The requirements of a selector, all of which must hold; a StatusError 400 when it cannot be read."""
    try:
        return _Parser(text).requirements()
    except _Unreadable as refused:
        raise StatusError(bad_request(str(refused))) from None


@dataclass(slots=True)
class _Parser:
    text: str
    at: int = 0

    def requirements(self) -> list[Term]:
        found: list[Term] = []
        while token := self._peek():
            if token in _SYMBOLS and token != "!":
                raise _Unreadable(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except _Unreadable as refused:
                raise _Unreadable(f"unable to parse requirement: {refused}") from None
            token = self._take()
            if token and token != ",":
                raise _Unreadable(f"found '{token}', expected: ',' or 'end of string'")
            after = self._peek()
            if token and (not after or (after in _SYMBOLS and after != "!")):
                raise _Unreadable(f"found '{after}', expected: identifier after ','")
        return found

    def _peek(self) -> str:
        """The next token, "" at the end."""
        found = _TOKEN.match(self.text, self.at)
        return found[1] if found else ""

    def _take(self) -> str:
        found = _TOKEN.match(self.text, self.at)
        self.at = found.end() if found else len(self.text)
        return found[1] if found else ""

    def _requirement(self) -> Term:
        negated = self._peek() == "!"
        if negated:
            self._take()
        key = self._take()
        if not key or key in _SYMBOLS:
            raise _Unreadable(f"found '{key}', expected: identifier")
        _check_key(key)
        if negated:
            return lambda have: key not in have
        if self._peek() in ("", ","):
            return lambda have: key in have
        operator = self._take()
        if operator not in _BINARY:
            raise _Unreadable(f"found '{operator}', expected: {', '.join(_OPERATORS)}")
        return _term(key, operator, self._values() if operator in ("in", "notin") else [self._exact()])

    def _exact(self) -> str:
        if self._peek() in ("", ","):
            return ""
        token = self._take()
        if token in _SYMBOLS:
            raise _Unreadable(f"found '{token}', expected: identifier")
        return token

    def _values(self) -> list[str]:
        token = self._take()
        if token != "(":
            raise _Unreadable(f"found '{token}' expected: '('")
        if not self._peek() or (self._peek() in _SYMBOLS and self._peek() not in (",", ")")):
            raise _Unreadable(f"found '{self._peek()}', expected: ',', ')' or identifier")
        values = [""]
        while (token := self._take()) != ")":
            if token == ",":
                values.append("")
            elif not token or token in _SYMBOLS:
                raise _Unreadable(f"found '{token}', expected: ',', or identifier")
            else:
                values[-1] = token
                if self._peek() not in (",", ")"):
                    raise _Unreadable(f"found '{self._peek()}', expected: ',' or ')'")
        return sorted(set(values))


def _term(key: str, operator: str, values: list[str]) -> Term:
    if operator in (">", "<") and not _INTEGER.fullmatch(values[0]):
        told = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _Unreadable(f'values[0]: Invalid value: "{values[0]}": {told}')
    for position, value in enumerate(values):
        _check_value(f"values[{position}][{key}]", value)
    if operator in (">", "<"):
        return _number_term(key, operator, int(values[0]))
    if operator in ("notin", "!="):
        return lambda have: have.get(key) not in values
    return lambda have: have.get(key) in values


def _number_term(key: str, sign: str, bound: int) -> Term:
    def term(have: Labels) -> bool:
        if not _INTEGER.fullmatch(have.get(key, "")):
            return False
        number = int(have[key])
        return number > bound if sign == ">" else number < bound

    return term


def _check_key(key: str) -> None:
    name = key.rpartition("/")[2]
    if not re.fullmatch(_NAME, name):
        told = _malformed("name part must", _NAME, "'MyName',  or 'my.name',  or '123-abc'")
        raise _Unreadable(f'<nil>: Invalid value: "{key}": {told}')


def _check_value(where: str, value: str) -> None:
    if not re.fullmatch(_VALUE, value):
        told = _malformed("a valid label must be an empty string or", _VALUE, "'MyValue',  or 'my_value',  or '12345'")
        raise _Unreadable(f'{where}: Invalid value: "{value}": {told}')


def _malformed(what: str, pattern: str, examples: str) -> str:
    return (
        f"{what} consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        f"character (e.g. {examples}, regex used for validation is '{pattern}')"
    )
