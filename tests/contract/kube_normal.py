"""Answers without what differs from server to server by its nature: moments, ports, opaque tokens, framing."""

import base64
import gzip
import json
import re
from typing import Any

from tests.contract.kube_sides import Reply

VOLATILE = {
    *("date", "audit-id", "x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"),
    *("content-length", "transfer-encoding"),  # a long answer of the real server comes in chunks
}
BUILT = ("gitCommit", "buildDate", "goVersion", "gitTreeState", "platform")


def normalised(reply: Reply) -> dict[str, Any]:
    """Status, headers and body of an answer, fit to be compared with the other side's."""
    headers = {name: value for name, value in reply.headers.items() if name not in VOLATILE}
    if "etag" in headers:
        headers["etag"] = "<a hash>"
    content = gzip.decompress(reply.body) if headers.get("content-encoding") == "gzip" else reply.body
    is_json = headers.get("content-type", "").startswith("application/json") and content
    body = _document(json.loads(content)) if is_json else content.decode()
    return {"status": reply.status, "headers": headers, "body": body}


def continue_token(text: str) -> dict[str, Any]:
    """What a continue token holds: v, rv and start."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def _document(found: dict[str, Any]) -> dict[str, Any]:
    kind = found.get("kind")
    if "gitVersion" in found:
        return {key: "<of the build>" if key in BUILT else value for key, value in found.items()}
    if kind == "APIVersions":
        return {**found, "serverAddressByClientCIDRs": [_address(c) for c in found["serverAddressByClientCIDRs"]]}
    if kind in ("APIResourceList", "APIGroupDiscoveryList"):
        return found
    if isinstance(found.get("metadata"), dict) and ("items" in found or kind == "Status"):
        found = {**found, "metadata": _list_metadata(found["metadata"])}
    if isinstance(found.get("message"), str):
        return {**found, "message": re.sub(r"(?<=current: )\d+", "<now>", found["message"])}
    return found


def _address(row: dict[str, str]) -> dict[str, str]:
    return {**row, "serverAddress": re.sub(r"^[\d.]+:\d+$", "<address>", row["serverAddress"])}


def _list_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    if metadata.get("continue"):
        token = continue_token(metadata["continue"])
        metadata = {**metadata, "continue": {**token, "rv": token["rv"] if token["rv"] < 1 else "<then>"}}
        metadata["continue"]["start"] = token["start"].removeprefix("/")  # with it from the cache, without from etcd
    return {**metadata, "resourceVersion": "<now>"} if "resourceVersion" in metadata else metadata
