"""Kubeconfig files: merged as kubectl does, and every way to be broken is a Refused that says where."""

import os
from pathlib import Path

import pytest

from fleetkeeper.adapters.kube import kubeconfig
from fleetkeeper.errors import GapReason, Refused
from tests.adapters.kube.kubeconfigs import write
from tests.adapters.kube.server import authority

HEAD = "current-context: {0}\ncontexts: [{{name: {0}, context: {{cluster: k, user: u}}}}]\n"


def test_the_first_file_wins_and_relative_paths_start_at_their_own_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "ca.pem").write_text("PEM", "utf-8")
    one = tmp_path / "a" / "config"
    one.write_text(HEAD.format("first") + "users: [{name: u, user: {token: mine}}]", "utf-8")
    two = tmp_path / "b" / "config"
    two.write_text(
        HEAD.format("second")
        + "users: [{name: u, user: {token: theirs}}]\n"
        + "clusters: [{name: k, cluster: {server: 'https://a', certificate-authority: ca.pem}}]",
        "utf-8",
    )
    paths = os.pathsep.join([str(one), str(tmp_path / "missing"), str(two)])
    context = kubeconfig.load("", {"KUBECONFIG": paths}).context("")
    assert (context.name, context.user.token, context.ca_pem) == ("first", "mine", "PEM")
    assert kubeconfig.load(paths).context("second").user.token == "mine"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path, "https://a", authority().ca, token="one")
    assert kubeconfig.load(str(file)).context("").user.token == "one"
    write(tmp_path, "https://a", authority().ca, token="another")
    assert kubeconfig.load(str(file)).context("").user.token == "another"


BROKEN = {
    "no YAML": ("a: [", "is not valid"),
    "no mapping": ("[1]", "is not valid"),
    "a port instead of a server": ("clusters: [{name: k, cluster: {server: 1}}]", "$.clusters[0].cluster.server"),
    "nothing": ("", "no current context"),
    "no such context": ("current-context: x", "no context 'x'"),
    "no such cluster": (HEAD.format("c"), "names the cluster 'k'"),
    "no such user": (HEAD.format("c") + "clusters: [{name: k}]", "names the user 'u'"),
    "a CA that is no base64": (
        HEAD.format("c") + "users: [{name: u}]\nclusters: [{name: k, cluster: {certificate-authority-data: '!'}}]",
        "not base64",
    ),
    "a CA file that is not there": (
        HEAD.format("c") + "users: [{name: u}]\nclusters: [{name: k, cluster: {certificate-authority: no.pem}}]",
        "cannot be read",
    ),
    "a provider that is gone": (
        HEAD.format("c") + "users: [{name: u, user: {auth-provider: {name: gcp}}}]\nclusters: [{name: k}]",
        "auth-provider 'gcp'",
    ),
    "an exec plug-in without a command": (
        HEAD.format("c") + "users: [{name: u, user: {exec: {apiVersion: v1}}}]\nclusters: [{name: k}]",
        "command",
    ),
}


@pytest.mark.parametrize(("content", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_kubeconfig_says_what_is_wrong(content: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(content, "utf-8")
    with pytest.raises(Refused) as caught:
        kubeconfig.load(str(file)).context("")
    assert caught.value.reason is GapReason.UNAUTHENTICATED
    assert why in caught.value.detail


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no kubeconfig"):
        kubeconfig.load(str(tmp_path / "missing"))


def test_a_plugin_keeps_its_words_and_its_path(tmp_path: Path) -> None:
    plugin = {"env": [{"name": "A", "value": "b"}], "interactiveMode": "Always", "provideClusterInfo": True}
    file = write(tmp_path, "https://a", "PEM", command=["./bin/login", "x"], plugin=plugin)
    found = kubeconfig.load(str(file)).context("c").user.plugin
    assert found
    assert found.command == str(tmp_path / "bin/login")
    assert (found.arguments, found.environment, found.wants_terminal) == (("x",), (("A", "b"),), True)
    assert '"server":"https://a"' in found.cluster


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    file = write(tmp_path, "https://a", authority().ca, token="hush", user={"password": "hush", "username": "me"})
    assert "hush" not in repr(kubeconfig.load(str(file)).context("c"))


def test_an_oidc_token_is_used_as_it_stands(tmp_path: Path) -> None:
    provider = {"name": "oidc", "config": {"id-token": "jwt"}}
    file = write(tmp_path, "https://a", authority().ca, user={"auth-provider": provider})
    assert kubeconfig.load(str(file)).context("c").user.token == "jwt"
