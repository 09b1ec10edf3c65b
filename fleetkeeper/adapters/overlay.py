"""The operator's own folder of compat data: what EKS's answer would change in it, and the writing of that."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core.compat_update import Edit, Offer, addon_text, changed_minors, changed_spans, kubernetes_edit
from fleetkeeper.data import data_path
from fleetkeeper.errors import UsageError


def refuse_shipped(folder: Path) -> None:
    """UsageError for the folder of this installation, which the next release replaces."""
    if folder.resolve().is_relative_to(data_path("compat").resolve()):
        raise UsageError(f"{folder} is what is shipped, which the next release replaces: name a folder of your own")


def propose(folder: Path, others: Sequence[Path], offer: Offer) -> tuple[Edit, ...]:
    """The files of a folder that an answer of EKS changes; others are the folders that it lies over.

    Raises ConfigError when what counts now, or what would count then, is not good.
    """
    below = (*others, folder) if folder.is_dir() else tuple(others)
    compat = read_compat(below)
    edits = []
    if minors := changed_minors(compat, offer):
        edits.append(kubernetes_edit(_text(folder / "kubernetes.toml"), minors))
    for row in compat.addons:
        if found := changed_spans(row, offer):
            text = _text(Path(row.source.file))
            edits.append(Edit(f"addons/{row.id}.toml", text, addon_text(text, found, offer)))
    with TemporaryDirectory() as trial:
        write(Path(trial), edits)
        read_compat((*below, Path(trial)))
    return tuple(edits)


def write(folder: Path, edits: Sequence[Edit]) -> None:
    """Put the files into the folder, each as a whole or not at all."""
    for edit in edits:
        path = folder / edit.name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(edit.after, encoding="utf-8")
        beside.replace(path)


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
