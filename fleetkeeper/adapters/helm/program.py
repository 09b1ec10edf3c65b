"""Runs the `helm` program: in a home of its own, with a kubeconfig that is written for it, without a shell."""

import base64
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fleetkeeper.adapters.kube.connection import Endpoint
from fleetkeeper.adapters.kube.credentials import Credential
from fleetkeeper.core.text import safe
from fleetkeeper.errors import GapReason, Refused

_INHERITED = ("PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")
_MOST_BYTES = 64 << 20
_MOST_WORDS = 1 << 20
_LONGEST = 600
_TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run gave. told: its standard error; helm says there what went wrong."""

    code: int
    output: bytes
    told: str

    @property
    def words(self) -> str:
        """Helm's error as one harmless line, without the warnings before it."""
        return error_of(self.told) or f"it ended with exit code {self.code}, and said nothing"


def error_of(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    first = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), 0)
    return safe(" ".join(lines[first:]).removeprefix("Error: "), _LONGEST)


def found(name: str) -> str:
    """The program's path; Refused where it is not there."""
    path = shutil.which(name)
    if path is None:
        fix = "install Helm 3, or set engine.helm to its path"
        raise Refused(f"{name} is not a program on this machine: {fix}", GapReason.NOT_CONFIGURED)
    return path


@contextmanager
def temporary_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-helm-") as folder:  # 0700
        yield Path(folder)


def environment(home: Path) -> dict[str, str]:
    """Helm's variables with everything of its own inside the home: no plug-in, no repository, no login of ours."""
    inherited = {name: os.environ[name] for name in (*_INHERITED, *_PROXIES) if name in os.environ}
    return {
        **inherited,
        "HOME": str(home),
        "HELM_CACHE_HOME": str(home / "cache"),
        "HELM_CONFIG_HOME": str(home / "config"),
        "HELM_DATA_HOME": str(home / "data"),
        "HELM_PLUGINS": str(home / "plugins"),
        "HELM_DRIVER": "secret",
        "KUBECONFIG": str(home / "kubeconfig"),
        "TMPDIR": str(home),
    }


def write_kubeconfig(home: Path, endpoint: Endpoint, credential: Credential, namespace: str) -> None:
    """A kubeconfig of one context, as the executor. A bearer token stands in a file beside it, which is renewed."""
    cluster: dict[str, object] = {"server": endpoint.server}
    if endpoint.ca_pem:
        cluster["certificate-authority-data"] = _base64(endpoint.ca_pem)
    if endpoint.tls_server_name:
        cluster["tls-server-name"] = endpoint.tls_server_name
    if endpoint.proxy.url:
        cluster["proxy-url"] = endpoint.proxy.url
    only = "executor"
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": only, "cluster": cluster}],
        "users": [{"name": only, "user": _user(home, credential)}],
        "contexts": [{"name": only, "context": {"cluster": only, "user": only, "namespace": namespace}}],
        "current-context": only,
    }
    write(home / "kubeconfig", msgspec.json.encode(made))


def renew_token(home: Path, credential: Credential) -> None:
    """Put a token that is good for longer where helm reads it: client-go looks once a minute."""
    if (home / _TOKEN).exists():
        _user(home, credential)


def _user(home: Path, credential: Credential) -> dict[str, object]:
    user: dict[str, object] = {}
    scheme, _, given = credential.headers().get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        write(home / _TOKEN, given.encode())
        user["tokenFile"] = str(home / _TOKEN)
    elif scheme == "Basic":
        user["username"], _, user["password"] = base64.b64decode(given).decode().partition(":")
    if pair := credential.key_pair():
        user["client-certificate-data"] = _base64(pair.certificate)
        user["client-key-data"] = _base64(pair.key)
    return user


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by us alone."""
    beside = path.with_name(f".{path.name}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)


def run(command: Sequence[str], home: Path, variables: Mapping[str, str], seconds: float) -> Ended:
    """Run it to its end. It is killed with all that it started when it takes longer, or writes without end."""
    try:
        child = subprocess.Popen(
            command,
            cwd=home,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise Refused(f"{command[0]} does not run: {error.strerror}", GapReason.NOT_CONFIGURED) from error
    with child:
        try:
            output, told = _read(child, time.monotonic() + seconds)
        except BaseException:
            _kill(child)
            raise
        _kill(child)  # what it left running
    return Ended(child.returncode, output, told.decode("utf-8", "replace"))


def _read(child: "subprocess.Popen[bytes]", end: float) -> tuple[bytes, bytes]:
    assert child.stdout is not None
    assert child.stderr is not None
    pieces: dict[int, list[bytes]] = {child.stdout.fileno(): [], child.stderr.fileno(): []}
    left = {child.stdout.fileno(): _MOST_BYTES, child.stderr.fileno(): _MOST_WORDS}
    with selectors.DefaultSelector() as selector:
        for pipe in pieces:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() >= end:
                raise Refused("helm took longer than it may, and was ended", GapReason.TIMEOUT)
            for ready, _ in selector.select(0.25):
                piece = os.read(ready.fd, 65536)
                left[ready.fd] -= len(piece)
                if left[ready.fd] < 0:
                    raise Refused("helm wrote more than is read of it, and was ended", GapReason.TOO_LARGE)
                pieces[ready.fd].append(piece)
                if not piece:
                    selector.unregister(ready.fd)
    child.wait()
    output, told = (b"".join(each) for each in pieces.values())
    return output, told


def _kill(child: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
