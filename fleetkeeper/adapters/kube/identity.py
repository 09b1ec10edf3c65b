"""A kubeconfig may speak for an EKS cluster only when its address and CA are the cluster's: names are reused."""

import ipaddress
import re
import ssl
from urllib.parse import urlsplit

from fleetkeeper.core.model import ControlPlane
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Unreachable

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")


def certificates(pem: str) -> frozenset[bytes]:
    """The DER certificates of a PEM text, whatever stands around them; ValueError when one is no base64."""
    return frozenset(ssl.PEM_cert_to_DER_cert(block) for block in _PEM.findall(pem))


def address(url: str) -> tuple[str, int, str]:
    """Host, port and path of an https URL, so that equal addresses are equal values; ValueError says what is wrong."""
    parts = urlsplit(url.strip())
    if parts.scheme.lower() != "https":
        raise ValueError(f"{shown(url)} is not an https address")
    if not parts.hostname:
        raise ValueError(f"{shown(url)} names no host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{shown(url)} carries more than host, port and path")
    return _host(parts.hostname), parts.port or 443, parts.path.rstrip("/")


def shown(url: str) -> str:
    """A URL as it may be shown: without a user and password, which proxies carry."""
    return re.sub(r"//[^/@]*@", "//", url)


def _host(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip(".")


def same_cluster(server: str, ca_pem: str, control_plane: ControlPlane) -> None:
    """Raise a ReadError unless a kubeconfig's server and CA are those of the control plane; no call is made."""
    cluster = control_plane.name
    known = known_endpoint(control_plane)
    try:
        given = address(server)
    except ValueError as e:
        raise ReadError(f"the kubeconfig of {cluster}: {e}", GapReason.WRONG_ENDPOINT) from e
    if given != known:
        raise ReadError(
            f"the kubeconfig of {cluster} leads to {shown(server)}, the cluster is at {control_plane.endpoint}",
            GapReason.WRONG_ENDPOINT,
        )
    if _certificates_of(ca_pem, f"the kubeconfig of {cluster}") != certificates(control_plane.ca_pem):
        raise ReadError(f"the CA in the kubeconfig of {cluster} is not the cluster's", GapReason.WRONG_ENDPOINT)


def _certificates_of(pem: str, whose: str) -> frozenset[bytes]:
    try:
        found = certificates(pem)
    except ValueError as e:
        raise ReadError(f"the CA in {whose} is not PEM", GapReason.WRONG_ENDPOINT) from e
    if not found:
        raise ReadError(
            f"{whose} has no certificate-authority, so nothing proves the cluster", GapReason.WRONG_ENDPOINT
        )
    return found


def known_endpoint(control_plane: ControlPlane) -> tuple[str, int, str]:
    """What DescribeCluster says; a cluster that is being made has no endpoint yet."""
    if not control_plane.endpoint:
        raise Unreachable(f"{control_plane.name} has no endpoint yet (status {control_plane.status})")
    try:
        found = address(control_plane.endpoint), certificates(control_plane.ca_pem)
    except ValueError as e:
        raise InvalidAnswer(f"the endpoint or CA that the cloud gave for {control_plane.name}: {e}") from e
    if not found[1]:
        raise InvalidAnswer(f"the cloud gave no CA certificate for {control_plane.name}")
    return found[0]
