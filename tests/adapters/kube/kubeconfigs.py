"""Kubeconfig files for tests: one healthy context `c`, of which each case changes one thing."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


def write(
    folder: Path,
    server: str,
    ca: str,
    *,
    token: str = "",
    command: Sequence[str] = (),
    insecure: bool = False,
    proxy_url: str = "",
    user: dict[str, Any] | None = None,
    plugin: dict[str, Any] | None = None,
    name: str = "kubeconfig",
) -> Path:
    cluster: dict[str, Any] = {"server": server}
    if ca:
        cluster["certificate-authority-data"] = base64.b64encode(ca.encode()).decode()
    if insecure:
        cluster["insecure-skip-tls-verify"] = True
    if proxy_url:
        cluster["proxy-url"] = proxy_url
    who: dict[str, Any] = dict(user or {})
    if token:
        who["token"] = token
    if command:
        api = "client.authentication.k8s.io/v1"
        who["exec"] = {"apiVersion": api, "command": command[0], "args": list(command[1:]), **(plugin or {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": who}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    path = folder / name
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path
