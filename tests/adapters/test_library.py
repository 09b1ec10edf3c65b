"""The compat folders on disk: the shipped one, overlays on top of it, and every mistake at once."""

from pathlib import Path

import pytest

from fleetkeeper.adapters.library import read_compat, read_folders
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import ConfigError

TAIL = 'confidence = "high"\nsource = "our platform team"\ndate = 2026-11-01\n'


def minor(text: str, end: str) -> str:
    return f"[[minor]]\nminor = {text}\neks_end_of_standard = {end}\n{TAIL}"


def skew(id: str, older: int) -> str:
    names = f'id = "{id}"\ncomponent = "kubelet"\nreference = "kube-apiserver"'
    return f"[[skew]]\n{names}\nolder = {older}\nnewer = 0\n{TAIL}"


def addon(id: str, image: str = "reg.example/acme/app") -> str:
    return f'id = "{id}"\nname = "Acme"\n{TAIL}[detect]\nimages = ["{image}"]\n'


def folder(root: Path, kubernetes: str = "", **addons: str) -> Path:
    (root / "addons").mkdir(parents=True)
    if kubernetes:
        (root / "kubernetes.toml").write_text(kubernetes)
    for stem, text in addons.items():
        (root / "addons" / f"{stem}.toml").write_text(text)
    return root


def mistakes(*folders: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read_folders(folders)
    return [f"{Path(m.file).name}:{m.line} {m.key} {m.message}" for m in refused.value.mistakes]


def test_the_shipped_data_is_read() -> None:
    shipped = read_compat()
    assert len(shipped.addons) >= 54
    assert len(shipped.minors()) >= 20
    assert {"kubelet", "kube-proxy"} <= {row.component for row in shipped.skew}


def test_an_overlay_replaces_the_rows_of_the_same_id_and_adds_its_own(tmp_path: Path) -> None:
    rows = minor('"1.36"', "2030-01-01") + minor('"1.99"', "2031-01-01") + skew("kubelet", 1)
    own = folder(tmp_path / "own", rows, coredns=addon("coredns", "reg.example/dns/core"), acme=addon("acme"))
    shipped, laid_over = read_compat(), read_compat((own,))
    row = laid_over.minor_row(Minor(1, 36))
    assert row is not None
    assert str(row.eks_end_of_standard) == "2030-01-01"
    assert row.eks_release is None  # the whole row is replaced, not merged
    assert row.source.file == str(own / "kubernetes.toml")
    assert set(laid_over.minors()) == {*shipped.minors(), Minor(1, 99)}
    assert [r.older for r in laid_over.skew if r.id == "kubelet"] == [1]
    assert {a.id for a in laid_over.addons} == {a.id for a in shipped.addons} | {"acme"}
    assert laid_over.claim_of_image("quay.io/x/eks/coredns:v1") is None
    claim = laid_over.claim_of_image("reg.example/dns/core:v1")
    assert claim is not None
    assert claim.addon == "coredns"


def test_a_later_overlay_goes_over_an_earlier_one(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", minor('"1.36"', "2030-01-01"))
    two = folder(tmp_path / "two", minor('"1.36"', "2031-01-01"))
    row = read_folders((one, two)).minor_row(Minor(1, 36))
    assert row is not None
    assert str(row.eks_end_of_standard) == "2031-01-01"


def test_an_overlay_may_hold_any_part(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert read_folders((tmp_path / "empty",)).addons == ()


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    own = folder(
        tmp_path / "own",
        minor("1.30", "2030-01-01")
        + minor('"1.31"', '"2030-01-01"')
        + minor('"1.32"', "2030-01-01").replace("[[minor]]", "[[minors]]"),
        acme=addon("acme", "acme/app"),
        wrong=addon("other", "reg.example/other/app"),
        broken="id = ",
    )
    (own / "apis.tml.toml").write_text("")
    told = mistakes(own, tmp_path / "absent")
    assert len(told) == 8
    for part in (
        "kubernetes.toml:2 ",
        "kubernetes.toml:9 ",
        "kubernetes.toml:13 minors",
        "acme.toml:7 ",
        "wrong.toml:1 id must be the name of the file, wrong",
        "broken.toml:1 ",
        "apis.tml.toml:0 ",
        "absent:0  is not a folder",
    ):
        assert [line for line in told if line.startswith(part)], (part, told)


def test_a_row_may_stand_once_in_a_file(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", minor('"1.36"', "2030-01-01") * 2)
    assert mistakes(own) == ["kubernetes.toml:8 minor[1].minor 1.36 is there twice"]


def test_a_trace_that_another_addon_has_is_a_mistake_of_the_overlay(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", acme=addon("acme", "reg.example/eks/coredns"))
    with pytest.raises(ConfigError, match=r"acme\.toml:7.*claimed by coredns too"):
        read_compat((own,))
