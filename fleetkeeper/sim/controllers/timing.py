"""How long things take in a simulated cluster, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. What Kubernetes itself fixes (node monitor grace, eviction timeouts) has the real defaults."""

    reaction: float = 0.05  # from a write to the controller that it wakes
    scheduling: float = 0.1  # from a pod that can be placed to its node
    image_pull: float = 6.0  # of an image that the node does not have
    container_start: float = 1.0
    readiness: float = 4.0  # from a running container to a Ready pod
    termination: float = 2.0  # a container's answer to SIGTERM; its grace period cuts it short
    job_run: float = 10.0  # how long the pod of a Job runs
    volume_provision: float = 3.0
    volume_attach: float = 8.0
    volume_detach: float = 6.0
    node_boot: float = 75.0  # from a launched instance to its Node object
    node_ready: float = 10.0  # from the Node object to Ready
    node_removal: float = 10.0  # from a terminated instance to the end of its Node object
    node_monitor_grace: float = 50.0  # a silent kubelet's node is Unknown after it (1.32 and later)
    orphan_pod_quarantine: float = 40.0  # pods of a node that is gone are collected after it
    forced_detach: float = 360.0  # a volume is torn from an unhealthy node after it
    disruption_timeout: float = 120.0  # an evicted pod counts as disrupted at most so long
    autoscaler_period: float = 15.0
    scale_down_stabilization: float = 300.0
