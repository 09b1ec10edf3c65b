"""Reads whatever paths name: each object that matters, and each thing that could not be judged."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path
from typing import IO

from fleetkeeper.adapters.manifests import charts
from fleetkeeper.adapters.manifests.documents import as_utf8
from fleetkeeper.adapters.manifests.files import CHART, Chart, File, Unlistable, Walk
from fleetkeeper.adapters.manifests.read import SMALL, Seen, holds_nothing, read_text
from fleetkeeper.core.chart_capabilities import Capabilities
from fleetkeeper.core.manifests import Cause, Unjudged
from fleetkeeper.core.scan_screen import Screen

STDIN = "-"


@dataclass(slots=True)
class Count:
    """How much was read. files counts charts and standard input too."""

    files: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Where manifests are read from. Charts are rendered for a cluster and a namespace; "" is helm's own default."""

    screen: Screen
    cluster: Capabilities
    namespace: str
    count: Count

    def read(self, paths: Sequence[str]) -> Iterator[Seen]:
        """In the order of the paths, and of names below them."""
        helm = charts.program()
        walk = Walk(renders=helm is not None)
        for path in paths:
            if path == STDIN:
                self.count.files += 1
                yield from self._stream(sys.stdin.buffer, STDIN)
                continue
            for found in walk.find([path]):
                self.count.files += 1
                match found:
                    case File():
                        yield from self._file(found)
                    case Chart():
                        yield from self._chart(helm, found)
                    case Unlistable():
                        yield Unjudged(Cause.UNREADABLE, found.path, 0, f"cannot be read: {found.text}")

    def _file(self, file: File) -> Iterator[Seen]:
        try:
            with FileIO(file.path) as stream:
                text: IO[bytes] = stream
                if stream.seekable():
                    head = stream.read(SMALL)
                    if len(head) < SMALL and holds_nothing(head, self.screen):
                        return
                    stream.seek(0)
                else:
                    text = BufferedReader(stream)
                for seen in self._stream(text, file.path):
                    # The chart was told as a whole: its templates are expected to be none that can be parsed.
                    if not (file.in_chart and isinstance(seen, Unjudged) and seen.cause is Cause.TEMPLATE):
                        yield seen
        except OSError as error:
            yield Unjudged(Cause.UNREADABLE, file.path, 0, f"cannot be read: {error.strerror or type(error).__name__}")

    def _stream(self, stream: IO[bytes], name: str) -> Iterator[Seen]:
        try:
            text = as_utf8(stream)
        except UnicodeError:
            yield Unjudged(Cause.NOT_TEXT, name, 0, "it is no text")
            return
        with text:
            yield from read_text(text, name, self.screen)

    def _chart(self, helm: str | None, chart: Chart) -> Iterator[Seen]:
        folder = Path(chart.folder)
        name = (folder / CHART).as_posix()
        if charts.is_library(folder):
            return
        if helm is None:
            text = "the chart is not rendered: helm is not on the PATH"
            yield Unjudged(Cause.CHART, name, 1, text)
            return
        try:
            rendered = charts.Renderer(helm, self.cluster, self.namespace).render(folder)
        except charts.NotRendered as error:
            yield Unjudged(error.cause, name, 1, f"the chart is not rendered: {error}")
            return
        with rendered:
            sources = charts.Sources(rendered, folder)
            for seen in read_text(rendered, name, self.screen):
                yield sources.locate(seen)
