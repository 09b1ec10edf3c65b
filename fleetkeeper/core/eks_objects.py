"""Which objects the managed EKS addons install and people like to change: where to look for their changes.

From the manifests that EKS ships (Amazon EKS User Guide, Determine fields you can customize for add-ons, and the
managed fields of a 1.33 cluster, 2026-11).
"""

from fleetkeeper.core.field_owners import AddonObject

SYSTEM = "kube-system"

ADDON_OBJECTS = tuple(
    AddonObject(addon, kind, SYSTEM, name)
    for addon, kind, name in (
        ("vpc-cni", "DaemonSet", "aws-node"),
        ("vpc-cni", "ConfigMap", "amazon-vpc-cni"),
        ("kube-proxy", "DaemonSet", "kube-proxy"),
        ("kube-proxy", "ConfigMap", "kube-proxy-config"),
        ("coredns", "Deployment", "coredns"),
        ("coredns", "ConfigMap", "coredns"),
        ("aws-ebs-csi-driver", "Deployment", "ebs-csi-controller"),
        ("aws-ebs-csi-driver", "DaemonSet", "ebs-csi-node"),
        ("aws-efs-csi-driver", "Deployment", "efs-csi-controller"),
        ("aws-efs-csi-driver", "DaemonSet", "efs-csi-node"),
        ("eks-pod-identity-agent", "DaemonSet", "eks-pod-identity-agent"),
        ("metrics-server", "Deployment", "metrics-server"),
    )
)

PROXY_CONFIGS = (("kube-proxy-config", "config"), ("kube-proxy", "config.conf"))
"""ConfigMaps of kube-system with kube-proxy's configuration, and the key of it: of EKS, and of kubeadm."""
