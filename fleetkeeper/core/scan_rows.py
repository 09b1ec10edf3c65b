"""What a scan found as flat rows, which JSON, YAML and the other formats are made of."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from fleetkeeper.core.finding import Severity, Subject
from fleetkeeper.core.reports.rows import Known
from fleetkeeper.core.scan import Located
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One finding at one place. line 0 is the whole file; key is `group/version/Kind`, or why it was not judged."""

    fingerprint: str
    file: str
    line: int
    code: str
    severity: Severity
    blocks: bool
    key: str
    kind: str
    namespace: str
    name: str
    message: str
    fix: str
    breaks: str
    minor: str
    is_known: bool = False  # it stands in the baseline

    @property
    def arn(self) -> str:
        """Where it stands, as a baseline keeps it: an object known in one file may be new in another."""
        return self.file

    @property
    def about(self) -> str:
        return str(Subject(self.kind, self.name, self.namespace))

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def fails(self) -> bool:
        """Whether it counts for the exit code."""
        return self.blocks and not self.is_known


@dataclass(frozen=True)
class Report:
    """A whole scan. files counts what was read: files, charts, standard input. Without slots, for it keeps counts."""

    target: Minor
    source: Minor | None
    rows: tuple[ScanRow, ...]
    files: int

    @property
    def failing(self) -> tuple[ScanRow, ...]:
        return tuple(row for row in self.rows if row.fails)

    @property
    def is_partial(self) -> bool:
        """Whether something was not judged that no baseline has."""
        return any(row.severity is Severity.UNKNOWN for row in self.failing)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """By severity; every severity is there."""
        counted = Counter(row.severity for row in self.rows)
        return {each.value: counted[each] for each in Severity}


def scan_rows(found: Iterable[Located], known: Known = frozenset()) -> tuple[ScanRow, ...]:
    """In the order found. known holds (file, fingerprint) of a baseline."""
    return tuple(_row(each, known) for each in found)


def _row(located: Located, known: Known) -> ScanRow:
    finding, subject = located.finding, located.finding.subject
    return ScanRow(
        fingerprint=finding.fingerprint,
        file=located.file,
        line=located.line,
        code=finding.code,
        severity=finding.severity,
        blocks=finding.blocks,
        key=finding.key,
        kind=subject.kind,
        namespace=subject.namespace,
        name=subject.name,
        message=finding.message,
        fix=finding.fix,
        breaks=finding.breaks.value,
        minor=str(finding.minor or ""),
        is_known=(located.file, finding.fingerprint) in known,
    )
