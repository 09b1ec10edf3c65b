"""Reading the rows of what minors change: whole rows, every mistake with its line, and what the indexes find."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import pytest

from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.behaviours import Detector
from fleetkeeper.core.compat import ApiRow, BehaviourRow, Compat, Confidence, Source, ThirdPartyApiRow
from fleetkeeper.core.compat_rows_apis import api_row, behaviour_row, third_party_row
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.documents import Table, parse
from fleetkeeper.errors import ConfigError

SOURCE = Source("a page", date(2026, 1, 1), Confidence.HIGH, "x.toml")
TAIL = 'confidence = "high"\nsource = "a page"\ndate = 2026-01-01\n'
API = {
    "group": '"policy"',
    "version": '"v1beta1"',
    "kind": '"PodDisruptionBudget"',
    "resource": '"poddisruptionbudgets"',
    "introduced": '"1.5"',
    "deprecated": '"1.21"',
    "removed": '"1.25"',
    "replacement": '"policy/v1 PodDisruptionBudget"',
    "available": '"1.21"',
}
THIRD_PARTY = {
    "project": '"cert-manager"',
    "group": '"cert-manager.io"',
    "version": '"v1alpha2"',
    "kinds": '["Certificate", "Issuer"]',
    "deprecated_in": '"1.4.0"',
    "removed_in": '"1.6.0"',
    "replacement": '"cert-manager.io/v1"',
}
BEHAVIOUR = {"id": '"ipvs"', "minor": '"1.35"', "type": '"deprecated"', "text": '"ipvs goes"', "check": '"ipvs"'}


Row = TypeVar("Row")


def read(reader: Callable[[Table], Row | None], name: str, values: dict[str, str]) -> Row:
    """One row of a document whose line 2 is the first value's."""
    lines = "\n".join(f"{key} = {value}" for key, value in values.items())
    root = parse(f"[[{name}]]\n{lines}\n{TAIL}", "x.toml")
    (row,) = [reader(table) for table in root.tables(name)]
    root.finish()
    assert row is not None
    return row


def read_api(**changes: str | None) -> ApiRow:
    return read(api_row, "api", changed(API, changes))


