"""Paths become judged findings: the small part of `wiring` that `scan` needs, so that a commit hook starts at once.

`wiring` imports the clouds and the database, which takes a second; a scan touches neither.
"""

from collections.abc import Sequence
from pathlib import Path

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.manifests.source import Count, Source
from fleetkeeper.core.chart_capabilities import capabilities
from fleetkeeper.core.reports.rows import Known
from fleetkeeper.core.scan import Scope, judge, names_that_matter
from fleetkeeper.core.scan_rows import Report, scan_rows
from fleetkeeper.core.scan_screen import Screen


def scan(paths: Sequence[str], scope: Scope, overlays: Sequence[Path], known: Known) -> Report:
    """Judge what the paths hold by the shipped rows with the operator's folders over them."""
    apis = read_compat(overlays).apis
    count = Count()
    screen = Screen(names_that_matter(apis, scope.target))
    source = Source(screen, capabilities(apis, scope.target), scope.namespace, count)
    rows = scan_rows(judge(source.read(paths), scope, apis), known)
    return Report(scope.target, scope.source, rows, count.files)
