"""Running helm: its environment, its kubeconfig, its bounds and its end, with everything that it started."""

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from fleetkeeper.adapters.helm import program
from fleetkeeper.adapters.kube.connection import Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.errors import GapReason, ReadError
from tests.waiting import wait_until

SHELL = shutil.which("sh") or "/bin/sh"
ENDPOINT = Endpoint("https://api.example.com", "PEM", "api.internal", Proxy("http://proxy.example.com:3128"))


def kubeconfig(home: Path, user: User) -> tuple[dict[str, object], dict[str, object]]:
    program.write_kubeconfig(home, ENDPOINT, Fixed(user), "web")
    found = json.loads((home / "kubeconfig").read_text("utf-8"))
    return found["clusters"][0]["cluster"], found["users"][0]["user"]


def test_a_token_stands_in_a_file_of_its_own_that_can_be_renewed(tmp_path: Path) -> None:
    cluster, user = kubeconfig(tmp_path, User(token="first"))
    assert cluster == {
        "server": "https://api.example.com",
        "certificate-authority-data": "UEVN",
        "tls-server-name": "api.internal",
        "proxy-url": "http://proxy.example.com:3128",
    }
    assert user == {"tokenFile": str(tmp_path / "token")}
    assert "first" not in (tmp_path / "kubeconfig").read_text("utf-8")
    program.renew_token(tmp_path, Fixed(User(token="second")))
    assert (tmp_path / "token").read_text("utf-8") == "second"
    for name in ("kubeconfig", "token"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_certificates_and_passwords_are_handed_on(tmp_path: Path) -> None:
    _, user = kubeconfig(tmp_path, User(certificate="C", key="K"))
    assert user == {"client-certificate-data": "Qw==", "client-key-data": "Sw=="}
    _, user = kubeconfig(tmp_path, User(username="ada", password="a:b"))
    assert user == {"username": "ada", "password": "a:b"}
    program.renew_token(tmp_path, Fixed(User(token="none")))
    assert not (tmp_path / "token").exists()


def test_its_environment_has_nothing_of_ours_but_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-helm")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    monkeypatch.setenv("HELM_PLUGINS", "/home/ada/plugins")
    script = 'env | sort; echo "Error: told" >&2; exit 3'
    ended = program.run([SHELL, "-c", script], tmp_path, program.environment(tmp_path), 30)
    found = dict(line.partition("=")[::2] for line in ended.output.decode().splitlines())
    assert found["HTTPS_PROXY"] == "http://proxy.example.com"
    assert {name for name in found if str(tmp_path) not in found[name]} <= {
        *("PATH", "LANG", "TZ", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "HELM_DRIVER", "PWD", "SHLVL", "_", "OLDPWD"),
    }
    assert (ended.code, ended.words) == (3, "told")


def test_it_is_ended_with_all_that_it_started_when_it_takes_too_long(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; wait"
    with pytest.raises(ReadError, match="took longer than it may") as refused:
        program.run([SHELL, "-c", script], tmp_path, dict(os.environ), 1)
    assert refused.value.reason is GapReason.TIMEOUT
    child = int((tmp_path / "child").read_text("utf-8"))
    wait_until(lambda: _is_over(child), "the child of helm is over")


def test_what_writes_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_MOST_BYTES", 100_000)
    script = "while True: print('x' * 1000)"
    with pytest.raises(ReadError, match="wrote more than is read"):
        program.run([sys.executable, "-c", script], tmp_path, dict(os.environ), 60)


def test_a_program_that_is_not_there_is_told_with_the_setting() -> None:
    with pytest.raises(ReadError, match=r"no-such-helm is not a program .* set engine\.helm"):
        program.found("no-such-helm")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param("WARNING: x\nError: UPGRADE FAILED: no\nmatches\n", "UPGRADE FAILED: no matches", id="an error"),
        pytest.param("", "it ended with exit code 1, and said nothing", id="nothing"),
        pytest.param("Error: \x1b[31mred", "\\x1b[31mred", id="commands for a terminal"),
    ],
)
def test_its_words(told: str, words: str) -> None:
    assert program.Ended(1, b"", told).words == words


def _is_over(pid: int) -> bool:
    """It is gone, or waits for whoever adopted it to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
