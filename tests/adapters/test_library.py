"""The compat folders on disk: the shipped one, overlays on top of it, and every mistake at once."""

import re
from pathlib import Path

import pytest

from fleetkeeper.adapters.library import read_compat, read_folders
from fleetkeeper.core.behaviours import Detector
from fleetkeeper.core.versions import Minor
from fleetkeeper.data import data_path
from fleetkeeper.errors import ConfigError

TAIL = 'confidence = "high"\nsource = "our platform team"\ndate = 2026-11-01\n'


def minor(text: str, end: str) -> str:
    return f"[[minor]]\nminor = {text}\neks_end_of_standard = {end}\n{TAIL}"


def skew(id: str, older: int) -> str:
    names = f'id = "{id}"\ncomponent = "kubelet"\nreference = "kube-apiserver"'
    return f"[[skew]]\n{names}\nolder = {older}\nnewer = 0\n{TAIL}"


def addon(id: str, image: str = "reg.example/acme/app") -> str:
    return f'id = "{id}"\nname = "Acme"\n{TAIL}[detect]\nimages = ["{image}"]\n'


def api(kind: str, removed: str, version: str = "v1beta1") -> str:
    names = f'group = "policy"\nversion = "{version}"\nkind = "{kind}"\nresource = "{kind.lower()}s"'
    return f"[[api]]\n{names}\nremoved = {removed}\n{TAIL}"


def third_party(kinds: str, removed: str, project: str = "acme") -> str:
    names = f'project = "{project}"\ngroup = "acme.io"\nversion = "v1beta1"\nkinds = {kinds}'
    return f'[[third_party]]\n{names}\nremoved_in = "{removed}"\nreplacement = "acme.io/v1"\n{TAIL}'


def behaviour(id: str, minor: str = '"1.35"', text: str = "it goes") -> str:
    return f'[[behaviour]]\nid = "{id}"\nminor = {minor}\ntype = "removed"\ntext = "{text}"\n{TAIL}'


def folder(root: Path, kubernetes: str = "", *, apis: str = "", behaviours: str = "", **addons: str) -> Path:
    (root / "addons").mkdir(parents=True)
    for name, text in (("kubernetes", kubernetes), ("apis", apis), ("behaviours", behaviours)):
        if text:
            (root / f"{name}.toml").write_text(text)
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
    assert len(shipped.apis.rows) >= 123
    assert len(shipped.apis.third_party) >= 38
    assert len(shipped.behaviours) >= 52
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


def test_the_examples_of_the_readme_are_read(tmp_path: Path) -> None:
    readme = (data_path("compat") / "README.md").read_text("utf-8")
    examples = [part.partition("```")[0] for part in readme.split("```toml\n")[1:]]
    whole = [re.sub(r"(?m)^(?=\n\[\[|\Z)", TAIL, text) for text in examples]
    apis = "\n".join(text for text in whole if "[[api]]" in text or "[[third_party]]" in text)
    behaviours = "\n".join(text for text in whole if "[[behaviour]]" in text)
    compat = read_folders((folder(tmp_path / "own", apis=apis, behaviours=behaviours),))
    read = (compat.apis.rows, compat.apis.third_party, compat.behaviours)
    assert [len(rows) for rows in read] == [1, 1, 2]
    shipped = read_compat()
    assert {row.id for row in compat.behaviours} <= {row.id for row in shipped.behaviours}
    known = shipped.api("policy", "v1beta1", "PodDisruptionBudget")
    assert known is not None
    assert [row.removed for row in compat.apis.rows] == [known.removed]
    assert [each for each in Detector if f"`{each}`" not in readme] == []


