"""Exec plug-ins: they give a credential or a Refused with their first complaint; they never hang us, ask or flood."""

import json
import sys
import time
from pathlib import Path

import pytest

from fleetkeeper.adapters.kube import exec_plugin
from fleetkeeper.adapters.kube.credentials import FromPlugin, KeyPair
from fleetkeeper.adapters.kube.kubeconfig import ExecPlugin
from fleetkeeper.errors import GapReason, Refused
from tests.adapters.kube.support import StillClock

API = "client.authentication.k8s.io/v1"


def answer(api: str = API, **status: str) -> str:
    return json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": status})


def shell(script: str, **more: object) -> ExecPlugin:
    return ExecPlugin("/bin/sh", API, ("-c", script), **more)  # type: ignore[arg-type]


def says(text: str) -> ExecPlugin:
    return shell('printf "%s" "$ANSWER"', environment=(("ANSWER", text),))


def test_a_plugin_gives_a_token_and_its_end() -> None:
    given = exec_plugin.run(says(answer(token="t", expirationTimestamp="2026-11-20T13:00:00Z")))
    assert given.token == "t"
    assert given.expires_at
    assert given.expires_at.hour == 13
    assert "token" not in repr(given)


REFUSED = {
    "is not there": (
        ExecPlugin("no-such-plugin", API, install_hint="brew install it"),
        "not installed (brew install it)",
    ),
    "may not be run": (ExecPlugin("/etc/passwd", API), "cannot be run"),
    "has a null byte": (ExecPlugin("a\0b", API), "cannot be run"),
    "fails": (shell("echo no session >&2; echo more >&2; exit 3"), "exit code 3: no session"),
    "dies": (shell("kill -9 $$"), "exit code -9"),
    "says nothing": (shell("true"), "no ExecCredential"),
    "says no JSON": (shell("echo hello"), "no ExecCredential"),
    "says another kind": (says('{"apiVersion":"v1","kind":"Pod","status":{}}'), "no ExecCredential"),
    "speaks another version": (says(answer("client.authentication.k8s.io/v1beta1", token="t")), "v1beta1"),
    "gives nothing": (says(answer()), "neither a token"),
    "gives a certificate without its key": (says(answer(clientCertificateData="x")), "neither a token"),
    "gives a date that is none": (says(answer(token="t", expirationTimestamp="soon")), "no ExecCredential"),
    "wants a terminal": (shell("true", wants_terminal=True), "asks for a terminal"),
    "floods": (shell("yes"), "more than 1 MiB"),
    "floods its complaints": (shell("yes >&2"), "more than 1 MiB"),
}


@pytest.mark.parametrize(("plugin", "why"), REFUSED.values(), ids=REFUSED)
def test_a_plugin_is_refused_when_it(plugin: ExecPlugin, why: str) -> None:
    with pytest.raises(Refused) as caught:
        exec_plugin.run(plugin)
    assert caught.value.reason is GapReason.UNAUTHENTICATED
    assert why in caught.value.detail
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize(
    "script",
    ["sleep 60", "sleep 60 & exit 0", "trap '' TERM; while :; do sleep 60; done"],
    ids=["itself", "its child, which keeps our pipe", "in spite of signals"],
)
def test_a_plugin_that_hangs_is_killed_with_its_children(script: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refused, match=r"no answer within 0\.2 s"):
        exec_plugin.run(shell(script), seconds=0.2)
    assert time.monotonic() - began < 10


def test_a_plugin_cannot_ask_on_the_terminal_or_read_our_input() -> None:
    ask = "if (exec </dev/tty) 2>/dev/null; then exit 1; fi; read x && exit 2"
    script = f"{ask}; printf %s '{answer(token='t')}'"
    assert exec_plugin.run(shell(script)).token == "t"


def test_a_plugin_is_told_about_the_cluster_and_that_nobody_is_there() -> None:
    code = (
        "import json, os; told = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec'];"
        "print(os.environ['ANSWER'] % (told['cluster']['server'], told['interactive']))"
    )
    plugin = ExecPlugin(
        sys.executable,
        API,
        ("-c", code),
        environment=(("ANSWER", answer(token="%s %s")),),
        cluster='{"server":"https://a"}',
    )
    assert exec_plugin.run(plugin).token == "https://a False"


def test_a_credential_is_kept_until_it_expires_and_renewed_on_a_refusal(tmp_path: Path) -> None:
    runs, clock = tmp_path / "runs", StillClock()
    body = answer(token="%s", expirationTimestamp="2026-11-20T12:10:00Z")
    script = f'echo >> {runs}; printf "$ANSWER" "token-$(wc -l < {runs} | tr -d " ")"'
    credential = FromPlugin(shell(script, environment=(("ANSWER", body),)), clock)
    assert [credential.headers()["Authorization"] for _ in range(2)] == ["Bearer token-1"] * 2
    clock.move(minutes=9)
    assert credential.headers()["Authorization"] == "Bearer token-2"
    assert credential.renew()
    assert credential.headers()["Authorization"] == "Bearer token-4"


def test_a_certificate_is_given_as_a_key_pair() -> None:
    credential = FromPlugin(says(answer(clientCertificateData="CERT", clientKeyData="KEY")), StillClock())
    assert credential.key_pair() == KeyPair("CERT", "KEY")
    assert credential.headers() == {}
    assert not credential.renew()
