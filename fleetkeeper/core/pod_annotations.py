"""Which annotations of a pod decide how it is disrupted or may lose their meaning; all others are dropped."""

from collections.abc import Mapping

from fleetkeeper.core.text import safe

DO_NOT_DISRUPT = ("karpenter.sh/do-not-disrupt", "karpenter.sh/do-not-evict")
"""That keep Karpenter and Auto Mode from draining a node, where they are "true" (do-not-evict: before its 0.33)."""

_MOST = 32
_LONGEST = 256
_NOT_OURS = ("kubectl.kubernetes.io",)  # how it was applied, and when it was restarted


def kept_annotations(annotations: Mapping[str, str] | None) -> dict[str, str]:
    """Karpenter's, and those of Kubernetes' own domains, such as seccomp.security.alpha.kubernetes.io/pod."""
    kept = [key for key in sorted(annotations or ()) if _is_kept(key.partition("/")[0])]
    return {key: safe((annotations or {})[key], _LONGEST) for key in kept[:_MOST]}


def asks_to_stay(annotations: Mapping[str, str] | None) -> str:
    """The annotation by which a pod asks not to be disrupted, as key=value; "" when it does not."""
    return next((f"{key}=true" for key in DO_NOT_DISRUPT if (annotations or {}).get(key) == "true"), "")


def _is_kept(domain: str) -> bool:
    kubernetes = domain.endswith((".kubernetes.io", ".k8s.io")) or domain in ("kubernetes.io", "k8s.io")
    return domain == "karpenter.sh" or (kubernetes and domain not in _NOT_OURS)