def test_a_later_overlay_goes_over_an_earlier_one(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", minor('"1.36"', "2030-01-01"))
    two = folder(tmp_path / "two", minor('"1.36"', "2031-01-01"))
    row = read_folders((one, two)).minor_row(Minor(1, 36))
    assert row is not None
    assert str(row.eks_end_of_standard) == "2031-01-01"


def test_an_overlay_replaces_the_api_of_the_same_group_version_and_kind(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", apis=api("PodSecurityPolicy", '"1.99"') + api("Widget", '"1.98"'))
    shipped, laid_over = read_compat(), read_compat((own,))
    row = laid_over.api("policy", "v1beta1", "PodSecurityPolicy")
    assert row is not None
    assert (str(row.removed), row.note, row.source.file) == ("1.99", "", str(own / "apis.toml"))
    assert laid_over.api_of_resource("policy", "v1beta1", "widgets") is not None
    assert len(laid_over.apis.rows) == len(shipped.apis.rows) + 1
    assert laid_over.apis.third_party == shipped.apis.third_party


def test_an_overlay_replaces_the_change_of_the_same_id(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", behaviours=behaviour("al2-gone", text="ours") + behaviour("of-ours"))
    shipped, laid_over = read_compat(), read_compat((own,))
    assert [(row.text, row.check) for row in laid_over.behaviours if row.id == "al2-gone"] == [("ours", "")]
    assert {row.id for row in laid_over.behaviours} == {row.id for row in shipped.behaviours} | {"of-ours"}


def test_an_overlay_replaces_the_kinds_of_an_addons_api_that_it_names(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", apis=third_party('["A", "B"]', "1.0.0") + third_party('["C"]', "1.1.0"))
    two = folder(tmp_path / "two", apis=third_party('["A"]', "2.0.0", "other") + third_party('["C"]', "2.0.0"))
    three = folder(tmp_path / "three", apis=third_party('["B"]', "3.0.0"))
    compat = read_folders((one, two, three))
    found = [compat.third_party_api("acme.io", "v1beta1", kind) for kind in ("A", "B", "C")]
    assert [(row.project, str(row.removed_in)) for row in found if row] == [
        ("other", "2.0.0"),
        ("acme", "3.0.0"),
        ("acme", "2.0.0"),
    ]
    assert len(compat.apis.third_party) == 3  # the row of A and B is gone with the last of its kinds


def test_what_an_overlay_takes_wins_wherever_the_older_row_stands(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", apis=third_party('["A", "B"]', "1.0.0"))
    two = folder(tmp_path / "two", apis=third_party('["A"]', "2.0.0"))
    compat = read_folders((one, two))
    found = [compat.third_party_api("acme.io", "v1beta1", kind) for kind in ("A", "B")]
    assert [str(row.removed_in) for row in found if row] == ["2.0.0", "1.0.0"]
    assert [row.kinds for row in compat.apis.third_party] == [("A",), ("B",)]


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


@pytest.mark.parametrize(
    ("apis", "behaviours", "told"),
    [
        pytest.param(
            api("Widget", '"1.25"') * 2,
            "",
            "apis.toml:13 api[1].kind policy/v1beta1 Widget is there twice",
            id="an API",
        ),
        pytest.param(
            third_party('["A", "B"]', "1.0.0") + third_party('["B"]', "1.1.0", "other"),
            "",
            "apis.toml:15 third_party[1].kinds acme.io/v1beta1 B is there twice",
            id="a kind of an addon's API",
        ),
        pytest.param(
            "",
            behaviour("a") + behaviour("a", '"1.36"'),
            "behaviours.toml:10 behaviour[1].id a is there twice",
            id="a change",
        ),
    ],
)
def test_in_a_file_there_may_be_only_once(tmp_path: Path, apis: str, behaviours: str, told: str) -> None:
    assert mistakes(folder(tmp_path / "own", apis=apis, behaviours=behaviours)) == [told]


def test_the_same_kind_may_stand_once_for_each_of_its_versions(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", apis=api("Widget", '"1.25"') + api("Widget", '"1.26"', "v1beta2"))
    assert len(read_folders((own,)).apis.rows) == 2


def test_mistakes_of_all_kinds_of_rows_are_told_with_their_lines(tmp_path: Path) -> None:
    own = folder(
        tmp_path / "own",
        apis=api("Widget", "1.30") + third_party('["*"]', "1.0.0").replace("replacement", "successor"),
        behaviours=behaviour("a", "1.30") + behaviour("b").replace("[[behaviour]]", "[[behavior]]"),
    )
    told = mistakes(own)
    assert len(told) == 6
    for part in (
        "apis.toml:6 api[0].removed ",
        "apis.toml:10 third_party[0].replacement is missing",
        "apis.toml:14 third_party[0].kinds[0] ",
        "apis.toml:16 third_party[0].successor unknown key",
        "behaviours.toml:3 behaviour[0].minor ",
        "behaviours.toml:9 behavior",
    ):
        assert [line for line in told if line.startswith(part)], (part, told)


def test_a_trace_that_another_addon_has_is_a_mistake_of_the_overlay(tmp_path: Path) -> None:
    own = folder(tmp_path / "own", acme=addon("acme", "reg.example/eks/coredns"))
    with pytest.raises(ConfigError, match=r"acme\.toml:7.*claimed by coredns too"):
        read_compat((own,))
