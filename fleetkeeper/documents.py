"""The one loader of the TOML that people write: typed values out, every mistake with its file, line and key at once.

A reader asks a `Table` for all keys it knows, then calls `finish`: whatever was wrong, missing or never asked for is
raised as one ConfigError. A reader method that records a mistake returns a stand-in of the right type, so reading goes
on; read every key before deciding anything, for a key that was not asked for counts as unknown.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from fleetkeeper.errors import ConfigError, Mistake
from fleetkeeper.toml_source import KeyPath, Source, dotted, parse_values

T = TypeVar("T")
Check = Callable[[T], str]
"""Looks at one value and answers what is wrong with it ("must be ..."), or "" when nothing is."""

_ABSENT = object()


def read(path: Path) -> "Table":
    """Read and parse a file; a missing or unreadable one is a ConfigError too."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError((Mistake(str(path), 0, "", f"cannot be read: {error.strerror}"),)) from error
    return parse(content, str(path))


def parse(text: str | bytes, file: str) -> "Table":
    """The root table of a TOML text; ConfigError with the line when it is not TOML, not UTF-8 or beyond reason."""
    decoded, values = parse_values(text, file)
    return Table(Source(file, decoded), (), values)


class Table:
    """One table of a document, read key by key. A key without a default must be there."""

    __slots__ = ("_asked", "_inner", "_path", "_source", "_values")

    def __init__(self, source: Source, path: KeyPath, values: dict[str, object]) -> None:
        self._source = source
        self._path = path
        self._values = values
        self._asked: dict[str, None] = {}
        self._inner: dict[KeyPath, Table] = {}

    @property
    def file(self) -> str:
        return self._source.file

    @property
    def key(self) -> str:
        """The dotted key of this table, "" for the root."""
        return dotted(self._path)

    @property
    def origin(self) -> str:
        """`file:line` of this table."""
        return self.origin_of()

    def origin_of(self, key: str = "") -> str:
        """`file:line` or `env NAME` of a key of this table, or of the table itself."""
        return self._source.origin((*self._path, key) if key else self._path)

    def from_environment(self, key: str) -> bool:
        """Was the key set by an environment variable?"""
        return (*self._path, key) in self._source.overrides

    def has(self, key: str) -> bool:
        """Is the key there? Asking makes it a known key."""
        return self._look(key) is not _ABSENT

    def names(self) -> tuple[str, ...]:
        """The keys as written; asking makes none of them known."""
        return tuple(self._values)

    # ---- values

    def text(
        self, key: str, default: str | None = None, *, check: Check[str] | None = None, choices: Collection[str] = ()
    ) -> str:
        value = self._get(key, default)
        if value is _ABSENT:
            return default or ""
        return self._text((*self._path, key), value, check, choices, empty=default == "")

    def texts(
        self,
        key: str,
        default: tuple[str, ...] | None = None,
        *,
        check: Check[str] | None = None,
        choices: Collection[str] = (),
    ) -> tuple[str, ...]:
        """A list of texts, none of them empty or there twice."""
        found: list[str] = []
        for item, value in enumerate(self._list(key, default)):
            path = (*self._path, key, item)
            text = self._text(path, value, check, choices, empty=False)
            if text and text in found:
                self._source.note(path, f"{text} is listed twice")
            found.append(text)
        return tuple(found)

    def parsed(
        self, key: str, parse: Callable[[str], T], *, optional: bool = False, choices: Collection[str] = ()
    ) -> T | None:
        """A text in a form of its own; parse raises ValueError with what is wrong. None when absent or wrong."""
        if optional and not self.has(key):
            return None
        text = self.text(key, choices=choices)
        return self._parse((*self._path, key), text, parse) if text else None

    def each(self, key: str, parse: Callable[[str], T], *, optional: bool = False) -> tuple[T, ...]:
        """A list of texts in a form of their own; those that cannot be parsed are left out and noted."""
        texts = self.texts(key, () if optional else None)
        parsed = (self._parse((*self._path, key, item), text, parse) for item, text in enumerate(texts) if text)
        return tuple(value for value in parsed if value is not None)

    def integer(
        self, key: str, default: int | None = None, *, minimum: int | None = None, maximum: int | None = None
    ) -> int:
        value = self._converted(key, self._get(key, default), int)
        if value is _ABSENT:
            return default or 0
        if isinstance(value, bool) or not isinstance(value, int):
            self._source.note_kind((*self._path, key), value, int)
            return default or 0
        return int(self._within(key, value, minimum, maximum))

    def number(
        self, key: str, default: float | None = None, *, minimum: float | None = None, maximum: float | None = None
    ) -> float:
        """A whole number or a fraction, never nan or inf."""
        value = self._converted(key, self._get(key, default), float)
        if value is _ABSENT:
            return default or 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._source.note_kind((*self._path, key), value, float)
            return default or 0.0
        if not abs(value) < 1e300:  # nan, inf and integers past what a float holds
            self.mistake(key, "must be an ordinary number")
            return default or 0.0
        return float(self._within(key, value, minimum, maximum))

    def boolean(self, key: str, default: bool | None = None) -> bool:
        value = self._get(key, default)
        if self.from_environment(key):
            value = {"true": True, "false": False}.get(str(value).lower(), value)
        if value is _ABSENT:
            return default or False
        if not isinstance(value, bool):
            self._source.note_kind((*self._path, key), value, bool)
            return default or False
        return value

    def day(self, key: str, default: date | None = None) -> date:
        """A date without time, unquoted: 2026-01-31."""
        value = self._get(key, default)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if value is not _ABSENT:
            self._source.note_kind((*self._path, key), value, date, "such as 2026-01-31, without quotes")
        return default or date.min

    def moment(self, key: str, default: datetime | None = None) -> datetime:
        """A time with an offset, unquoted: 2026-01-31T12:00:00Z; answered in UTC."""
        value = self._get(key, default)
        if isinstance(value, datetime) and value.tzinfo is not None and 1 < value.year < 9999:
            return value.astimezone(UTC)
        if value is not _ABSENT:
            form = "with an offset such as 2026-01-31T12:00:00Z, without quotes"
            self._source.note_kind((*self._path, key), value, datetime, form)
        return default or datetime.min.replace(tzinfo=UTC)

    def plain(self, key: str) -> str | int | float | bool | tuple[str, ...] | None:
        """Text, a number, true or false, or a list of texts, as whoever reads it wants it; None when absent or else."""
        value = self._look(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        if isinstance(value, str | int | float):
            return value
        if value is not _ABSENT:
            self._source.note((*self._path, key), "must be text, a number, true or false, or a list of texts")
        return None

    def mapping(self, key: str, default: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """A table of free keys and text values; in an environment variable `key=value,key=value`."""
        value = self._get(key, default)
        if value is _ABSENT:
            return default or {}
        if self.from_environment(key) and isinstance(value, str):
            pairs = [part.partition("=") for part in _listed(value)]
            if not all(equals and name.strip() for name, equals, _ in pairs):
                self.mistake(key, "must be written key=value,key=value")
            return {name.strip(): text.strip() for name, _, text in pairs}
        if not isinstance(value, dict):
            self._source.note_kind((*self._path, key), value, dict, "of key = value")
            return default or {}
        path = (*self._path, key)
        return {name: self._text((*path, name), text, None, (), empty=True) for name, text in value.items()}

    # ---- tables

    def table(self, key: str) -> "Table":
        """The table of a key; an empty one where it is absent, so that its own defaults speak."""
        value = self._look(key)
        path = (*self._path, key)
        if value is not _ABSENT and not isinstance(value, dict):
            self._source.note_kind(path, value, dict, f"headed [{dotted(path)}]")
        return self._handed_out(path, value if isinstance(value, dict) else {})

    def tables(self, key: str) -> "tuple[Table, ...]":
        """The [[key]] tables in their order; none where it is absent."""
        path = (*self._path, key)
        value = self._look(key)
        if value is _ABSENT:
            return ()
        if not isinstance(value, list):
            self._source.note_kind(path, value, list, f"of tables, each headed [[{dotted(path)}]]")
            return ()
        for item, inner in enumerate(value):
            if not isinstance(inner, dict):
                self._source.note_kind((*path, item), inner, dict)
        return tuple(self._handed_out((*path, i), v) for i, v in enumerate(value) if isinstance(v, dict))

    def named(self, key: str) -> "Mapping[str, Table]":
        """Tables under free names: [key.one], [key.two]."""
        outer = self.table(key)
        return {name: outer.table(name) for name in outer.names()}

    # ---- mistakes

    def mistake(self, key: str, message: str, fix: str = "", *, item: int | None = None) -> None:
        """Record a mistake of a key, or of one item of its list; key "" means this table."""
        path = (*self._path, key) if key else self._path
        self._source.note(path if item is None else (*path, item), message, fix)

    def mistakes(self) -> tuple[Mistake, ...]:
        """All mistakes of the document so far, and the unknown keys in and below this table, in file order."""
        every = dict.fromkeys([*self._source.mistakes, *self._unknown()])
        return tuple(sorted(every, key=lambda m: (m.file != self.file, m.file, m.line)))

    def finish(self) -> None:
        """Raise one ConfigError with every mistake, if there is any; call it on the root, after all was read."""
        if mistakes := self.mistakes():
            raise ConfigError(mistakes)

    # ---- the environment

    def override(self, path: tuple[str, ...], value: str, variable: str) -> None:
        """Lay the text of an environment variable over a key below this table, before that key is read."""
        values = self._values
        for depth, name in enumerate(path[:-1], start=1):
            if name not in values:
                self._source.overrides[(*self._path, *path[:depth])] = variable
            inner = values.setdefault(name, {})
            if not isinstance(inner, dict):
                return  # the file has no table there, which is a mistake of its own
            values = inner
        values[path[-1]] = value
        self._source.overrides[(*self._path, *path)] = variable

    def origins(self) -> Mapping[str, str]:
        """Every key that was set below this table → its `file:line` or `env NAME`; a list of texts is one key."""
        found: dict[str, str] = {}
        stack: list[tuple[KeyPath, object]] = [(self._path, self._values)]
        while stack:
            path, value = stack.pop()
            if isinstance(value, dict) and (value or path == self._path):
                stack += [((*path, name), inner) for name, inner in reversed(value.items())]
            elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
                stack += [((*path, item), inner) for item, inner in reversed(list(enumerate(value)))]
            else:
                found[dotted(path)] = self._source.origin(path)
        return found

    # ---- inside

    def _look(self, key: str) -> object:
        self._asked[key] = None
        return self._values.get(key, _ABSENT)

    def _get(self, key: str, default: object) -> object:
        value = self._look(key)
        if value is _ABSENT and default is None:
            self.mistake(key, "is missing")
        return value

    def _converted(self, key: str, value: object, kind: type[int] | type[float]) -> object:
        """A number that came as the text of an environment variable."""
        if not self.from_environment(key) or not isinstance(value, str):
            return value
        try:
            return kind(value)
        except ValueError:
            return value

    def _list(self, key: str, default: tuple[str, ...] | None) -> Collection[object]:
        value = self._get(key, default)
        if value is _ABSENT:
            return default or ()
        if self.from_environment(key) and isinstance(value, str):
            return _listed(value)
        if not isinstance(value, list):
            self._source.note_kind((*self._path, key), value, list)
            return default or ()
        if not value and default is None:
            self.mistake(key, "must not be empty")
        return value

    def _text(
        self, path: KeyPath, value: object, check: Check[str] | None, choices: Collection[str], *, empty: bool
    ) -> str:
        if not isinstance(value, str):
            self._source.note_kind(path, value, str)
            return ""
        if not value:
            if not empty:
                self._source.note(path, "must not be empty")
            return value
        if choices and value not in choices:
            near = get_close_matches(value, choices, n=1)
            self._source.note(path, f"must be one of {', '.join(choices)}", f"did you mean {near[0]}?" if near else "")
        elif check is not None and (wrong := check(value)):
            self._source.note(path, wrong)
        return value

    def _parse(self, path: KeyPath, text: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self._source.note(path, str(error))
            return None

    def _within(self, key: str, value: float, minimum: float | None, maximum: float | None) -> float:
        if minimum is not None and value < minimum:
            self.mistake(key, f"must be at least {minimum}")
            return minimum
        if maximum is not None and value > maximum:
            self.mistake(key, f"must be at most {maximum}")
            return maximum
        return value

    def _handed_out(self, path: KeyPath, values: dict[str, object]) -> "Table":
        return self._inner.setdefault(path, Table(self._source, path, values))

    def _unknown(self) -> Iterator[Mistake]:
        for name in self._values:
            if name not in self._asked:
                path = (*self._path, name)
                near = get_close_matches(name, self._asked, n=1)
                known = f"known here: {', '.join(sorted(self._asked))}" if 0 < len(self._asked) <= 8 else ""
                fix = f"did you mean {near[0]}?" if near else known
                yield Mistake(*self._source.where(path), dotted(path), "unknown key", fix)
        for table in self._inner.values():
            yield from table._unknown()


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
