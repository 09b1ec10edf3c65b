"""Run a kubeconfig's exec plug-in so that it can neither hang, nor ask on our terminal, nor flood us.

The protocol is client.authentication.k8s.io:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from fleetkeeper.adapters.kube.documents.structs import Time
from fleetkeeper.adapters.kube.kubeconfig import ExecPlugin
from fleetkeeper.engine.one_core import on_every_core
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.values import decoder_of

PLUGIN_SECONDS = 30.0
_MAX_OUTPUT = 1 << 20
_MAX_COMPLAINT = 300


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """What a plug-in gave: a token, or a client certificate and key in PEM. expires_at None is until it is refused."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires_at: Time | None = None


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Time | None = None


class _Answer(msgspec.Struct, rename="camel"):
    api_version: str
    kind: Annotated[str, msgspec.Meta(pattern="^ExecCredential$")]
    status: _Status


def run(plugin: ExecPlugin, seconds: float = PLUGIN_SECONDS) -> ExecCredential:
    """Ask the plug-in for credentials; Refused (unauthenticated) names the command and its first complaint."""
    if plugin.wants_terminal:
        raise _refused(plugin, "asks for a terminal (interactiveMode: Always), and fleetkeeper has none")
    code, output, complaint = _finished(plugin, seconds)
    if code != 0:
        raise _refused(plugin, f"failed with exit code {code}{_first_line(complaint)}")
    return _read(plugin, output)


def _read(plugin: ExecPlugin, output: bytes) -> ExecCredential:
    try:
        answer = decoder_of(_Answer).decode(output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise _refused(plugin, f"answered no ExecCredential: {e}") from e
    if answer.api_version != plugin.api_version:
        raise _refused(plugin, f"answered {answer.api_version}, the kubeconfig asks for {plugin.api_version}")
    status = answer.status
    if not status.token and not (status.client_certificate_data and status.client_key_data):
        raise _refused(plugin, "answered neither a token nor a client certificate with its key")
    return ExecCredential(
        token=status.token or "",
        certificate=status.client_certificate_data or "",
        key=status.client_key_data or "",
        expires_at=status.expiration_timestamp,
    )


def _finished(plugin: ExecPlugin, seconds: float) -> tuple[int, bytes, bytes]:
    try:
        with on_every_core():
            process = subprocess.Popen(
                [plugin.command, *plugin.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(plugin),
                start_new_session=True,  # no controlling terminal, so /dev/tty cannot be opened; and one group to kill
            )
    except FileNotFoundError as e:
        raise _refused(plugin, f"is not installed{_hint(plugin)}") from e
    except (OSError, ValueError) as e:  # ValueError: a null byte in the command
        raise _refused(plugin, f"cannot be run: {getattr(e, 'strerror', None) or e}") from e
    with process:
        try:
            output, complaint = _collected(process, time.monotonic() + seconds)
            return process.wait(timeout=seconds), output, complaint
        except subprocess.TimeoutExpired as e:
            raise _refused(plugin, f"gave no answer within {seconds:g} s") from e
        except OverflowError as e:
            raise _refused(plugin, f"answered more than {_MAX_OUTPUT >> 20} MiB") from e
        finally:
            if process.returncode is None:
                _kill(process)


def _collected(process: "subprocess.Popen[bytes]", until: float) -> tuple[bytes, bytes]:
    """stdout and stderr to their ends; TimeoutExpired at `until`, OverflowError past what we keep."""
    pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
    kept = {pipe.fileno(): bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for fd in kept:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in ready:
                read = os.read(key.fd, 1 << 16)
                if not read:
                    selector.unregister(key.fd)
                kept[key.fd] += read
                if len(kept[key.fd]) > _MAX_OUTPUT:
                    raise OverflowError
    output, complaint = kept.values()
    return bytes(output), bytes(complaint)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill the plug-in with all that it started: a child that keeps our pipes open would hold us."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(plugin: ExecPlugin) -> dict[str, str]:
    spec: dict[str, object] = {"interactive": False}
    if plugin.cluster:
        spec["cluster"] = msgspec.Raw(plugin.cluster.encode())
    told = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return {**os.environ, **dict(plugin.environment), "KUBERNETES_EXEC_INFO": msgspec.json.encode(told).decode()}


def _first_line(complaint: bytes) -> str:
    lines = complaint.decode("utf-8", "replace").strip().splitlines()
    return f": {lines[0][:_MAX_COMPLAINT]}" if lines else ""


def _hint(plugin: ExecPlugin) -> str:
    lines = plugin.install_hint.strip().splitlines()
    return f" ({lines[0][:_MAX_COMPLAINT]})" if lines else ""


def _refused(plugin: ExecPlugin, what: str) -> ReadError:
    return Refused(f"the exec plug-in {plugin.command} {what}", GapReason.UNAUTHENTICATED)
