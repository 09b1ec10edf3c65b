"""The rows of the skew policy that the checks of kubelets and kube-proxy read, as kubernetes.io has them."""

from datetime import date

from fleetkeeper.core.compat import Compat, Confidence, SkewRow, Source
from fleetkeeper.core.versions import Minor

SOURCE = Source("version-skew-policy.md", date(2026, 11, 20), Confidence.HIGH)
API, SPLIT = "kube-apiserver", Minor(1, 25)
SKEW = Compat(
    skew=(
        SkewRow("kubelet", "kubelet", API, 3, 0, SOURCE, start=SPLIT),
        SkewRow("kubelet-old", "kubelet", API, 2, 0, SOURCE, before=SPLIT),
        SkewRow("kube-proxy", "kube-proxy", API, 3, 0, SOURCE, start=SPLIT),
        SkewRow("kube-proxy-old", "kube-proxy", API, 2, 0, SOURCE, before=SPLIT),
        SkewRow("to-kubelet", "kube-proxy", "kubelet", 3, 3, SOURCE, start=SPLIT),
    )
)
