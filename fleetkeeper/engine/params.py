"""Reads the parameters of a step or a gate one by one, and tells everything that is wrong with them at once."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import TypeVar

from fleetkeeper.core.amount import parse_duration
from fleetkeeper.core.playbook import Param, Params
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import ParamError

T = TypeVar("T")

_MISSING = "is missing"
_PAIR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Given:
    """The parameters as a playbook gives them. Each reader answers a stand-in for what is wrong, so reading goes on;
    `finish` raises one ParamError with all of it. A parameter that was never asked for is unknown."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._asked: list[str] = []
        self._wrong: dict[str, str] = {}

    def has(self, name: str) -> bool:
        self._asked.append(name)
        return name in self._params

    def text(self, name: str, default: str | None = None, check: Callable[[str], str] | None = None) -> str:
        """default None: it must be there. check answers what is wrong with a text, "" when nothing is."""
        value = self._get(name, default)
        if not isinstance(value, str):
            return self._refused(name, value, "a text", default or "")
        if not value and default != "":
            return self._noted(name, "must not be empty", default or "")
        if value and check is not None and (wrong := check(value)):
            self.wrong(name, wrong)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value in choices or name in self._wrong:
            return value
        near = get_close_matches(value, choices, n=1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return self._noted(name, f"must be one of {', '.join(choices)}{meant}", choices[0])

    def duration(self, name: str, default: timedelta | None = None) -> timedelta:
        """`90s`, `30m`, `1h30m`, `7d`; never nothing."""
        stand_in = default or timedelta(seconds=1)
        if default is not None and not self.has(name):
            return default
        text = self.text(name)
        if name in self._wrong:
            return stand_in
        try:
            found = parse_duration(text)
        except ValueError as error:
            return self._noted(name, str(error), stand_in)
        return found or self._noted(name, "must be longer than 0s", stand_in)

    def flag(self, name: str, default: bool | None = None) -> bool:
        value = self._get(name, default)
        return value if isinstance(value, bool) else self._refused(name, value, "true or false", default or False)

    def number(self, name: str, default: float | None = None, minimum: float | None = None) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._refused(name, value, "a number", default or 0.0)
        if minimum is not None and value < minimum:
            return self._noted(name, f"must be at least {minimum:g}", minimum)
        return value

    def amount(self, name: str, default: str | None = None) -> str:
        """A count or a percentage as its text: 5, "5" or "20%"."""
        value = self._get(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value if isinstance(value, str) else self._refused(name, value, "a count or a percentage", default or "")

    def texts(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts, none of them empty or there twice."""
        value = self._get(name, default)
        if not isinstance(value, tuple):
            return self._refused(name, value, "a list of texts", default or ())
        if not all(value):
            self.wrong(name, "must not hold an empty text")
        if twice := next((each for each in value if value.count(each) > 1), ""):
            self.wrong(name, f"{twice} is listed twice")
        return value

    def pairs(self, name: str) -> Mapping[str, str]:
        """A list of `key=value` texts; none where it is absent. A key is letters, digits, `_`, `.` and `-`."""
        found: dict[str, str] = {}
        for each in self.texts(name, ()):
            key, equals, value = each.partition("=")
            if not equals or not _PAIR_NAME.fullmatch(key):
                self.wrong(name, f"{each!r} is not written key=value")
            elif key in found:
                self.wrong(name, f"{key} is set twice")
            else:
                found[key] = value
        return found

    def labels(self, name: str) -> Mapping[str, str]:
        """Labels as `key=value,key=value`, keys with their prefixes; none where it is absent."""
        found: dict[str, str] = {}
        for each in filter(None, self.text(name, "").split(",")):
            key, equals, value = each.strip().partition("=")
            if not equals or not key:
                self.wrong(name, f"{each!r} is not written key=value")
            found[key] = value
        return found

    def minor(self, name: str) -> Minor:
        """A Kubernetes minor such as 1.36."""
        text = self.text(name)
        if name in self._wrong:
            return Minor(1, 1)
        try:
            found = Minor.parse(text)
        except ValueError as error:
            return self._noted(name, str(error), Minor(1, 1))
        return found if str(found) == text else self._noted(name, f"must be a minor such as {found}", found)

    def pair(self, name: str) -> tuple[str, str]:
        """One `field=value`; two empty texts where it is absent."""
        text = self.text(name, "")
        field, equals, value = text.partition("=")
        if text and not (equals and field):
            self.wrong(name, f"{text!r} is not written field=value")
        return field, value

    def wrong(self, name: str, what: str) -> None:
        """Note what is wrong; the first word about a parameter stays. name "" means the whole."""
        self._wrong.setdefault(name, what)

    def finish(self) -> None:
        """ParamError with everything that is wrong, unknown parameters included."""
        for name in self._params:
            if name not in self._asked:
                near = get_close_matches(name, self._asked, n=1)
                known = f"known here: {', '.join(dict.fromkeys(self._asked))}" if self._asked else "it takes none"
                self.wrong(name, f"unknown parameter ({f'did you mean {near[0]}?' if near else known})")
        if self._wrong:
            raise ParamError(self._wrong)

    def _get(self, name: str, default: Param | None) -> Param:
        if self.has(name):
            return self._params[name]
        if default is None:
            self.wrong(name, _MISSING)
            return ""
        return default

    def _refused(self, name: str, value: Param, wanted: str, stand_in: T) -> T:
        shown = "a list" if isinstance(value, tuple) else repr(value)
        return self._noted(name, f"must be {wanted}, not {shown}", stand_in)

    def _noted(self, name: str, what: str, stand_in: T) -> T:
        self.wrong(name, what)
        return stand_in
