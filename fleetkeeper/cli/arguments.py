"""Arguments that several commands take alike: a minor, and the file of a baseline. Mistakes are UsageErrors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fleetkeeper.cli.output import say
from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.reports.baseline import Kept
    from fleetkeeper.core.reports.rows import Known
    from fleetkeeper.core.versions import Minor


def minor(option: str, text: str) -> "Minor":
    """The minor that an option names, such as 1.36."""
    from fleetkeeper.core.compat_rows import exact_minor

    try:
        return exact_minor(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def read_known(file: Path | None) -> "Known":
    """What the file of --baseline has; nothing without one."""
    from fleetkeeper.core.reports.baseline import read_baseline

    if file is None:
        return frozenset()
    try:
        return read_baseline(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--baseline {file}: {getattr(error, 'strerror', None) or 'it is no text'}") from error


def write_baseline(file: Path, found: Sequence["Kept"]) -> None:
    """Write the file of --write-baseline, and say so."""
    from fleetkeeper.core.reports.baseline import baseline_text

    try:
        file.write_text(baseline_text(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--write-baseline {file}: {error.strerror}") from error
    say(f"Wrote {len(found)} finding{'' if len(found) == 1 else 's'} to {file}.")