def changed(values: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """A change keeps its line, None takes the key out, a new key is the last."""
    return {key: value for key, value in ({**values, **changes}).items() if value is not None}


def mistakes(reader: Callable[[Table], object], name: str, values: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(reader, name, values)
    return [str(mistake) for mistake in refused.value.mistakes]


def test_an_api_is_read_whole() -> None:
    assert read_api(note='"a note"', served_by_default="false", virtual="true", scheduled="true") == ApiRow(
        group="policy",
        version="v1beta1",
        kind="PodDisruptionBudget",
        resource="poddisruptionbudgets",
        source=SOURCE,
        introduced=Minor(1, 5),
        deprecated=Minor(1, 21),
        removed=Minor(1, 25),
        replacement=("policy", "v1", "PodDisruptionBudget"),
        available=Minor(1, 21),
        served_by_default=False,
        virtual=True,
        scheduled=True,
        note="a note",
    )


def test_an_api_says_little_where_little_is_known() -> None:
    core = read_api(group='""', version='"v1"', replacement='"v1 Node"', introduced=None, removed=None, available=None)
    assert (core.api_version, core.replacement) == ("v1", ("", "v1", "Node"))
    assert (core.introduced, core.removed, core.available) == (None, None, None)
    assert (core.served_by_default, core.virtual, core.scheduled, core.note) == (True, False, False, "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"group": None}, 'x.toml:1: api[0].group: is missing — write "" for', id="no group"),
        pytest.param({"group": '"Policy"'}, "x.toml:2: api[0].group: must be an API group", id="a group that is none"),
        pytest.param({"version": '"1.25"'}, "x.toml:3: api[0].version: must be an API version", id="a minor for it"),
        pytest.param({"version": None}, "x.toml:1: api[0].version: is missing", id="no version"),
        pytest.param({"kind": '"pdb"'}, "x.toml:4: api[0].kind: must be one kind", id="a kind in lower case"),
        pytest.param({"kind": '"Pod/Node"'}, "x.toml:4: api[0].kind: must be one kind", id="two kinds"),
        pytest.param({"kind": None}, "x.toml:1: api[0].kind: is missing", id="no kind"),
        pytest.param({"resource": '"Budgets"'}, "x.toml:5: api[0].resource: must be a plural", id="a wrong plural"),
        pytest.param({"resource": None}, "x.toml:1: api[0].resource: is missing", id="no plural"),
        pytest.param({"introduced": '"1.x"'}, "x.toml:6: api[0].introduced: '1.x' is not a", id="a wrong beginning"),
        pytest.param({"deprecated": '"v1.21"'}, "x.toml:7: api[0].deprecated: 'v1.21' is not a", id="a minor with v"),
        pytest.param({"removed": "1.30"}, "x.toml:8: api[0].removed: must be", id="an unquoted minor, read as 1.3"),
        pytest.param({"removed": '"1.25.0"'}, "x.toml:8: api[0].removed: '1.25.0' is not a", id="a patch"),
        pytest.param(
            {"removed": '"1.20"'}, "x.toml:8: api[0].removed: must come after deprecated", id="gone before deprecated"
        ),
        pytest.param(
            {"removed": '"1.21"'}, "x.toml:8: api[0].removed: must come after deprecated", id="gone when deprecated"
        ),
        pytest.param(
            {"deprecated": '"1.4"'}, "x.toml:7: api[0].deprecated: must come after introduced", id="old when young"
        ),
        pytest.param(
            {"deprecated": None, "removed": '"1.4"'},
            "x.toml:7: api[0].removed: must come after introduced",
            id="gone before it came",
        ),
        pytest.param(
            {"replacement": '"policy/v1"'},
            "x.toml:9: api[0].replacement: 'policy/v1' is",
            id="no kind in it",
        ),
        pytest.param(
            {"replacement": '"use something else"'},
            "x.toml:9: api[0].replacement: 'use",
            id="a replacement of words",
        ),
        pytest.param(
            {"replacement": '"policy/v1beta1 PodDisruptionBudget"'},
            "x.toml:9: api[0].replacement: is the API itself",
            id="its own successor",
        ),
        pytest.param(
            {"replacement": None}, "x.toml:9: api[0].available: stands without replacement", id="nothing is available"
        ),
        pytest.param({"available": "1.21"}, "x.toml:10: api[0].available: must be", id="an unquoted minor elsewhere"),
        pytest.param(
            {"removed": None, "scheduled": "true"},
            "x.toml:10: api[0].scheduled: stands without removed",
            id="a schedule of nothing",
        ),
        pytest.param(
            {"deprecated": None, "removed": None, "replacement": None, "available": None},
            "x.toml:1: api[0]: says of its API neither that it is deprecated nor that it goes",
            id="an API like any other",
        ),
        pytest.param({"virtual": '"yes"'}, "x.toml:11: api[0].virtual: must be", id="a word for a truth"),
        pytest.param({"note": '""'}, "x.toml:11: api[0].note: must not be empty", id="an empty note"),
        pytest.param({"removed_in": '"1.25"'}, "x.toml:11: api[0].removed_in: unknown key", id="an unknown key"),
    ],
)
def test_an_api_is_refused_for(changes: dict[str, str | None], told: str) -> None:
    (mistake,) = mistakes(api_row, "api", changed(API, changes))
    assert mistake.startswith(told)


def test_an_addons_api_is_read_whole() -> None:
    assert read(third_party_row, "third_party", {**THIRD_PARTY, "note": '"a note"'}) == ThirdPartyApiRow(
        project="cert-manager",
        group="cert-manager.io",
        version="v1alpha2",
        kinds=("Certificate", "Issuer"),
        replacement="cert-manager.io/v1",
        source=SOURCE,
        deprecated_in=Version.parse("1.4.0"),
        removed_in=Version.parse("1.6.0"),
        note="a note",
    )


def test_an_addons_api_may_go_with_the_release_that_deprecates_it() -> None:
    row = read(third_party_row, "third_party", {**THIRD_PARTY, "deprecated_in": '"1.6.0"'})
    assert row.deprecated_in == row.removed_in


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"project": '"Cert Manager"'}, "x.toml:2: third_party[0].project: must be", id="no addon's id"),
        pytest.param({"project": None}, "x.toml:1: third_party[0].project: is missing", id="no project"),
        pytest.param({"group": '""'}, "x.toml:3: third_party[0].group: must not be empty", id="the core group"),
        pytest.param({"version": '"v1/v2"'}, "x.toml:4: third_party[0].version: must be", id="two versions"),
        pytest.param({"kinds": '["*"]'}, "x.toml:5: third_party[0].kinds[0]: must be one kind", id="every kind"),
        pytest.param({"kinds": "[]"}, "x.toml:5: third_party[0].kinds: must not be empty", id="no kind"),
        pytest.param({"kinds": '["A", "A"]'}, "x.toml:5: third_party[0].kinds[1]: A is listed twice", id="one twice"),
        pytest.param({"deprecated_in": '"soon"'}, "x.toml:6: third_party[0].deprecated_in: 'soon'", id="no version"),
        pytest.param(
            {"removed_in": '"1.3.9"'},
            "x.toml:7: third_party[0].removed_in: must not come before deprecated_in",
            id="gone before deprecated",
        ),
        pytest.param({"replacement": None}, "x.toml:1: third_party[0].replacement: is missing", id="no successor"),
        pytest.param({"kind": '"A"'}, "x.toml:9: third_party[0].kind: unknown key", id="an unknown key"),
    ],
)
def test_an_addons_api_is_refused_for(changes: dict[str, str | None], told: str) -> None:
    (mistake,) = mistakes(third_party_row, "third_party", changed(THIRD_PARTY, changes))
    assert mistake.startswith(told)


