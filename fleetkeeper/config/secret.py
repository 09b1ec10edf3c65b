"""A secret of the settings, and where it came from."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never shown; origin is `env NAME` or `file PATH`."""

    value: str = field(repr=False)
    origin: str = ""
