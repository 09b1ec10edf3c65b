"""Has a chart's questions for API versions that the target no longer serves answered with no.

`helm template` answers `.Capabilities.APIVersions.Has "policy/v1beta1"` by all versions that its own Kubernetes library
ever knew, and `--api-versions` only adds to them (helm/helm pkg/chartutil/capabilities.go and pkg/action/install.go at
v3.18.6). A chart would be judged for objects that it never gives to a cluster of the target minor.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path

_HAS = re.compile(rb"""[$\w.]*\.Capabilities\.APIVersions\.Has[ \t]+(["`])([\w./-]+)\1""")
_NO = b"eq 1 2"  # a call with arguments, as the question is: it may stand wherever that stands


@contextmanager
def guarded(folder: Path, gone: Set[str]) -> Iterator[Path]:
    """The chart, or a copy of it where it asks for what is gone. Packed subcharts are left as they are.

    OSError where it cannot be copied.
    """
    answered = _answered(folder, {name.encode() for name in gone})
    if not answered:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-scan-") as temporary:
        copy = Path(temporary) / "chart"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".git"), ignore_dangling_symlinks=True)
        for path, text in answered.items():
            (copy / path).write_bytes(text)
        yield copy


def _answered(folder: Path, gone: Set[bytes]) -> Mapping[Path, bytes]:
    """The templates that ask for what is gone, as they are when told no, by their paths in the chart."""
    found = {}
    for path in folder.glob("**/templates/**/*"):
        try:
            text = path.read_bytes() if path.is_file() else b""
        except OSError:  # Helm has words for it
            continue
        answered = _HAS.sub(lambda question: _NO if question[2] in gone else question[0], text)
        if answered != text:
            found[path.relative_to(folder)] = answered
    return found