def test_a_change_is_read_whole() -> None:
    row = read(behaviour_row, "behaviour", {**BEHAVIOUR, "key": '"example.io/label"'})
    assert row == BehaviourRow(
        "ipvs", Minor(1, 35), "deprecated", "ipvs goes", SOURCE, Detector.IPVS, "example.io/label"
    )
    plain = read(behaviour_row, "behaviour", changed(BEHAVIOUR, {"check": None}))
    assert (plain.check, plain.key) == ("", "")


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("role", id="a bare name"),
        pytest.param("example.io/a_b.c", id="a name of a domain"),
        pytest.param("alpha.example.io/", id="all names of a domain"),
    ],
)
def test_a_key_may_be(key: str) -> None:
    assert read(behaviour_row, "behaviour", {**BEHAVIOUR, "key": f'"{key}"'}).key == key


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"id": '"IPVS mode"'}, "x.toml:2: behaviour[0].id: must be", id="an id of words"),
        pytest.param({"id": None}, "x.toml:1: behaviour[0].id: is missing", id="no id"),
        pytest.param({"minor": "1.30"}, "x.toml:3: behaviour[0].minor: must be", id="an unquoted minor, read as 1.3"),
        pytest.param({"minor": '"1.35.1"'}, "x.toml:3: behaviour[0].minor: '1.35.1' is not a", id="a patch"),
        pytest.param({"type": '"remove"'}, "x.toml:4: behaviour[0].type: must be one of", id="an unknown type"),
        pytest.param({"text": None}, "x.toml:1: behaviour[0].text: is missing", id="no text"),
        pytest.param({"check": '"ipv"'}, "x.toml:6: behaviour[0].check: must be one of", id="an unknown check"),
        pytest.param({"key": '"a b"'}, "x.toml:7: behaviour[0].key: must be a label", id="a key of words"),
        pytest.param({"key": '"a/b/"'}, "x.toml:7: behaviour[0].key: must be a label", id="a key of three parts"),
        pytest.param({"scope": '"eks"'}, "x.toml:7: behaviour[0].scope: unknown key", id="an unknown key"),
    ],
)
def test_a_change_is_refused_for(changes: dict[str, str | None], told: str) -> None:
    (mistake,) = mistakes(behaviour_row, "behaviour", changed(BEHAVIOUR, changes))
    assert mistake.startswith(told)


def test_a_misspelt_detector_is_told_the_nearest() -> None:
    (mistake,) = mistakes(behaviour_row, "behaviour", {**BEHAVIOUR, "check": '"gitrepo-volumes"'})
    assert mistake.endswith("did you mean gitrepo-volume?")


@pytest.mark.parametrize("name", ["api", "third_party", "behaviour"])
@pytest.mark.parametrize("key", ["confidence", "source", "date"])
def test_every_row_says_where_it_is_from(name: str, key: str) -> None:
    readers: dict[str, tuple[Callable[[Table], object], dict[str, str]]] = {
        "api": (api_row, API),
        "third_party": (third_party_row, THIRD_PARTY),
        "behaviour": (behaviour_row, BEHAVIOUR),
    }
    reader, values = readers[name]
    lines = [f"{each} = {value}" for each, value in values.items()]
    lines += [line for line in TAIL.splitlines() if not line.startswith(key)]
    root = parse("\n".join([f"[[{name}]]", *lines]), "x.toml")
    for table in root.tables(name):
        reader(table)
    assert [str(mistake) for mistake in root.mistakes()] == [f"x.toml:1: {name}[0].{key}: is missing"]


# ---- the indexes

SCALE = read_api(
    group='"apps"', kind='"Scale"', resource='"deployments"', replacement=None, available=None, virtual="true"
)
DEPLOYMENT = read_api(group='"apps"', kind='"Deployment"', resource='"deployments"', replacement=None, available=None)


def test_a_plural_finds_the_kind_that_is_stored_before_the_bodies_of_its_subresources() -> None:
    for rows in ((SCALE, DEPLOYMENT), (DEPLOYMENT, SCALE)):
        compat = Compat(apis=Apis(rows))
        assert compat.api_of_resource("apps", "v1beta1", "deployments") is DEPLOYMENT
        assert compat.api("apps", "v1beta1", "Scale") is SCALE
    assert Compat(apis=Apis((SCALE,))).api_of_resource("apps", "v1beta1", "deployments") is SCALE
    assert Compat().api_of_resource("apps", "v1beta1", "deployments") is None


def test_an_addons_api_is_found_by_each_of_its_kinds() -> None:
    row = read(third_party_row, "third_party", THIRD_PARTY)
    compat = Compat(apis=Apis(third_party=(row,)))
    found = [compat.third_party_api("cert-manager.io", "v1alpha2", kind) for kind in ("Certificate", "Issuer", "Order")]
    assert found == [row, row, None]
