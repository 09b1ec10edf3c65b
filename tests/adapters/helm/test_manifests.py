"""Manifests of releases: renamed without another change, and compared without secrets."""

import pytest
import yaml

from fleetkeeper.adapters.helm import documents
from fleetkeeper.adapters.helm.manifests import compared, renamed, secrets_of
from fleetkeeper.errors import InvalidAnswer

BUDGET = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: front\n"


def new_version(old: str, kind: str) -> str:
    return "policy/v1" if (old, kind) == ("policy/v1beta1", "PodDisruptionBudget") else ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f"---\n# Source: web/a.yaml\n{BUDGET}",
            f"---\n# Source: web/a.yaml\n{BUDGET.replace('v1beta1', 'v1')}",
            id="plain",
        ),
        pytest.param(
            'kind: PodDisruptionBudget\n"apiVersion": "policy/v1beta1" # old\n',
            'kind: PodDisruptionBudget\n"apiVersion": "policy/v1" # old\n',
            id="in quotes, with a comment",
        ),
        pytest.param(
            "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\n",
            "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\n",
            id="not another kind of the same version",
        ),
        pytest.param("---\n---\n# nothing\n", "---\n---\n# nothing\n", id="nothing"),
        pytest.param(
            "kind: List\napiVersion: v1\nitems:\n- apiVersion: policy/v1beta1\n  kind: PodDisruptionBudget\n",
            "kind: List\napiVersion: v1\nitems:\n- apiVersion: policy/v1\n  kind: PodDisruptionBudget\n",
            id="in a list",
        ),
    ],
)
def test_only_the_version_changes(before: str, after: str) -> None:
    assert renamed(before, new_version) == after


@pytest.mark.parametrize(
    "document",
    [
        pytest.param('{"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget"}', id="JSON"),
        pytest.param(
            f"{BUDGET}data:\n  text: |\n    apiVersion: policy/v1beta1\n", id="the same words inside one of its texts"
        ),
        pytest.param(
            "kind: List\napiVersion: v1\nitems:\n"
            "- {apiVersion: policy/v1beta1, kind: PodDisruptionBudget}\n"
            "- {apiVersion: policy/v1beta1, kind: PodSecurityPolicy}\n",
            id="beside another of the same version",
        ),
    ],
)
def test_what_cannot_be_renamed_in_its_text_is_written_anew(document: str) -> None:
    before, after = yaml.safe_load(document), yaml.safe_load(renamed(f"---\n{document}", new_version))
    wanted = before["items"][0] if "items" in before else before
    wanted["apiVersion"] = "policy/v1"
    assert after == before


def test_what_is_no_yaml_is_told() -> None:
    with pytest.raises(InvalidAnswer, match="no YAML"):
        renamed("a: [", new_version)


def test_an_object_is_the_same_under_another_version_and_secrets_are_hidden() -> None:
    secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: %s}\n"
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {args: [%s]}\n"
    before = f"---\n{BUDGET}{secret % 'first-pass'}{pod % 'first-pass'}"
    after = f"---\n{BUDGET.replace('v1beta1', 'v1')}{secret % 'other-pass'}{pod % 'other'}"
    found = compared(before, after, "web", lambda text: text.replace("first-pass", "***"))
    assert found.changed == ("Pod web/one", "Secret web/login", "PodDisruptionBudget web/front")
    assert (found.new, found.gone) == ((), ())
    assert "first-pass" not in found.text
    assert "other-pass" not in found.text
    assert "-apiVersion: policy/v1beta1\n+apiVersion: policy/v1\n" in found.text


def test_the_texts_under_names_that_sound_like_secrets() -> None:
    values = {"db": {"password": "hunter22", "host": "db.example"}, "tokens": ["abcdef", "x"], "replicas": 3}
    assert sorted(secrets_of(values)) == ["abcdef", "hunter22"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("=", "=", id="an equals sign, as in the enums of Prometheus"),
        pytest.param("12:30", "12:30", id="a time"),
        pytest.param("2026-11-21", "2026-11-21", id="a day"),
        pytest.param("0x1f", 31, id="hexadecimal"),
        pytest.param("0644", 420, id="octal"),
        pytest.param("-1_000", -1000, id="a negative number"),
        pytest.param("1.5e3", 1500.0, id="a float"),
        pytest.param("1e3", 1000.0, id="a float without a dot"),
        pytest.param("1.2.3", "1.2.3", id="a version"),
        pytest.param("on", True, id="a word for true"),
        pytest.param("~", None, id="nothing"),
    ],
)
def test_yaml_is_read_as_helm_reads_it(text: str, value: object) -> None:
    assert documents.load(f"a: {text}") == {"a": value}
    assert documents.load(documents.dump({"a": value})) == {"a": value}
